"""What one command costs: wall time, CPU seconds, peak memory and the files it leaves, for its whole process tree.

Run as a program (`python measure.py --report R -- command ...`) it is the parent of the measured command and of
nothing else. It adopts orphans (Linux child subreaper), so a worker whose own parent died or never waited is still
in the tree and in the sums. `measure()` starts that program and reads its report.

CPU seconds are the kernel's own sums of user and system time over every process waited for (RUSAGE_CHILDREN), not
samples. Memory is sampled: the resident sets of the tree added up every 50 ms (pages that forked workers share count
once for each), and proportional sets (a shared page counts once in all) as often as reading them takes less than
a twentieth of the time. A peak shorter than the interval can be missed.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

INTERVAL_SECONDS = 0.05
PSS_SHARE_OF_TIME = 0.05
GRACE_SECONDS = 5.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one command with everything it started; -1 where the system cannot tell."""

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    user_seconds: float
    system_seconds: float
    peak_rss_bytes: int
    peak_pss_bytes: int
    peak_processes: int
    rss_samples: int
    pss_samples: int
    killed_processes: int
    load_before: float


def tree_of(root: int) -> list[int]:
    """The living descendants of process `root`, without `root`."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # ended between the listing and the reading
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        born = children.get(todo.pop(), [])
        found += born
        todo += born
    return found


def rss_bytes(process: int) -> int:
    """Resident bytes of one process; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def pss_bytes(process: int) -> int:
    """Proportional resident bytes of one process; 0 when it has ended or may not be read."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Sampler(threading.Thread):
    """Watches the memory of this process's descendants until `stop()`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._done = threading.Event()
        self.rss = self.pss = self.processes = self.rss_samples = self.pss_samples = 0

    def run(self) -> None:
        next_pss = 0.0
        while not self._done.is_set():
            began = time.monotonic()
            tree = tree_of(os.getpid())
            self.processes = max(self.processes, len(tree))
            self.rss = max(self.rss, sum(map(rss_bytes, tree)))
            self.rss_samples += 1
            if began >= next_pss:
                pss_began = time.monotonic()
                self.pss = max(self.pss, sum(map(pss_bytes, tree)))
                self.pss_samples += 1
                next_pss = began + (time.monotonic() - pss_began) / PSS_SHARE_OF_TIME
            self._done.wait(max(0.0, began + INTERVAL_SECONDS - time.monotonic()))

    def stop(self) -> None:
        self._done.set()
        self.join()


def reap_orphans() -> int:
    """Wait for adopted processes that outlived the command; after a grace period end them. Returns how many."""
    deadline = time.monotonic() + GRACE_SECONDS
    killed: set[int] = set()
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return len(killed)
        if ended == 0:
            if time.monotonic() > deadline:
                for process in tree_of(os.getpid()):
                    os.kill(process, signal.SIGKILL)
                    killed.add(process)
            time.sleep(0.02)


def run_measured(command: Sequence[str]) -> Cost:
    """Run `command` as this process's only child and add up what its tree cost."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    load_before = os.getloadavg()[0]
    sampler = Sampler()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    child = subprocess.Popen(command)
    sampler.start()
    exit_code = child.wait()
    wall = time.perf_counter() - began
    killed = reap_orphans()
    sampler.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return Cost(
        exit_code=exit_code,
        wall_seconds=wall,
        cpu_seconds=user + system,
        user_seconds=user,
        system_seconds=system,
        peak_rss_bytes=sampler.rss,
        peak_pss_bytes=sampler.pss or -1,
        peak_processes=sampler.processes,
        rss_samples=sampler.rss_samples,
        pss_samples=sampler.pss_samples,
        killed_processes=killed,
        load_before=load_before,
    )


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Measure `command` from a helper process of its own; its output goes to `folder`/stdout and `folder`/stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "cost.json"
    helper = [sys.executable, __file__, "--report", str(report), "--", *command]
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        subprocess.run(helper, stdout=stdout, stderr=stderr, env=environment, check=True)
    return Cost(**json.loads(report.read_text()))


def files_under(folder: Path, leave_out: Sequence[Path] = ()) -> dict[str, int]:
    """Bytes of every plain file below `folder` by relative path, without the files or folders in `leave_out`."""
    sizes = {}
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(base, name) not in leave_out]
        for name in names:
            path = Path(base, name)
            if path not in leave_out and path.is_file() and not path.is_symlink():
                sizes[str(path.relative_to(folder))] = path.stat().st_size
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    arguments.report.write_text(json.dumps(asdict(run_measured(command))))


if __name__ == "__main__":
    main()
