"""Columns of JSON that a recipe does not change come out as they came in."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import juicesql
from juicesql.errors import RecipeError

PASS = "select * from source"
WAYS = {
    "as it is": PASS,
    "filtered": "select * from source where sample_id >= 0",
    "deduplicated": "from source qualify row_number() over (partition by sample_id order by sample_id) = 1",
    "ordered": "select * from source order by sample_id",
    "two steps": "with a as (select * from source), b as (select * from a limit 1000000) select * from b",
    "joined": "with k as (select sample_id from source) select a.* from source a left join k on a.sample_id = k.sample_id",
    "in groups": "with g as ({{ group_rows('source', by='sample_id % 2') }}), u as ({{ ungroup_rows('g') }}) select * from u",
    "in arms": "with a as (select * from source where sample_id % 2 = 0), b as (select * from source where sample_id % 2 = 1),"
    " c as (select * from a union all select * from b) select * from c order by sample_id",
}


def write(folder: Path, lines: list[str], name: str = "in.jsonl") -> None:
    (folder / "juicesql.toml").touch()
    (folder / name).write_text("".join(line + "\n" for line in lines), "utf-8", newline="")


def run(folder: Path, sql: str, source: str = "in.jsonl", **options: Any) -> list[str]:
    """The lines that a recipe writes, without white space between words."""
    given = "".join(f", {k}={v!r}" for k, v in options.items())
    recipe = folder / "r.sql.j2"
    recipe.write_text(f'{{{{ config(source="{source}", export="out.jsonl"{given}) }}}}\n{sql}', "utf-8")
    juicesql.run(recipe, project=folder)
    return [squeezed(line) for line in (folder / "out.jsonl").read_bytes().decode().split("\n")[:-1]]


def squeezed(text: str) -> str:
    """JSON text without the white space outside its strings."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', lambda m: m[1] or "", text)


ROWS = [
    '{"text": "a", "args": {"city": "x"}, "content": "hi", "flag": true, "n": 7}',
    '{"content": [{"type": "text", "text": "x"}], "args": {"id": 3}, "text": "b", "n": 18446744073709551617}',
    '{"text": "c", "mixed": [0, 4, "X"], "empty": {}, "none": [], "flag": 1, "n": -0.0}',
    '{"text": null, "n": 1e5, "deep": {"a": [[[{"b": {}}]]], "": null}}',
    '{"n": 1.0, "big": 9007199254740993, "é": "\\u00e9\\/", "half": "\\ud800", "a.b": {"q\\"": 1}}',
    '{"": 1, "Text": "T", "__v0": 2, "__rid": 3, "nul": "\\u0000", "text": "\\u00e9"}',
    "{}",
]


@pytest.mark.parametrize("way", WAYS)
def test_what_nothing_looks_at_comes_out_as_it_came_in(tmp_path: Path, way: str) -> None:
    write(tmp_path, ROWS)
    assert run(tmp_path, WAYS[way]) == [squeezed(r) for r in ROWS]


def test_a_cut_on_a_nested_field_leaves_the_column_as_it_was(tmp_path: Path) -> None:
    write(
        tmp_path,
        ['{"meta":{"kind":"x","n":1e2},"id":1.0}', '{"meta":{"kind":"y"}}', '{"id":3,"meta":{"b":0,"kind":"x"}}'],
    )
    assert run(tmp_path, "select * from source where meta.kind = 'x'") == [
        '{"meta":{"kind":"x","n":1e2},"id":1.0}',
        '{"id":3,"meta":{"b":0,"kind":"x"}}',
    ]


def test_a_changed_text_stands_where_it_stood(tmp_path: Path) -> None:
    write(tmp_path, ['{"b": 1.0, "text": "A", "a": {}}', '{"text": "B", "b": 1e5}', '{"b": 2}'])
    sql = "select * replace (lower(text) as text), 1 as one from source"
    assert run(tmp_path, sql) == [
        '{"b":1.0,"text":"a","a":{},"one":1}',
        '{"text":"b","b":1e5,"one":1}',
        '{"b":2,"text":null,"one":1}',
    ]


