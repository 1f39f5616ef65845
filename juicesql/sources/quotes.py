"""Rows of a csv file whose quotes are not what they seem, which a lenient parser would join with their neighbours.

A quote opens a field only at the field's start (elsewhere it is an ordinary character) and closes it only before a
delimiter, a line end or the end of the file.
"""

from __future__ import annotations

import io
import re
from typing import IO, Any

import numpy as np

from juicesql.sources.files import LocalFile, opened

_STEP = 1 << 20
_AFTER_CLOSE = "a closing quote in row {} is followed by other text"
_NEVER = "a quote that opens in row {} is never closed"


class Watched(io.RawIOBase):
    """A stream that notices, at the cost of one numpy pass, whether any quote needs a closer look."""

    def __init__(self, stream: IO[bytes], delimiter: str) -> None:
        super().__init__()
        self._stream, self.irregular = stream, False
        self._inside, self._tail = False, b"\n"
        self._edges = np.zeros(256, bool)
        self._edges[list(b'"\r\n' + delimiter.encode())] = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view)) or b""
        view[: len(data)] = data
        if not self.irregular:
            self._look(data)
        return len(data)

    def _look(self, data: bytes) -> None:
        """Every quote but the last byte's is judged with its neighbours; that one waits for the next call."""
        joined = self._tail + data + (b"" if data else b"\n")
        self._tail = joined[-2:] if joined[-1:] == b'"' else joined[-1:]
        if b'"' not in joined[1:]:
            self.irregular = self._inside and not data
            return
        around = np.frombuffer(joined, np.uint8)
        at = np.flatnonzero(around[1:-1] == 34) + 1
        opening = (np.arange(len(at)) + self._inside) % 2 == 0
        beside = np.where(opening, around[at - 1], around[at + 1])
        self._inside ^= bool(len(at) % 2)
        self.irregular = not bool(self._edges[beside].all()) or (self._inside and not data)


def malformed(file: LocalFile, delimiter: str) -> dict[int, str]:
    """Message by row (from 0, the header is -1) of every row with a malformed quote. Reads the whole file."""
    scan = _Scan(delimiter)
    with opened(file) as (stream, _):
        while data := stream.read(_STEP):
            scan.feed(data)
    return scan.finish()


class _Scan:
    def __init__(self, delimiter: str) -> None:
        self._edges = b"\r\n" + delimiter.encode()
        self._found: dict[int, str] = {}
        self._row, self._inside, self._rest, self._before, self._blank = -1, False, b"", b"\n", True

    def feed(self, data: bytes) -> None:
        joined = self._rest + data
        end = len(joined) - 1
        if joined[:3] == b"\xef\xbb\xbf" and self._before == b"\n" and self._row == -1:
            joined, end = joined[3:], end - 3
        self._walk(joined, end)

    def finish(self) -> dict[int, str]:
        self._walk(self._rest + b"\n", len(self._rest))
        if self._inside:
            self._found[self._row] = _NEVER.format(self._row + 1)
        return self._found

    def _walk(self, data: bytes, end: int) -> None:
        """Bytes up to `end`, which is kept because a quote must see the byte after it."""
        start = 0
        skip = -1
        for match in _MARKS.finditer(data, 0, end):
            at = match.start()
            if at == skip:
                continue
            before = data[at - 1 : at] if at else self._before
            if data[at] == 34:
                self._blank = False
                if not self._inside:
                    self._inside = before in self._edges
                elif data[at + 1] == 34:
                    skip = at + 1
                else:
                    self._inside = False
                    if data[at + 1] not in self._edges:
                        self._found.setdefault(self._row, _AFTER_CLOSE.format(self._row + 1))
            elif not self._inside:
                blank = self._blank and not data[start:at].strip(b"\r")
                self._row += not blank
                self._blank = True
            start = at + 1
        if data[start:end].strip(b"\r"):
            self._blank = False
        if skip == end:
            # The pair's second quote is consumed: what follows it is judged as inside the field.
            self._rest, self._before = b"", b'"'
            return
        self._rest, self._before = data[end:], data[end - 1 : end] or self._before


_MARKS = re.compile(rb'["\n]')
