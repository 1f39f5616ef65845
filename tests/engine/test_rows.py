"""Laws L1 and L4, and what happens to single rows: errors, NULLs, duplicates, rows that become many or none."""

from __future__ import annotations

import pytest

from juicesql.errors import FunctionError, RecipeError, SourceError, StoreError
from juicesql.kernels import cache_folder

from .conftest import RECIPE, Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
TRICKY = '''"""Stat `tricky`."""

import os
import time

import pyarrow as pa

from juicesql.api import stat


def value(text: str) -> float:
    if text == "hang":
        while True:
            time.sleep(60)
    if text == "exit":
        raise SystemExit(3)
    if text == "crash":
        os.abort()
    return value(text) if text == "recurse" else 1.0


@stat("tricky(text VARCHAR) -> DOUBLE")
def tricky(text: pa.StringArray) -> pa.DoubleArray:
    """1, if at all."""
    return pa.array([value(t) for t in text.to_pylist()])
'''
STEADY = '''"""Stat `steady`."""

import time
from pathlib import Path

import pyarrow as pa

from juicesql.api import stat


@stat("steady(text VARCHAR) -> DOUBLE", runs_on="process")
def steady(text: pa.StringArray) -> pa.DoubleArray:
    """1, after a twentieth of a second a row."""
    with open(Path(__file__).parent.parent / "sizes.log", "a") as log:
        log.write(f"{len(text)} ")
    time.sleep(0.05 * len(text))
    return pa.array([1.0] * len(text))
'''


def test_one_raising_row_among_5000_costs_one_row(bench: Workbench) -> None:
    texts = [f"text {i}" for i in range(5000)]
    texts[1234] = "poison"
    bench.data(texts)
    result = bench.run()
    assert (result.rows_in, result.kept, result.errors, result.dropped) == (5000, 4999, 1, 0)
    bench.check_accounts(result)
    assert bench.query("select sample_id, function, message from errors") == [
        (1234, "slow_len", "ValueError: poisoned text")
    ]
    assert bench.query("select verdict from verdicts where sample_id = 1234") == [("error",)]
    assert bench.query("select slow_len from stats where sample_id = 1234") == [(None,)]


def test_on_error_stop_names_the_row_and_publishes_nothing(bench: Workbench) -> None:
    bench.data(["good text", "poison"])
    with pytest.raises(FunctionError, match="sample 1: ValueError: poisoned text"):
        bench.run(on_error="stop")
    assert not (bench.root / "out.jsonl").exists()
    assert bench.query("select status from runs") == [("failed",)]


def test_more_errors_than_allowed_stop_the_run(bench: Workbench) -> None:
    bench.data(["poison"] * 3 + ["good text"] * 7)
    with pytest.raises(FunctionError, match="3 of 10 rows failed"):
        bench.run(max_error_rate=0.2)
    assert not (bench.root / "out.jsonl").exists()
    assert bench.run(max_error_rate=0.3).errors == 3


def test_a_worker_that_dies_costs_the_row_that_killed_it(bench: Workbench) -> None:
    path = bench.root / "udfs/slow_len.py"
    path.write_text(path.read_text().replace('raise ValueError("poisoned text")', "__import__('os')._exit(9)"))
    bench.data(["one good text", "poison", "another good text"])
    result = bench.run(max_error_rate=1)
    assert (result.kept, result.errors) == (2, 1)
    assert "exit code 9" in bench.query("select message from errors")[0][0]


def test_null_and_nan_are_dropped_and_counted_apart(bench: Workbench) -> None:
    path = bench.root / "udfs/slow_len.py"
    path.write_text(path.read_text().replace('raise ValueError("poisoned text")', 'return float("nan")'))
    bench.data(["good text", None, "poison", "x"])
    result = bench.run()
    bench.check_accounts(result)
    assert [r["text"] for r in bench.out()] == ["good text"]
    rows = bench.query("select stat, rows_in, dropped, dropped_null from cuts order by position")
    assert rows == [("text_len", 4, 1, 1), ("slow_len", 3, 2, 1), ("slow_len", 1, 0, 0)]


def test_broken_lines_are_errors_with_their_place(bench: Workbench) -> None:
    path = bench.root / "data.jsonl"
    path.write_bytes(b'{"text": "first text"}\n{"text": "cut off\n{"text": "\xff\xfe"}\n{"text": "last text"}\n')
    result = bench.run(max_error_rate=0.5)
    bench.check_accounts(result)
    assert (result.rows_in, result.kept, result.errors) == (4, 2, 2)
    rows = bench.query('select sample_id, function, file, "row" from errors order by sample_id')
    assert rows == [(1, "source", "data.jsonl", 1), (2, "source", "data.jsonl", 2)]
    assert bench.query("select count(*) from samples") == [(4,)]


