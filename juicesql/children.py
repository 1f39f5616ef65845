"""Child processes that end with their parent, however it ends: nothing of a killed run goes on working."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import weakref
from collections.abc import Sequence
from typing import Any


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen`, of a child that the kernel ends (SIGIO) as soon as this process is gone.

    The child inherits the reading end of a pipe of which this process alone holds the other end; when that closes, the
    kernel signals the child, also inside native code. The pipe closes with the Popen object at the latest.
    """
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(command, pass_fds=(reading,), **options)
        weakref.finalize(child, os.close, writing)
        with contextlib.suppress(OSError):  # where pipes send no signals, a child ends when its input does
            fcntl.fcntl(reading, fcntl.F_SETOWN, child.pid)
            fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return child
