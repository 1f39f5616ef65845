"""Text files, one document each: columns `text` and `path`. A file that is not UTF-8 costs its own row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from juicesql.sources.files import LocalFile, opened
from juicesql.sources.model import Bad, Parsed, Piece

SCHEMA = pa.schema([("text", pa.string()), ("path", pa.string())])
# Arrow strings hold 2 GiB a column; a document this big is no training sample.
MAX_DOCUMENT = 1 << 30


@dataclass(frozen=True)
class Documents:
    """Consecutive text files of one input; many small ones share a piece."""

    files: tuple[LocalFile, ...]

    @property
    def name(self) -> str:
        return self.files[0].name

    def schema(self, full_scan: bool) -> pa.Schema:
        return SCHEMA

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        batch: list[LocalFile] = []
        size = 0
        for file in self.files:
            if batch and (len(batch) >= max_rows or size + file.info.size > max_bytes):
                yield _piece(batch, size)
                batch, size = [], 0
            batch.append(file)
            size += file.info.size
        if batch:
            yield _piece(batch, size)


def _piece(files: Sequence[LocalFile], size: int) -> Piece:
    return Piece(0, len(files), size, partial(_load, tuple(files)), tuple(f.name for f in files))


def _load(files: tuple[LocalFile, ...]) -> Parsed:
    texts, paths, positions, bad = [], [], [], []
    for position, file in enumerate(files):
        try:
            texts.append(_text(file))
            paths.append(file.name.encode(errors="replace").decode())
            positions.append(position)
        except ValueError as error:
            bad.append(Bad(position, str(error)))
    table = pa.table([pa.array(texts, pa.string()), pa.array(paths, pa.string())], schema=SCHEMA)
    return Parsed(table, pa.array(positions, pa.int64()), tuple(bad))


def _text(file: LocalFile) -> str:
    """The document without a byte order mark; ValueError when it is none."""
    with opened(file) as (stream, _):
        data = bytearray()
        while chunk := stream.read(1 << 20):
            data += chunk
            if len(data) > MAX_DOCUMENT:
                raise ValueError(f"the document is over {MAX_DOCUMENT >> 20} MiB")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"invalid UTF-8 at byte {error.start}") from None
