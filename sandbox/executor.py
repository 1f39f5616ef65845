"""Executors: components that run a model while their log is watched."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from juicesql.errors import JuiceError

from .base import Component, Job
from .errors import JobError

END = "<<juicesql: the job has ended>>"  # the last line of a job's log
TAIL = 12
_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # looked up here: a fork may not load libraries
# Threads of torch sleep while they wait: on a machine with other work, spinning made a small model 16 times slower.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
PATIENCE = 10.0  # seconds for a program to end when it is told to


class Executor(Component):
    """Runs a model while its log is watched. Derive and write `_run`, `_watch_run`, and `data_connector` where the
    model's library wants data in a shape of its own."""

    @abstractmethod
    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        """Train, infer or evaluate. What is printed goes to the log; `command` and `in_thread` leave time to watch."""

    def _watch_run(self, line: str) -> None:
        """Read one line of the log: keep the numbers in it, with `self.context.watched`."""

    def data_connector(self, dataset: Path) -> Path:
        """The dataset in the shape that the model's library reads."""
        return dataset

    def result(self) -> dict[str, Any]:
        """What later jobs find, once `_run` is done."""
        return {}

    def run(self, run_type: str, run_obj: Any = None) -> dict[str, Any]:
        """Run and watch until the end marker stands in the log. JobError with the log's last lines when it fails."""
        asyncio.run(self._both(run_type, run_obj))
        return self.result()

    async def _both(self, run_type: str, run_obj: Any) -> None:
        self.context.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.context.log, "a", encoding="utf-8", buffering=1) as log:
            watching = asyncio.create_task(self.watch_run(log.tell()))
            stop = _cancel_when_failed(asyncio.current_task())
            watching.add_done_callback(stop)  # a search may end the work at a number that it hears
            try:
                with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                    await self._run(run_type, run_obj)
            except JuiceError:
                raise
            except Exception as error:
                print(f"{type(error).__name__}: {error}", file=log)
                raise self.failed(f"{type(error).__name__}: {error}") from error
            finally:
                watching.remove_done_callback(stop)
                print(f"\n{END}", file=log, flush=True)  # what a program printed last may have no end of line
                await watching

    async def watch_run(self, start: int = 0) -> None:
        """Read the log as it grows, line by line, until the end marker."""
        with open(self.context.log, encoding="utf-8", errors="replace") as log:
            log.seek(start)
            held = ""
            while True:
                part = log.readline()
                held += part
                if not held.endswith("\n"):
                    await asyncio.sleep(0.05)
                    continue
                line, held = held.rstrip("\n"), ""
                if line == END:
                    return
                self._watch_run(line)

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        """Run Python that blocks, while the log is watched."""
        return await asyncio.to_thread(work)

    async def command(
        self, words: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        """Run a program, its output in the log. JobError when it fails. It dies with this process."""
        log: IO[str] = sys.stdout if sys.stdout is not sys.__stdout__ else open(self.context.log, "a")  # noqa: SIM115
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=log.fileno(), stderr=log.fileno(), cwd=cwd,
            env={**_PATIENT, **os.environ, **(env or {})}, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            code = await process.wait()
        except BaseException:
            await _end(process)
            raise
        if code:
            raise self.failed(f"{Path(words[0]).name} ended with {describe_exit(code)}")

    def failed(self, message: str) -> JobError:
        """An error of this job, with the last lines of its log."""
        return job_failed(self.context.job, message, self.context.log)


def _cancel_when_failed(work: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
    def stop(watching: asyncio.Task[None]) -> None:
        if work and not watching.cancelled() and watching.exception():
            work.cancel()

    return stop


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program and those that it started; one that does not listen is killed."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
            return


def job_failed(job: Job, message: str, log: Path) -> JobError:
    """An error that shows the last lines of a log."""
    tail = last_lines(log)
    shown = "".join(f"\n    {line}" for line in tail)
    mend = f"the whole log: {log}" if log.exists() else ""
    error = JobError(
        job.problem("job-failed", message + (f"; the last lines of its log:{shown}" if tail else ""), mend)
    )
    error.tail = tail
    return error


def last_lines(log: Path, most: int = TAIL) -> tuple[str, ...]:
    """The last lines of a log that say something."""
    if not log.exists():
        return ()
    with open(log, "rb") as handle:
        handle.seek(max(0, log.stat().st_size - 65536))
        lines = handle.read().decode("utf-8", "replace").splitlines()
    return tuple(line[:300] for line in lines if line.strip() and line != END)[-most:]


def describe_exit(code: int) -> str:
    """Words for an exit code: below 0 it is a signal."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def die_with_parent() -> None:
    """In a child, before it begins: ask Linux to end it when its parent ends, however that ends."""
    if _PRCTL is not None:
        _PRCTL(_SET_PDEATHSIG, signal.SIGTERM)


def read_json_line(line: str, prefix: str) -> Any:
    """The JSON behind a prefix in a line of a log, None for other lines."""
    if not line.startswith(prefix):
        return None
    try:
        return json.loads(line[len(prefix) :])
    except ValueError:
        return None
