"""A limit on the time that a function may take for one row, in the main thread of a worker process."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GRACE_SECONDS = 10.0  # for native code that does not come back to Python; then the process ends


class TimeLimitReached(TimeoutError):
    """A row, or a batch of rows, took longer than it may."""


@contextmanager
def time_limit(row_seconds: float, rows: int) -> Iterator[None]:
    """TimeLimitReached after `row_seconds` for each row; where native code is stuck, the worker ends a little later."""
    seconds = row_seconds * rows

    def stop(*_: Any) -> None:
        raise TimeLimitReached(f"took more than {seconds:g} seconds (row_seconds)")

    previous = signal.signal(signal.SIGALRM, stop)
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=nowhere)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, previous)
