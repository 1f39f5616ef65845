"""The hidden folder of a project for files of juicesql's own: marked, so that nothing else is ever taken for them.

    .juicesql/
        juicesql.json          the marker: what in here is ours
        lock                   held by the run that works in the project
        <run id>/              scratch files of that run
        segments/              measured values on their way to the stats database
        torn/                  segments that could not be read
        journal/               publications that are under way
        temp/                  DuckDB's

Start-up and `clean` remove what the marker names and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from juicesql.errors import StoreError

FOLDER = ".juicesql"
MARKER = "juicesql.json"
FOLDERS = ("segments", "torn", "journal", "temp")
RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_NAMED = {"made by": "juicesql", "runs": RUN_ID.pattern, "folders": list(FOLDERS)}
_OLD_FOLDER = re.compile(r"[A-Za-z_]\w*@[0-9a-f]{16}")
_OLD_SEGMENT = re.compile(r"[0-9a-f]{32}\.parquet")
_OLD_COLUMNS = ["key_high", "key_low", "value"]


@dataclass(frozen=True)
class Home:
    """The folder of one project. Nothing is made before `make`."""

    project: Path

    @property
    def path(self) -> Path:
        return self.project / FOLDER

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def segments(self) -> Path:
        return self.path / "segments"

    @property
    def torn(self) -> Path:
        return self.path / "torn"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def temp(self) -> Path:
        return self.path / "temp"

    def open_lock(self) -> IO[str]:
        """The file whose lock a run holds. StoreError where it cannot be made."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return open(self.lock, "a+")
        except OSError as error:
            raise _cannot_make(self.path, error) from error

    def make(self) -> None:
        """Make and mark the folder; segments of earlier versions, which lay in `stats/`, move in once.

        StoreError where something stands in the way that juicesql did not make.
        """
        marker = self.path / MARKER
        if marker.is_file():
            return
        try:
            self._refuse_foreign()
            _move_old(self.project / "stats", self.segments)
            write_synced(marker, json.dumps(_NAMED, indent=2) + "\n")
        except OSError as error:
            raise _cannot_make(self.path, error) from error

    def _refuse_foreign(self) -> None:
        """Without a marker, folders that would be ours may be somebody's: only those of earlier versions are known."""
        foreign = [p for p in (self.segments, self.torn, self.journal) if p.exists() and not _only_segments(p)]
        if foreign:
            names = ", ".join(map(str, foreign))
            raise StoreError.of("not-ours", f"{names} exists, and juicesql did not make it", "move it away")

    def leftovers(self) -> list[Path]:
        """Scratch folders of runs. Those of a run that works now are among them: ask under the project's lock."""
        if not self.path.is_dir():
            return []
        return sorted(p for p in self.path.iterdir() if RUN_ID.fullmatch(p.name) and p.is_dir() and not p.is_symlink())

    def clear(self) -> int:
        """Remove what killed runs left; returns how many folders. Segments and the journal stay."""
        left = self.leftovers()
        for folder in [*left, self.temp]:
            shutil.rmtree(folder, ignore_errors=True)
        (self.path / "compact.duckdb").unlink(missing_ok=True)
        return len(left)

    def remove(self) -> None:
        """Remove all that the marker names, and the folder itself where nothing else is in it."""
        self.clear()
        for name in FOLDERS:
            shutil.rmtree(self.path / name, ignore_errors=True)
        for path in (self.path / MARKER, self.lock, self.path / "turn"):
            path.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def sync_folder(folder: Path) -> None:
    """Make names in a folder last: what was renamed or made there is there after a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_make(path: Path, error: OSError) -> StoreError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    mend = "make room on the disk" if full else "remove what stands there, or give a --project that can be written"
    return StoreError.of("project-folder", f"cannot make {path}: {error.strerror or error}", mend)


def write_synced(path: Path, text: str) -> None:
    """Write a small file whole or not at all, so that it lasts."""
    partial = path.with_name(f"{path.name}.partial")
    with open(partial, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)


def _only_segments(folder: Path) -> bool:
    """Whether a move of old segments that was interrupted made this folder."""
    return folder.is_dir() and all(_OLD_FOLDER.fullmatch(p.name) for p in folder.iterdir())


def _move_old(stats: Path, segments: Path) -> None:
    """Take over the segments that an earlier version left in `stats/`; everything else there is somebody's own."""
    for folder in sorted(stats.iterdir()) if stats.is_dir() else ():
        if not _OLD_FOLDER.fullmatch(folder.name) or not folder.is_dir() or folder.is_symlink():
            continue
        moved = False
        for path in sorted(folder.iterdir()):
            if _is_old_segment(path):
                (segments / folder.name).mkdir(parents=True, exist_ok=True)
                os.replace(path, segments / folder.name / path.name)
                moved = True
        if moved and not any(folder.iterdir()):
            folder.rmdir()
            if not any(stats.iterdir()):
                stats.rmdir()
                return


def _is_old_segment(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not _OLD_SEGMENT.fullmatch(path.name) or not path.is_file():
        return False
    try:
        return bool(pq.read_schema(path).names == _OLD_COLUMNS)
    except (pa.ArrowException, OSError):
        return False
