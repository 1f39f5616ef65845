"""csv and tsv with a header line: parsed in order by pyarrow, typed in `load`. Broken rows keep their number.

An empty field without quotes is NULL. A column is BOOLEAN, BIGINT or DOUBLE only when every value of the sample is
written as such a value would be printed (`007` and dates stay VARCHAR).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from juicesql.errors import SourceError
from juicesql.sources.columns import merge_types
from juicesql.sources.files import Bounded, LocalFile, opened
from juicesql.sources.model import Bad, Parsed, Piece
from juicesql.sources.quotes import Watched, malformed

SAMPLE_BYTES = 2 << 20
_SNIFF = 1 << 16
_QUOTED = re.compile(r'(?:^|(?<=[\t\n]))"(?:[^"]|"")*"(?=[\t\r\n]|\Z)')
_LOOSE = re.compile(r'(?:^|[\t\n])"')
_PATTERNS = (
    (pa.bool_(), r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"),
    (pa.int64(), r"^(0|-?[1-9][0-9]{0,17})$"),
    (pa.float64(), r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][-+]?[0-9]{1,2})?$"),
)
_SQL = {"bool": "BOOLEAN", "int64": "BIGINT", "double": "DOUBLE", "string": "VARCHAR"}


@dataclass(frozen=True)
class Batch:
    """Rows of a block as bytes. `numbers` are theirs in the file, from 0; `bad` are the rows left out."""

    table: pa.Table
    numbers: list[int]
    bad: tuple[Bad, ...]
    bytes: int


@dataclass(frozen=True)
class Delimited:
    """A csv or tsv file."""

    file: LocalFile
    tabs: bool

    @property
    def name(self) -> str:
        return self.file.name

    def schema(self, full_scan: bool) -> pa.Schema:
        fields: dict[str, pa.DataType] = dict.fromkeys(self._header(), pa.null())
        for batch in self._batches(SAMPLE_BYTES):
            for name in fields:
                fields[name] = _merge(fields[name], _type_of(batch.table[name]))
            if not full_scan:
                break
        return pa.schema([(n, pa.string() if pa.types.is_null(t) else t) for n, t in fields.items()])

    def pieces(self, schema: pa.Schema, max_bytes: int, max_rows: int) -> Iterator[Piece]:
        first = 0
        for batch in self._batches(max_bytes):
            total = len(batch.numbers) + len(batch.bad)
            for start in range(first, first + total, max_rows):
                stop = min(start + max_rows, first + total)
                bad = tuple(Bad(b.position - start, b.message) for b in batch.bad if start <= b.position < stop)
                kept = [i for i, n in enumerate(batch.numbers) if start <= n < stop]
                table = batch.table.slice(kept[0], len(kept)) if kept else batch.table.slice(0, 0)
                positions = pa.array([batch.numbers[i] - start for i in kept], pa.int64()) if bad else None
                size = batch.bytes * (stop - first) // total - batch.bytes * (start - first) // total
                yield Piece(start, stop - start, size, partial(_typed, table, positions, bad, schema))
            first += total

    def _header(self) -> list[str]:
        with opened(self.file) as (stream, _):
            line = _head(stream).decode("utf-8-sig", "replace")
        if not line.strip():
            return []
        names = next(csv.reader([line.lstrip("\r\n")], delimiter=self._delimiter(line)), [])
        for name in names:
            if names.count(name) > 1:
                message = f"`{self.name}` has two columns named `{name}`"
                raise SourceError.of("duplicate-column", message, "rename one of them in the header")
        return names

    def _delimiter(self, header: str) -> str:
        """The candidate that gives the header most fields; a comma when none does."""
        if self.tabs:
            return "\t"
        return max(",;\t|", key=lambda d: len(next(csv.reader([header], delimiter=d), [])))

    def _quoted(self, sample: str) -> str | bool:
        """tsv knows no quotes unless every field that begins with one is quoted properly."""
        loose = _LOOSE.search(_QUOTED.sub("", sample)) if self.tabs else None
        cut_off = loose is not None and len(sample) > _SNIFF // 4 and '"' not in loose.string[loose.end() :]
        return '"' if loose is None or cut_off else False

    def _batches(self, block_size: int) -> Iterator[Batch]:
        names = self._header()
        if not names:
            return
        skipped: list[Any] = []

        def skip(row: Any) -> str:
            skipped.append(row)
            return "skip"

        with opened(self.file) as (stream, _):
            sample = _head(stream, _SNIFF).decode("utf-8-sig", "replace")
        parse = pcsv.ParseOptions(
            delimiter=self._delimiter(re.split(r"[\r\n]", sample.lstrip("\r\n"))[0]),
            quote_char=self._quoted(sample),
            newlines_in_values=True,
            invalid_row_handler=skip,
        )
        convert = pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        read = pcsv.ReadOptions(use_threads=False, block_size=block_size)
        broken: dict[int, str] | None = None
        with opened(self.file) as (stream, raw), _csv_errors(self.file):
            watched = Watched(stream, parse.delimiter)
            source = stream if parse.quote_char is False else watched
            done = following = 0
            for batch in pcsv.open_csv(source, read_options=read, parse_options=parse, convert_options=convert):
                if batch.num_columns != len(names):
                    raise pa.ArrowInvalid(f"the header line has {len(names)} names for {batch.num_columns} columns")
                table = pa.table(batch).rename_columns(names)
                result, following = _numbered(table, skipped, following, raw, done)
                done = raw.position
                if watched.irregular and broken is None:
                    broken = malformed(self.file, parse.delimiter)
                yield _without(result, broken) if broken else result
            if skipped:
                none = pa.table(dict.fromkeys(names, pa.array([], pa.binary())))
                yield _numbered(none, skipped, following, raw, done)[0]


def _numbered(table: pa.Table, skipped: list[Any], following: int, raw: Bounded, done: int) -> tuple[Batch, int]:
    """Gives the rows their numbers around the skipped ones. The parser counts the header as row 1."""
    numbers: list[int] = []
    bad: list[Bad] = []
    left = table.num_rows
    while left or (skipped and skipped[0].number - 2 == following):
        if skipped and skipped[0].number - 2 == following:
            row = skipped.pop(0)
            shown = row.text[:80] if isinstance(row.text, str) else ""
            message = f"{row.actual_columns} columns instead of {row.expected_columns} in row {following + 1}: {shown}"
            bad.append(Bad(following, message))
            following += 1
            continue
        run = min(left, skipped[0].number - 2 - following) if skipped else left
        numbers.extend(range(following, following + run))
        following, left = following + run, left - run
    return Batch(table, numbers, tuple(bad), raw.position - done), following


def _without(batch: Batch, broken: dict[int, str]) -> Batch:
    """The batch with its malformed rows among the bad ones."""
    hit = [n for n in batch.numbers if n in broken]
    if not hit:
        return batch
    keep = [i for i, n in enumerate(batch.numbers) if n not in broken]
    bad = sorted([*batch.bad, *(Bad(n, broken[n]) for n in hit)], key=lambda b: b.position)
    return Batch(
        batch.table.take(pa.array(keep, pa.int64())), [batch.numbers[i] for i in keep], tuple(bad), batch.bytes
    )


@contextmanager
def _csv_errors(file: LocalFile) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        mend = "look for a quote that is never closed; a record must fit into the block (8 MB)"
        raise SourceError.of("broken-csv", f"`{file.name}` cannot be cut into rows: {error}", mend) from None


def _head(stream: Any, size: int = 1 << 20) -> bytes:
    """The first line that is not blank, or with `size` given about that many bytes."""
    data: bytes = stream.read(size) or b""
    while data and size != _SNIFF and b"\n" not in data.lstrip(b"\r\n") and (more := stream.read(size)):
        data += more
    return data if size == _SNIFF else data.lstrip(b"\r\n").replace(b"\r", b"\n").partition(b"\n")[0]


def _type_of(column: pa.ChunkedArray) -> pa.DataType:
    values = column.drop_null()
    if not len(values):
        return pa.null()
    for kind, pattern in _PATTERNS:
        if pc.all(pc.match_substring_regex(values.cast(pa.large_binary()), pattern)).as_py():
            return kind
    return pa.string()


def _merge(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    return merge_types(a, b) or pa.string()


def _typed(table: pa.Table, positions: pa.Int64Array | None, bad: tuple[Bad, ...], schema: pa.Schema) -> Parsed:
    """The rows under the wanted types; rows with a value that does not fit move to `bad`."""
    failed: dict[int, str] = {}
    columns = {f.name: _column(table[f.name], f, failed) for f in schema if f.name in table.column_names}
    typed = pa.table(columns)
    if not failed:
        return Parsed(typed, positions, bad)
    all_positions = positions if positions is not None else pa.array(range(table.num_rows), pa.int64())
    good = pa.array([i for i in range(table.num_rows) if i not in failed], pa.int64())
    moved = [Bad(all_positions[i].as_py(), message) for i, message in failed.items()]
    return Parsed(typed.take(good), all_positions.take(good), tuple(sorted([*bad, *moved], key=lambda b: b.position)))


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
        except pa.ArrowInvalid:
            values.append(None)
            kind = _SQL.get(str(field.type), str(field.type))
            shown = value.decode()[:40]
            message = f"column `{field.name}` is {kind} by the sample, `{shown}` does not fit; full_scan=True widens it"
            failed.setdefault(i, message)
    return pa.chunked_array([pa.array(values, field.type)])
