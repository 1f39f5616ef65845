"""Every option has a type: of `config(...)`, of a run, of juicesql.toml. All that is wrong is told at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from juicesql.errors import RecipeError
from juicesql.options import allowed_of
from juicesql.project import open_project
from juicesql.recipe import Config, render
from juicesql.registry import Registry
from juicesql.running import prepare

from .conftest import Workbench

REGISTRY = Registry()
INJECTED = "10000) from source) to 'x.py' (format csv); --"
WRONG = {
    "source": ["5", "true", "{'a': 1}", "['a', 1]", "[['a']]", "none", "'a\\x00b'"],
    "export": ["['o.jsonl']", "7", "none", "'a\\x00.jsonl'", "'a\\n.jsonl'"],
    "format": ["'jsnl'", "1", "['jsonl']"],
    "columns": ["'text'", "['text']", "{'a': 1}", "{1: 'a'}", "5"],
    "seed": ["'x'", "1.5", "true", "none", "10**400"],
    "full_scan": ["'yes'", "1", "0.0", "none"],
    "on_error": ["'stopp'", "'Stop'", "true", "none", "['stop']"],
    "max_error_rate": ["-1", "1.1", "'x'", "'0.1'", "true", "'nan'|float", "10**400"],
    "keep_stats": ["'no'", "0", "[]", "none"],
    "keep_sample_id": ["'yes'", "1"],
    "shard_rows": ["-1", "1.5", "'many'", "true", "10**30", "[1]", f'"{INJECTED}"'],
    "shard_bytes": ["'many'", "'-5MB'", "-5", "0.5", "'inf'", "'nanMB'", "true", f'"{INJECTED}"'],
    "media_root": ["5", "true", "['m']", "'m\\x00'"],
    "row_seconds": ["0", "-1", "'fast'", "true", "none", "'inf'|float"],
    "max_row_bytes": ["'many'", "0", "''", "-1", "true", "none"],
    "max_pixels": ["0", "1.5", "'1'", "true"],
    "description": ["5", "['a', 'b']", "none"],
}
RIGHT: dict[str, list[tuple[str, Any]]] = {
    "source": [("'a'", "a"), ("['a', 'b']", ("a", "b")), ("('a', 'b')", ("a", "b")), ("var('s', 'x y')", "x y")],
    "export": [("'out-' ~ var('n', 3) ~ '.jsonl'", "out-3.jsonl")],
    "format": [("'JSONL'", "JSONL"), ("'ndjson'", "ndjson")],
    "columns": [("{'text': 'meta.body'}", {"text": "meta.body"})],
    "seed": [("-1", -1), ("var('n', 7)", 7)],
    "max_error_rate": [("0", 0.0), ("1", 1.0), ("var('rate', 0.25)", 0.25)],
    "keep_stats": [("true", True), ("var('keep', false)", False)],
    "shard_rows": [("0", 0), ("100000", 100_000), ("var('rows', 5)", 5)],
    "shard_bytes": [("'200MB'", "200MB"), ("'1.5 GiB'", "1.5 GiB"), ("1000000", 1_000_000)],
    "row_seconds": [("1", 1.0), ("0.5", 0.5)],
}


def config_of(options: str) -> Config:
    return render(f"{{{{ config({options}) }}}} select * from source", Path("r.sql.j2"), REGISTRY, {}).config


def test_every_option_is_tried() -> None:
    """An option that is added gets its wrong values here."""
    assert set(WRONG) == {f.name for f in dataclasses.fields(Config)}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_wrong_value_is_told_with_its_place_and_what_is_allowed(name: str, value: str) -> None:
    with pytest.raises(RecipeError) as caught:
        config_of(f"description='x',\n   {name}={value}" if name != "description" else f"\n{name}={value}")
    [problem] = caught.value.problems
    assert (problem.code, problem.file, problem.line) == ("bad-option", "r.sql.j2", 2)
    assert name in problem.message and allowed_of(Config, name).words in problem.message and problem.mend


@pytest.mark.parametrize(("name", "value", "read"), [(n, v, r) for n, values in RIGHT.items() for v, r in values])
def test_a_right_value_is_read(name: str, value: str, read: Any) -> None:
    found = getattr(config_of(f"{name}={value}"), name)
    assert found == read and type(found) is type(read)


def test_all_problems_come_at_once_with_the_nearest_names() -> None:
    with pytest.raises(RecipeError) as caught:
        config_of('on_error="stopp",\nkeep_stats="no",\nsorce="a",\nshard_rows=-1')
    found = [(p.code, p.line) for p in caught.value.problems]
    assert found == [("bad-option", 1), ("bad-option", 2), ("unknown-option", 3), ("bad-option", 4)]
    assert caught.value.problems[0].mend == "did you mean `stop`?"
    assert caught.value.problems[2].mend == "did you mean `source`?"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{ config(description='a',\n description='b') }} select * from source", 2),
        ("{{ config(source='d') }}\nselect {{ var('x', default=1, default=2) }} from source", 2),
        ("select 1,\n\n({{ exact_dedup('a', text='b', text='c') }})", 3),
    ],
)
def test_a_name_given_twice_is_told(template: str, line: int) -> None:
    """Python told it as a SyntaxError of a file that nobody has."""
    with pytest.raises(RecipeError) as caught:
        render(template, Path("r.sql.j2"), REGISTRY, {})
    assert [(p.code, p.line) for p in caught.value.problems] == [("given-twice", line)]


def test_an_option_without_a_name_is_told() -> None:
    with pytest.raises(RecipeError, match=r"bad-option\] r.sql.j2:1: config has 'd.jsonl' without a name"):
        config_of("'d.jsonl'")


@pytest.mark.parametrize("target", ["udfs/evil.py", "/tmp/juicesql-evil.py"])
def test_a_number_of_rows_that_is_sql_writes_nothing(bench: Workbench, target: str) -> None:
    """`shard_rows` went into a query: what stood there wrote a file that `juicesql functions` then ran."""
    text = (
        f"1 as shard from __full_result) group by shard; copy (select 'import os' as a) to '{target}' (format csv); --"
    )
    bench.data(["some text"])
    bench.write(
        "r.sql.j2", f'{{{{ config(source="data.jsonl", export="o.jsonl", shard_rows="{text}") }}}}\nfrom source'
    )
    with pytest.raises(RecipeError, match="a whole number"):
        bench.run()
    assert not (bench.root / target).exists() and not (bench.root / "o").exists()


@pytest.mark.parametrize(
    "options",
    [{"on_error": "stopp"}, {"max_error_rate": 2}, {"threads": 0}, {"threads": "x"}, {"memory_limit": "lots"},
     {"memory_limit": "-1GB"}],
)  # fmt: skip
def test_options_of_a_run_are_read_alike(bench: Workbench, options: dict[str, Any]) -> None:
    bench.data(["some text"])
    with pytest.raises(RecipeError, match=r"error\[bad-option\] the run has"):
        bench.run(**options)


def test_settings_of_the_project_are_read(bench: Workbench) -> None:
    text = 'threads = 1\nmemory_limit = "300MB"\nmedia_root = "pics"\non_error = "stop"\n'
    bench.write("juicesql.toml", text)
    bench.data(["some text"])
    project = open_project(bench.root)
    assert project.limits(None, None) == (1, 300)
    assert project.limits(2, "1GB") == (2, 1024)
    prepared = prepare(bench.root / "r.sql.j2")
    assert (prepared.config.on_error, prepared.config.media_root) == ("stop", "pics")
    assert prepare(bench.root / "r.sql.j2", on_error="null").config.on_error == "null"
    bench.write("r.sql.j2", '{{ config(source="data.jsonl", media_root="own") }} select * from source')
    assert prepare(bench.root / "r.sql.j2").config.media_root == "own"


def test_everything_that_is_wrong_in_the_settings_is_told(bench: Workbench) -> None:
    text = 'thread = 4\n\nmemory_limit = "lots"\nthreads = true\nsource = "d.jsonl"\nkeep_stats = 1\n[engine]\nx = 1\n'
    bench.write("juicesql.toml", text)
    with pytest.raises(RecipeError) as caught:
        open_project(bench.root)
    assert [(p.code, p.line) for p in caught.value.problems] == [
        ("unknown-option", 1), ("bad-option", 3), ("bad-option", 4), ("unknown-option", 5), ("bad-option", 6),
        ("unknown-option", 7),
    ]  # fmt: skip
    assert caught.value.problems[0].mend == "did you mean `threads`?"
    assert all(p.file.endswith("juicesql.toml") for p in caught.value.problems)


def test_broken_settings_are_told_with_their_line(bench: Workbench) -> None:
    bench.write("juicesql.toml", "threads = 1\nthreads = 2\n")
    with pytest.raises(RecipeError) as caught:
        open_project(bench.root)
    assert [(p.code, p.line) for p in caught.value.problems] == [("bad-settings", 2)]
