"""JSON lines, plain or compressed: cut at newlines in fixed steps from the file's start, parsed in `load`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

import numpy as np
import pyarrow as pa

from juicesql.sources.carried import Carry, parse_carried
from juicesql.sources.files import LocalFile, opened, read_range
from juicesql.sources.jsonparse import content_lines, parse_block
from juicesql.sources.jsonvalues import Misfit, Shape, decode_line, schema_of, widen
from juicesql.sources.model import Bad, Parsed, Piece, too_long

SAMPLE_BYTES = 4 << 20
SAMPLE_ROWS = 20_000
_SPOTS = 4
_SPOT_BYTES = 512 << 10
Newlines = np.ndarray[tuple[int], np.dtype[np.int64]]
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines at an offset of the (decompressed) file. `rows` counts lines that are not blank.

    A line of more bytes than a row may have is a block of its own without `data`; `dropped` are its bytes.
    """

    offset: int
    data: memoryview
    rows: int
    clean: bool
    dropped: int = 0

    @property
    def end(self) -> int:
        """The offset of the next block."""
        return self.offset + len(self.data) + self.dropped


@dataclass(frozen=True)
class JsonLines:
    """A jsonl file. Plain files are read again in `load`; compressed blocks stay with their piece."""

    file: LocalFile
    sample_bytes: int = SAMPLE_BYTES
    carry: Carry | None = None

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        return schema_of(self.shape({}, full_scan))

    def shape(self, shape: dict[str, Shape], full_scan: bool) -> dict[str, Shape]:
        """`shape` widened by the file's head and, when it can be sought in, by spots spread over it."""
        for data in self._everything() if full_scan else self._sample():
            for line in content_lines(data)[: None if full_scan else SAMPLE_ROWS]:
                try:
                    value = decode_line(line)
                except Misfit:
                    continue
                if isinstance(value, dict):
                    shape = widen(shape, value)
        return shape

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        first_row = done = 0
        with opened(self.file) as (stream, raw):
            for block in blocks(stream, max_bytes, max_rows, self.file.most):
                position = raw.position if self.file.compression else block.end
                if block.dropped:
                    load = partial(_refused, too_long(block.dropped, self.file.most), schema)
                elif self.file.compression:
                    load = partial(_parse, bytes(block.data), block.rows, block.clean, schema, self.carry)
                else:
                    place = (self.file, block.offset, len(block.data), block.rows, block.clean)
                    load = partial(_reload, *place, schema, self.carry)
                if block.rows:
                    yield Piece(first_row, block.rows, position - done, load)
                    first_row, done = first_row + block.rows, position

    def _everything(self) -> Iterator[bytes]:
        with opened(self.file) as (stream, _):
            for block in blocks(stream, SAMPLE_BYTES, 1 << 30, self.file.most):
                yield bytes(block.data)

    def _sample(self) -> Iterator[bytes]:
        with opened(self.file) as (stream, _):
            for head in blocks(stream, self.sample_bytes, 1 << 30, self.file.most):
                yield bytes(head.data)
                if head.rows and not head.dropped:
                    break
        size, step = self.file.info.size, min(_SPOT_BYTES, self.sample_bytes // 8)
        if self.file.compression or size <= self.sample_bytes + step * (_SPOTS + 1) or step < 1 << 16:
            return
        for i in range(1, _SPOTS + 1):
            data = read_range(self.file, size * i // _SPOTS - step, step)
            yield data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1]


def blocks(stream: IO[bytes], max_bytes: int, max_rows: int, most: int) -> Iterator[Block]:
    """The stream in blocks of whole lines; each `data` is valid until the next block is asked for.

    No more than about `most` bytes of a line are ever held.
    """
    buffer, filled, offset, ended = bytearray(max_bytes), 0, 0, False
    while not ended or filled:
        while filled < len(buffer) and not ended:
            with memoryview(buffer) as view:
                count = stream.readinto(view[filled:])  # type: ignore[attr-defined]
            filled, ended = filled + count, not count
        skip = 3 if offset == 0 and buffer.startswith(_BOM) else 0
        end = filled if ended else buffer.rfind(b"\n", 0, filled) + 1
        if not end and filled > most:
            dropped, filled = _skip_line(stream, buffer, filled)
            yield Block(offset, memoryview(b""), 1, False, dropped)
            offset += dropped
            continue
        if not end and filled:
            buffer.extend(bytes(min(len(buffer), most + 1 - len(buffer))))
            continue
        for start, stop, long in _runs(buffer, skip, end, most):
            if long:
                yield Block(offset + start, memoryview(b""), 1, False, stop - start)
                continue
            for first, last, newlines in _cuts(buffer, start, stop, max_rows):
                rows, clean = _count(buffer, first, last, newlines)
                with memoryview(buffer) as view, view[first:last] as part:
                    yield Block(offset + first, part, rows, clean)
        buffer[: filled - end] = buffer[end:filled]
        filled, offset = filled - end, offset + end


def _skip_line(stream: IO[bytes], buffer: bytearray, filled: int) -> tuple[int, int]:
    """(bytes of the line whose first `filled` are in the buffer, bytes after it, which lie in the buffer then)."""
    dropped = filled
    while count := stream.readinto(buffer):  # type: ignore[attr-defined]
        end = buffer.find(b"\n", 0, count) + 1
        if end:
            buffer[: count - end] = buffer[end:count]
            return dropped + end, count - end
        dropped += count
    return dropped, 0


def _runs(buffer: bytearray, start: int, end: int, most: int) -> Iterator[tuple[int, int, bool]]:
    """(start, stop, whether it is one line that is too long) of the runs of lines in the block."""
    if end - start > most:
        newlines = np.flatnonzero(np.frombuffer(buffer, np.uint8, end - start, start) == 10) + start
        stops = np.append(newlines + 1, end)
        sizes = np.diff(stops, prepend=start) - 1
        sizes[-1] += buffer[end - 1] != 10
        for i in np.flatnonzero(sizes > most):
            first = int(stops[i - 1]) if i else start
            if start < first:
                yield start, first, False
            yield first, int(stops[i]), True
            start = int(stops[i])
    if start < end:
        yield start, end, False


def _cuts(buffer: bytearray, start: int, end: int, max_rows: int) -> Iterator[tuple[int, int, Newlines]]:
    """The block again in parts of at most `max_rows` lines, each with the places of its newlines.

    Numpy looks for them, because it lets other threads run meanwhile.
    """
    newlines = np.flatnonzero(np.frombuffer(buffer, np.uint8, end - start, start) == 10) + start
    for first in range(0, len(newlines), max_rows):
        part = newlines[first : first + max_rows]
        stop = int(part[-1]) + 1 if len(part) == max_rows else end
        yield start, stop, part
        start = stop
    if start < end:
        yield start, end, newlines[:0]


def _count(buffer: bytearray, start: int, end: int, newlines: Newlines) -> tuple[int, bool]:
    """(rows, whether each line begins with `{` and ends with `}`).

    `}`, newline, `{` cannot stand inside a JSON document, so such a newline ends one.
    """
    last = end - 1 if buffer[end - 1] == 10 else end
    inner = newlines[newlines < last]
    if buffer[start] == 123 and buffer[max(last - 2, start) : last].rstrip(b"\r").endswith(b"}"):
        data = np.frombuffer(buffer, np.uint8)
        before = data[inner - 1]
        closed = (before == 125) | ((before == 13) & (data[np.maximum(inner - 2, start)] == 125))
        if closed.all() and (data[inner + 1] == 123).all():
            return len(inner) + 1, True
    return len(content_lines(bytes(buffer[start:end]))), False


def _reload(
    file: LocalFile, offset: int, length: int, rows: int, clean: bool, schema: pa.Schema, carry: Carry | None
) -> Parsed:
    return _parse(read_range(file, offset, length), rows, clean, schema, carry)


def _parse(data: bytes, rows: int, clean: bool, schema: pa.Schema, carry: Carry | None) -> Parsed:
    return parse_carried(data, schema, carry) if carry else parse_block(data, rows, clean, schema)


def _refused(message: str, schema: pa.Schema) -> Parsed:
    """One row that is an error."""
    return Parsed(schema.empty_table(), pa.array([], pa.int64()), (Bad(0, message),))
