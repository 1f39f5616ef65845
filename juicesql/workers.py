"""Worker processes for functions that hold the GIL or own a model: Arrow batches go over pipes, nothing is pickled.

`process` functions share `size` workers. A `device` function has a worker of its own, which loads its model once;
those that need torch share one for each GPU, or one on a machine without. A worker that dies takes one batch with it:
the caller gets WorkerDied, and the next call starts another worker. So does one
that is stuck for longer than `row_seconds`.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from juicesql import children
from juicesql.api import Function
from juicesql.errors import FunctionError, Problem

_HEAD = struct.Struct("<cQ")
PIPE_BYTES = 1 << 20  # a batch is a few MB: fewer turns between the two processes


class WorkerDied(Exception):
    """The worker process ended while it worked on a batch."""


class RemoteError(Exception):
    """The function raised in the worker; the message says what."""


class TookTooLong(RemoteError):
    """The function was stopped in the worker, because a batch took longer than `row_seconds`."""


class Pool:
    """Starts workers when they are first needed and keeps them until `close`."""

    def __init__(self, project: Path | None, size: int, environment: Mapping[str, str] | None = None) -> None:
        self.project, self.size, self.environment = project, size, dict(environment or {})
        self.free: dict[str, queue.Queue[tuple[str, _Worker | None]]] = {}
        self.started: list[_Worker] = []
        self.lock = threading.Lock()
        self.closed = False

    def attempt(
        self, function: Function, columns: Sequence[pa.Array], parameters: Mapping[str, Any]
    ) -> tuple[pa.Array, dict[int, str]]:
        """The values of `function` for a batch, computed in a worker, and the rows that failed."""
        free = self._queue(function)
        gpu, worker = free.get()
        if self.closed:
            free.put((gpu, worker))
            raise FunctionError.of("stopped", "the run is stopping", "run it again to go on")
        try:
            if worker is None:
                worker = self._start(1 if function.runs_on == "process" else self.size, gpu)
            return worker.attempt(function.name, columns, parameters)
        except WorkerDied:
            worker = None
            raise
        finally:
            free.put((gpu, worker))

    def _start(self, threads: int, gpu: str) -> _Worker:
        environment = self.environment | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        worker = _Worker(self.project, threads, environment)
        with self.lock:
            self.started.append(worker)
        return worker

    def _queue(self, function: Function) -> queue.Queue[tuple[str, _Worker | None]]:
        """The free workers of a function's kind, each with the GPU that it owns."""
        name, owners = "", [""] * self.size
        if function.runs_on == "device":
            torch = function.extra == "models"
            name, owners = ("models", visible_gpus() or [""]) if torch else (function.name, [""])
        with self.lock:
            if name not in self.free:
                self.free[name] = queue.Queue()
                for gpu in owners:
                    self.free[name].put((gpu, None))
            return self.free[name]

    def kill(self) -> None:
        """End every worker now; calls in progress and later ones raise."""
        self.closed = True
        for worker in self.started:
            worker.process.kill()

    def close(self) -> None:
        for worker in self.started:
            worker.close()


class _Worker:
    def __init__(self, project: Path | None, threads: int, environment: Mapping[str, str]) -> None:
        """`threads` is what a library inside the worker may use for itself."""
        command = [sys.executable, "-m", "juicesql.workers", *([str(project)] if project else [])]
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")}
        limits["OMP_WAIT_POLICY"] = "PASSIVE"  # spinning threads are slow where others work too (docs/LOG.md)
        self.process = children.start(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            env={**limits, **os.environ, **environment},
        )

    def attempt(
        self, name: str, columns: Sequence[pa.Array], parameters: Mapping[str, Any]
    ) -> tuple[pa.Array, dict[int, str]]:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        began = time.monotonic()
        batch = pa.record_batch(list(columns), names=[f"c{i}" for i in range(len(columns))])
        try:
            _send(stdin, b"C", json.dumps({"function": name, "parameters": dict(parameters)}).encode())
            _send(stdin, b"B", _to_bytes(batch))
            kind, body = _receive(stdout)
        except (OSError, EOFError) as error:
            code = self.process.wait()
            seconds = time.monotonic() - began
            after = f" after {seconds:.0f} seconds" if seconds > 1 else ""
            raise WorkerDied(f"the worker process ended with {_ending(code)}{after}") from error
        if kind == b"E":
            message = json.loads(body)
            if message["problems"]:
                raise FunctionError([Problem(**p) for p in message["problems"]])
            raise (TookTooLong if message["slow"] else RemoteError)(message["text"])
        answer = _from_bytes(body)
        failures = json.loads((answer.schema.metadata or {}).get(b"failures", b"{}"))
        return answer.column(0), {int(row): message for row, message in failures.items()}

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them. Needs no torch."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    return [str(i) for i in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]


def _send(stream: IO[bytes], kind: bytes, body: bytes | pa.Buffer) -> None:
    stream.write(_HEAD.pack(kind, len(body)))
    stream.write(body)
    stream.flush()


def _receive(stream: IO[bytes]) -> tuple[bytes, bytes]:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    kind, size = _HEAD.unpack(head)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return kind, body


def _to_bytes(batch: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _from_bytes(body: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(body) as reader:
        return reader.read_next_batch()


def serve(stdin: IO[bytes], stdout: IO[bytes], project: Path | None) -> None:
    """The loop of a worker: a call and its batch in, values or an error out, until the input ends."""
    from juicesql.call import attempt, reason
    from juicesql.errors import JuiceError
    from juicesql.limits import TimeLimitReached, time_limit
    from juicesql.media import media_settings
    from juicesql.registry import Registry

    registry = Registry(project)
    guard = partial(time_limit, media_settings().row_seconds)
    while True:
        try:
            _, head = _receive(stdin)
            _, body = _receive(stdin)
        except EOFError:
            return
        asked = json.loads(head)
        try:
            columns = _from_bytes(body).columns
            function = registry.get(asked["function"])
            # A batch over files has the time of as many rows; any other is split where it takes longer than a row may.
            limit = guard if function.media else lambda rows: guard(1)
            values, failures = attempt(function, columns, asked["parameters"], limit)
            schema = pa.schema([("v", values.type)], metadata={"failures": json.dumps(failures)})
            _send(stdout, b"V", _to_bytes(pa.record_batch([values], schema)))
        except JuiceError as error:
            _send_error(stdout, str(error), [vars(p) for p in error.problems])
        except (Exception, SystemExit) as error:  # the function's own failure: it is reported to the caller
            _send_error(stdout, reason(error), slow=isinstance(error, TimeLimitReached))


def _send_error(stdout: IO[bytes], text: str, problems: Sequence[Any] = (), slow: bool = False) -> None:
    _send(stdout, b"E", json.dumps({"problems": list(problems), "text": text, "slow": slow}).encode())


def _main() -> None:
    """Keep the pipe for answers only: whatever a function prints goes to stderr."""
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a worker without a traceback
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]) if len(sys.argv) > 1 else None)


if __name__ == "__main__":
    _main()
