"""csv and tsv exports: nested values are JSON text, and what is written is read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import juicesql
from juicesql.sources import SourceSpec, open_source

NESTED: list[dict[str, Any]] = [
    {"t": "a", "o": {"k": 1, "s": 'x "y", z'}, "l": [1, 2], "d": [{"x": 1.5}, {"x": None}]},
    {"t": "b", "o": {"k": None, "s": None}, "l": [], "d": None},
]


def run(folder: Path, select: str, name: str) -> Path:
    (folder / "juicesql.toml").touch()
    (folder / "r.sql.j2").write_text(f"{{{{ config(source='in.jsonl', export='{name}') }}}}\n{select}")
    juicesql.run(folder / "r.sql.j2", project=folder, threads=1)
    return folder / name


@pytest.mark.parametrize(("name", "delimiter"), [("o.csv", ","), ("o.tsv", "\t")])
def test_nested_values_are_json(tmp_path: Path, name: str, delimiter: str) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in NESTED))
    path = run(tmp_path, "select t, o, l, d from source", name)
    rows = list(csv.DictReader(io.StringIO(path.read_text(), newline=""), delimiter=delimiter))
    assert [r["t"] for r in rows] == ["a", "b"]
    assert [[json.loads(r[c]) if r[c] else None for c in "old"] for r in rows] == [
        [r[c] for c in "old"] for r in NESTED
    ]


def test_what_is_not_finite_in_a_nested_value_is_null(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"x": 1.5}\n')
    nan = "'nan'::double"
    select = (
        f"select [{nan}, x] as l, {{'a': {{'b': [{nan}]}}, 'c': x}} as o, map {{'k': {nan}, 'm': x}} as m, "
        "cast(null as struct(a double)) as n from source"
    )
    path = run(tmp_path, select, "o.csv")
    (row,) = csv.DictReader(io.StringIO(path.read_text(), newline=""))
    assert {k: json.loads(v) if v else None for k, v in row.items()} == {
        "l": [None, 1.5],
        "o": {"a": {"b": [None]}, "c": 1.5},
        "m": {"k": None, "m": 1.5},
        "n": None,
    }


TEXT = st.none() | st.text(st.sampled_from("a\",;\t\r\n 'é|"), max_size=6).map(lambda t: t + "a" if t.isdigit() else t)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=60), st.sampled_from(["o.csv", "o.tsv"]), st.booleans())
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path: Path, rows: list[tuple[Any, Any]], name: str, one: bool) -> None:
    names = ("a",) if one else ("a", "b")
    records = [dict(zip(names, row, strict=False)) for row in rows]
    head = dict.fromkeys(names, "head")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [head, *records]))
    path = run(tmp_path, f"select {', '.join(names)} from source", name)
    found = [m.load() for m in open_source(SourceSpec((str(path),))).morsels()]
    assert [e for loaded in found for e in loaded.errors] == []
    read = [{k: v for k, v in row.items() if k != "sample_id"} for f in found for row in f.table.to_pylist()]
    assert read == [head, *records]
