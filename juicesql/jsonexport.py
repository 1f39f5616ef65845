"""Writes the relation `result` as JSON lines: what came in unchanged as it was written, everything else exactly.

NaN and infinity are no JSON and become null; how many they were is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.sqltypes import DuckDBPyType

from juicesql.engines.lines import Lines, in_order
from juicesql.jsonout import ABSENT, AFTER, BEFORE, INSIDE, JSON, NULL, TEXT, write_rows
from juicesql.jsontext import json_text, not_finite
from juicesql.kernels import utf8_buffers
from juicesql.passing import carry_of
from juicesql.plan import RID, SAMPLE, Plan
from juicesql.sources.carried import LINE
from juicesql.sqltext import literal, quote

BATCH = 2048
_LOST = "__not_finite"
_PACKERS = {".gz": "gzip", ".zst": "zstd"}
Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Column:
    """A member of the objects that are written. `sql` is over `__full_result r` and what is joined to it."""

    name: str
    sql: str
    type: str = ""  # of the plan; what DuckDB says without one
    slot: int = -1  # of the known column of a line that this is, unchanged
    stand: int = AFTER
    absent: bool = False  # NULL is no member, not null


@dataclass(frozen=True)
class Layout:
    """The members in their order, and where the lines of the samples are, if they are needed."""

    columns: tuple[Column, ...]
    known: tuple[str, ...] = ()
    lines: Path | None = None
    others: bool = False
    places: dict[int, int] = field(default_factory=dict)  # slot -> column that stands where it stood


def layout_of(plan: Plan, columns: Sequence[Column], lines: Path, renamed: Mapping[str, str]) -> Layout:
    """How `columns` of the result are written for this plan. `lines` is the folder of packed lines; `renamed` has the
    names in the files of columns that SQL could not have under them."""
    passing = plan.passing
    if passing is None:
        return Layout(tuple(columns))
    carry, slots = carry_of(plan), dict(passing.unchanged)
    order = [c for c, _ in plan.step(plan.result).columns]
    star = next((i for i, c in enumerate(order) if c in passing.starred), 0)
    early = {SAMPLE, *order[:star]}
    made, places = [], {}
    for i, c in enumerate(columns):
        slot = carry.known.index(slots[c.name]) if c.name in slots else -1
        stand = BEFORE if c.name in early else INSIDE if c.name in passing.starred else AFTER
        key = renamed.get(c.name, c.name) if slot >= 0 and stand == INSIDE else c.name
        made.append(Column(key, c.sql, c.type, slot, stand, c.name in passing.texts))
        if stand == INSIDE and c.name in carry.known:
            places[carry.known.index(c.name)] = i
    return Layout(tuple(made), carry.known, lines if carry.packs else None, passing.others, places)


def write_json(con: duckdb.DuckDBPyConnection, layout: Layout, rows: str, path: Path) -> tuple[int, int]:
    """Write the rows that follow `from` in SQL, in the order of their RID; (rows, numbers that became null).

    The suffix of `path` says how they are packed: .gz, .zst or not.
    """
    kinds = _kinds(con, layout, rows)
    texts = np.array([k.id == "varchar" and str(k) != "JSON" for k in kinds], np.bool_)
    sql, stored = _query(layout, kinds, texts, rows), None
    if layout.lines and layout.lines.is_dir():
        if in_order(_ids(con, rows)):
            stored = Lines(layout.lines)
        else:
            sql = _with_lines(sql, layout.lines)
    count = lost = 0
    with _opened(path) as out:
        for batch in con.sql(sql).to_arrow_reader(BATCH):
            lined = LINE in batch.schema.names
            lines = stored.of(batch[SAMPLE]) if stored else batch[LINE] if lined else None
            out.write(_objects(layout, texts, batch, lines))
            count += batch.num_rows
            lost += int(pc.sum(batch[_LOST]).as_py() or 0)
    return count, lost


def _kinds(con: duckdb.DuckDBPyConnection, layout: Layout, rows: str) -> list[DuckDBPyType]:
    """The types of the members. JSON text is VARCHAR to DuckDB, and JSON in the plan."""
    if not layout.columns:
        return []
    found = con.sql(f"select {', '.join(c.sql for c in layout.columns)} from {rows} limit 0").types
    return [duckdb.sqltype(c.type) if "JSON" in c.type else k for c, k in zip(layout.columns, found, strict=True)]


def _query(layout: Layout, kinds: Sequence[DuckDBPyType], texts: Numbers, rows: str) -> str:
    """The members as texts, c0, c1, ..., with the sample that each row is of and its number."""
    values = [c.sql if plain else json_text(c.sql, k) for c, k, plain in zip(layout.columns, kinds, texts, strict=True)]
    lost = [n for c, k in zip(layout.columns, kinds, strict=True) if (n := not_finite(c.sql, k))]
    items = [f"{v} as c{i}" for i, v in enumerate(values)]
    items += [f"r.{SAMPLE} as {SAMPLE}", f"r.{RID} as {RID}", f"({' + '.join(lost) or '0'})::bigint as {_LOST}"]
    return f"select {', '.join(items)} from {rows}"


def _ids(con: duckdb.DuckDBPyConnection, rows: str) -> Iterator[pa.Array]:
    for batch in con.sql(f"select r.{SAMPLE} as {SAMPLE} from {rows}").to_arrow_reader(1 << 16):
        yield batch.column(0)


def _with_lines(sql: str, folder: Path) -> str:
    files = literal(str(folder / "*.parquet"))
    lines = f"select {SAMPLE}, any_value({quote(LINE)}) as {quote(LINE)} from read_parquet({files}) group by {SAMPLE}"
    return f"select o.*, l.{quote(LINE)} from ({sql}) o left join ({lines}) l using ({SAMPLE}) order by o.{RID}"


def _objects(layout: Layout, texts: Numbers, batch: pa.RecordBatch, lines: pa.Array | None) -> memoryview:
    """The lines of one batch."""
    rows, columns = batch.num_rows, layout.columns
    states = np.empty((len(columns), rows), np.uint8)
    offsets = np.zeros((len(columns), rows + 1), np.int64)
    parts, size, room = [np.zeros(1, np.uint8)], 1, 2 * rows
    for c, column in enumerate(columns):
        array = batch.column(c)
        data, ends = utf8_buffers(array)
        parts.append(data[ends[0] : ends[-1]])
        offsets[c] = ends.astype(np.int64) - int(ends[0]) + size
        size += len(parts[-1])
        room += len(parts[-1]) * (6 if texts[c] else 1) + rows * (len(_key(column)) + 8)
        missing = np.asarray(array.is_null())
        states[c] = np.where(missing, ABSENT if column.absent else NULL, TEXT if texts[c] else JSON)
    keys = [_key(c) for c in columns]
    packed, ends, lined = _packed(lines, rows)
    out = np.empty(room + 2 * len(packed) + len(packed) * 2, np.uint8)
    inside = np.array([layout.places.get(s, -1) for s in range(len(layout.known))], np.int64)
    n = write_rows(
        np.concatenate(parts), offsets, states, packed, ends, lined, np.array([c.slot for c in columns], np.int64),
        np.array([c.stand for c in columns], np.int64), inside, layout.others,
        np.frombuffer(b"".join(keys) or b"\0", np.uint8), np.cumsum([0, *map(len, keys)]).astype(np.int64), out,
    )  # fmt: skip
    return memoryview(out.data)[:n]


def _key(column: Column) -> bytes:
    return json.dumps(column.name, ensure_ascii=False).encode() + b":"


def _packed(lines: pa.Array | None, rows: int) -> tuple[Numbers, Numbers, Numbers]:
    """Bytes and offsets of packed lines, and which rows have one."""
    if lines is None:
        return np.zeros(1, np.uint8), np.zeros(rows + 1, np.int64), np.zeros(rows, np.bool_)
    data, ends = utf8_buffers(lines)
    return data, ends.astype(np.int64), np.asarray(lines.is_valid())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if path.suffix in _PACKERS:
        with pa.CompressedOutputStream(str(path), _PACKERS[path.suffix]) as out:
            yield out
    else:
        with open(path, "wb") as file:
            yield file
