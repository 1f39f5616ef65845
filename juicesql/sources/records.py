"""A csv stream cut into blocks of whole records. A broken record costs its own line, whatever its quotes do.

A quote opens a field only at the field's start (elsewhere it is an ordinary character) and closes it only before a
delimiter or a line end (RFC 4180). Where a field is closed before other text, or never, the line on which its record
begins is the broken row, and reading goes on with the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO

import numpy as np
import numpy.typing as npt

from juicesql.sources.model import Bad, too_long

_STEP = 1 << 20
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_LINE_END = re.compile(rb"\r\n|\n|\r")
# Lines behind an endless quote that are looked at, to tell an open quote from a long field.
_PROBED = 20
AFTER_CLOSE = "a quote is closed before other text"
NEVER = "a quote that opens here is never closed"
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dialect:
    """How the file separates: its delimiter, whether it knows quotes, and its number of columns.

    `lenient` takes a line with a broken quote as if the file knew no quotes (tsv).
    """

    delimiter: str
    quoted: bool
    columns: int
    lenient: bool = False

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """A well-formed record with its line end."""
        return re.compile(rb"(?:%s%s)*+(?:%s)(?:\r\n|\n|\r)" % (*self._parts, self._parts[0]))

    @cached_property
    def unfinished(self) -> re.Pattern[bytes]:
        """What more text could make a well-formed record, to the end of the text."""
        field, mark = self._parts
        open_field = rb'"(?:[^"]++|"")*+"?|' + field if self.quoted else field
        return re.compile(rb"(?:%s%s)*+(?:%s)\r?\Z" % (field, mark, open_field))

    @property
    def _parts(self) -> tuple[bytes, bytes]:
        """Patterns of a field and of the delimiter."""
        mark = re.escape(self.delimiter.encode())
        bare = rb"[^%s\r\n]*+" % mark
        if not self.quoted:
            return bare, mark
        return rb'(?>"(?:[^"]++|"")*+"|(?!")%s)' % bare, mark


@dataclass(frozen=True)
class Records:
    """Whole records. `data` holds the good ones, each up to its offset in `ends`; `rows` counts the bad ones too."""

    data: bytes
    ends: Offsets
    rows: int
    bad: tuple[Bad, ...] = ()


@dataclass
class _Found:
    """What was cut off the front of the text; `skip` says that the rest of a `line` or `record` is to be passed by."""

    records: Records
    used: int
    skip: str = ""


@dataclass
class _Kept:
    """Records as they are gathered one by one."""

    parts: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    size: int = 0

    @property
    def rows(self) -> int:
        return len(self.ends) + len(self.bad)

    def add(self, record: bytes) -> None:
        self.parts.append(record)
        self.size += len(record)
        self.ends.append(self.size)

    def refuse(self, message: str) -> None:
        self.bad.append(Bad(self.rows, message))

    def records(self) -> Records:
        return Records(b"".join(self.parts), np.array(self.ends, np.int64), self.rows, tuple(self.bad))


def records(stream: IO[bytes], dialect: Dialect, max_bytes: int, most: int) -> Iterator[Records]:
    """The records of a stream that stands behind its header. About `most` bytes of a record are held, never more."""
    data, ended, size = b"", False, max_bytes
    while data or not ended:
        data, ended = _filled(stream, data, size) if not ended else (data, True)
        found = _regular(data, ended, dialect, most) or _irregular(data, ended, dialect, most)
        data = data[found.used :]
        if found.records.rows:
            yield found.records
        if found.skip:
            dropped, data, ended = _passed(stream, data, found.skip)
            yield Records(b"", np.zeros(0, np.int64), 1, (Bad(0, too_long(dropped, most)),))
        size = max_bytes if len(data) < max_bytes else min(2 * len(data), max(most, len(data)) + 1)


def _filled(stream: IO[bytes], data: bytes, size: int) -> tuple[bytes, bool]:
    """(the text filled up to `size` bytes, whether the stream has ended); the last line always has an end."""
    parts, have = [data], len(data)
    while have < size:
        part = stream.read(size - have)
        if not part:
            data = b"".join(parts)
            return data if not data or data.endswith((b"\n", b"\r")) else data + b"\n", True
        parts.append(part)
        have += len(part)
    return b"".join(parts), False


def _regular(data: bytes, ended: bool, dialect: Dialect, most: int) -> _Found | None:
    """The records of text whose quotes all stand where they should, by numpy; None for other text."""
    returns = data.count(b"\r") if b"\r" in data else 0
    if returns and returns != data.count(b"\r\n") + (not ended and data.endswith(b"\r")):
        return None
    around = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(around == 10) + 1
    if dialect.quoted and b'"' in data:
        quotes = np.flatnonzero(around == 34)
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        inner = quotes[: np.searchsorted(quotes, ends[-1])] if len(ends) else quotes[:0]
        if not _well_placed(around, inner, dialect):
            return None
    last = int(ends[-1]) if len(ends) else 0
    starts = np.concatenate([[0], ends[:-1]])
    if len(data) > most and (not last or np.any(ends - starts - 1 > most)):
        return None
    if ended and last < len(data):
        return None
    if dialect.columns > 1:
        sizes = ends - starts
        ends = ends[(sizes > 2) | ((sizes == 2) & (around[starts] != 13))] if len(ends) else ends
    return _Found(Records(data[:last], ends, len(ends)), last)


def _well_placed(around: npt.NDArray[np.uint8], quotes: Offsets, dialect: Dialect) -> bool:
    """Whether every quote that opens follows an edge and every one that closes is followed by one."""
    edges = np.zeros(256, bool)
    edges[list(b'"\r\n' + dialect.delimiter.encode())] = True
    opening = np.arange(len(quotes)) % 2 == 0
    beside = around[np.where(opening, quotes - 1, quotes + 1)]
    if len(quotes) and quotes[0] == 0:
        beside[0] = 10
    return bool(edges[beside].all())


def _irregular(data: bytes, ended: bool, dialect: Dialect, most: int) -> _Found:
    """The records one by one."""
    kept, at = _Kept(), 0
    while at < len(data):
        match = dialect.record.match(data, at)
        if match and (ended or match.end() < len(data) or data.endswith(b"\n")):
            _take(kept, match[0], dialect, most)
            at = match.end()
            continue
        large = len(data) - at > most
        open_end = dialect.unfinished.match(data, at)
        if open_end and not ended and not large:
            break
        line = _LINE_END.search(data, at)
        if line is None:
            return _Found(kept.records(), at, "line") if large else _Found(kept.records(), at)
        if (
            open_end
            and not ended
            and not _rows_follow(data[at : line.start()], data[line.end() : line.end() + _STEP], dialect)
        ):
            return _Found(kept.records(), at, "record")
        _refuse(kept, data[at : line.end()], dialect, NEVER if open_end else AFTER_CLOSE)
        at = line.end()
        if large:
            break  # what follows may be regular, and is much
    return _Found(kept.records(), at)


def _take(kept: _Kept, record: bytes, dialect: Dialect, most: int) -> None:
    text = record.rstrip(b"\r\n") if len(record) > most else record
    if len(text) > most:
        kept.refuse(too_long(len(text), most))
    elif dialect.columns == 1 or record.strip(b"\r\n"):
        kept.add(record)


def _refuse(kept: _Kept, line: bytes, dialect: Dialect, why: str) -> None:
    if dialect.lenient:
        mark = dialect.delimiter.encode()
        fields = line.rstrip(b"\r\n").split(mark)
        kept.add(mark.join(b'"' + f.replace(b'"', b'""') + b'"' if f[:1] == b'"' else f for f in fields) + b"\n")
        return
    shown = line.rstrip(b"\r\n")[:80].decode(errors="replace")
    kept.refuse(f"{why}: {shown}")


def _rows_follow(line: bytes, behind: bytes, dialect: Dialect) -> bool:
    """Whether what stands behind a line looks like rows of its own, and not like the lines of one long field.

    Rows have as many fields, and numbers where the line has them.
    """
    lines = behind.split(b"\n", _PROBED)[:-1]
    first, *rows = (part.decode(errors="replace").split(dialect.delimiter) for part in (line, *lines))
    whole = next((i for i, text in enumerate(first) if text.startswith('"')), 0)
    numbers = [i for i, text in enumerate(first[:whole]) if _NUMBER.fullmatch(text)]
    alike = [len(row) == dialect.columns and all(_NUMBER.fullmatch(row[i]) for i in numbers) for row in rows]
    return 2 * sum(alike) >= len(rows)


def _passed(stream: IO[bytes], data: bytes, what: str) -> tuple[int, bytes, bool]:
    """(bytes of the rest of the line or record that the text begins, text behind it, whether the stream has ended)."""
    dropped = inside = 0
    while True:
        around = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(around == 10) + 1
        if what == "record":
            quotes = np.flatnonzero(around == 34)
            ends = ends[(np.searchsorted(quotes, ends) + inside) % 2 == 0]
            inside += len(quotes)
        if len(ends):
            return dropped + int(ends[0]), data[int(ends[0]) :], False
        dropped += len(data)
        data = stream.read(_STEP)
        if not data:
            return dropped, b"", True
