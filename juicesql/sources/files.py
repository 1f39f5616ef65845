"""Local files as they were at opening: bounded, decompressed streams that notice truncation and change."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shlex import quote as word
from typing import IO, Any

import pyarrow as pa

from juicesql.errors import Problem, SourceError
from juicesql.sources.contents import HEAD, check_content, check_unpacked, shown_path
from juicesql.sources.formats import Format
from juicesql.sources.model import MAX_ROW_BYTES, FileInfo


@dataclass(frozen=True)
class LocalFile:
    """A file of the source with its name for people, its compression (`gz`, `zst` or none) and its format.

    `most` is the number of bytes that a row may have.
    """

    name: str
    info: FileInfo
    compression: str = ""
    format: str = ""
    most: int = MAX_ROW_BYTES


def describe(name: str, path: Path, weight: float, format: Format, most: int = MAX_ROW_BYTES) -> LocalFile:
    """The file as it is now. Raises SourceError where it is none, cannot be read, or holds something else."""
    check_special(name, path)
    try:
        s = path.stat()
        check_content(name, path, format)
    except OSError as error:
        raise unreadable(name, path, error) from None
    info = FileInfo(os.path.abspath(path), s.st_size, s.st_mtime_ns, weight, s.st_ino)
    file = LocalFile(name, info, format.compression, format.name, most)
    if format.compression and format.family == "data":
        with opened(file) as (stream, _):
            check_unpacked(name, path, format, stream.read(HEAD) or b"")
    return file


def unreadable(name: str, path: Path, error: OSError) -> SourceError:
    """Why a file cannot be opened, and what to do."""
    shown = shown_path(name, path)
    if isinstance(error, PermissionError):
        return SourceError.of("unreadable-file", f"`{name}` may not be read by this user", f"chmod u+r {word(shown)}")
    if path.is_symlink():
        message = f"`{name}` is a link to `{os.readlink(path)}`, which does not exist"
        return SourceError.of("dead-link", message, f"put the file back that it names, or: rm {word(shown)}")
    return SourceError.of("unreadable-file", f"`{name}`: {error.strerror}", "check the disk that it lies on")


def check_special(name: str, path: Path) -> None:
    """Raises SourceError for what is no file of data: pipes, devices, sockets, and what the system shows as files."""
    real = Path(os.path.realpath(path)) if path.is_symlink() else _real_folder(path.parent) / path.name
    try:
        mode = real.stat().st_mode
    except OSError:
        mode = stat.S_IFREG
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    kind = kinds.get(stat.S_IFMT(mode))
    if kind is None and real.is_relative_to("/dev/shm"):
        return
    system = next((s for s in ("/proc", "/sys", "/dev") if real.is_relative_to(s)), None)
    if kind or system:
        told = f"is {kind}, not a file" if kind else f"lies in {system}, where the system shows itself and no data are"
        mend = "copy the data into a file, and name that"
        raise SourceError.of("special-file", f"`{name}` {told}", mend)


@lru_cache(maxsize=1024)
def _real_folder(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def check_unchanged(files: Iterable[FileInfo]) -> None:
    """Raises SourceError with one problem for every file that is not what it was."""
    problems = []
    for file in files:
        if not file.inode:
            continue
        try:
            s = os.stat(file.path)
            same = (s.st_size, s.st_mtime_ns, s.st_ino) == (file.size, file.mtime_ns, file.inode)
        except OSError:
            same = False
        if not same:
            problems.append(_changed(file.path))
    if problems:
        raise SourceError(problems)


def changed(file: LocalFile) -> SourceError:
    """The error for a file that changed while it was read."""
    return SourceError(_changed(file.name))


def damaged(file: LocalFile, cause: object, code: str = "damaged-file") -> SourceError:
    """The error for a file that cannot be decoded."""
    what = "ends too early" if code == "truncated-file" else "is damaged"
    return SourceError(Problem(code, f"`{file.name}` {what}: {cause}", "fetch it again, or leave it out"))


class Bounded(io.RawIOBase):
    """The bytes that a file had at opening, whatever is appended later; complains when they are no longer there."""

    def __init__(self, file: LocalFile) -> None:
        super().__init__()
        self.file, self.position = file, 0
        try:
            self._raw = open(file.info.path, "rb", buffering=0)  # noqa: SIM115
        except PermissionError as error:
            raise unreadable(file.name, Path(file.info.path), error) from None
        except OSError:
            raise changed(file) from None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: self.file.info.size - self.position]
        count = self._raw.readinto(view) or 0
        if count == 0 and len(view):
            raise changed(self.file)
        self.position += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Zstd(io.RawIOBase):
    """A zstd stream of any number of frames. Yields no more at once than is asked for, however much a frame expands."""

    def __init__(self, source: Bounded) -> None:
        super().__init__()
        self._stream = pa.CompressedInputStream(pa.PythonFile(source, "r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._stream.readinto(buffer))
        except OSError as error:
            if error.errno is not None:
                raise
            if "Truncated" in str(error):
                raise EOFError("its last zstd frame is not complete") from None
            raise _Damaged(str(error)) from None


class _Damaged(Exception):
    """A stream that cannot be decompressed; the text says why."""


@contextmanager
def opened(file: LocalFile) -> Iterator[tuple[IO[bytes], Bounded]]:
    """(decompressed stream, raw file whose `position` is the progress). Turns decoding errors into SourceError."""
    with Bounded(file) as raw:
        stream: Any = raw
        if file.compression == "gz":
            stream = gzip.GzipFile(fileobj=io.BufferedReader(raw, 1 << 17))
        elif file.compression == "zst":
            stream = _Zstd(raw)
        try:
            yield stream, raw
        except EOFError as error:
            raise damaged(file, error, "truncated-file") from None
        except (gzip.BadGzipFile, zlib.error, _Damaged) as error:
            raise damaged(file, error) from None


def read_range(file: LocalFile, offset: int, length: int) -> bytes:
    """A part of an uncompressed file."""
    try:
        with open(file.info.path, "rb", buffering=0) as f:
            f.seek(offset)
            data = f.read(length)
            while len(data) < length and (more := f.read(length - len(data))):
                data += more
    except OSError:
        raise changed(file) from None
    if len(data) != length:
        raise changed(file)
    return data


def _changed(name: str) -> Problem:
    return Problem("changed-file", f"`{name}` changed after it was opened", "run again when nothing writes to it")
