"""Throughput of every text function: one core, all cores, a plain Python definition and the peer's operator.

Usage: python benchmarks/functions.py [NAME ...] [--megabytes 10] [--seconds 2] [--no-peer] [--publish]

MB/s are UTF-8 bytes of text over seconds, the best of the repetitions that fit into `--seconds`, after one call that
compiles kernels and loads models. On one core the process and its workers are bound to it and their CPU seconds count,
so other work on the machine disturbs little; on all cores it is wall seconds, so that figure needs a quiet machine.
Kernels are called in threads, `process` functions in worker processes, models in one process, as a run does. The
peer's operator gets batches of 1,000 rows directly, without the data set around it. `--publish` writes results/ and
the page in docs/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import function_jobs
import machine
import models
import peer
import pyarrow as pa
from function_jobs import Job
from report import number, table
from samples import prose, samples

from juicesql.api import Function
from juicesql.call import apply
from juicesql.connection import connect
from juicesql.registry import Registry
from juicesql.workers import Pool

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
PAGE = HERE.parent / "docs" / "function-speed.md"
BATCH_ROWS = 1000
BATCHES_A_CORE = 8  # at least, so that the cores end their work at about the same time
CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Speed:
    """MB/s; None where there is nothing to measure."""

    function: str
    runs_on: str
    one_core: float
    all_cores: float
    plain: float | None
    peer: float | None
    note: str

    @property
    def over_peer(self) -> float | None:
        return self.one_core / self.peer if self.peer else None


def best(work: Callable[[list[str]], object], texts: Sequence[str], seconds: float) -> float:
    """MB/s of `work` over as many batches as fit into the time; the best of up to five rounds over them."""
    batches = [list(texts[i : i + BATCH_ROWS]) for i in range(0, len(texts), BATCH_ROWS)]
    work(batches[0])
    rates: list[float] = []
    began = time.process_time()
    while len(rates) < 5 and (not rates or time.process_time() - began < seconds):
        started, size = time.process_time(), 0
        for batch in batches:
            work(batch)
            size += sum(len(t.encode()) for t in batch)
            if time.process_time() - started > seconds:
                break
        rates.append(size / 1e6 / (time.process_time() - started))
    return max(rates)


def ours(function: Function, job: Job, texts: Sequence[str], cores: int, seconds: float) -> float:
    """MB/s of one of our functions on this many cores."""
    os.sched_setaffinity(0, set(CORES[:cores]))
    size = sum(len(t.encode()) for t in texts)
    try:
        with _Runner(function, job, texts, cores) as runner:
            clock = runner.cpu_seconds if cores == 1 else time.perf_counter
            runner.run()
            times: list[float] = []
            began = time.perf_counter()
            while not times or (len(times) < 50 and time.perf_counter() - began < seconds):
                started = clock()
                runner.run()
                times.append(clock() - started)
    finally:
        os.sched_setaffinity(0, set(CORES))
    return size / 1e6 / min(times)


class _Runner:
    """Calls a function on all texts, by as many threads or processes as there are cores."""

    def __init__(self, function: Function, job: Job, texts: Sequence[str], cores: int) -> None:
        self.function, self.job, self.cores = function, job, cores
        given = {a.name: a.value(a.default or "null") for a in function.signature.parameters}
        self.parameters = {**given, **job.parameters}
        columns = [list(texts), *([value] * len(texts) for value in job.columns)]
        self.table = pa.table({f"c{i}": pa.array(c) for i, c in enumerate(columns)})
        rows = max(1, min(BATCH_ROWS, len(texts) // (BATCHES_A_CORE * len(CORES))))
        self.batches = [
            [c.combine_chunks() for c in self.table.slice(i, rows).columns] for i in range(0, len(texts), rows)
        ]

    def __enter__(self) -> _Runner:
        self.pool = Pool(None, self.cores)
        self.threads = ThreadPoolExecutor(self.cores)
        if self.function.runs_on == "sql":
            self.con = connect(functions=[self.function.name], config={"threads": self.cores})
            self.con.register("texts", self.table)
            names = ", ".join(self.table.column_names)
            self.query = f"select sum(hash({self.function.name}({names}))) from texts"
        return self

    def run(self) -> None:
        """Call it on every text."""
        if self.function.runs_on == "sql":
            self.con.execute(self.query).fetchone()
            return
        call = apply if self.function.runs_on == "kernel" else self.pool.apply
        list(self.threads.map(lambda batch: call(self.function, batch, self.parameters), self.batches))

    def cpu_seconds(self) -> float:
        """Of this process and its workers, whose clocks Linux numbers by process id."""
        workers = [worker.process.pid for worker in self.pool.started]
        return time.process_time() + sum(time.clock_gettime(~pid << 3 | 2) for pid in workers)

    def __exit__(self, *_: object) -> None:
        self.pool.close()
        self.threads.shutdown()
        if self.function.runs_on == "sql":
            self.con.close()


def plain_speed(job: Job, texts: Sequence[str], seconds: float) -> float | None:
    if job.plain is None:
        return None
    os.sched_setaffinity(0, set(CORES[:1]))
    try:
        return best(lambda batch: [job.plain(text) for text in batch], texts, seconds)  # type: ignore[misc]
    finally:
        os.sched_setaffinity(0, set(CORES))


class _Peer:
    """The peer's environment in a process of its own, asked for one operator after the other; None without it."""

    def __init__(self, texts_of: dict[str, list[str]], seconds: float) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"samples": texts_of, "seconds": seconds, "core": CORES[0]}, file)
            file.flush()
            command = [str(peer.ensure(WORK)), str(HERE / "peer_speed.py"), file.name]
            environment = peer.clean_environment(WORK / "parity-home") | models.environment()
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, **streams)
            self.answer()

    def answer(self) -> Any:
        for line in self.process.stdout:  # type: ignore[union-attr]
            if line.startswith("answer "):  # operators print too
                return json.loads(line.removeprefix("answer "))
        raise SystemExit("the peer's process ended")

    def speed(self, job: Job) -> float | None:
        """MB/s of the operator on one core; None when there is none or it fails."""
        if not job.peer:
            return None
        self.process.stdin.write(json.dumps(asdict(replace(job, plain=None))) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        found = self.answer()
        if "failed" in found:
            print(f"the peer's operator for {job.function} failed: {found['failed']}", file=sys.stderr)
        return found.get("speed")


def measure(names: Sequence[str], megabytes: float, seconds: float, with_peer: bool) -> list[Speed]:
    """One function after the other, each beside the peer's operator: both then meet the same state of the machine."""
    registry = Registry()
    jobs = [j for j in function_jobs.jobs() if not names or j.function in names]
    texts_of = samples(WORK, int(megabytes * 1e6), {j.sample for j in jobs})
    peers = _Peer(texts_of, seconds) if with_peer else None
    speeds = []
    for job in jobs:
        function, texts = registry.get(job.function), texts_of[job.sample][: job.rows]
        speed = Speed(
            job.function,
            function.runs_on,
            ours(function, job, texts, 1, seconds),
            ours(function, job, texts, len(CORES), seconds),
            plain_speed(job, texts, seconds),
            peers.speed(job) if peers else None,
            job.note,
        )
        speeds.append(speed)
        print(line(speed), file=sys.stderr, flush=True)
    if peers:
        peers.process.kill()
    return speeds


def line(speed: Speed) -> str:
    over = f", {speed.over_peer:.1f}x the peer" if speed.over_peer else ""
    return f"{speed.function:42} {speed.runs_on:8} {speed.one_core:9.1f} MB/s, {speed.all_cores:9.1f} on all{over}"


def missing() -> list[str]:
    """Text functions that have no job."""
    have = {j.function for j in function_jobs.jobs()}
    ours_ = [f for f in Registry().all() if f.kind != "macro" and f.file.parent.name == "text"]
    return sorted({f.name for f in ours_} - have - function_jobs.NOT_MEASURED.keys())


def page(speeds: Sequence[Speed], facts: dict[str, Any], megabytes: float) -> str:
    """The page in docs/."""
    rows = []
    for s in sorted(speeds, key=lambda s: s.function):
        gain = s.all_cores / s.one_core
        cells = [s.one_core, s.all_cores, gain, s.plain, s.peer, s.one_core / s.plain if s.plain else None, s.over_peer]
        rows.append([f"`{s.function}`", s.runs_on, *map(number, cells)])
    ratios = sorted(s.over_peer for s in speeds if s.over_peer)
    slower = [s.function for s in speeds if s.over_peer and s.over_peer < 1]
    head = ["function", "runs as", "one core", "all cores", "gain", "plain Python", "peer", "x plain", "x peer"]
    versions = ", ".join(f"{k} {v}" for k, v in {**facts["versions"], **facts["peer_versions"]}.items())
    notes = [f"- `{s.function}`: {s.note}" for s in speeds if s.note]
    left_out = [f"- `{name}`: {why}" for name, why in sorted(function_jobs.NOT_MEASURED.items())]
    middle = (
        f"Over the {len(ratios)} functions that the peer has too: median {number(median(ratios))} times its speed on "
        f"one core, lowest {number(ratios[0])}, highest {number(ratios[-1])}. "
        f"Slower than the peer: {', '.join(f'`{n}`' for n in slower) or 'none'}."
        if ratios
        else ""
    )
    return "\n".join(
        [
            "<!-- Written by `python benchmarks/functions.py --publish`. -->",
            "# Speed of the text functions\n",
            f"MB/s of UTF-8 text, {date.today()}, {facts['processor']}, {facts['cores']} cores, "
            f"Python {facts['python']}, {megabytes:g} MB of text a function. "
            "How it is measured: [benchmarks/README.md](../benchmarks/README.md).\n",
            middle + "\n",
            table(head, rows) + "\n",
            *notes,
            "",
            "Not measured:",
            *left_out,
            "",
            f"Versions: {versions}.",
            "",
        ]
    )


def publish(speeds: Sequence[Speed], megabytes: float) -> None:
    facts = machine.facts(peer.peer_python(WORK))
    found = {"machine": facts, "megabytes": megabytes, "speeds": [asdict(s) for s in speeds]}
    out = HERE / "results" / f"{date.today()}-functions.json"
    out.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(page(speeds, facts, megabytes))
    print(f"wrote {out} and {PAGE}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these functions")
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each function and way")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--publish", action="store_true", help="write results/ and docs/function-speed.md")
    arguments = parser.parse_args()
    if not arguments.names and (left := missing()):
        print(f"no job for {', '.join(left)}: add them to function_jobs.py", file=sys.stderr)
        return 1
    models.ensure(list(islice(prose(WORK), 2000)), None if arguments.no_peer else peer.ensure(WORK))
    speeds = measure(arguments.names, arguments.megabytes, arguments.seconds, not arguments.no_peer)
    if arguments.publish:
        publish(speeds, arguments.megabytes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
