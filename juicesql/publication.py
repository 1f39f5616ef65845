"""Publishes the result whole or not at all: staged beside its final name, then put there in one rename.

A staging folder `.NAME.RUN.partial` belongs to the run that holds the lock of `owner.json` in it; what nobody holds is
of a killed run. The order makes every instant mendable:

    data and manifest staged and synced -> noted in the journal -> the database commits the run as `publishing`
    -> one rename for the data, one for the manifest -> the database commits the run as `done` -> staging removed

Before the commit the old output stands, and the next run removes what is staged; after it, the next run of the project
finishes what was begun. Readers find the old output or the new one under its name, whole.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from juicesql.errors import ExportError
from juicesql.export import ExportedFile, Target
from juicesql.home import RUN_ID, sync_folder, write_synced

_LONGEST = 255  # bytes of a file's name
_EXCHANGE = 2  # of Linux' renameat2: both names are there at every instant
_HERE = -100  # AT_FDCWD


@dataclass
class Publication:
    """The output of one run on its way. `begin` takes the place, `put` fills it, `end` leaves nothing behind."""

    target: Target
    run_id: str
    recipe: str
    project: Path
    moved: bool = False  # the new data stand under their name
    _owner: IO[str] | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        return self.target.path.with_name(f".{self.target.path.name}.{self.run_id}.partial")

    def begin(self, sources: Sequence[str], overwrite: bool = False) -> None:
        """Refuse what must not be replaced, clear what killed runs left, and stage. ExportError with the reason."""
        path, parent = self.target.path, self.target.path.parent
        if "\0" in path.name or len(os.fsencode(self.folder.name)) > _LONGEST:
            raise ExportError.of("export-name", f"no file can be called {path.name[:60]!r}…", "choose a shorter name")
        if str(path.resolve()) in {str(Path(f).resolve()) for f in sources}:
            raise ExportError.of("export-is-source", f"{path} is also an input", "choose another --export")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with _turn(parent):
                self._clear_dead()
                self._refuse(overwrite)
                self.folder.mkdir()
                self._owner = open(self.folder / "owner.json", "w", encoding="utf-8")  # noqa: SIM115
                fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                json.dump({"run": self.run_id, "recipe": self.recipe, "project": str(self.project)}, self._owner)
                self._owner.flush()
        except OSError as error:
            raise ExportError.of("export-folder", f"cannot write in {parent}: {error}", _mend_of(error)) from error

    def _clear_dead(self) -> None:
        named = re.compile(rf"\.{re.escape(self.target.path.name)}\.{RUN_ID.pattern}\.partial")
        stagings = (p for p in self.target.path.parent.iterdir() if named.fullmatch(p.name) and p.is_dir())
        for folder in sorted(stagings):
            if owner := _living(folder):
                who = f"run {owner.get('run')} of {owner.get('recipe')}, in the project {owner.get('project')}"
                raise ExportError.of(
                    "export-in-use", f"{self.target.path} is being written by {who}", "wait for it to end"
                )
            _finish_manifest(folder, self.target)
            shutil.rmtree(folder)

    def _refuse(self, overwrite: bool) -> None:
        """What stands under the name is replaced only where its manifest says that this recipe wrote it."""
        path = self.target.path
        if not os.path.lexists(path):
            return
        manifest = read_manifest(self.target.manifest)
        if manifest is None:
            message = f"{path} exists and no manifest says that juicesql wrote it"
            raise ExportError.of("export-exists", message, "move it away, or choose another --export")
        if path.is_dir() != self.target.sharded or path.is_symlink():
            what = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "a file"
            raise ExportError.of("export-exists", f"{path} is {what}", "move it away, or choose another --export")
        self._refuse_strangers(manifest)
        if not overwrite and not _same_recipe(str(manifest.get("recipe")), self.recipe):
            message = f"{path} is the output of another recipe, {manifest.get('recipe')} (run {manifest.get('run_id')})"
            raise ExportError.of("export-of-another", message, "choose another --export, or give --overwrite")

    def _refuse_strangers(self, manifest: dict[str, Any]) -> None:
        """Files in the folder of a sharded export that juicesql did not write stop it."""
        if self.target.sharded:
            own = {f["name"] for f in manifest["files"]}
            if strange := sorted(p.name for p in self.target.path.iterdir() if p.name not in own):
                listed = ", ".join(strange[:5]) + (f", and {len(strange) - 5} more" if len(strange) > 5 else "")
                message = f"{self.target.path} holds files that juicesql did not write: {listed}"
                raise ExportError.of("export-exists", message, "move them away, or choose another --export")

    @property
    def data(self) -> Path:
        """Where the files of the output are written."""
        return _data_of(self.folder, self.target)

    def seal(self, files: Sequence[ExportedFile], journal: Path) -> None:
        """All is written: from here on a killed run can be finished, once the database says so."""
        manifest = {
            "run_id": self.run_id,
            "recipe": self.recipe,
            "rows": sum(f.rows for f in files),
            "files": [asdict(f) for f in files],
        }
        if self.target.sharded:
            sync_folder(self.data)
        write_synced(self.folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        journal.mkdir(exist_ok=True)
        note = {"folder": str(self.folder), "path": str(self.target.path), "sharded": self.target.sharded}
        write_synced(journal / f"{self.run_id}.json", json.dumps(note) + "\n")

    def put(self) -> None:
        """Give the output its name. ExportError, with nothing changed, where that cannot be done."""
        if manifest := read_manifest(self.target.manifest):
            with contextlib.suppress(FileNotFoundError):
                self._refuse_strangers(manifest)
        try:
            _place(self.data, self.target.path)
        except OSError as error:
            message = f"cannot put the output in place: {error}"
            raise ExportError.of("cannot-publish", message, _mend_of(error)) from error
        self.moved = True
        _name_manifest(self.folder, self.target)

    def end(self, journal: Path) -> None:
        """Remove the staging and its note; what was not put in place is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        _remove(journal / f"{self.run_id}.json")

    def leave(self, journal: Path) -> None:
        """The run is over. What it began to put in place, and could not end, is left to the next one."""
        if not self.moved:
            self.end(journal)
        if self._owner:
            self._owner.close()


