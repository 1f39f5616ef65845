"""The progress of a run as lines, for logs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Lines:
    """Hears how far a run is, and says it in a line once in a while, where there is no terminal to draw on."""

    def __init__(self, say: Callable[[str], None], seconds: float = 30.0) -> None:
        self.say, self.seconds = say, seconds
        self.started = self.said = time.monotonic()
        self.name, self.rows, self.bytes, self.total = "starting", 0, 0, 0

    def begin(self, total_bytes: int) -> None:
        self.name, self.total = "cleaning", total_bytes

    def advance(self, rows: int, bytes_: int) -> None:
        self.rows += rows
        self.bytes += bytes_
        self._tell(f"{self.rows:,} rows", self.bytes / self.total if self.total else None)

    def stage(self, name: str) -> None:
        self.name = name
        self._tell("")

    def share(self, part: float | None) -> None:
        self._tell("", part)

    def _tell(self, rows: str, part: float | None = None) -> None:
        now = time.monotonic()
        if now - self.said >= self.seconds:
            self.said = now
            share = "" if part is None else f"{part:.0%}"
            told = ", ".join(t for t in (rows, share) if t)
            self.say(f"{now - self.started:,.0f} s: {self.name}" + (f": {told}" if told else ""))
