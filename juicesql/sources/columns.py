"""Columns of a source: the union over its files, renames and nested picks, and tables brought under them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import Problem, SourceError, nearest
from juicesql.sources.model import TypedReader
from juicesql.sqltext import is_own


@dataclass(frozen=True)
class Pick:
    """A column of the result: the raw column it is made of and the fields to step into."""

    name: str
    column: str
    fields: tuple[str, ...]
    type: pa.DataType


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type without encodings that DuckDB does not need: dictionaries, large and view layouts, half floats.

    The type null stays: it takes that of other files.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or str(kind) == "binary_view":
        return pa.binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, plain_type(f.type)) for f in kind])
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type), kind.list_size)
    return kind


def _settled(kind: pa.DataType) -> pa.DataType:
    """The type with VARCHAR where no file has a value."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([(f.name, _settled(f.type)) for f in kind])
    if pa.types.is_map(kind):
        return pa.map_(_settled(kind.key_type), _settled(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_settled(kind.value_type), kind.list_size)
    return pa.list_(_settled(kind.value_type)) if pa.types.is_list(kind) else kind


def merge_types(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The type that holds values of both; VARCHAR for scalars of two kinds; None when nothing does."""
    if a.equals(b) or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        merged = {f.name: f.type for f in a}
        for f in b:
            kind = merge_types(merged.get(f.name, pa.null()), f.type)
            if kind is None:
                return None
            merged[f.name] = kind
        return pa.struct(list(merged.items()))
    if _list(a) and _list(b):
        inner = merge_types(a.value_type, b.value_type)
        same = pa.types.is_fixed_size_list(a) and pa.types.is_fixed_size_list(b) and a.list_size == b.list_size
        return None if inner is None else pa.list_(inner, a.list_size) if same else pa.list_(inner)
    if pa.types.is_map(a) and pa.types.is_map(b):
        key, item = merge_types(a.key_type, b.key_type), merge_types(a.item_type, b.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    if pa.types.is_nested(a) or pa.types.is_nested(b):
        return None
    if _number(a) and _number(b):
        return _merge_numbers(a, b)
    if pa.types.is_binary(a) or pa.types.is_binary(b):
        return None
    return _merge_times(a, b) or pa.string()


def _merge_numbers(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The number that holds both without loss, as far as types can say; None when none does.

    An integer beside a DOUBLE is a DOUBLE: whether it is rounded depends on its values, see `check_exact`.
    """
    if pa.types.is_floating(a) or pa.types.is_floating(b):
        other = a if pa.types.is_floating(b) else b
        # A DOUBLE prints every decimal of 15 digits as it was (IEEE 754).
        return None if pa.types.is_decimal(other) and other.precision > 15 else pa.float64()
    if {"uint64"} < {str(a), str(b)} and pa.types.is_integer(a) and pa.types.is_integer(b):
        other = a if str(b) == "uint64" else b
        return pa.decimal128(20, 0) if pa.types.is_signed_integer(other) else pa.uint64()
    kinds = [pa.schema([("x", _digits(k, a, b))]) for k in (a, b)]
    merged = pa.unify_schemas(kinds, promote_options="permissive").field(0).type
    return None if pa.types.is_decimal(merged) and merged.precision > 38 else merged


def _digits(kind: pa.DataType, a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """An integer beside a decimal as the decimal that holds every integer of its type."""
    if pa.types.is_integer(kind) and (pa.types.is_decimal(a) or pa.types.is_decimal(b)):
        return pa.decimal128({8: 3, 16: 5, 32: 10}.get(kind.bit_width, 20), 0)
    return pa.decimal128(kind.precision, kind.scale) if pa.types.is_decimal(kind) else kind


def _merge_times(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The finer of two times of one kind, dates as timestamps, instants in UTC; None for anything else."""
    units = ["s", "ms", "us", "ns"]
    for is_kind, make in ((pa.types.is_time, _time), (pa.types.is_duration, pa.duration)):
        if is_kind(a) and is_kind(b):
            return make(max(a.unit, b.unit, key=units.index))
    if pa.types.is_date(a) and pa.types.is_date(b):
        return pa.date32()
    dated = pa.types.is_timestamp(a) and pa.types.is_timestamp(b) and bool(a.tz) == bool(b.tz)
    if dated:
        return pa.timestamp(max(a.unit, b.unit, key=units.index), "UTC" if a.tz else None)
    for date, stamp in ((a, b), (b, a)):
        if pa.types.is_date(date) and pa.types.is_timestamp(stamp) and not stamp.tz:
            return stamp
    return None


def _time(unit: str) -> pa.DataType:
    return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)


def union(schemas: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """All columns in order of first appearance. `schemas` pairs each with the name of its file."""
    fields: dict[str, pa.DataType] = {}
    owner: dict[str, str] = {}
    for file, schema in schemas:
        for f in schema:
            merged = merge_types(fields.get(f.name, pa.null()), f.type)
            if merged is None:
                message = f"column `{f.name}` is {fields[f.name]} in `{owner[f.name]}` and {f.type} in `{file}`"
                raise SourceError.of(
                    "conflicting-columns", message, "cast the column in one of them, or read them apart"
                )
            fields[f.name] = merged
            owner.setdefault(f.name, file)
    return pa.schema([(name, _settled(kind)) for name, kind in fields.items()])


def check_exact(readers: Iterable[tuple[TypedReader, pa.Schema]], raw: pa.Schema) -> None:
    """Raises SourceError for every column of a file with an integer that the DOUBLE of other files would round."""
    problems = []
    for reader, own in readers:
        for f in own:
            kind = raw.field(f.name).type
            if _meets_double(f.type, kind) and reader.rounds(f.name, kind):
                message = (
                    f"column `{f.name}` of `{reader.name}` holds integers beyond 2^53, other files have DOUBLE there"
                )
                mend = "cast the column in one of them, or read them apart"
                problems.append(Problem("conflicting-columns", message, mend))
    if problems:
        raise SourceError(problems)


def _meets_double(own: pa.DataType, raw: pa.DataType) -> bool:
    """Whether somewhere in it a 64-bit integer becomes a DOUBLE."""
    if pa.types.is_struct(own) and pa.types.is_struct(raw):
        return any(_meets_double(f.type, raw.field(f.name).type) for f in own)
    if pa.types.is_map(own) and pa.types.is_map(raw):
        return _meets_double(own.key_type, raw.key_type) or _meets_double(own.item_type, raw.item_type)
    if _list(own) and _list(raw):
        return _meets_double(own.value_type, raw.value_type)
    return str(own) in ("int64", "uint64") and bool(pa.types.is_floating(raw))


def picks(raw: pa.Schema, mapping: Mapping[str, str], rename: bool = False) -> tuple[Pick, ...]:
    """The result's columns. Raises SourceError with every column that does not exist or is named twice.

    With `rename`, a column whose name SQL cannot have beside the others gets another one.
    """
    problems: list[Problem] = []
    made: list[Pick] = []
    for new, path in mapping.items():
        pick = _resolve(raw, new, path)
        if pick is None:
            close = nearest(path, raw.names)
            listed = f"columns that exist: {', '.join(_paths(raw)) or 'none'}"
            message = f"column `{path}`, mapped to `{new}`, does not exist"
            problems.append(Problem("missing-column", message, f"{close}   {listed}" if close else listed))
        else:
            made.append(pick)
    renamed = {p.column for p in made if not p.fields}
    result: list[Pick] = []
    for f in raw:
        if f.name in renamed:
            result += [p for p in made if p.column == f.name and not p.fields]
        else:
            result.append(Pick(f.name, f.name, (), f.type))
    result += [p for p in made if p.fields]
    if rename:
        result = _renamed(result, set(mapping))
    problems += _name_problems([p.name for p in result])
    if problems:
        raise SourceError(problems)
    return tuple(result)


def _renamed(chosen: Iterable[Pick], given: Iterable[str]) -> list[Pick]:
    """Picks with names of their own: not empty, without NUL, no name of the plan's, none that differs only in case.

    Of those that do, the one in lower case keeps its name, else the first.
    """
    chosen = list(chosen)
    lower = {p.name for p in chosen if p.name == p.name.casefold() and not is_own(p.name)}
    taken = {n.casefold() for n in given}
    out = []
    for pick in chosen:
        name = pick.name
        if pick.fields or name in given:
            out.append(pick)
            continue
        if not name or "\0" in name or is_own(name):
            name = name.replace("\0", "").lstrip("_") or "unnamed"
        plain, number = name, 1
        while name.casefold() in taken or ((name != pick.name or name not in lower) and name.casefold() in lower):
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.casefold())
        out.append(replace(pick, name=name))
    return out


def conform(table: pa.Table, raw: pa.Schema, chosen: Iterable[Pick], file: str) -> list[pa.ChunkedArray]:
    """The picked columns of a reader's table; columns that it lacks are NULL.

    Raises SourceError where the column of another file has a type that does not hold a value of this one.
    """
    columns = []
    places = {name: place for place, name in enumerate(table.column_names)}  # a table looks names up one by one
    kinds = dict(zip(raw.names, raw.types, strict=True))
    for pick in chosen:
        if pick.column not in places:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, pick.type)]))
            continue
        kind = kinds[pick.column]
        try:
            column = _cast(table.column(places[pick.column]), kind)
        except pa.ArrowException as error:
            message = (
                f"column `{pick.column}` of `{file}` does not fit {kind}, which it is with the other files: {error}"
            )
            mend = "cast the column in one of them, or read them apart"
            raise SourceError.of("conflicting-columns", message, mend) from None
        for name in pick.fields:
            column = pc.struct_field(column, name)
        columns.append(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))
    return columns


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type.equals(kind) else column.cast(kind)


def _list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind))


def _number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _resolve(raw: pa.Schema, new: str, path: str) -> Pick | None:
    if path in raw.names:
        return Pick(new, path, (), raw.field(path).type)
    for column in raw.names:
        if path.startswith(column + "."):
            fields, kind = _step(raw.field(column).type, path[len(column) + 1 :])
            if fields:
                return Pick(new, column, fields, kind)
    return None


def _step(kind: pa.DataType, path: str) -> tuple[tuple[str, ...], pa.DataType]:
    if not pa.types.is_struct(kind):
        return (), kind
    for f in kind:
        if path == f.name:
            return (f.name,), f.type
        if path.startswith(f.name + "."):
            rest, found = _step(f.type, path[len(f.name) + 1 :])
            if rest:
                return (f.name, *rest), found
    return (), kind


def _paths(schema: pa.Schema) -> list[str]:
    found = []
    for f in schema:
        found.append(f.name)
        if pa.types.is_struct(f.type):
            found += [f"{f.name}.{inner.name}" for inner in f.type]
    return found


def _name_problems(names: list[str]) -> Iterable[Problem]:
    seen: dict[str, str] = {}
    for name in names:
        key = name.casefold()
        if is_own(name):
            mend = f"give it another name: columns={{{json.dumps(name.strip('_') or 'other')}: {json.dumps(name)}}}"
            yield Problem("reserved-column", f"`{name}` is the name of a column that juicesql makes", mend)
        elif "\0" in name:
            message = f"the name of the column {name!r} holds the character NUL, which ends a name in SQL"
            yield Problem("bad-column", message, f'give it another name: columns={{"other": {json.dumps(name)}}}')
        elif not name:
            message = "a column has no name"
            yield Problem("bad-column", message, 'give it one: columns={"unnamed": ""}')
        elif key == "sample_id":
            mend = f'give it another name: columns={{"source_id": "{name}"}}'
            yield Problem("reserved-column", f"the column `{name}` is juicesql's own", mend)
        elif key in seen:
            what = "share a name" if seen[key] == name else "differ only in case"
            message = f"columns `{seen[key]}` and `{name}` {what}"
            yield Problem("duplicate-column", message, f'give one another name: columns={{"other_{name}": "{name}"}}')
        seen[key] = name
