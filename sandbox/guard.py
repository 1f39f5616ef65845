"""Runs a program that starts others, so that none of them outlives a job: `python -m juicesql.sandbox.guard WORDS...`.

A launcher such as accelerate's dies of SIGTERM without its workers, which would hold their GPUs. This process passes
the signal to its whole process group, waits, and kills what is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from .executor import die_with_parent

PATIENCE = 10.0  # seconds that the program has to end by itself


class _Stopped(BaseException):
    """SIGTERM came."""


def guard(words: Sequence[str]) -> int:
    """Run the program and end as it ends."""
    signal.signal(signal.SIGTERM, _stop)
    child = subprocess.Popen(words, preexec_fn=die_with_parent)
    try:
        code = child.wait()
    except _Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
        os.killpg(0, signal.SIGKILL)
        raise  # not reached: the group includes this process
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
