"""Unpacking archives that came from elsewhere: plain files inside one folder only, up to a size and a number."""

from __future__ import annotations

import gzip
import lzma
import os
import posixpath
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from juicesql.errors import JuiceError

MOST_FILES = 100_000
CHUNK = 1 << 20
# What the libraries raise for bytes that make no archive, and for names that stand in each other's way.
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, RuntimeError,
    FileExistsError, NotADirectoryError, IsADirectoryError,
)  # fmt: skip


def unpack(archive: Path, inside: str, target: Path, limit: int) -> None:
    """Unpack the folder `inside` of a zip or tar (`.`: all of it) as the new folder `target`, `limit` bytes in all.

    A link inside a tar becomes another name of the file that it leads to, which must be in that folder too. JuiceError
    for an archive that is damaged, too large, or holds anything else; what was written before that is left there.
    """
    target.mkdir(parents=True)
    room = _Room(archive.name, limit)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, inside, target, room)
        else:
            _unpack_tar(archive, inside, target, room)
    except DAMAGED as error:
        _bad(f"{archive.name}: {type(error).__name__}: {error}", error)
    if not room.files:
        _bad(f"{archive.name} has no files in {inside}/")


class _Room:
    """How much more may be unpacked."""

    def __init__(self, archive: str, limit: int) -> None:
        self.archive, self.limit, self.files, self.bytes = archive, limit, 0, 0

    def take(self, size: int) -> None:
        self.files, self.bytes = self.files + 1, self.bytes + size
        if self.files > MOST_FILES:
            _bad(f"{self.archive} has more than {MOST_FILES:,} files")
        if self.bytes > self.limit:
            message = f"the content of {self.archive} is over the limit of {self.limit:,} bytes"
            raise JuiceError.of("too-large", message, "give a higher --max-size, if you expect a model of that size")


def _unpack_zip(archive: Path, inside: str, target: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            path = _place(member.filename, inside, room)
            if path is None or member.is_dir():
                continue
            if _is_special(member):
                _bad(f"{room.archive} holds {member.filename!r}, which is no plain file")
            room.take(member.file_size)
            with packed.open(member) as content:
                _write(content, target.joinpath(*path.parts))


def _unpack_tar(archive: Path, inside: str, target: Path, room: _Room) -> None:
    links: list[tuple[PurePosixPath, str]] = []
    with tarfile.open(archive) as packed:
        for member in packed:
            path = _place(member.name, inside, room)
            if path is None or member.isdir():
                continue
            room.take(member.size)
            if member.issym() or member.islnk():
                folder = posixpath.dirname(member.name) if member.issym() else ""
                links.append((path, posixpath.normpath(posixpath.join(folder, member.linkname))))
            elif member.isfile() and (content := packed.extractfile(member)):
                with content:
                    _write(content, target.joinpath(*path.parts))
            else:
                _bad(f"{room.archive} holds {member.name!r}, which is no plain file")
    for path, leads_to in links:
        _link(target, path, _place(leads_to, inside, room), room)


def _link(target: Path, path: PurePosixPath, leads_to: PurePosixPath | None, room: _Room) -> None:
    file = target.joinpath(*(leads_to.parts if leads_to else ()))
    if not file.is_file():
        _bad(f"{room.archive} holds the link {str(path)!r}, which leads to no file in it")
    name = target.joinpath(*path.parts)
    name.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, name)


def _place(name: str, inside: str, room: _Room) -> PurePosixPath | None:
    """Where a member belongs under the target, or None when it is outside the folder `inside`."""
    path = PurePosixPath(name)
    if ".." in path.parts or path.is_absolute() or "\\" in name or not _is_name(name):
        _bad(f"{room.archive} holds the name {name!r}")
    return path.relative_to(inside) if path.is_relative_to(inside) else None


def _is_name(name: str) -> bool:
    """No control characters, which write on a terminal that lists the files."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)


def _write(content: IO[bytes], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as out:
        while chunk := content.read(CHUNK):  # never more than the size that was counted
            out.write(chunk)


def _is_special(member: zipfile.ZipInfo) -> bool:
    mode = member.external_attr >> 16
    return bool(mode) and not stat.S_ISREG(mode) and stat.S_IFMT(mode) != 0


def _bad(message: str, cause: Exception | None = None) -> NoReturn:
    raise JuiceError.of("bad-archive", message, "nothing was kept; get the model from somewhere else") from cause
