"""JSON lines, plain or compressed: cut at newlines in fixed steps from the file's start, parsed in `load`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

import numpy as np
import pyarrow as pa

from juicesql.sources.files import LocalFile, opened, read_range
from juicesql.sources.jsonparse import content_lines, parse_block
from juicesql.sources.jsonvalues import Misfit, Shape, decode_line, schema_of, widen
from juicesql.sources.model import Parsed, Piece

SAMPLE_BYTES = 4 << 20
SAMPLE_ROWS = 20_000
_SPOTS = 4
_SPOT_BYTES = 512 << 10
Newlines = np.ndarray[tuple[int], np.dtype[np.int64]]
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines at an offset of the (decompressed) file. `rows` counts lines that are not blank."""

    offset: int
    data: memoryview
    rows: int
    clean: bool


@dataclass(frozen=True)
class JsonLines:
    """A jsonl file. Plain files are read again in `load`; compressed blocks stay with their piece."""

    file: LocalFile
    sample_bytes: int = SAMPLE_BYTES

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
            for block in blocks(stream, max_bytes, max_rows):
                if self.file.compression:
                    load = partial(parse_block, bytes(block.data), block.rows, block.clean, schema)
                    position = raw.position
                else:
                    position = block.offset + len(block.data)
                    load = partial(_reload, self.file, block.offset, len(block.data), block.rows, block.clean, schema)
                if block.rows:
                    yield Piece(first_row, block.rows, position - done, load)
                    first_row, done = first_row + block.rows, position

    def _everything(self) -> Iterator[bytes]:
        with opened(self.file) as (stream, _):
            for block in blocks(stream, SAMPLE_BYTES, 1 << 30):
                yield bytes(block.data)

    def _sample(self) -> Iterator[bytes]:
        with opened(self.file) as (stream, _):
            for head in blocks(stream, self.sample_bytes, 1 << 30):
                yield bytes(head.data)
                break
        size, step = self.file.info.size, min(_SPOT_BYTES, self.sample_bytes // 8)
        if self.file.compression or size <= self.sample_bytes + step * (_SPOTS + 1) or step < 1 << 16:
            return
        for i in range(1, _SPOTS + 1):
            data = read_range(self.file, size * i // _SPOTS - step, step)
            yield data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1]


def blocks(stream: IO[bytes], max_bytes: int, max_rows: int) -> Iterator[Block]:
    """The stream in blocks of whole lines; each `data` is valid until the next block is asked for."""
    buffer, filled, offset, ended = bytearray(max_bytes), 0, 0, False
    while not ended or filled:
        while filled < len(buffer) and not ended:
            with memoryview(buffer) as view:
                count = stream.readinto(view[filled:])  # type: ignore[attr-defined]
            filled, ended = filled + count, not count
        skip = 3 if offset == 0 and buffer.startswith(_BOM) else 0
        end = filled if ended else buffer.rfind(b"\n", 0, filled) + 1
        if not end and filled:
            buffer.extend(bytes(len(buffer)))
            continue
        for start, stop, newlines in _cuts(buffer, skip, end, max_rows):
            rows, clean = _count(buffer, start, stop, newlines)
            with memoryview(buffer) as view, view[start:stop] as part:
                yield Block(offset + start, part, rows, clean)
        buffer[: filled - end] = buffer[end:filled]
        filled, offset = filled - end, offset + end


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


def _reload(file: LocalFile, offset: int, length: int, rows: int, clean: bool, schema: pa.Schema) -> Parsed:
    return parse_block(read_range(file, offset, length), rows, clean, schema)