def test_named_columns_stand_in_the_order_of_the_select(tmp_path: Path) -> None:
    write(tmp_path, ['{"b": 1.0, "text": "A", "a": {"z": 1e1}}', '{"text": "B"}'])
    sql = "select a as first, text, b from source where text_len(text) > 0"
    assert run(tmp_path, sql) == ['{"first":{"z":1e1},"text":"A","b":1.0}', '{"text":"B"}']


def test_an_excluded_column_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, ['{"a": 1, "b": {"c": 1.0}}', '{"b": [], "c": 2, "a": null}'])
    assert run(tmp_path, "select * exclude (a) from source") == ['{"b":{"c":1.0}}', '{"b":[],"c":2}']


def test_a_key_that_comes_late_is_kept(tmp_path: Path) -> None:
    rows = [f'{{"text":"t{i}"}}' for i in range(20_000)] + ['{"text":"late","k":{"x":1}}']
    write(tmp_path, rows)
    assert run(tmp_path, PASS)[-1] == rows[-1]
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    assert run(tmp_path, PASS, "in.jsonl.gz")[-1] == rows[-1]


def test_a_type_that_comes_late_widens_the_column(tmp_path: Path) -> None:
    rows = [f'{{"text":"t{i}","n":{i}}}' for i in range(20_000)] + ['{"text":"x","n":0.5}', '{"n":{"a":1},"late":2}']
    write(tmp_path, rows[:-1])
    assert run(tmp_path, "select * from source where n < 1 and sample_id > 0") == [rows[-2]]
    write(tmp_path, rows)
    assert run(tmp_path, "select * from source where n::varchar = '{\"a\":1}'") == rows[-1:]
    write(tmp_path, ['{"n":0.5}'] * 20_001 + ['{"n":9007199254740993}'])
    assert run(tmp_path, "select n::hugeint as n from source where n::varchar like '9%'") == ['{"n":9007199254740993}']
    write(tmp_path, rows)
    recipe = tmp_path / "p.sql.j2"
    recipe.write_text('{{ config(source="in.jsonl", export="out.parquet") }} select * from source')
    result = juicesql.run(recipe, project=tmp_path)
    assert (result.kept, result.errors, result.rows_out) == (20_002, 0, 20_002)


def test_an_array_of_objects_passes_too(tmp_path: Path) -> None:
    write(tmp_path, ["[" + ",\n ".join(ROWS).replace(": ", " :\n ") + "]"], "in.json")
    assert run(tmp_path, PASS, "in.json") == [squeezed(r) for r in ROWS]


def test_values_that_are_gathered_stay_json(tmp_path: Path) -> None:
    write(tmp_path, ['{"k": 1, "c": "hi"}', '{"k": 1, "c": [1.0, {"a": 1e2}]}', '{"k": 1, "d": {}}'])
    sql = "{{ group_rows('source', by='k') }}"
    assert run(tmp_path, sql) == [
        '{"sample_ids":[0,1,2],"k":[1,1,1],"c":["hi",[1.0,{"a":1e2}],null],"d":[null,null,{}]}'
    ]