def test_dropped_alone_counts_rows_that_fail_one_cut_only(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        "{{ config(source=\"data.jsonl\") }} select * from source where text_len(text) > 3 and text <> 'bad'",
    )
    bench.data(["bad", "ok", "okay", "fine"])
    result = bench.run()
    assert (result.kept, result.dropped, result.rows_out) == (2, 2, 2)
    rows = bench.query("select sql, rows_in, dropped, dropped_alone from cuts order by position")
    assert rows == [("text_len(text) > 3", 4, 2, 1), ("text <> 'bad'", 2, 0, 0)]


def test_duplicates_name_the_row_that_stays(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }} with lowered as (select * replace (lower(text) as text) from source), '
        "exact as (from lowered qualify row_number() over (partition by md5(text) order by sample_id) = 1) from exact",
    )
    bench.data(["One", "two", "one", "ONE", "Two", "three"])
    result = bench.run()
    bench.check_accounts(result)
    assert (result.kept, result.duplicates) == (3, 3)
    assert [r["text"] for r in bench.out()] == ["one", "two", "three"]
    rows = bench.query("select sample_id, duplicate_of from verdicts where verdict = 'duplicate' order by sample_id")
    assert rows == [(2, 0), (3, 0), (4, 1)]
    clusters = bench.query(
        "select cluster, list(sample_id order by sample_id) from clusters group by cluster order by cluster"
    )
    assert clusters == [(0, [0, 2, 3]), (1, [1, 4])]


def test_unnest_makes_rows_and_a_sample_without_rows_is_dropped(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl", keep_sample_id=true) }} '
        "with words as (select unnest(list_filter(string_split(text, ' '), lambda w: w <> '')) as word from source) "
        "select word, text_len(word) as n from words where text_len(word) > 1",
    )
    bench.data(["aa b cc", "", "d e", "ff"])
    result = bench.run()
    bench.check_accounts(result)
    assert bench.out() == [
        {"word": "aa", "n": 2, "sample_id": 0},
        {"word": "cc", "n": 2, "sample_id": 0},
        {"word": "ff", "n": 2, "sample_id": 3},
    ]
    assert (result.kept, result.dropped, result.rows_out) == (2, 2, 3)
    assert bench.query("select sample_id, cut from verdicts where verdict = 'dropped' order by 1") == [
        (1, "words"),
        (2, "result.1"),
    ]


def test_an_unnested_relation_in_from(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }} '
        "select t.word, text_len(t.word) as n from source s, unnest(string_split(s.text, ' ')) as t(word) where text_len(t.word) > 1",
    )
    bench.data(["aa b", "cc"])
    result = bench.run()
    bench.check_accounts(result)
    assert bench.out() == [{"word": "aa", "n": 2}, {"word": "cc", "n": 2}]


def test_sql_that_raises_for_one_row_costs_that_row(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2", '{{ config(source="data.jsonl", export="out.jsonl") }} select text::integer as number from source'
    )
    bench.data(["1", "two", "3"])
    result = bench.run(max_error_rate=0.5)
    bench.check_accounts(result)
    assert bench.out() == [{"number": 1}, {"number": 3}]
    assert "two" in bench.query("select message from errors")[0][0]


def test_a_source_that_changes_during_the_run_is_not_published(bench: Workbench) -> None:
    path = bench.root / "udfs/slow_len.py"
    path.write_text(
        path.read_text().replace("return len", 'open(LOG.parent / "data.jsonl", "a").write("\\n"); return len')
    )
    bench.data(["some text", "more text"])
    with pytest.raises(SourceError, match=r"data\.jsonl"):
        bench.run()
    assert not (bench.root / "out.jsonl").exists()


def test_changes_keep_before_and_after(bench: Workbench) -> None:
    bench.write("r.sql.j2", '{{ config(source="data.jsonl") }} select * replace (upper(text) as text) from source')
    bench.data(["a", "B", "c", "d"])
    bench.run(trace=2)
    assert bench.query('select sample_id, column_name, "before", "after" from changes order by 1') == [
        (0, "text", "a", "A"),
        (2, "text", "c", "C"),
    ]


