"""csv and tsv with a header line: cut into records in order, parsed by pyarrow and typed in `load`.

An empty field without quotes is NULL. A column is BOOLEAN, BIGINT or DOUBLE only when every value of the file is
written as such a value would be printed (`007` and dates stay VARCHAR), so the whole file is read for the types of its
columns. NaN and infinity are numbers. Numbers that a DOUBLE would round stay VARCHAR.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from juicesql.errors import SourceError
from juicesql.sources.files import Bounded, LocalFile, opened
from juicesql.sources.model import EXACT, Bad, Parsed, Piece
from juicesql.sources.records import Dialect, Records, records

SCAN_BYTES = 8 << 20
_SNIFF = 1 << 16
_HEAD = 1 << 20
_QUOTED = re.compile(r'(?:^|(?<=[\t\n]))"(?:[^"]|"")*"(?=[\t\r\n]|\Z)')
_LOOSE = re.compile(r'(?:^|[\t\n])"')
_BOM = b"\xef\xbb\xbf"
_SPECIAL = r"(nan|NaN|NAN|-?([Ii]nf|INF|[Ii]nfinity|INFINITY))"
_PATTERNS = (
    (pa.bool_(), r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"),
    (pa.int64(), r"^(0|-?[1-9][0-9]{0,18})$"),
    (pa.float64(), rf"^(-?(0|[1-9][0-9]{{0,18}})(\.[0-9]{{1,17}})?([eE][-+]?[0-9]{{1,2}})?|{_SPECIAL})$"),
)
_LONG = r"^-?[0-9]{16,}(\.[0-9]+)?$"


@dataclass(frozen=True)
class Layout:
    """What the head of a file says: its columns, how it separates, and where its rows begin (bytes, decompressed)."""

    names: tuple[str, ...]
    dialect: Dialect
    start: int


@dataclass(frozen=True)
class Delimited:
    """A csv or tsv file."""

    file: LocalFile
    tabs: bool

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        types = _types(self.file, self.tabs)
        return pa.schema(
            [(n, pa.string() if pa.types.is_null(t.kind) and t.special else t.kind) for n, t in types.items()]
        )

    def rounds(self, column: str, kind: pa.DataType) -> bool:
        """Whether the column holds an integer that a DOUBLE would round."""
        return _types(self.file, self.tabs)[column].large

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        layout = _layout(self.file, self.tabs)
        first = done = 0
        with _body(self.file, layout, max_bytes) as (blocks, raw):
            for block in blocks:
                size, done = raw.position - done, raw.position
                for start in range(0, block.rows, max_rows):
                    stop = min(start + max_rows, block.rows)
                    part, positions = _part(block, start, stop)
                    share = size * stop // block.rows - size * start // block.rows
                    load = partial(_load, part, positions, layout, schema)
                    yield Piece(first + start, stop - start, share, load)
                first += block.rows


def _part(block: Records, start: int, stop: int) -> tuple[Records, list[int] | None]:
    """(rows `start` to `stop` of a block, positions of the good ones; None for all)."""
    bad = tuple(Bad(b.position - start, b.message) for b in block.bad if start <= b.position < stop)
    before = sum(b.position < start for b in block.bad) if block.bad else 0
    low, high = start - before, stop - before - len(bad)
    offset = int(block.ends[low - 1]) if low else 0
    data = block.data[offset : int(block.ends[high - 1])] if high > low else b""
    refused = {b.position for b in bad}
    positions = [i for i in range(stop - start) if i not in refused] if bad else None
    return Records(data, block.ends[low:high] - offset, stop - start, bad), positions


@contextmanager
def _body(file: LocalFile, layout: Layout, max_bytes: int) -> Iterator[tuple[Iterator[Records], Bounded]]:
    """(the records behind the header, the raw file)."""
    with opened(file) as (stream, raw):
        left = layout.start
        while left and (passed := len(stream.read(left))):
            left -= passed
        yield records(stream, layout.dialect, max_bytes, file.most), raw


@lru_cache(maxsize=256)
def _layout(file: LocalFile, tabs: bool) -> Layout:
    with opened(file) as (stream, _):
        head = _head(stream, file.most)
    skipped = len(_BOM) if head.startswith(_BOM) else 0
    text = head[skipped:].lstrip(b"\r\n")
    skipped = len(head) - len(text)
    if not text:
        return Layout((), Dialect(",", True, 0), skipped)
    try:
        first = re.split(r"[\r\n]", text[:_HEAD].decode(errors="replace"))[0]
        dialect = Dialect("\t" if tabs else _delimiter(first), _quotes(text, tabs), 0, tabs)
        match = dialect.record.match(text if len(text) > _HEAD else text + b"\n")
        if match is None:
            raise ValueError("its header line is not closed")
        names = next(csv.reader([match[0].decode().rstrip("\r\n")], delimiter=dialect.delimiter, strict=False))
    except (ValueError, csv.Error) as error:
        mend = "the first line has to name the columns, in UTF-8, with every quote closed"
        raise SourceError.of("broken-csv", f"`{file.name}` cannot be cut into rows: {error}", mend) from None
    if not dialect.quoted:
        names = match[0].decode().rstrip("\r\n").split(dialect.delimiter)
    named = _named(file, names)
    dialect = Dialect(dialect.delimiter, dialect.quoted, len(named), tabs)
    return Layout(named, dialect, skipped + min(len(match[0]), len(text)))


def _head(stream: IO[bytes], most: int) -> bytes:
    """The first MiB, or as much as the first line that is not blank takes."""
    data = b""
    while len(data) <= most and (more := stream.read(_HEAD)):
        data += more
        if len(data) >= _HEAD and b"\n" in data.lstrip(b"\xef\xbb\xbf\r\n"):
            break
    return data


def _delimiter(header: str) -> str:
    """The candidate that gives the header most fields; a comma when none does."""
    return max(",;\t|", key=lambda d: len(next(csv.reader([header], delimiter=d), [])))


def _quotes(text: bytes, tabs: bool) -> bool:
    """tsv knows no quotes unless every field that begins with one is quoted properly."""
    sample = text[:_SNIFF].decode(errors="replace")
    loose = _LOOSE.search(_QUOTED.sub("", sample)) if tabs else None
    cut_off = loose is not None and len(sample) > _SNIFF // 4 and '"' not in loose.string[loose.end() :]
    return loose is None or cut_off


def _named(file: LocalFile, names: list[str]) -> tuple[str, ...]:
    """Names for all columns: one without a name is named by its place, as DuckDB does. Raises SourceError for twins."""
    for name in names:
        if name and names.count(name) > 1:
            message = f"`{file.name}` has two columns named `{name}`"
            raise SourceError.of("duplicate-column", message, "rename one of them in the header")
    taken = {name.casefold() for name in names}
    found = []
    for i, name in enumerate(names):
        made, number = name, i
        while not made or (not name and made in taken):
            made = f"column{number}"
            number += len(names)
        found.append(made)
    return tuple(found)


@dataclass(frozen=True)
class Values:
    """What a column holds: the type of all values, and whether there are NaN or infinities, or large integers.

    A large integer is one that a DOUBLE would round. The type of NaN and infinities alone is null.
    """

    kind: pa.DataType
    special: bool = False
    large: bool = False

    def merge(self, other: Values) -> Values:
        """The type of the values of both."""
        special, large = self.special or other.special, self.large or other.large
        a, b = self.kind, other.kind
        if pa.types.is_null(a) or pa.types.is_null(b) or a.equals(b):
            kind = b if pa.types.is_null(a) else a
        else:
            kind = pa.float64() if {str(a), str(b)} == {"int64", "double"} else pa.string()
        if special and pa.types.is_integer(kind):
            kind = pa.float64()
        if (large and pa.types.is_floating(kind)) or (special and pa.types.is_boolean(kind)):
            kind = pa.string()
        return Values(kind, special, large)


@lru_cache(maxsize=256)
def _types(file: LocalFile, tabs: bool) -> Mapping[str, Values]:
    """What each column holds. Columns of text are not looked at any further once they are known to be such."""
    layout = _layout(file, tabs)
    found = dict.fromkeys(layout.names, Values(pa.null()))
    if not found:
        return found
    with _body(file, layout, SCAN_BYTES) as (blocks, _):
        for block in blocks:
            asked = [n for n, t in found.items() if not pa.types.is_string(t.kind)]
            if not asked:
                break
            table = _table(block.data, layout, asked, [])
            for name in asked:
                found[name] = found[name].merge(_values(table[name]))
    return found


def _values(column: pa.ChunkedArray) -> Values:
    values = column.drop_null().cast(pa.large_binary())
    if not len(values):
        return Values(pa.null())
    for kind, pattern in _PATTERNS:
        if not pc.all(pc.match_substring_regex(values, pattern)).as_py():
            continue
        if pa.types.is_boolean(kind):
            return Values(kind)
        special = pa.types.is_floating(kind) and pc.match_substring_regex(values, f"^{_SPECIAL}$")
        found = Values(
            pa.null() if special and pc.all(special).as_py() else kind, bool(special and pc.any(special).as_py())
        )
        large = _large(values)
        return Values(pa.string()) if large is None else found.merge(Values(pa.null(), False, large))
    return Values(pa.string())


def _large(values: pa.ChunkedArray) -> bool | None:
    """Whether a number is beyond EXACT; None when an integer is beyond BIGINT."""
    long = pc.unique(values.filter(pc.match_substring_regex(values, _LONG)))
    least, most = (
        pc.min_max(long.cast(pa.large_string()).cast(pa.decimal256(40, 20))).as_py().values() if len(long) else (0, 0)
    )
    if least < -(2**63) or most >= 2**63:
        return None
    return bool(least < -EXACT or most > EXACT)


def _table(data: bytes, layout: Layout, names: list[str] | None, skipped: list[Any]) -> pa.Table:
    """Records as columns of bytes; rows with another number of fields go to `skipped`."""
    chosen = list(layout.names) if names is None else names
    if not data:
        return pa.table({n: pa.array([], pa.binary()) for n in chosen})

    def skip(row: Any) -> str:
        skipped.append(row)
        return "skip"

    one = len(layout.names) == 1
    return pcsv.read_csv(
        pa.BufferReader(data),
        pcsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(layout.names)),
        pcsv.ParseOptions(
            delimiter=layout.dialect.delimiter,
            quote_char='"' if layout.dialect.quoted else False,
            newlines_in_values=True,
            ignore_empty_lines=not one,
            invalid_row_handler=skip,
        ),
        pcsv.ConvertOptions(
            column_types=dict.fromkeys(layout.names, pa.binary()),
            include_columns=chosen,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _load(part: Records, positions: list[int] | None, layout: Layout, schema: pa.Schema) -> Parsed:
    """The rows under the wanted types; rows that are ragged or hold what does not fit move to the bad ones."""
    skipped: list[Any] = []
    table = _table(part.data, layout, None, skipped)
    good = np.arange(part.rows) if positions is None else np.array(positions, np.int64)
    bad = list(part.bad)
    for row in skipped:
        shown = row.text[:80] if isinstance(row.text, str) else ""
        message = f"{row.actual_columns} columns instead of {row.expected_columns}: {shown}"
        bad.append(Bad(int(good[row.number - 1]), message))
    good = np.delete(good, [row.number - 1 for row in skipped])
    failed: dict[int, str] = {}
    columns = {f.name: _column(table[f.name], f, failed) for f in schema if f.name in table.column_names}
    typed = pa.table(columns)
    bad += [Bad(int(good[i]), message) for i, message in failed.items()]
    if failed:
        kept = np.delete(np.arange(len(good)), list(failed))
        typed, good = typed.take(pa.array(kept)), good[kept]
    everything = len(good) == part.rows
    ordered = tuple(sorted(bad, key=lambda b: b.position))
    return Parsed(typed, None if everything else pa.array(good, pa.int64()), ordered)


def _column(column: pa.ChunkedArray, field: pa.Field, failed: dict[int, str]) -> pa.ChunkedArray:
    try:
        return column.cast(pa.string()).cast(field.type)
    except pa.ArrowInvalid:
        pass
    values: list[Any] = []
    for i, value in enumerate(column.to_pylist()):
        try:
            values.append(None if value is None else pa.scalar(value.decode()).cast(field.type).as_py())
        except UnicodeDecodeError as error:
            values.append(None)
            failed.setdefault(i, f"column `{field.name}`: invalid UTF-8 at byte {error.start}")
        except pa.ArrowInvalid as error:
            values.append(None)
            failed.setdefault(i, f"column `{field.name}`: {error}")
    return pa.chunked_array([pa.array(values, field.type)])