GATHERED = ['{"k":1,"b":{"x":1.0}}', '{"b":[2],"k":2,"c":null}', '{"c":"u","k":1}']


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "select k, list(b) as bs, first(b order by sample_id) as f from source group by k order by k",
            ['{"k":1,"bs":[{"x":1.0},null],"f":{"x":1.0}}', '{"k":2,"bs":[[2]],"f":[2]}'],
        ),
        (
            "select a.k, o.b as other from source a join source o on a.sample_id = o.k order by a.sample_id, o.sample_id",
            ['{"k":2,"other":{"x":1.0}}', '{"k":2,"other":null}', '{"k":1,"other":[2]}'],
        ),
        ("with a as (select b as d, k from source) select d from a where k = 2", ['{"d":[2]}']),
        ("with a as (select b as d from source) select * from a where d = '[2]'", ['{"d":[2]}']),
        ("select b from source where sample_id < 2 union all select c from source where sample_id = 2", None),
    ],
)
def test_columns_that_are_only_shown_stay_json(tmp_path: Path, sql: str, expected: list[str] | None) -> None:
    write(tmp_path, GATHERED)
    got = run(tmp_path, sql)
    assert got == expected or (expected is None and len(got) == 3)


def test_broken_rows_are_errors_whoever_looks_at_them(tmp_path: Path) -> None:
    bad = [
        '{"a": {"b": 1}',
        '{"a": NaN}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a": 01}',
        '{"a": "\t"}',
        "[1]",
        '{"a": tru}',
        '{"a": 1,}',
    ]
    write(tmp_path, [f'{{"text": "{i}"}}' for i in range(100)] + bad)
    recipe = tmp_path / "r.sql.j2"
    recipe.write_text('{{ config(source="in.jsonl", export="out.jsonl") }} select * from source')
    result = juicesql.run(recipe, project=tmp_path)
    assert (result.kept, result.errors) == (100, len(bad))


def test_integers_stay_integers(tmp_path: Path) -> None:
    write(tmp_path, ['{"k":"a","n":9007199254740993}', '{"k":"a","n":2}'])
    sql = "with g as (select k, sum(n) as s, [sum(n)] as l, sum(n)::decimal(20, 2) as d from source group by k)"
    got = run(tmp_path, sql + " select *, s + 1 as t from g")
    assert got == ['{"k":"a","s":9007199254740995,"l":[9007199254740995],"d":9007199254740995.00,"t":9007199254740996}']


def test_what_is_no_number_is_null_and_told(tmp_path: Path) -> None:
    write(tmp_path, ['{"x":1}', '{"x":2}'])
    recipe = tmp_path / "r.sql.j2"
    sql = "select x, 'nan'::double as a, [1.5, 'inf'::double] as b, {'c': '-inf'::float, 'd': map{'e': 'nan'::double}} as s"
    recipe.write_text('{{ config(source="in.jsonl", export="out.jsonl") }} ' + sql + " from source")
    result = juicesql.run(recipe, project=tmp_path)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines[1] == '{"x":2,"a":null,"b":[1.5,null],"s":{"c":null,"d":{"e":null}}}'
    assert any(w.startswith("8 numbers were NaN or infinite") for w in result.warnings)


MIXED = ['{"id":9007199254740993,"c":"hi"}', '{"id":1.5,"c":[1]}', '{"id":2,"c":null}']


@pytest.mark.parametrize(
    "sql",
    [
        "select * from source order by id",
        "select *, row_number() over (order by c desc) as n from source",
        "with a as (select c as d from source) select * from a order by d",
    ],
)
def test_values_of_several_kinds_are_not_sorted(tmp_path: Path, sql: str) -> None:
    write(tmp_path, MIXED)
    with pytest.raises(RecipeError, match="mixed-order"):
        run(tmp_path, sql)


def test_a_column_of_several_kinds_that_is_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, MIXED)
    recipe = tmp_path / "r.sql.j2"
    sql = "select * from source where c = 'hi' or try_cast(id as double) < 2 order by id::double"
    recipe.write_text(f'{{{{ config(source="in.jsonl", export="out.jsonl") }}}} {sql}')
    result = juicesql.run(recipe, project=tmp_path)
    assert (tmp_path / "out.jsonl").read_text().split() == [MIXED[1], MIXED[0]]
    about = 'strings (1 row, such as "hi"), lists (1 row, such as [1])'
    assert f"the column `c` holds {about}: as a column it is text, the JSON of what is no string" in result.warnings


