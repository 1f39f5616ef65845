"""Blocks of JSON lines into Arrow: pyarrow for whole blocks, line by line only around what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from juicesql.sources.jsonvalues import Misfit, decode_line, fit_fields
from juicesql.sources.model import EXACT, Bad, Parsed

# Lines that are parsed again together once their block failed: few enough to keep the slow way short.
_GROUP = 256


def parse_block(data: bytes, rows: int, clean: bool, schema: pa.Schema) -> Parsed:
    """The rows of a block of lines. `clean` promises that every line begins with `{` and ends with `}`.

    pyarrow 26 crashes on a line `null` and joins documents across lines, so it only sees clean lines.
    """
    if clean:
        table = parse_lines(data, rows, schema)
        if table is not None:
            return Parsed(table)
    lines = content_lines(data)
    parts = [_parse_group(lines[i : i + _GROUP], i, schema) for i in range(0, len(lines), _GROUP)]
    return join(parts, schema)


def content_lines(data: bytes) -> list[bytes]:
    """The lines that are not blank, without the white space around them."""
    return [s for line in data.split(b"\n") if (s := line.strip(b" \t\r"))]


def parse_values(values: Sequence[Any], first: int, schema: pa.Schema) -> Parsed:
    """Decoded values, or the Misfit that stands for one, as rows. `first` is the position of the first value."""
    rows, positions, bad = [], [], []
    for position, value in enumerate(values, first):
        try:
            rows.append(_row(value, schema))
            positions.append(position)
        except RecursionError:
            bad.append(Bad(position, "nested too deeply"))
        except Misfit as misfit:
            bad.append(Bad(position, str(misfit).encode(errors="backslashreplace").decode()))
    columns = [pa.array([row[f.name] for row in rows], f.type) for f in schema]
    return Parsed(pa.Table.from_arrays(columns, schema=schema), pa.array(positions, pa.int64()), tuple(bad))


def join(parts: Sequence[Parsed], schema: pa.Schema) -> Parsed:
    """Parts of one piece as one."""
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables([p.table for p in parts]) if parts else schema.empty_table()
    positions = [p.positions for p in parts if p.positions is not None]
    return Parsed(table, pa.concat_arrays(positions) if positions else None, tuple(b for p in parts for b in p.bad))


def _row(value: Any, schema: pa.Schema) -> dict[str, Any]:
    if isinstance(value, Misfit):
        raise value
    if not isinstance(value, dict):
        raise no_object(value)
    return fit_fields(value, schema)


def no_object(value: Any) -> Misfit:
    """Why a decoded value is no row."""
    return Misfit(getattr(value, "message", f"no JSON object but {_kind(value)}"))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {list: "a list", str: "a string", bool: "a boolean"}.get(type(value), "a number")


def _parse_group(lines: list[bytes], first: int, schema: pa.Schema) -> Parsed:
    if all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
        table = parse_lines(b"\n".join(lines), len(lines), schema)
        if table is not None:
            return Parsed(table, pa.array(range(first, first + len(lines)), pa.int64()))
    return parse_values([_decoded(line) for line in lines], first, schema)


def _decoded(line: bytes) -> Any:
    try:
        return decode_line(line)
    except Misfit as misfit:
        return misfit


def parse_lines(data: bytes, rows: int, schema: pa.Schema) -> pa.Table | None:
    """A block of clean lines as pyarrow reads it, or None when anything in it needs a closer look."""
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
        table.validate(full=True)
    except pa.ArrowException:
        return None
    good = table.num_rows == rows and table.schema.names == schema.names and all(map(_exact, table.columns))
    return table if good else None


def _exact(column: pa.ChunkedArray) -> bool:
    """False when a NaN or Infinity token, which is no JSON, or an integer that a DOUBLE rounds may be there."""
    return all(map(_exact_array, column.chunks)) if _has_doubles(column.type) else True


def _exact_array(array: pa.Array) -> bool:
    if pa.types.is_floating(array.type):
        return pc.all(pc.less_equal(pc.abs(array), float(EXACT - 1))).as_py() is not False
    if pa.types.is_list(array.type):
        return _exact_array(array.flatten())
    if pa.types.is_struct(array.type):
        return all(map(_exact_array, array.flatten()))
    return True


def _has_doubles(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_doubles(kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_floating(kind))