def begun(journal: Path) -> list[Path]:
    """The notes of publications that were begun and not ended."""
    for half in journal.glob("*.partial"):
        _remove(half)
    with contextlib.suppress(OSError):
        journal.rmdir()
    return sorted(journal.glob("*.json"))


def finish(note: Path) -> bool:
    """Finish what a killed run had begun to publish. Whether its output stood, or stands now, under its name."""
    told = json.loads(note.read_text("utf-8"))
    folder, target = Path(told["folder"]), Target(Path(told["path"]), "", "", int(told["sharded"]))
    staged, placed = read_manifest(folder / "manifest.json"), read_manifest(target.manifest)
    if staged is None:
        return placed is not None and placed["run_id"] == note.stem
    if _finish_manifest(folder, target):
        return True
    if not _holds(_data_of(folder, target), staged):
        return False
    _place(_data_of(folder, target), target.path)
    _name_manifest(folder, target)
    return True


def forget(note: Path) -> None:
    """Remove what a run staged that is not to be published, and its note."""
    with contextlib.suppress(json.JSONDecodeError, KeyError):
        shutil.rmtree(json.loads(note.read_text("utf-8"))["folder"], ignore_errors=True)
    _remove(note)


def _remove(note: Path) -> None:
    note.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other notes are in it
        note.parent.rmdir()


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of an output; None where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return found if isinstance(found, dict) and {"run_id", "recipe", "files"} <= set(found) else None
    except (OSError, ValueError):
        return None


def _data_of(folder: Path, target: Target) -> Path:
    return folder / ("data" if target.sharded else target.path.name)


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One run at a time looks at the stagings of a folder; where it has no locks, in no order."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _living(folder: Path) -> dict[str, Any] | None:
    """What the run says of itself that works on a staging; None where no process holds it."""
    try:
        with open(folder / "owner.json", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return dict(json.loads(handle.read() or "{}"))
    except (OSError, ValueError):
        return None
    return None


def _finish_manifest(folder: Path, target: Target) -> bool:
    """Where the data of a staging stand under their name already, name its manifest too."""
    staged = read_manifest(folder / "manifest.json")
    if staged is None or not _holds(target.path, staged):
        return False
    _name_manifest(folder, target)
    return True


def _name_manifest(folder: Path, target: Target) -> None:
    os.replace(folder / "manifest.json", target.manifest)
    sync_folder(target.path.parent)


def _holds(path: Path, manifest: dict[str, Any]) -> bool:
    """Whether these are the files of a manifest, to the byte."""
    files = {path / f["name"] if path.is_dir() else path: f for f in manifest["files"]}
    if path.is_dir() and {p.name for p in path.iterdir()} != {p.name for p in files}:
        return False
    return all(p.is_file() and p.stat().st_size == f["bytes"] and digest(p) == f["sha256"] for p, f in files.items())


def digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _same_recipe(wrote: str, recipe: str) -> bool:
    """A recipe that was moved, and is no more where it was, is the same."""
    return wrote == recipe or (Path(wrote).name == Path(recipe).name and not Path(wrote).exists())


def _place(data: Path, path: Path) -> None:
    """Put staged data under their name. What was a folder there before is in the staging afterwards."""
    if not path.is_dir() or not _exchange(data, path):
        if path.is_dir():
            os.replace(path, data.with_name("old"))  # a kill before the next rename leaves no output until the next run
        os.replace(data, path)
    sync_folder(path.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system or its file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _mend_of(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "make room on the disk and run again" if full else "choose another --export, or let it be written"