def test_integers_beside_fractions_keep_their_digits_in_parquet(tmp_path: Path) -> None:
    write(tmp_path, MIXED)
    recipe = tmp_path / "r.sql.j2"
    recipe.write_text('{{ config(source="in.jsonl", export="out.parquet") }} select id, c from source')
    result = juicesql.run(recipe, project=tmp_path)
    assert duckdb.sql(f"from '{tmp_path}/out.parquet'").fetchall() == [
        ("9007199254740993", "hi"),
        ("1.5", "[1]"),
        ("2", None),
    ]
    assert len(result.warnings) == 2


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1.0", "1e5", "-0", "-0.0", "0.10", "1E+2", "9007199254740993", "18446744073709551617", "1e-400"]),
)
TEXTS = st.text(max_size=8).map(json.dumps) | st.text(max_size=8).map(lambda s: _kept(s)) | st.just('"\\ud800"')


def _kept(text: str) -> str:
    return json.dumps("".join(c for c in text if not "\ud800" <= c <= "\udfff"), ensure_ascii=False)


def _object(pairs: list[tuple[str, str]]) -> str:
    """An object of members with different keys, as text."""
    seen: dict[str, str] = {}
    for key, value in pairs:
        seen.setdefault(json.loads(key), f"{key}: {value}")
    return "{" + ", ".join(seen.values()) + "}"


VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.sampled_from(["true", "false", "null", "{}", "[]"])),
    lambda v: (
        st.lists(v, max_size=3).map(lambda vs: "[" + " ,".join(vs) + "]")
        | st.lists(st.tuples(TEXTS, v), max_size=3).map(_object)
    ),
    max_leaves=8,
)
KEYS = (
    st.sampled_from(['"text"', '"Text"', '"a"', '"meta"', '"n"', '"a.b"', '"\\u00e9"', '"é"', '""', '"__v1"']) | TEXTS
)
HALF = re.compile("[\ud800-\udfff]")
DOCUMENTS = st.lists(st.tuples(KEYS, VALUES), max_size=6).map(_object)


@given(documents=st.lists(DOCUMENTS, min_size=60, max_size=60))
@settings(max_examples=7, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("way", ["as it is", "filtered", "deduplicated", "ordered", "in groups"])
def test_random_documents_come_out_as_they_came_in(
    tmp_path_factory: pytest.TempPathFactory, way: str, documents: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("random")
    documents = ['{"text": "t"}', *documents]  # a source has at least one column
    write(folder, documents)
    named = [d for d in documents if way != "in groups" or not any(map(HALF.search, json.loads(d)))]
    out, expected = run(folder, WAYS[way], max_error_rate=1.0), [squeezed(d) for d in named]
    if way == "in groups":  # where keys are columns, they are not spelt as they came
        out, expected = [respelt(d) for d in out], [respelt(d) for d in expected]
    assert out == expected


def respelt(document: str) -> str:
    """With the keys of the object as Python spells them."""
    values = iter(re.findall(r'"(?:[^"\\]|\\.)*":', document))
    return re.sub(r'"(?:[^"\\]|\\.)*":', lambda m: json.dumps(json.loads(next(values)[:-1])) + ":", document)


def test_half_a_surrogate_pair_names_no_column(tmp_path: Path) -> None:
    """It passes in the line that it came in; where every key is a column, its row is an error."""
    write(tmp_path, ['{"text": "t"}', *["{}"] * 60, '{"\\ud800": 1}'])
    assert run(tmp_path, WAYS["as it is"])[-1] == '{"\\ud800":1}'
    assert run(tmp_path, WAYS["in groups"])[-1] == "{}"
    with duckdb.connect(str(tmp_path / "stats.duckdb"), read_only=True) as con:
        assert con.execute("select sample_id, message from errors").fetchall() == [
            (61, "the key \\ud800 holds half a surrogate pair, which names no column")
        ]
