"""From a SourceSpec to a Source: readers in order, one schema over them, ids over their rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from juicesql.errors import SourceError
from juicesql.restricted import Bounds
from juicesql.sources import columns, inputs, relation
from juicesql.sources.carried import LINE, Carry
from juicesql.sources.delimited import Delimited
from juicesql.sources.documents import Documents
from juicesql.sources.empty import Empty
from juicesql.sources.files import LocalFile, describe
from juicesql.sources.jsonfile import JsonFile, is_lines
from juicesql.sources.jsonl import SAMPLE_BYTES, JsonLines
from juicesql.sources.jsonvalues import Shape, has_long, schema_of
from juicesql.sources.model import FileInfo, Loaded, Morsel, Piece, Reader, RowError, Source, SourceSpec, TypedReader
from juicesql.sources.parquet import Parquet
from juicesql.sources.weights import copies

# Sampling many files reads at least this much of each.
_LEAST_SAMPLE = 16 << 10


@dataclass(frozen=True)
class Entry:
    """A reader with the weight of its input and the seed of that input's sampling."""

    reader: Reader
    order: int
    weight: Fraction
    seed: int


def open_source(spec: SourceSpec, *, memory_limit: str | None = None) -> Source:
    """Finds the files, infers their columns from samples and returns what can be walked.

    Raises SourceError for anything missing, unreadable, contradictory or without columns. `memory_limit` is for DuckDB.
    """
    entries, files = _entries(spec, memory_limit)
    raw, mixed = _raw_schema(entries, spec.full_scan)
    if not raw.names:
        raise _nothing(spec, entries, files)
    lines = all(isinstance(e.reader, JsonLines | JsonFile) for e in entries)
    picks = columns.picks(raw, spec.columns, rename=lines)
    schema = pa.schema([(p.name, p.type) for p in picks])
    walk = partial(_walk, tuple(entries), raw, picks)
    source = Source(schema, tuple(files), sum(f.size for f in files), _fingerprint(spec, files), walk)
    renamed = tuple((p.column, p.name) for p in picks if lines and p.name != p.column and p.name not in spec.columns)
    whole = not any(p.fields for p in picks)
    unlike = frozenset(p.name for p in picks if p.column in mixed and not p.fields)
    source = replace(source, renamed=renamed, whole=whole, mixed=unlike)
    if lines:
        return replace(source, _carried=partial(_carrying, source, tuple(entries), raw, picks))
    return source


def _carrying(
    source: Source, entries: Sequence[Entry], raw: pa.Schema, picks: Sequence[columns.Pick], carry: Carry
) -> Source:
    """The source again, read as `carry` says; it names columns of the source, the readers get those of the files."""
    texts = [columns.Pick(p.name, p.column, (), pa.string()) for p in picks if p.name in carry.texts]
    typed = [p for p in picks if p.name in carry.typed]
    own = Carry(
        tuple(dict.fromkeys(p.column for p in typed)),
        tuple(p.column for p in texts),
        {p.column: carry.actions[p.name] for p in (*typed, *texts) if not p.fields and p.name in carry.actions},
        carry.others,
        carry.closed,
    )
    fields = [raw.field(n) for n in own.typed] + [pa.field(n, pa.string()) for n in own.texts]
    chosen = [p for name in source.schema.names for p in (*typed, *texts) if p.name == name]
    if own.packs:
        fields.append(pa.field(LINE, pa.binary()))
        chosen.append(columns.Pick(LINE, LINE, (), pa.binary()))
    readers = [replace(e, reader=replace(e.reader, carry=own)) for e in entries]  # type: ignore[type-var]
    walk = partial(_walk, tuple(readers), pa.schema(fields), chosen)
    return replace(source, schema=pa.schema([(p.name, p.type) for p in chosen]), _walk=walk, _carried=None)


