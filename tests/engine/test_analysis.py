"""The numbers of analyses: against numpy, pandas and scipy, and what a derived plan measures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from juicesql.analysis.analyze import Request, analyze
from juicesql.analysis.bins import Edges, histogram, suitable_edges
from juicesql.analysis.compare import compare
from juicesql.analysis.correlation import pearson, spearman
from juicesql.analysis.distance import ks_distance, label_shifts
from juicesql.analysis.fitting import fitting, missing_of
from juicesql.analysis.numbers import labels, numbers
from juicesql.analysis.sampling import choose, sampled
from juicesql.errors import RecipeError, StoreError
from juicesql.registry import Registry
from juicesql.sources import SourceSpec, open_source
from tests.engine.conftest import Workbench

plain = st.floats(-1e12, 1e12, allow_subnormal=False)
values = st.lists(st.one_of(plain, st.integers(-5, 5).map(float), st.none(), st.sampled_from([math.inf, -math.inf])))
finite = st.lists(st.one_of(plain, st.integers(-3, 3).map(float)), min_size=1)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as made:
        yield made


def give(con: duckdb.DuckDBPyConnection, **columns: list[Any]) -> None:
    con.register("t", pa.table({n: pa.array(v, pa.float64()) for n, v in columns.items()}))


def near(found: float | None, wanted: float, scale: float) -> bool:
    return found is not None and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9 * max(scale, 1e-300))


@settings(max_examples=30, deadline=None)
@given(values)
def test_numbers_equal_numpy_and_pandas(con: duckdb.DuckDBPyConnection, drawn: list[float | None]) -> None:
    give(con, v=drawn)
    found = numbers(con, "t", "v", (1, 10, 33.3, 99))
    there = [v for v in drawn if v is not None and math.isfinite(v)]
    assert (found.count, found.infinite) == (len(there), sum(v is not None and math.isinf(v) for v in drawn))
    if not there:
        assert (found.mean, found.std, found.min, found.max) == (None,) * 4
        assert {v for _, v in found.percentiles} == {None}
        return
    array, scale = np.array(there), max(map(abs, there))
    assert near(found.mean, float(np.mean(array)), scale)
    assert (found.min, found.max) == (array.min(), array.max())
    for percent, value in found.percentiles:
        assert near(value, float(np.percentile(array, percent)), scale)
    if len(there) > 1:
        assert near(found.std, float(pd.Series(there).std()), scale)
    else:
        assert found.std is None


def test_huge_values_and_nan(con: duckdb.DuckDBPyConnection) -> None:
    give(con, v=[1e300, -1e300, 1e308])
    found = numbers(con, "t", "v")
    assert found.mean == pytest.approx(1e308 / 3) and found.std == pytest.approx(5.7735026e307)
    give(con, v=[math.nan, 2.0, None])
    assert (numbers(con, "t", "v").count, numbers(con, "t", "v").mean) == (1, 2.0)


@settings(max_examples=40, deadline=None)
@given(finite)
def test_every_value_has_a_bin(con: duckdb.DuckDBPyConnection, drawn: list[float]) -> None:
    give(con, v=drawn)
    edges = suitable_edges(numbers(con, "t", "v"))
    assert edges is not None
    found = histogram(con, "t", "v", edges)
    assert sum(found.counts) + found.below + found.above == len(drawn)
    assert (found.below, found.above) == (sum(v < edges.low for v in drawn), sum(v > edges.high for v in drawn))


def test_bins_equal_numpy(con: duckdb.DuckDBPyConnection) -> None:
    drawn = np.random.default_rng(1).normal(size=5000)
    give(con, v=list(drawn))
    edges = Edges(-2.0, 2.0, 16)
    wanted, _ = np.histogram(drawn, bins=16, range=(-2, 2))
    assert histogram(con, "t", "v", edges).counts == tuple(wanted)


def test_bins_of_whole_numbers_tails_and_thresholds(con: duckdb.DuckDBPyConnection) -> None:
    give(con, v=[0, 1, 1, 3])
    found = numbers(con, "t", "v")
    assert suitable_edges(found, whole=True) == Edges(-0.5, 3.5, 4)
    give(con, v=[*np.linspace(0, 1, 1000), 1e6, -5.0])
    found = numbers(con, "t", "v")
    tails = suitable_edges(found)
    assert tails and tails.high < 4 and tails.low > -3
    wide = suitable_edges(found, thresholds=[40.0, -1e9])
    assert wide and wide.high == 40.0
    give(con, v=[7.0])
    assert suitable_edges(numbers(con, "t", "v")).count == 1
    give(con, v=[*range(1, 100), 1e6])
    assert suitable_edges(numbers(con, "t", "v")).scale == "log"


@settings(max_examples=40, deadline=None)
@given(finite, finite)
def test_ks_equals_scipy(con: duckdb.DuckDBPyConnection, old: list[float], new: list[float]) -> None:
    con.register("a", pa.table({"v": pa.array([*old, None], pa.float64())}))
    con.register("b", pa.table({"v": pa.array(new, pa.float64())}))
    found = ks_distance(con, "from a", "from b")
    wanted = scipy_stats.ks_2samp(old, new, method="asymp")
    assert found and found.statistic == pytest.approx(wanted.statistic, abs=1e-12)
    at = np.mean(np.array(old) <= found.at) - np.mean(np.array(new) <= found.at)
    assert abs(at) == pytest.approx(found.statistic, abs=1e-12)


def test_ks_of_nothing(con: duckdb.DuckDBPyConnection) -> None:
    con.register("a", pa.table({"v": pa.array([None], pa.float64())}))
    assert ks_distance(con, "from a", "from a") is None


def test_label_shifts(con: duckdb.DuckDBPyConnection) -> None:
    con.register("a", pa.table({"v": ["en", "en", "de", None]}))
    con.register("b", pa.table({"v": ["en", "zh"]}))
    variation, shifts = label_shifts(con, "from a", "from b")
    assert variation == pytest.approx(0.5)
    assert [(s.label, s.new) for s in shifts] == [("zh", 0.5), ("de", 0.0), ("en", 0.5)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.one_of(st.integers(-4, 4).map(float), st.floats(-100, 100))] * 3), min_size=3))
def test_correlations_equal_pandas(con: duckdb.DuckDBPyConnection, rows: list[tuple[float, ...]]) -> None:
    rows = [tuple(round(v, 3) for v in row) for row in rows]
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    give(con, **{n: list(frame[n]) for n in frame})
    for ours, method in ((pearson, "pearson"), (spearman, "spearman")):
        wanted = frame.corr(method=method)
        found = ours(con, "t", list(frame))
        for i, a in enumerate(frame):
            for j, b in enumerate(frame):
                value = found.matrix[i][j]
                if frame[a].nunique() > 1 and frame[b].nunique() > 1:
                    assert value == pytest.approx(wanted.loc[a, b], abs=1e-7)
                else:
                    assert value is None


def test_pearson_leaves_out_rows_without_both(con: duckdb.DuckDBPyConnection) -> None:
    a, b = [1.0, 2.0, None, 4.0, math.inf], [2.0, 4.0, 9.0, 8.0, 1.0]
    give(con, a=a, b=b)
    assert pearson(con, "t", ["a", "b"]).matrix[0][1] == pytest.approx(1.0)


values = st.one_of(
    st.none(), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0]), st.integers(-3, 3).map(float)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(values, values, values), min_size=2, max_size=12))
def test_spearman_equals_scipy(con: duckdb.DuckDBPyConnection, rows: list[tuple[float | None, ...]]) -> None:
    """Ties share a rank, the rows without both values are left out before anything is ranked."""
    columns = dict(zip("abc", map(list, zip(*rows, strict=True)), strict=True))
    give(con, **columns)
    found = spearman(con, "t", list(columns))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pairs = [(r[i], r[j]) for r in rows if None not in (r[i], r[j]) and r[i] == r[i] and r[j] == r[j]]
        one, other = ([p[k] for p in pairs] for k in (0, 1))
        if len(set(one)) > 1 and len(set(other)) > 1:
            assert found.matrix[i][j] == pytest.approx(scipy_stats.spearmanr(one, other).statistic, abs=1e-9)
        else:
            assert found.matrix[i][j] is None


def test_labels(con: duckdb.DuckDBPyConnection) -> None:
    con.register("t", pa.table({"v": ["b", "a", "a", "c", "b", None]}))
    found = labels(con, "t", "v", most=2)
    assert (found.count, found.distinct, found.top) == (5, 3, (("a", 2), ("b", 2)))
    con.register("t", pa.table({"v": pa.array([], pa.string())}))
    assert labels(con, "t", "v").top == ()


# Sampling


def test_a_larger_sample_holds_a_smaller_one() -> None:
    small, large = (set(choose(iter([range(50_000), range(50_000, 200_000)]), n).tolist()) for n in (100, 1000))
    assert len(small) == 100 and len(large) == 1000 and small < large
    thirds = np.histogram(sorted(large), bins=4, range=(0, 200_000))[0]
    assert (thirds > 180).all()


def test_a_sample_has_the_rows_of_its_ids(bench: Workbench) -> None:
    bench.data([*(f"text {i}" for i in range(30)), "\x00broken"])
    whole = open_source(SourceSpec(("data.jsonl",), base=bench.root))
    seen = {}
    for rows in (5, 31, 100):
        loaded = [m.load() for m in sampled(whole, rows).morsels(100, 4)]
        ids = [i for part in loaded for i in part.table["sample_id"].to_pylist()]
        errors = [e.sample_id for part in loaded for e in part.errors]
        assert len(ids) + len(errors) == min(rows, 31)
        seen |= {
            i: t
            for part in loaded
            for i, t in zip(part.table["sample_id"].to_pylist(), part.table["text"].to_pylist(), strict=True)
        }
        assert all(len(part.file_rows) == part.table.num_rows for part in loaded)
    assert seen == {i: f"text {i}" for i in range(30)}


# What is measured

FULL = """{{ config(source="data.jsonl", export="out.jsonl") }}
with cleaned as (select * replace (trim(text) as text) from source),
kept as (
    select *, slow_len(text) as n from cleaned
    where text_len(text) >= 3 and (slow_len(text) <= 6 or text = 'a longer text')
),
exact as (from kept qualify row_number() over (partition by md5(text) order by sample_id) = 1)
select * from exact where text_len(text) <= 5 order by text limit 2
"""


def analyzed(bench: Workbench, recipe: str, **options: Any) -> Any:
    return analyze(bench.write("r.sql.j2", recipe), **options)


def test_every_row_is_measured_and_no_cut_applied(bench: Workbench) -> None:
    bench.data(["  ab ", "abcd", "abcd", "a longer text", None, "abcdefgh"])
    found = analyzed(bench, FULL)
    by_name = {s.label: s for s in found.stats}
    assert (found.rows, found.errors) == (6, 0)
    assert by_name["text_len"].numbers.count == 5 and by_name["text_len"].nulls == 1
    assert by_name["text_len"].numbers.mean == np.mean([2, 4, 4, 13, 8])  # after the mapper
    assert bench.calls() == 5  # every text
    assert [(c.kept, c.nulls) for c in found.cuts] == [(4, 1), (4, 1), (3, 1)]
    assert found.cuts[2].sql == "text_len(text) <= 5"
    assert found.kept == 2  # both duplicates: dedup is left out
    assert {o.why for o in found.left_out} == {"drops duplicates", "looks at all rows"}
    assert not (bench.root / "out.jsonl").exists()


def test_a_run_reuses_what_an_analysis_measured_and_the_other_way_round(bench: Workbench) -> None:
    bench.data([f"text number {i}" for i in range(12)])
    bench.run()
    assert bench.calls() == 12
    found = analyze(bench.root / "r.sql.j2")
    assert (found.measured, bench.calls()) == (0, 0)
    bench.data(["one more"], mode="a")
    analyze(bench.root / "r.sql.j2")
    assert bench.calls() == 1
    result = bench.run()
    assert (result.measured, bench.calls()) == (0, 0)
    bench.check_accounts(result)


def test_an_analysis_is_no_run_for_other_commands(bench: Workbench) -> None:
    from juicesql.project import open_project
    from juicesql.runs import find_run
    from juicesql.store import Store

    bench.data(["one text", "two texts"])
    run = bench.run()
    found = analyze(bench.root / "r.sql.j2")
    assert bench.query("select status, samples_kept, rows_in from runs order by started") == [
        ("done", 2, 2),
        ("analyzed", 2, 2),
    ]
    project = open_project(bench.root)
    with Store(bench.root).open(read_only=True) as con:
        for name in ("latest", "r", str(bench.root / "r.sql.j2")):
            assert find_run(con, name, project).run_id == run.run_id
        with pytest.raises(StoreError, match="no finished run"):
            find_run(con, found.run_id, project)
        assert find_run(con, found.run_id, project, analyses=True).status == "analyzed"
    assert bench.query("select count(*) from cuts where run_id <> '" + run.run_id + "'") == [(0,)]


def test_a_sample_does_not_touch_the_rows_of_its_source(bench: Workbench) -> None:
    bench.data([f"text number {i}" for i in range(40)])
    assert analyze(bench.root / "r.sql.j2", sample=7).rows == 7
    assert bench.calls() == 7
    bench.run()
    assert bench.calls() == 33
    rows = bench.query(
        "select s.name, count(*) from sample_rows join sources s using (source_id) group by all order by all"
    )
    assert rows == [("data.jsonl", 40), ("data.jsonl (7 rows sampled)", 7)]
    again = analyze(bench.root / "r.sql.j2", sample=7)
    assert bench.calls() == 0 and again.stats[0].numbers.count == 7


def test_rows_of_one_sample_after_an_unnest(bench: Workbench) -> None:
    bench.data(["a\nbb", "ccc", "dddd\ne\nff"])
    recipe = """{{ config(source="data.jsonl") }}
    with lines as (select * exclude (text), unnest(string_split(text, chr(10))) as line from source where text_len(text) > 3)
    select * from lines where text_len(line) >= 2 and alnum_ratio(line) = 1"""
    found = analyzed(bench, recipe)
    by_name = {s.label: s for s in found.stats}
    assert by_name["text_len"].rows == 3 and not by_name["text_len"].expanded
    assert by_name["text_len_2"].rows == 6 and by_name["text_len_2"].expanded
    assert by_name["text_len_2"].numbers.mean == np.mean([1, 2, 3, 4, 1, 2])
    assert by_name["text_len_2"].kept == 4 and found.kept == 2


def test_branches_that_meet_in_a_union(bench: Workbench) -> None:
    bench.data(["aa", "bbbb", "cccccc"])
    recipe = """{{ config(source="data.jsonl") }}
    with short as (select * from source where text_len(text) < 3),
    long as (select * from source where text_len(text) > 5 and alnum_ratio(text) = 1)
    select * from short union all select * from long"""
    found = analyzed(bench, recipe)
    assert (found.rows, found.kept) == (3, 2)
    assert [s.label for s in found.stats] == ["text_len", "alnum_ratio"]


def test_groups_end_what_is_measured(bench: Workbench) -> None:
    bench.data(["aa", "aa", "b"])
    recipe = """{{ config(source="data.jsonl") }}
    with measured as (select * from source where text_len(text) > 1),
    groups as (select text, count(*) as n from measured group by text)
    select * from groups where alnum_ratio(text) > 0.5"""
    found = analyzed(bench, recipe)
    assert [s.label for s in found.stats] == ["text_len"]
    assert [(o.step, o.why) for o in found.left_out] == [
        ("groups", "brings rows together"), ("result", "comes after rows are brought together"),
        ("result", "comes after rows are brought together"),
    ]  # fmt: skip


def test_lines_that_are_joined_again_are_rows_of_their_samples(bench: Workbench) -> None:
    bench.data(["one line\nand more\nx", "y\nz"])
    recipe = """{{ config(source="data.jsonl") }}
    with cleaned as ({% call keep_lines('source') %} text_len(line) >= 2 {% endcall %})
    select * from cleaned where text_len(text) > 5"""
    found = analyzed(bench, recipe)
    line, text = found.stats
    assert (line.rows, line.expanded, text.rows, text.expanded) == (5, True, 2, False)
    assert text.numbers.max == 19  # with the line that a run would have cut
    assert found.kept == 1 and "applied, to rows that no cut has left" in {o.why for o in found.left_out}


def test_lists_structs_and_labels(bench: Workbench) -> None:
    bench.write(
        "macros/lens.sql",
        "-- stat: lens(text VARCHAR) -> BIGINT[]\n-- Lengths of words.\n"
        "create or replace macro lens(text) as [length(w) for w in string_split(text, ' ')];",
    )
    bench.write(
        "macros/shape.sql",
        "-- stat: shape(text VARCHAR) -> STRUCT(kind VARCHAR, size DOUBLE)\n-- Its shape.\n"
        "create or replace macro shape(text) as case when text is not null then "
        "{'kind': if(length(text) > 3, 'long', 'short'), 'size': length(text)::double} end;",
    )
    bench.data(["ab c", "def", None])
    found = analyzed(bench, "{{ config(source='data.jsonl') }} select lens(text) as l, shape(text) as s from source")
    lens, kind, size = found.stats
    assert (lens.per, lens.numbers.count, lens.numbers.mean, lens.items.mean, lens.nulls) == ("item", 3, 2.0, 1.5, 1)
    assert kind.label == "shape.kind" and kind.labels.top == (("long", 1), ("short", 1))
    assert size.label == "shape.size" and size.numbers.max == 4
    assert [(e.sample_id, e.value) for e in lens.highest] == [(1, 3.0), (0, 2.0)]


def test_errors_are_counted(bench: Workbench) -> None:
    bench.data(["good", "poison", "\x00broken", *["fine text"] * 20])
    found = analyze(bench.root / "r.sql.j2")
    slow = next(s for s in found.stats if s.label == "slow_len")
    assert (found.rows, found.errors, slow.nulls, slow.numbers.count) == (23, 1, 1, 21)


def test_many_errors_do_not_stop_it(bench: Workbench) -> None:
    bench.data(["poison", "poison", "fine text"])
    recipe = "{{ config(source='data.jsonl', on_error='stop') }} select * from source where slow_len(text) > 1"
    found = analyzed(bench, recipe)
    assert (found.rows, found.stats[0].nulls, found.cuts[0].nulls, found.kept) == (3, 2, 2, 1)


def test_no_rows_and_no_stats(bench: Workbench) -> None:
    bench.data([None])
    found = analyze(bench.root / "r.sql.j2")
    assert found.stats[0].numbers.count == 0 and found.stats[0].histogram is None and found.kept == 0
    with pytest.raises(RecipeError, match="measures no stat"):
        analyzed(bench, "{{ config(source='data.jsonl') }} select * from source")


def test_what_fits(bench: Workbench) -> None:
    bench.data(["one text here", "and another"])
    found = analyze(bench.root / "data.jsonl", project=bench.root)
    names = {s.function for s in found.stats}
    assert {"alnum_ratio", "text_len", "word_rep_ratio"} <= names and "slow_len" in names
    assert not names & {"minhash_bands", "simhash", "hashed_ngrams", "find_pii"}
    assert {"llm_perplexity", "num_token"} <= {s.function for s in found.skipped}
    more = analyze(bench.root / "r.sql.j2", auto=True, also=["text_len(upper(text))"])
    assert len(more.stats) == len(found.stats) + 1


def test_fitting_by_columns() -> None:
    found = fitting(Registry(), {"body": "VARCHAR", "images": "VARCHAR[]", "n": "BIGINT"})
    assert 'alnum_ratio("body")' in found.calls
    assert not any("audios" in c or "videos" in c for c in found.calls)
    assert not any("hash" in c for c in found.calls)
    assert fitting(Registry(), {"n": "BIGINT"}).calls == ()
    assert missing_of("") == [] and missing_of("nonsense") == []


def test_spearman_and_percentiles_of_a_request(bench: Workbench) -> None:
    bench.data([f"{'a' * i} text!" for i in range(20)])
    found = analyze(bench.root / "data.jsonl", project=bench.root, request=Request((10,), 1, True))
    assert [c.method for c in found.correlations] == ["pearson", "spearman"]
    assert [p for p, _ in found.stats[0].numbers.percentiles] == [1, 10, 25, 50, 75, 99]
    json.dumps(found.to_dict())


# Two sides


def test_runs_side_by_side(bench: Workbench) -> None:
    bench.data(["a" * i for i in range(1, 41)])
    bench.run()
    bench.run(variables={"long": 20})
    found = compare("latest~1", "latest", project=bench.root)
    lens = next(s for s in found.stats if s.label == "text_len")
    assert (found.old.kept, found.new.kept) == (38, 18)
    old, new = np.arange(3, 41), np.arange(3, 21)
    assert (lens.old.numbers.mean, lens.new.numbers.mean) == (old.mean(), new.mean())
    assert lens.ks.statistic == pytest.approx(scipy_stats.ks_2samp(old, new).statistic)
    assert lens.moved == pytest.approx((new.mean() - old.mean()) / old.std(ddof=1))
    assert [v.name for v in found.changes.variables] == ["long"]
    everything = compare("latest~1", "latest", project=bench.root, everything=True)
    assert all(s.ks.statistic == 0 for s in everything.stats)


def test_data_sets_side_by_side(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.root)
    bench.data(["short"] * 3, "a.jsonl")
    bench.data(["a much longer text"] * 2, "b.jsonl")
    found = compare("a.jsonl", "b.jsonl", recipe="r.sql.j2", project=bench.root)
    assert [s.label for s in found.stats] == ["slow_len", "text_len"]
    assert found.stats[0].ks.statistic == 1 and found.old.rows_in == 3
    bench.calls()
    compare("a.jsonl", "b.jsonl", recipe="r.sql.j2", project=bench.root)
    assert bench.calls() == 0
    bench.write("other.sql.j2", "{{ config(source='a.jsonl') }} select * from source where alnum_ratio(text) > 0")
    bench.run("other.sql.j2")
    with pytest.raises(StoreError, match="no stat in common"):
        compare("latest", found.new.run_id, project=bench.root)


def test_the_order_of_rows_changes_no_digit() -> None:
    found = set()
    for way in ("i", "hash(i)", "-i"):
        with duckdb.connect() as con:
            con.execute(f"create table t as select sin(i) * i as v from range(300_000) r(i) order by {way}")
            facts = numbers(con, "t", "v")
            found.add((facts.mean, facts.std))
    assert len(found) == 1


def test_one_function_on_two_columns_keeps_its_own_bounds(bench: Workbench) -> None:
    rows = [{"text": "a" * i, "title": "b" * (20 - i)} for i in range(1, 20)]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    bench.write(
        "two.sql.j2",
        '{{ config(source="data.jsonl") }}\n'
        "select * from source\nwhere text_len(text) >= 5\n  and text_len(title) >= 18\n  and lang_id(text).score >= 0\n",
    )
    found = analyze(bench.root / "two.sql.j2", project=bench.root)
    seen = {s.sql + s.label[len("lang_id") :] * s.label.startswith("lang_id"): s for s in found.stats}
    assert [(b.operator, b.value) for b in seen["text_len(text)"].bounds] == [(">=", 5)]
    assert [(b.operator, b.value) for b in seen["text_len(title)"].bounds] == [(">=", 18)]
    assert (seen["text_len(text)"].kept, seen["text_len(title)"].kept) == (15, 2)
    assert [(b.operator, b.value) for b in seen["lang_id(text).score"].bounds] == [(">=", 0)]
    assert seen["lang_id(text).lang"].bounds == ()


def test_bounds_name_no_column_of_the_plan(bench: Workbench) -> None:
    bench.data(["one", "three"])
    bench.write(
        "sum.sql.j2",
        '{{ config(source="data.jsonl") }}\nselect * from source where text_len(text) + alnum_ratio(text) > 3\n',
    )
    bench.run("sum.sql.j2")
    assert bench.query("select stat from cuts") == [("text_len + alnum_ratio",)]


@pytest.mark.parametrize(
    ("row", "chosen"),
    [
        ({"id": "x" * 200, "url": "https://example.org/" + "a/" * 60, "body": "Some prose of a few words."}, "body"),
        (
            {"title": "A short title here", "story": "A much longer story that goes on for more than a line of it."},
            "story",
        ),
        ({"title": "A title of some words and more", "content": "Prose of the page, a bit longer."}, "content"),
        ({"id": "a" * 90, "inhalt": "今天天气很好我们去公园玩"}, "inhalt"),
        ({"note": "A long note that is longer than the text is by far", "text": "short"}, "text"),
    ],
)
def test_the_column_of_prose_is_measured(bench: Workbench, row: dict[str, str], chosen: str) -> None:
    bench.write("d.jsonl", "".join(json.dumps({**row, "n": i}) + "\n" for i in range(20)))
    found = analyze(bench.root / "d.jsonl", project=bench.root)
    assert found.text == chosen and set(found.others) == set(row) - {chosen}
    assert f'text_len("{chosen}")' in {s.sql for s in found.stats}
    other = next(c for c in row if c != chosen)
    asked = analyze(bench.root / "d.jsonl", project=bench.root, text=other)
    assert asked.text == other and f'text_len("{other}")' in {s.sql for s in asked.stats}
