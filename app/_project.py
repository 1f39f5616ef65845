"""The stats database as the pages see it: opened read-only for the moment of a query, never held.

DuckDB locks a file for as long as it is open, so a page that held it would stop the next run. Results are cached under
the state of the file (`FileState`), and are computed again when a run has changed it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from juicesql.errors import JuiceError, StoreError
from juicesql.store import FILE, Store

PATIENCE = 1.5  # seconds that a page waits for a run to let go of the file
MOST_SECONDS = 60.0  # of all questions of one opening


@dataclass(frozen=True)
class FileState:
    """Which database, and as of when: the key of everything that is cached. Equal states, equal contents."""

    root: Path
    changed: tuple[int, ...]  # times and sizes of the file and its log

    @property
    def exists(self) -> bool:
        return bool(self.changed)


@dataclass(frozen=True)
class RunInfo:
    """A row of the list of runs, whatever its status."""

    run_id: str
    recipe: str
    status: str
    message: str | None
    source: str | None
    source_id: int | None
    started: datetime | None
    seconds: float | None
    rows_in: int | None
    kept: int | None
    dropped: int | None
    duplicates: int | None
    errors: int | None
    rows_out: int | None
    export: str | None

    @property
    def done(self) -> bool:
        return self.status == "done"


def file_state(root: Path, name: str = FILE) -> FileState:
    """The state of a project's stats database, or of another database beside it, now."""
    changed: list[int] = []
    for path in (root / name, root / f"{name}.wal"):
        if path.exists():
            facts = path.stat()
            changed += [facts.st_mtime_ns, facts.st_size]
    return FileState(root, tuple(changed))


@contextmanager
def opened(root: Path, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The stats database, read-only and closed off: it may be somebody else's, so its views read no file.

    Waits while a run writes it. StoreError: `store-in-use` when that takes long, `too-slow` for a question that does.
    """
    with Store(root).open(read_only=True, patience=PATIENCE if patience is None else patience, closed=True) as con:
        timer = threading.Timer(MOST_SECONDS, con.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield con
        except duckdb.InterruptException as error:
            message = f"the stats database does not answer within {MOST_SECONDS:g} seconds"
            raise StoreError.of("too-slow", message, "ask with `juicesql sql`, which has no limit") from error
        finally:
            timer.cancel()


def in_use(error: JuiceError) -> bool:
    """Whether it says that a run is writing the file."""
    return any(p.code == "store-in-use" for p in error.problems)


def runs_of(con: duckdb.DuckDBPyConnection) -> list[RunInfo]:
    """All runs, the newest first."""
    rows = con.execute(
        "select run_id, recipe, status, message, source, source_id, started, seconds, rows_in, samples_kept, "
        "samples_dropped, samples_duplicate, samples_error, rows_out, export from runs "
        "order by started desc, run_id desc"
    ).fetchall()
    return [RunInfo(*row) for row in rows]
