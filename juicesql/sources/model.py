"""The nouns of sources: what is asked for, what is found, and the pieces that an engine loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from juicesql.restricted import Bounds
    from juicesql.sources.carried import Carry


MAX_ROW_BYTES = 64 << 20
EXACT = 1 << 53  # a DOUBLE holds every integer up to here


class SourceWidened(Exception):
    """A row has a value that the columns found by a sample have no place for: the source is to be opened again with a
    full scan. The text says which."""


@dataclass(frozen=True)
class SourceSpec:
    """What to read.

    Each input is `PATH`, `WEIGHT PATH`, or a whole string such as `0.5 a.jsonl 2 b.parquet`. A path is a file, a
    folder, a glob, a URL (`hf://`, `s3://`, `https://`), `duckdb:FILE.duckdb#schema.table`, or `empty:ROWS#column,...`
    for rows of NULLs. `columns` maps a new name to the column it is made of, `{"text": "content"}` or nested
    `{"text": "meta.text"}`. `format` overrides the suffix.
    `full_scan` infers the columns of text formats from every row instead of a sample. A row of more than
    `max_row_bytes` is an error row, and is read without being held whole. `within` says where its files may lie.
    """

    inputs: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    seed: int = 42
    base: Path = Path(".")
    full_scan: bool = False
    max_row_bytes: int = MAX_ROW_BYTES
    within: Bounds | None = None


@dataclass(frozen=True)
class RowError:
    """A row that cannot be read: it keeps its `sample_id`. `row` counts rows of the file from 0."""

    sample_id: int
    file: str
    row: int
    message: str


@dataclass(frozen=True)
class Kind:
    """Values of one kind (`strings`, `lists`, ...) in a column of several: their rows, and the JSON of one."""

    column: str
    name: str
    rows: int
    example: str


@dataclass(frozen=True)
class Loaded:
    """The rows of one morsel: `sample_id` BIGINT, then the columns of `Source.schema`, ordered by `sample_id`."""

    table: pa.Table
    file_rows: pa.Int64Array
    errors: tuple[RowError, ...]
    kinds: tuple[Kind, ...] = ()  # of columns of JSON that have text for what is no string


@dataclass(frozen=True)
class Morsel:
    """A run of consecutive rows; `rows` counts unreadable ones too, so it equals `table.num_rows + len(errors)`.

    `load` may run in any thread and more than once. Morsels of plain jsonl and txt hold no rows; those of other formats
    hold theirs until they are dropped, so walk `Source.morsels()` lazily.
    """

    index: int
    first_id: int
    rows: int
    bytes: int
    file: str
    load: Callable[[], Loaded]


@dataclass(frozen=True)
class FileInfo:
    """An input file as it was when the source was opened. Remote files have size 0 and mtime 0."""

    path: str
    size: int
    mtime_ns: int
    weight: float
    inode: int = 0


@dataclass(frozen=True)
class Bad:
    """A row that a reader could not read, by its position in the piece."""

    position: int
    message: str


def too_long(size: int, most: int) -> str:
    """The message of a row of more bytes than are allowed.

    >>> too_long(3 << 20, 1 << 20)
    'the row has 3,145,728 bytes, more than max_row_bytes (1,048,576)'
    """
    return f"the row has {size:,} bytes, more than max_row_bytes ({most:,})"


@dataclass(frozen=True)
class Parsed:
    """The readable rows of a piece under the raw schema. `positions` are theirs in the piece; None means all rows."""

    table: pa.Table
    positions: pa.Int64Array | None = None
    bad: tuple[Bad, ...] = ()
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Piece:
    """What a reader hands out: rows of one file before they get ids, or one row per file named in `documents`."""

    first_row: int
    rows: int
    bytes: int
    load: Callable[[], Parsed]
    documents: tuple[str, ...] = ()


class Reader(Protocol):
    """One file, run of documents or relation. Reads under the raw schema of the source; may lack columns of it."""

    @property
    def name(self) -> str:
        """The input as its user would name it."""

    def schema(self, full_scan: bool) -> pa.Schema:
        """The columns that the rows have by themselves."""

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        """The rows in order; raises SourceError where the input is damaged."""


class TypedReader(Protocol):
    """A reader of a file whose columns have types of their own, not those of their values."""

    @property
    def name(self) -> str:
        """The input as its user would name it."""

    def rounds(self, column: str, kind: pa.DataType) -> bool:
        """Whether an integer of the column would be rounded as `kind`, which has DOUBLE where the file has integers."""


@dataclass(frozen=True)
class Source:
    """An opened input. `schema` holds the data columns without `sample_id`."""

    schema: pa.Schema
    files: tuple[FileInfo, ...]
    total_bytes: int
    fingerprint: str
    _walk: Callable[[int, int], Iterator[Morsel]] = field(repr=False)
    mixed: frozenset[str] = frozenset()  # columns whose values have no common type: JSON text
    whole: bool = True  # no column is a part of one of the files
    renamed: tuple[tuple[str, str], ...] = ()  # (name in the files, column) where SQL cannot have the name
    _carried: Callable[[Carry], Source] | None = field(default=None, repr=False)

    def morsels(self, max_bytes: int = 8 << 20, max_rows: int = 8192) -> Iterator[Morsel]:
        """The rows in order. The same bounds give the same morsels, also after rows were appended to the last file."""
        return self._walk(max_bytes, max_rows)

    @property
    def carries(self) -> bool:
        """Whether `carrying` is possible: all of it is JSON."""
        return self._carried is not None

    @property
    def packs(self) -> bool:
        """Whether lines can be packed: its columns are those of the rows, and no parts of them."""
        return self.carries and self.whole

    def carrying(self, carry: Carry) -> Source:
        """The same rows with the columns that `carry` names, and a column of packed lines if it asks for them."""
        assert self._carried
        return self._carried(carry)

    def check_unchanged(self) -> None:
        """Raises SourceError that names every file whose size, time or inode is not what it was at opening."""
        from juicesql.sources.files import check_unchanged

        check_unchanged(self.files)
