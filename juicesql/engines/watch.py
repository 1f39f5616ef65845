"""Says how far a run is, also while DuckDB works on one query."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import duckdb

SECONDS = 0.5
Share = Callable[[float | None], None]
Hear = Callable[[int, int], None]  # rows done, bytes done


class Progress(Protocol):
    """Hears how far a run is."""

    def begin(self, total_bytes: int) -> None:
        """Rows of the source come in from now on."""

    def advance(self, rows: int, bytes_: int) -> None:
        """So many more of them are done."""

    def stage(self, name: str) -> None:
        """The source is read; this is what is done now."""

    def share(self, part: float | None) -> None:
        """Comes every now and then: how much of the stage is done, 0 to 1, or None where that is not known."""


class RowShare:
    """Adds rows up and reports them as a share of all."""

    def __init__(self, total: int, share: Share) -> None:
        self.total, self.share, self.done = total, share, 0

    def __call__(self, rows: int, bytes_: int) -> None:
        self.done += rows
        self.share(self.done / self.total if self.total else None)


def make_watchable(con: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB count how far its queries are, and print nothing of it."""
    con.execute("set enable_progress_bar = true")
    con.execute("set enable_progress_bar_print = false")


@contextmanager
def watched(con: duckdb.DuckDBPyConnection, share: Share) -> Iterator[None]:
    """Report the share of the running query that is done, from a thread, while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS):
            percent = con.query_progress()
            share(percent / 100 if percent >= 0 else None)

    thread = threading.Thread(target=watch, name="juicesql-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
