"""Files that are one document each: columns `text` and `path`. A file that cannot be read costs its own row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from juicesql.sources.contents import HEAD, encoding_mend, kind_of, shown_path
from juicesql.sources.extraction import MAX_FILE, Extractor, check_libraries
from juicesql.sources.files import LocalFile, opened
from juicesql.sources.formats import EXTRACTED
from juicesql.sources.model import Bad, Parsed, Piece

SCHEMA = pa.schema([("text", pa.string()), ("path", pa.string())])
# Arrow strings hold 2 GiB a column; a document this big is no training sample.
MAX_DOCUMENT = 1 << 30
# Taking text out is so much more work than reading it: such files share a piece with fewer others.
EXTRACTION_WEIGHT = 4


@dataclass(frozen=True)
class Documents:
    """Consecutive documents of one input; many small ones share a piece."""

    files: tuple[LocalFile, ...]

    @property
    def name(self) -> str:
        return self.files[0].name

    def schema(self, full_scan: bool) -> pa.Schema:
        check_libraries({f.format: f.name for f in self.files if f.format in EXTRACTED})
        return SCHEMA

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        batch: list[LocalFile] = []
        work = 0
        for file in self.files:
            own = file.info.size * (EXTRACTION_WEIGHT if file.format in EXTRACTED else 1)
            if batch and (len(batch) >= max_rows or work + own > max_bytes):
                yield _piece(batch)
                batch, work = [], 0
            batch.append(file)
            work += own
        if batch:
            yield _piece(batch)


def _piece(files: Sequence[LocalFile]) -> Piece:
    size = sum(f.info.size for f in files)
    return Piece(0, len(files), size, partial(_load, tuple(files)), tuple(f.name for f in files))


def _load(files: tuple[LocalFile, ...]) -> Parsed:
    texts, paths, positions, bad = [], [], [], []
    with Extractor() as extractor:
        for position, file in enumerate(files):
            try:
                texts.append(_text(file, extractor))
                paths.append(file.name.encode(errors="replace").decode())
                positions.append(position)
            except ValueError as error:
                bad.append(Bad(position, str(error)))
    table = pa.table([pa.array(texts, pa.string()), pa.array(paths, pa.string())], schema=SCHEMA)
    return Parsed(table, pa.array(positions, pa.int64()), tuple(bad))


def _text(file: LocalFile, extractor: Extractor) -> str:
    """The document without a byte order mark; ValueError when it is none."""
    if file.format in EXTRACTED:
        data = _bytes(file, MAX_FILE, f"the document is over {MAX_FILE >> 20} MiB")
        return extractor.text(file.format, data, file.most)
    most = min(file.most, MAX_DOCUMENT)
    data = _bytes(file, most, f"the document has more bytes than max_row_bytes ({most:,})")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        kind = kind_of(bytes(data[:HEAD]))
        if kind.startswith("UTF"):
            raise ValueError(
                f"the text is in {kind}: {encoding_mend(kind, shown_path(file.name, Path(file.info.path)))}"
            ) from None
        raise ValueError(f"invalid UTF-8 at byte {error.start}") from None


def _bytes(file: LocalFile, most: int, message: str) -> bytearray:
    with opened(file) as (stream, _):
        data = bytearray()
        while chunk := stream.read(1 << 20):
            data += chunk
            if len(data) > most:
                raise ValueError(message)
    return data
