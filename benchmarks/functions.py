"""Throughput of every text function: one core, all cores, a plain Python definition and the peer's operator.

Usage: python benchmarks/functions.py [NAME ...] [--megabytes 10] [--seconds 2] [--no-peer] [--publish]

MB/s are UTF-8 bytes of text over seconds, the best of the repetitions that fit into `--seconds`, after one call that
compiles kernels and loads models. On one core the process and its workers are bound to it and their CPU seconds count,
so other work on the machine disturbs little. The gain of all cores is one core's wall seconds over theirs.
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
from dataclasses import asdict, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import function_jobs
import machine
import models
import peer
import pyarrow as pa
from function_jobs import Job
from function_page import Speed, page
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


def ours(function: Function, job: Job, texts: Sequence[str], cores: int, seconds: float) -> tuple[float, float]:
    """CPU and wall seconds that one of our functions takes for the texts on this many cores, the least of several."""
    os.sched_setaffinity(0, set(CORES[:cores]))
    try:
        with _Runner(function, job, texts, cores) as runner:
            runner.run()
            times: list[tuple[float, float]] = []
            began = time.perf_counter()
            while not times or (len(times) < 50 and time.perf_counter() - began < seconds):
                cpu, wall = runner.cpu_seconds(), time.perf_counter()
                runner.run()
                times.append((runner.cpu_seconds() - cpu, time.perf_counter() - wall))
    finally:
        os.sched_setaffinity(0, set(CORES))
    return min(cpu for cpu, _ in times), min(wall for _, wall in times)


class _Runner:
    """Calls a function on all texts, by as many threads or processes as there are cores."""

    def __init__(self, function: Function, job: Job, texts: Sequence[str], cores: int) -> None:
        self.function, self.job, self.cores, self.free_cores = function, job, cores, iter(CORES)
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
        self.threads = ThreadPoolExecutor(self.cores, initializer=self._pin)
        if self.function.runs_on == "sql":
            self.con = connect(functions=[self.function.name], config={"threads": self.cores})
            self.con.register("texts", self.table)
            names = ", ".join(self.table.column_names)
            self.query = f"select sum(hash({self.function.name}({names}))) from texts"
        return self

    def _pin(self) -> None:
        """A core for each thread of a kernel: the system may leave two short-lived threads on the one they began on."""
        if self.function.runs_on == "kernel":
            os.sched_setaffinity(0, {next(self.free_cores)})

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
        cpu, wall = ours(function, job, texts, 1, seconds)
        _, wall_of_all = ours(function, job, texts, len(CORES), seconds)
        speed = Speed(
            job.function,
            function.runs_on,
            sum(len(t.encode()) for t in texts) / 1e6 / cpu,
            wall / wall_of_all,
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
    return f"{speed.function:42} {speed.runs_on:8} {speed.one_core:9.2f} MB/s, gain {speed.gain:.2f}{over}"


def missing() -> list[str]:
    """Text functions that have no job."""
    have = {j.function for j in function_jobs.jobs()}
    ours_ = [f for f in Registry().all() if f.kind != "macro" and f.file.parent.name == "text"]
    return sorted({f.name for f in ours_} - have - function_jobs.NOT_MEASURED.keys())


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
