"""Work that a stranger's text may blow up, in a child process with limits of processor time, memory and output."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

SECONDS = 6  # of processor time
WALL = 30  # seconds, should the child sleep
MEGABYTES = 4096  # of address space, of which the libraries take about one thousand
MAX_ANSWER = 64_000_000  # bytes


class Exceeded(Exception):
    """The child came to a limit, or died."""


def ask(module: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What `main` of a module answers to a request, both JSON. Exceeded when it took too much."""
    command = [sys.executable, "-m", "juicesql.bounded", module, str(SECONDS), str(MEGABYTES)]
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=WALL, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Exceeded(f"it took more than {WALL} seconds") from error
    if done.returncode or len(done.stdout) > MAX_ANSWER:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        if told and "MemoryError" in told[-1]:
            raise Exceeded("it took too much memory")
        raise Exceeded(
            told[-1] if told and done.returncode > 0 else f"it took more than {SECONDS} seconds or too much memory"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _limit(seconds: int, megabytes: int) -> None:
    import resource

    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, megabytes << 20)):
        _, hard = resource.getrlimit(what)
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    import importlib

    _limit(int(sys.argv[2]), int(sys.argv[3]))
    answer = importlib.import_module(sys.argv[1]).main(json.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(json.dumps(answer).encode())