def _nothing(spec: SourceSpec, entries: Sequence[Entry], files: Sequence[FileInfo]) -> SourceError:
    """Why no row can be read: the files are empty, or what is wrong with the first row."""
    name, mend = " ".join(spec.inputs), "name an input that holds at least one row"
    if files and not any(f.size for f in files):
        return SourceError.of("empty-source", f"`{name}` is empty, so it has no columns", mend)
    readers = (e.reader for e in entries if isinstance(e.reader, JsonLines | JsonFile))
    first = next((bad for r in readers for p in r.pieces(pa.schema([]), 1 << 16, 100) for bad in p.load().bad), None)
    why = f": {first.message}" if first else ""
    return SourceError.of("empty-source", f"`{name}` has no row that can be read, so no columns{why}", mend)


def _entries(spec: SourceSpec, memory_limit: str | None) -> tuple[list[Entry], list[FileInfo]]:
    check_within(spec)
    entries: list[Entry] = []
    infos: list[FileInfo] = []
    items = [item for text in spec.inputs for item in inputs.parse(text, spec.base)]
    if not items:
        raise SourceError.of("no-input", "the source names no input", "name a file, a folder, a glob or a URL")
    for order, item in enumerate(items):
        weight, readers = float(item.weight), list[Reader]()
        if item.scheme == "remote":
            readers = [relation.remote(item.path, spec.format, memory_limit)]
            infos.append(FileInfo(item.path, 0, 0, weight))
        elif item.scheme == "duckdb":
            reader, info = relation.table(item.path, spec.base, weight, memory_limit)
            readers, infos = [reader], [*infos, info]
        elif item.scheme == "empty":
            readers = [Empty.parse(item.path)]
            infos.append(FileInfo(item.path, 0, 0, weight))
        else:
            listed = inputs.files(item, spec.base, spec.format)
            for _, path, _ in listed if spec.within else ():
                spec.within.check(path, "the source")  # type: ignore[union-attr]
            kinds = ["txt" if f.family == "text" else f.name for _, _, f in listed]
            found = [describe(name, path, weight, f, spec.max_row_bytes) for name, path, f in listed]
            infos += [file.info for file in found]
            for kind, group in groupby(zip(kinds, found, strict=True), key=itemgetter(0)):
                readers += _readers(kind, [file for _, file in group])
        entries += [Entry(r, order, item.weight, spec.seed + order) for r in readers]
    return entries, infos


def check_within(spec: SourceSpec) -> None:
    """RecipeError for inputs out of reach, before anything is looked for: no error tells what stands there."""
    for item in [i for text in spec.inputs for i in inputs.parse(text, spec.base)] if spec.within else ():
        if item.scheme != "empty":
            _check(item, spec, spec.within)  # type: ignore[arg-type]


def _check(item: inputs.Input, spec: SourceSpec, within: Bounds) -> None:
    if item.scheme == "remote":
        within.check_url(item.path)
    database = item.path.removeprefix("duckdb:").partition("#")[0]
    path = database if item.scheme == "duckdb" else re.split(r"[*?\[]", item.path)[0]
    within.check(spec.base / path, "the source")


