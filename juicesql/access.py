"""Opens the stats database among other programs: each waits for its turn, and says in words why it cannot go on.

DuckDB lets one program write a file, or many read it. A writer that waits holds the file `turn`; readers that come
meanwhile wait behind it, so that many short readers never keep a run out. Programs that don't know of turns (the
duckdb CLI) are waited for too.
"""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from juicesql.errors import StoreError

WRITER_SECONDS = 120.0  # the most that a run waits for readers to let go
READER_SECONDS = 20.0  # the most that a reader waits for a run
SHORTEST, LONGEST = 0.005, 0.25  # between two tries
_HOLDER = re.compile(r"held in (\S+) \(PID (\d+)\)")
_FULL = ("No space left", "File too large", "Disk quota", "not enough disk space", "Could not write")


@dataclass(frozen=True)
class Turn:
    """Who wants to open which database, and how long they wait. `say` hears what is waited for."""

    path: Path
    file: Path  # whose lock is the turn
    writes: bool
    seconds: float
    say: Callable[[str], None] | None = None


def attach(con: duckdb.DuckDBPyConnection, sql: str, turn: Turn) -> None:
    """Run an ATTACH when it is this one's turn. StoreError when another program keeps the file, or it is damaged."""
    until, pause, told = time.monotonic() + turn.seconds, SHORTEST, False
    with _turn(turn, until):
        while True:
            try:
                con.execute(sql)
                return
            except duckdb.Error as error:
                if not _in_use(error):
                    raise told_of(error, turn.path, opening=True) from error
                if time.monotonic() > until:
                    raise _kept(turn, error) from error
                if turn.say and not told and pause >= LONGEST:
                    turn.say(f"waiting for {_holder(error)} to close {turn.path.name}")
                    told = True
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST)


@contextmanager
def _turn(turn: Turn, until: float) -> Iterator[None]:
    """A writer keeps the turn until it has the file; a reader only waits for it. Where it can't be had, in no order."""
    try:
        handle = open(turn.file, "a" if turn.writes else "r")  # noqa: SIM115
    except OSError:  # no folder of ours, or one that can't be written: DuckDB's own lock decides
        yield
        return
    with handle:
        _wait(handle, fcntl.LOCK_EX if turn.writes else fcntl.LOCK_SH, until)
        if not turn.writes:
            fcntl.flock(handle, fcntl.LOCK_UN)
        yield


def _wait(handle: IO[str], kind: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > until:
                return  # the try that follows says who has the file
        time.sleep(SHORTEST)


def _in_use(error: duckdb.Error) -> bool:
    """Another program has the file, or another connection of this one in the other mode."""
    text = str(error)
    return "Could not set lock" in text or "Unique file handle conflict" in text


def _holder(error: duckdb.Error) -> str:
    found = _HOLDER.search(str(error))
    return f"{Path(found[1]).name} (process {found[2]})" if found else "another part of this program"


def _kept(turn: Turn, error: duckdb.Error) -> StoreError:
    message = f"{turn.path} is open elsewhere: {_holder(error)} has kept it for {turn.seconds:.0f} seconds"
    mend = "close that program, or attach the file READ_ONLY there and for moments only"
    return StoreError.of("store-in-use", message, mend)


def told_of(error: duckdb.Error, path: Path, opening: bool = False) -> StoreError | duckdb.Error:
    """What DuckDB says of the database file, as an error with its mend; the same error where it is of other things."""
    text = str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    if "storage version" in text:
        mend = f"move {path.name} away, or give another --project"
        return StoreError.of("store-version", f"another program, or a newer DuckDB, made {path}: {first}", mend)
    if is_full(text):
        mend = "make room on the disk and run again; what was measured is kept"
        return StoreError.of("disk-full", f"there is no room for {path}: {first}", mend)
    if opening and ("Permission denied" in text or "Read-only file system" in text):
        return StoreError.of("store-unwritable", f"cannot open {path}: {first}", "let it be written, or give --project")
    unreadable = isinstance(error, (duckdb.IOException, duckdb.SerializationException))
    if "Corrupt database" in text or (opening and unreadable):
        mend = f"restore {path.name} from a copy, or move it away and run again: everything is measured anew"
        return StoreError.of("store-damaged", f"{path} is damaged: {first}", mend)
    return error


def is_full(text: str) -> bool:
    """Whether an error says that the disk, or a quota, has no room."""
    return any(words in text for words in _FULL)
