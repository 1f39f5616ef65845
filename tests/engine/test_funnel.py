"""The funnel falls: in the order of the work each line gets what the one before it left, and its sums are those of the
run. What a cut alone drops is a number where the values that decide it are there, and never a wrong one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from juicesql import overview, whatif
from juicesql.analysis.analyze import analyze
from juicesql.cli.screen import funnel_lines
from juicesql.running import RunResult
from juicesql.runs import read_run
from juicesql.store import Store
from tests.engine.conftest import Workbench

# SQL of a cut -> what it says of a text, by the definition of its stat.
CHEAP = {
    "text_len(text) >= 4": lambda t: len(t) >= 4,
    "text_len(text) <= 9": lambda t: len(t) <= 9,
    "alnum_ratio(text) >= 0.5": lambda t: bool(t) and sum(map(str.isalnum, t)) / len(t) >= 0.5,
}
DEAR = {
    "slow_len(text) <= 7": lambda t: len(t) <= 7,
    "slow_len(text, 2) >= 1.5": lambda t: len(t) / 2 >= 1.5,
}
ALL = {**CHEAP, **DEAR}
LETTERS = st.text("ab ?", max_size=12)


def recipe(cuts: list[str]) -> str:
    return '{{ config(source="data.jsonl") }}\nselect * from source where ' + "\n and ".join(cuts)


def check_falls(result: RunResult) -> None:
    """Every line begins with what the one before it left."""
    left = result.rows_in
    for line in result.funnel:
        assert line.rows_in == left
        assert line.rows_out == line.rows_in - line.dropped <= left
        left = line.rows_out
    assert left == result.kept


def recorded(bench: Workbench, result: RunResult) -> list[overview.FunnelLine]:
    store = Store(bench.root)
    with store.open(read_only=True) as con:
        return overview.funnel_lines(con, read_run(con, result.run_id))


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example is a run or two: to shrink one takes minutes
)  # fmt: skip
@given(texts=st.lists(LETTERS, min_size=4, max_size=60), cuts=st.permutations(sorted(ALL)), analyzed=st.booleans())
def test_the_funnel_falls_and_its_numbers_are_those_of_the_definition(
    bench: Workbench, texts: list[str], cuts: list[str], analyzed: bool
) -> None:
    bench.data(texts)
    path = bench.write("r.sql.j2", recipe(cuts))
    if analyzed:
        analyze(str(path))
    result = bench.run()
    check_falls(result)
    lines = [line for line in result.funnel if line.kind == "cut"]
    assert [line.sql for line in lines][:3] == [c for c in cuts if c in CHEAP]  # as written, before any dear one
    alive = texts
    for line in lines:
        passing = [t for t in alive if ALL[line.sql](t)]
        assert (line.rows_in, line.dropped) == (len(alive), len(alive) - len(passing))
        alive = passing
        alone = sum([c for c in ALL if not ALL[c](t)] == [line.sql] for t in texts)
        assert line.dropped_alone == alone if analyzed else line.dropped_alone in (alone, None)
    assert lines[-1].dropped_alone is not None  # the rows that it drops have passed all others
    assert result.kept == len(alive)
    shown = [(x.cut, x.rows_in, x.rows_out, x.dropped_alone) for x in recorded(bench, result)]
    assert shown == [(x.cut, x.rows_in, x.rows_out, x.dropped_alone) for x in result.funnel]
    verdicts = dict(
        bench.query(f"select cut, count(*) from verdicts where run_id = '{result.run_id}' and cut <> '' group by cut")
    )
    assert verdicts == {line.cut: line.dropped for line in lines if line.dropped}


def test_a_dear_cut_that_is_written_first_comes_last(bench: Workbench) -> None:
    bench.write("r.sql.j2", recipe(["slow_len(text) <= 7", "text_len(text) >= 4"]))
    bench.data(["a" * n for n in range(1, 13)])
    result = bench.run()
    check_falls(result)
    shown = [(x.sql, x.rows_in, x.dropped, x.rows_out) for x in result.funnel if x.kind == "cut"]
    assert shown == [("text_len(text) >= 4", 12, 3, 9), ("slow_len(text) <= 7", 9, 5, 4)]
    rows = bench.query("select sql, rows_in, dropped from cuts order by position")
    assert rows == [("text_len(text) >= 4", 12, 3), ("slow_len(text) <= 7", 9, 5)]
    store = Store(bench.root)
    with store.open(read_only=True) as con:
        run = read_run(con, result.run_id)
    board = whatif.open_board(store, run)
    assert [(d.dropped, d.alone) for d in whatif.outcome(board, {}).drops] == [(3, None), (5, 5)]
    board.close()


def test_what_a_cut_alone_drops_has_a_column_where_it_is_known(bench: Workbench) -> None:
    bench.data(["a" * n for n in range(1, 13)])
    bench.write("r.sql.j2", recipe(["text_len(text) >= 4", "slow_len(text) <= 7"]))
    first = bench.run()
    lines = funnel_lines(first, 120)
    assert "only this" in lines[0]
    assert lines[2].split()[-2:] == ["?", "9"]  # its three rows were not measured by the dear cut
    assert lines[3].split()[-2:] == ["5", "4"]
    analyze(str(bench.root / "r.sql.j2"))
    assert [x.dropped_alone for x in bench.run().funnel if x.kind == "cut"] == [3, 5]
    bench.write("r.sql.j2", '{{ config(source="data.jsonl") }} select *, text_len(text) as n from source')
    assert "only this" not in funnel_lines(bench.run(), 120)[0]


def test_rows_that_raise_between_cuts_have_a_line_of_their_own(bench: Workbench) -> None:
    texts = ["abcd", "12", "345", "x", "6789", "", "77"]
    bench.data(texts)
    bench.write("r.sql.j2", recipe(["text_len(text) <= 3", "slow_len(text) >= 1", "cast(text as integer) > 50"]))
    result = bench.run(max_error_rate=1)
    assert result.rows_in == result.kept + result.dropped + result.errors
    check_falls(result)
    assert sum(line.dropped for line in result.funnel if line.kind == "failed") == result.errors == 3
    assert [x.kind for x in recorded(bench, result)] == [x.kind for x in result.funnel]


def test_dear_cuts_run_by_what_they_cost_for_each_row_dropped(bench: Workbench) -> None:
    """Equal costs, unequal drop rates: the one that drops most comes first when its rate is known."""
    few, many = "slow_len(text) <= 11", "slow_len(text, 2) >= 4"
    bench.write("r.sql.j2", recipe([few, many]))
    bench.data(["a" * n for n in range(1, 13)])

    def order() -> list[str]:
        return [x.sql for x in bench.run(fresh=True).funnel if x.kind == "cut"]

    assert order() == [few, many]
    store = Store(bench.root)
    with store.open() as con:
        con.execute('update costs set seconds = "rows" * 0.001')
    assert order() == [many, few]
    plan: dict[str, Any] = json.loads(bench.query("select plan from runs order by started desc limit 1")[0][0])
    dear = next(c["identity"] for s in plan["steps"] for c in s.get("calls", ()) if c["sql"] == "slow_len(text, 2)")
    with store.open() as con:  # a thousand times dearer: more than its drop rate makes up for
        con.execute('update costs set seconds = "rows" * if(identity = ?, 1.0, 0.001)', [dear])
    assert order() == [few, many]


@pytest.mark.parametrize("old", [True, False])
def test_runs_of_older_versions_are_shown_by_steps(bench: Workbench, old: bool) -> None:
    bench.data(["a" * n for n in range(1, 13)])
    bench.write("r.sql.j2", recipe(["slow_len(text) <= 7", "text_len(text) >= 4"]))
    result = bench.run()
    if old:  # they numbered cuts and steps apart, cuts as written
        with Store(bench.root).open() as con:
            con.execute("update cuts set position = if(sql like 'slow%', 0, 1)")
            con.execute("update steps set position = if(kind = 'source', 0, 1)")
    lines = recorded(bench, result)
    assert [x.kind for x in lines][:3] == ["source", "cut", "cut"]
    assert lines[1].sql.startswith("slow" if old else "text")