def _readers(name: str, files: list[LocalFile]) -> Sequence[Reader]:
    """Readers for consecutive files of one format."""
    if name == "txt":
        return [Documents(tuple(files))]
    sample = max(_LEAST_SAMPLE, SAMPLE_BYTES // len(files))
    if name == "jsonl":
        return [JsonLines(f, sample) for f in files]
    if name == "json":
        return [JsonLines(f, sample) if is_lines(f) else JsonFile(f) for f in files]
    if name == "parquet":
        return [Parquet(f) for f in files]
    return [Delimited(f, tabs=name == "tsv") for f in files]


@dataclass(frozen=True)
class _JsonTypes:
    """The types of all JSON values of a source, beside files that have types of their own."""

    name: str
    shape: dict[str, Shape]

    def schema(self) -> pa.Schema:
        """A column of nulls only has the type null, so that it takes that of another file."""
        return pa.schema([f.with_type(pa.null()) if self.shape[f.name] is None else f for f in schema_of(self.shape)])

    def rounds(self, column: str, kind: pa.DataType) -> bool:
        return has_long(self.shape[column])


def _raw_schema(entries: Sequence[Entry], full_scan: bool) -> tuple[pa.Schema, set[str]]:
    """The union over all readers, and the columns whose values have no common type.

    JSON files widen one common shape, since their types come from their values.
    """
    schemas: list[tuple[str, pa.Schema]] = []
    typed: list[tuple[TypedReader, pa.Schema]] = []
    shape: dict[str, Shape] = {}
    for entry in entries:
        if isinstance(entry.reader, JsonLines | JsonFile):
            shape = entry.reader.shape(shape, full_scan)
    mixed = {name for name, kind in shape.items() if kind == "MIXED"}
    for entry in entries:
        if not isinstance(entry.reader, JsonLines | JsonFile):
            schemas.append((entry.reader.name, entry.reader.schema(full_scan)))
            if isinstance(entry.reader, Parquet | Delimited):
                typed.append((entry.reader, schemas[-1][1]))
        elif shape:
            own = _JsonTypes(entry.reader.name, shape)
            schemas.append((own.name, own.schema()))
            typed.append((own, schemas[-1][1]))
            shape = {}
    raw = columns.union(schemas)
    columns.check_exact(typed, raw)
    return raw, mixed


def _walk(
    entries: Sequence[Entry], raw: pa.Schema, picks: Sequence[columns.Pick], max_bytes: int, max_rows: int
) -> Iterator[Morsel]:
    index = first_id = unspent = 0
    order, ordinal = -1, 0
    for entry in entries:
        if entry.order != order:
            order, ordinal = entry.order, 0
        for piece in entry.reader.pieces(raw, max_bytes, max_rows):
            counts = None if entry.weight == 1 else copies(ordinal, piece.rows, entry.weight, entry.seed)
            rows = piece.rows if counts is None else int(counts.sum())
            ordinal, unspent = ordinal + piece.rows, unspent + piece.bytes
            if rows:
                load = partial(_load, piece, entry.reader.name, first_id, counts, raw, picks)
                name = piece.documents[0] if piece.documents else entry.reader.name
                yield Morsel(index, first_id, rows, unspent, name, load)
                index, first_id, unspent = index + 1, first_id + rows, 0


def _load(
    piece: Piece,
    name: str,
    first_id: int,
    counts: npt.NDArray[np.int64] | None,
    raw: pa.Schema,
    picks: Sequence[columns.Pick],
) -> Loaded:
    parsed = piece.load()
    data = columns.conform(parsed.table, raw, picks, name)
    positions = np.arange(piece.rows) if parsed.positions is None else parsed.positions.to_numpy()
    each = np.ones(piece.rows, np.int64) if counts is None else counts
    starts = first_id + np.cumsum(each) - each
    # The k-th copy of a row gets the row's first id plus k.
    ids = np.repeat(starts[positions], each[positions]) + _within(each[positions])
    schema = pa.schema([("sample_id", pa.int64())] + [(p.name, p.type) for p in picks])
    if counts is not None:
        take = pa.array(np.repeat(np.arange(len(positions)), each[positions]))
        data = [c.take(take) for c in data]
    table = pa.Table.from_arrays([pa.array(ids, pa.int64()), *data], schema=schema)
    rows = np.zeros(len(ids), np.int64) if piece.documents else np.repeat(positions, each[positions]) + piece.first_row
    errors = tuple(
        RowError(int(starts[b.position]) + k, *_place(piece, name, b.position), b.message)
        for b in parsed.bad
        for k in range(int(each[b.position]))
    )
    names = {p.column: p.name for p in picks if not p.fields}
    kinds = tuple(replace(k, column=names[k.column]) for k in parsed.kinds if k.column in names)
    return Loaded(table, pa.array(rows, pa.int64()), errors, kinds)


def _within(each: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, ... inside each run of copies."""
    return np.arange(int(each.sum())) - np.repeat(np.cumsum(each) - each, each)


def _place(piece: Piece, name: str, position: int) -> tuple[str, int]:
    return (piece.documents[position], 0) if piece.documents else (name, piece.first_row + position)


def _fingerprint(spec: SourceSpec, files: Sequence[FileInfo]) -> str:
    told = [
        [[f.path, f.size, f.mtime_ns, f.weight] for f in files],
        list(spec.inputs),
        sorted(spec.columns.items()),
        spec.format,
        spec.seed,
        False,  # stood for full_scan, which changes types and no row
        spec.max_row_bytes,
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