def test_a_result_without_rows_is_published_where_that_is_allowed(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.run()
    before = bench.out()
    bench.write("r.sql.j2", RECIPE.replace(">= 3", ">= 3000"))
    result = bench.run()
    assert (result.kept, result.export, result.files, result.unpublished) == (0, "", (), str(bench.root / "out.jsonl"))
    assert "1 of 1 rows are gone" in result.warnings[-1] and ">= 3000" in result.warnings[-1]
    assert bench.out() == before == [{"text": "some text"}]
    assert bench.query("select status, export from runs order by started desc limit 1") == [("done", None)]
    result = bench.run(allow_empty=True)
    assert (result.unpublished, bench.out()) == ("", [])


def test_the_surviving_set_is_that_of_plain_sql(bench: Workbench) -> None:
    """Short-circuiting and ordering of cuts change the work, not the result."""

    texts = [("word " * (i % 7) + "x" * (i % 11)) or None for i in range(500)]
    bench.data(texts)
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }} select * from source where slow_len(text) >= 6 '
        "and (alnum_ratio(text) > 0.7 or slow_len(text) > 20) and text_len(text) between 5 and 30 and text not like '%xxxx'",
    )
    bench.run()

    def alnum(text: str) -> float:
        return sum(c.isalnum() for c in text) / len(text)

    kept = [t for t in texts if t and 6 <= len(t) <= 30 and (alnum(t) > 0.7 or len(t) > 20) and not t.endswith("xxxx")]
    assert [r["text"] for r in bench.out()] == kept


def test_sql_that_raises_where_rows_meet_names_the_step_and_its_line(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }}\nwith a as (\n'
        "    select sum(text::integer) as total from source\n)\nselect * from a",
    )
    bench.data(["1", "two"])
    with pytest.raises(RecipeError, match=r"r\.sql\.j2:3: step `a`: .*two"):
        bench.run()


def test_a_source_without_rows_gives_an_empty_output(bench: Workbench) -> None:
    bench.write("empty.csv", "text,url\n")
    result = bench.run(source=str(bench.root / "empty.csv"), allow_empty=True)
    bench.check_accounts(result)
    assert (result.rows_in, result.rows_out, bench.out()) == (0, 0, [])


def test_a_text_function_that_hangs_exits_or_crashes_costs_its_rows(bench: Workbench) -> None:
    bench.write("udfs/tricky.py", TRICKY)
    bench.write(
        "r.sql.j2",
        HEAD.replace(")", ", row_seconds=1, max_error_rate=1)") + "select * from source where tricky(text) > 0",
    )
    bench.data(["good one", "hang", "exit", "crash", "recurse", "good two"])
    result = bench.run()
    assert (result.kept, result.errors) == (2, 4)
    assert bench.query("select sample_id, message from errors where sample_id < 4 order by sample_id") == [
        (1, "took more than 1 seconds (row_seconds)"),
        (2, "SystemExit: 3"),
        (3, "the worker process ended with signal 6"),
    ]
    bench.check_accounts(result)


def test_a_batch_over_the_limit_is_split_and_the_size_that_fits_is_kept(bench: Workbench) -> None:
    bench.write("udfs/steady.py", STEADY)
    bench.write(
        "r.sql.j2",
        HEAD.replace(")", ", row_seconds=1, max_error_rate=1)") + "select * from source where steady(text) > 0",
    )
    bench.data([str(i) for i in range(40)])
    result = bench.run(threads=1)
    assert (result.kept, result.errors) == (40, 0)
    sizes = [int(size) for size in (bench.root / "sizes.log").read_text().split()]
    assert sizes[0] == 40 and max(sizes[1:]) == 5


def test_a_cache_that_cannot_be_written_is_told_once(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = bench.write("blocked", "a file where the folder should be")
    monkeypatch.setenv("JUICESQL_CACHE_HOME", str(blocked))
    with pytest.raises(StoreError, match=r"cache-home.*blocked.*cannot be written(.|\n)*JUICESQL_CACHE_HOME"):
        cache_folder("kernels")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '@stat("bad(text VARCHAR) -> DOUBLE", runs_on="thread")',
            r"bad-declaration\] \S*bad.py:5: .*'thread'(.|\n)*kernel",
        ),
        ('@stat("bad(text VARCHAR) = DOUBLE")', r"bad-signature\] \S*bad.py:5: "),
        ("@stat('bad(text VARCHAR) -> DOUBLE'", r"broken-function\] \S*bad.py:5: SyntaxError"),
        (
            "import nowhere_to_be_found",
            r"broken-function\] \S*bad.py:5: ModuleNotFoundError(.|\n)*install nowhere_to_be_found",
        ),
        ("raise SystemExit(0)", r"broken-function\] \S*bad.py:5: SystemExit"),
    ],
)
def test_a_function_that_cannot_be_loaded_names_its_file_and_line(bench: Workbench, line: str, expected: str) -> None:
    bench.write(
        "udfs/bad.py", f'"""Stat."""\n\nfrom juicesql.api import stat\n\n{line}\ndef bad(text):\n    """Nothing."""\n'
    )
    bench.write("r.sql.j2", HEAD + "select * from source where bad(text) > 0")
    bench.data(["a"])
    with pytest.raises(FunctionError, match=expected):
        bench.run()
