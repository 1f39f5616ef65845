"""Columns of a source: the union over its files, renames and nested picks, and tables brought under them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import Problem, SourceError, nearest


@dataclass(frozen=True)
class Pick:
    """A column of the result: the raw column it is made of and the fields to step into."""

    name: str
    column: str
    fields: tuple[str, ...]
    type: pa.DataType


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type without encodings that DuckDB does not need: dictionaries, large and view layouts, half floats."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or str(kind) == "string_view" or pa.types.is_null(kind):
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
    return kind


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
    if pa.types.is_list(a) and pa.types.is_list(b):
        inner = merge_types(a.value_type, b.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_nested(a) or pa.types.is_nested(b):
        return None
    if _number(a) and _number(b):
        kinds = [pa.schema([("x", a)]), pa.schema([("x", b)])]
        return pa.unify_schemas(kinds, promote_options="permissive").field(0).type
    if pa.types.is_binary(a) or pa.types.is_binary(b):
        return None
    return pa.string()


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
    return pa.schema(list(fields.items()))


def picks(raw: pa.Schema, mapping: Mapping[str, str]) -> tuple[Pick, ...]:
    """The result's columns. Raises SourceError with every column that does not exist or is named twice."""
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
    problems += _name_problems([p.name for p in result])
    if problems:
        raise SourceError(problems)
    return tuple(result)


def conform(table: pa.Table, raw: pa.Schema, chosen: Iterable[Pick]) -> list[pa.ChunkedArray]:
    """The picked columns of a reader's table; columns that it lacks are NULL."""
    columns = []
    for pick in chosen:
        if pick.column not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, pick.type)]))
            continue
        column = _cast(table[pick.column], raw.field(pick.column).type)
        for name in pick.fields:
            column = pc.struct_field(column, name)
        columns.append(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))
    return columns


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type.equals(kind) else column.cast(kind)


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
        if "\0" in name:
            message = f"the name of the column {name!r} holds the character NUL, which ends a name in SQL"
            yield Problem("bad-column", message, f'give it another name: columns={{"other": {json.dumps(name)}}}')
        elif key == "sample_id":
            mend = f'give it another name: columns={{"source_id": "{name}"}}'
            yield Problem("reserved-column", f"the column `{name}` is juicesql's own", mend)
        elif key in seen:
            what = "share a name" if seen[key] == name else "differ only in case"
            message = f"columns `{seen[key]}` and `{name}` {what}"
            yield Problem("duplicate-column", message, f'give one another name: columns={{"other_{name}": "{name}"}}')
        seen[key] = name
