"""Other thresholds: what the board says must be what a run with those thresholds does, wherever it claims to know."""

from __future__ import annotations

import itertools
import json
import random
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql
from juicesql import overview, whatif
from juicesql.planner import make_plan
from juicesql.provenance import untag
from juicesql.recipe import render
from juicesql.registry import Registry
from juicesql.runs import read_run
from juicesql.store import Store
from juicesql.whatif import Board
from juicesql.whatif.bins import find_bins
from juicesql.whatif.board import _MACROS
from juicesql.whatif.recipe import shorten

from .conftest import Workbench

RECIPE = """{{ config(source="data.jsonl") }}
with measured as (
    select *, num_words(text) as words from source
),
kept as (
    select *
    from measured
    where text_len(text) between {{ var('lo', 20) }} and 120
      and words >= 3
      and slow(text) <= 0.5
      and (alnum_ratio(text) >= 0.6 or text_len(text) <= -1)
),
exact as (
    from kept qualify row_number() over (partition by md5(text) order by sample_id) = 1
)
select * from exact where meta <> 'no'
"""
SLOW = '''"""Stat `slow`."""

from juicesql.api import stat


@stat("slow(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True)
def slow(text: str) -> float | None:
    """Share of the letter a, measured dearly."""
    if "poison" in text:
        raise ValueError("poisoned")
    return None if "blank" in text else text.count("a") / max(len(text), 1)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    draw = random.Random(7)
    words = ["a", "aaaa", "banana", "tree", "###", "house", "poison", "blank", "cloud", "aa aa"]
    texts = [" ".join(draw.choices(words, k=draw.randint(0, 30))) for _ in range(400)]
    texts += texts[:40]
    rows = [{"text": t, "meta": "no" if i % 17 == 0 else "yes"} for i, t in enumerate(texts)]
    rows[5]["text"] = None
    lines = [json.dumps(r) for r in rows]
    lines[9] = "{broken"
    (tmp_path / "data.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "juicesql.toml").write_text("")
    (tmp_path / "udfs/text").mkdir(parents=True)
    (tmp_path / "udfs/text/slow.py").write_text(SLOW)
    (tmp_path / "r.sql.j2").write_text(RECIPE)
    return tmp_path


def ran(project: Path, recipe: str = "r.sql.j2", **options: Any) -> str:
    return juicesql.run(project / recipe, project=project, max_error_rate=1, **options).run_id


def board_of(project: Path, run_id: str) -> Board:
    store = Store(project)
    with store.open(read_only=True) as con:
        run = read_run(con, run_id)
    return whatif.open_board(store, run)


def kept(project: Path, run_id: str) -> set[int]:
    with Store(project).open(read_only=True) as con:
        rows = con.execute("select sample_id from verdicts where run_id = ? and verdict = 'kept'", [run_id]).fetchall()
    return {r[0] for r in rows}


def fates(board: Board, moves: dict[str, Any]) -> dict[int, int]:
    rows = board.con.execute(f"select sample_id, fate from ({whatif.counts.judged(board, moves)})").fetchall()
    return dict(rows)


def test_nothing_moved_is_what_the_run_did(project: Path) -> None:
    run_id = ran(project)
    board = board_of(project, run_id)
    now = whatif.outcome(board, {})
    assert board.agrees
    assert now.exact
    assert (now.kept, now.was_kept, now.gained, now.lost) == (len(kept(project, run_id)),) * 2 + (0, 0)
    assert {s for s, fate in fates(board, {}).items() if fate == 0} == kept(project, run_id)
    with Store(project).open(read_only=True) as con:
        recorded = dict(con.execute("select cut, dropped from cuts where run_id = ?", [run_id]).fetchall())
        failing = con.execute(
            "select count(*) from verdicts where verdict = 'error' and run_id = ?", [run_id]
        ).fetchone()
    drops = {d.gate: d.dropped for d in now.drops if d.gate in recorded}
    assert sum(drops.values()) <= sum(recorded.values())
    assert failing[0] > 1
    assert {g: n for g, n in drops.items() if g != "kept.3"} == {
        g: n for g, n in recorded.items() if g != "kept.3"
    }  # the rows that kept.3 lost to an error are errors, not drops
    board.close()


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_for_a_run_with_the_moved_thresholds(project: Path, seed: int) -> None:
    draw = random.Random(seed)
    board = board_of(project, ran(project))
    numbers = {"kept.1": [5, 20, 60, 90, 120, 160], "kept.2": [0, 3, 8, 15], "kept.3": [0.1, 0.3, 0.5, 0.7]}
    moves: dict[str, Any] = {}
    for handle in draw.sample(board.funnel.handles, 3):
        cut = handle.uses[0][0]
        moves[handle.key] = draw.choice(numbers.get(cut, [0.2, 0.6, 0.9]))
    moves = {k: v for k, v in moves.items() if v >= 0}
    said = fates(board, moves)
    now = whatif.outcome(board, moves)
    (project / "moved.sql.j2").write_text(whatif.rewritten(board.run, board.funnel, moves).text)
    real = kept(project, ran(project, "moved.sql.j2"))
    # A duplicate of a row that goes may come in its place, and a row that comes may make another one a duplicate.
    texts = dict(enumerate(json.loads(x)["text"] if x[0] == "{" and x[1] == '"' else None for x in lines(project)))
    assert {texts[s] for s, fate in said.items() if fate == 0} <= {texts[s] for s in real}
    assert {s for s, fate in said.items() if fate == 3} & real <= duplicates(project, board.run.run_id)
    assert now.kept == sum(f == 0 for f in said.values())
    assert now.at_most == sum(f < 3 for f in said.values())
    board.close()


def lines(project: Path) -> list[str]:
    return (project / "data.jsonl").read_text().splitlines()


def duplicates(project: Path, run_id: str) -> set[int]:
    with Store(project).open(read_only=True) as con:
        rows = con.execute("select sample_id from verdicts where run_id = ? and verdict = 'duplicate'", [run_id])
        return {r[0] for r in rows.fetchall()}


def test_rows_dropped_before_a_dear_stat_are_not_decided(project: Path) -> None:
    board = board_of(project, ran(project))
    handle = next(h for h in board.funnel.handles if h.key == "var:lo")
    now = whatif.outcome(board, {handle.key: 0})
    assert now.unmeasured > 0
    assert now.maybe_gained == now.unmeasured + now.unseen
    assert now.gained == 0
    rows = whatif.moved_rows(board, {handle.key: 0}, gained=True, limit=5)
    slow = next(v.column for v in board.funnel.values if v.label == "slow")
    assert rows
    assert all(r.values[slow] is None for r in rows if r.fate == "unmeasured")
    bins = find_bins(board, board.value(slow))
    assert bins is not None
    assert bins.unmeasured > 0
    assert bins.null > 0  # measured, and NULL: `blank`
    board.close()


def test_a_row_whose_stat_failed_stays_out(project: Path) -> None:
    """Even where a cut lets NULL pass, and whatever its threshold."""
    text = RECIPE.replace("slow(text) <= 0.5", "(slow(text) is null or slow(text) <= 0.5)")
    (project / "r.sql.j2").write_text(text)
    run_id = ran(project)
    board = board_of(project, run_id)
    with Store(project).open(read_only=True) as con:
        failed = con.execute("select sample_id from errors where run_id = ? and function = 'slow'", [run_id]).fetchall()
    key = next(h.key for h in board.funnel.handles if h.uses[0][0] == "kept.3")
    said = fates(board, {key: 1.0})
    assert failed
    assert {said[s] for (s,) in failed} == {3}
    assert board.agrees
    board.close()


def test_gates_know_what_can_be_moved(project: Path) -> None:
    board = board_of(project, ran(project))
    movable = {g.id: bool(g.bounds) for g in board.funnel.gates}
    assert movable == {
        "kept.1": True, "kept.2": True, "kept.3": True, "kept.4": True, "exact": False, "result.1": False,
    }  # fmt: skip
    assert board.funnel.handles[0].target == "var:lo"
    words = next(g for g in board.funnel.gates if g.id == "kept.2")
    assert board.value(words.columns[0]).label == "num_words"  # by the name that an earlier step gave it
    with pytest.raises(duckdb.Error):
        board.con.execute("select * from read_csv('/etc/passwd')")
    board.close()


def test_lists_pass_by_any_and_all_and_when_empty(project: Path) -> None:
    """The macros of the board are those of the package."""
    source = Path(juicesql.__file__).parent.parent / "macros/lists"
    cases = ["NULL", "[]", "[1.0]", "[0.0, 5.0]", "[NULL, 1.0]", "[NULL]", "['nan'::double, 1.0]", "[9.0]"]
    with duckdb.connect() as ours, duckdb.connect() as theirs:
        for macro in _MACROS:
            ours.execute(macro)
        for name in ("any_between", "all_between"):
            theirs.execute((source / f"{name}.sql").read_text())
            for case in cases:
                sql = f"select {name}({case}::double[], 0.5, 2)"
                assert ours.execute(sql).fetchone() == theirs.execute(sql).fetchone(), case


LISTS = """{{ config(source="lists.jsonl") }}
select * from source where any_between(sizes(parts), 2, 4) and all_between(sizes(parts), -0.5, 9)
"""
SIZES = '''"""Stat `sizes`."""

from juicesql.api import stat


@stat("sizes(parts VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True)
def sizes(parts: list[str]) -> list[float]:
    """Length of each part."""
    return [float(len(p)) for p in parts]
'''


def test_cuts_on_lists(project: Path) -> None:
    (project / "udfs/text/sizes.py").write_text(SIZES)
    (project / "l.sql.j2").write_text(LISTS)
    parts: list[Any] = [["a"], ["aa", "a"], [], None, ["aaaa"], ["a" * 10, "aaa"], ["aaaaaa"]]
    (project / "lists.jsonl").write_text("".join(json.dumps({"parts": p}) + "\n" for p in parts))
    run_id = ran(project, "l.sql.j2")
    board = board_of(project, run_id)
    assert board.agrees
    assert {s for s, f in fates(board, {}).items() if f == 0} == kept(project, run_id) == {1, 2, 3, 4}
    first, last = board.funnel.handles[0], board.funnel.handles[-1]
    assert {s for s, f in fates(board, {first.key: 1, last.key: 10}).items() if f == 0} == {0, 1, 2, 3, 4, 5}
    bars = whatif.prepare(board)
    (histogram,) = whatif.histograms(board, bars, {}).values()
    inside = sum(histogram.kept) + sum(histogram.open) + sum(histogram.gone)
    assert inside + histogram.below + histogram.above == sum(len(p) for p in parts if p)
    board.close()


def test_histograms_add_up_under_any_moves(project: Path) -> None:
    board = board_of(project, ran(project))
    bars = whatif.prepare(board)
    moves = {"var:lo": 40, board.funnel.handles[2].key: 6}
    for when in ({}, moves):
        for column, histogram in whatif.histograms(board, bars, when).items():
            said = whatif.counts.judged(board, when)
            counted = dict(
                board.con.execute(f"select fate, count({column}) from ({said}) group by fate").fetchall()
            )  # fmt: skip
            beyond = histogram.below + histogram.above
            assert sum(histogram.kept) + sum(histogram.open) + sum(histogram.gone) + beyond == sum(counted.values())
            if not beyond:
                assert sum(histogram.kept) == counted.get(0, 0)
                assert sum(histogram.gone) == counted.get(3, 0)
            assert min((*histogram.kept, *histogram.open, *histogram.gone)) >= 0
    board.close()


def test_whole_numbers_stand_in_bars_around_them(project: Path) -> None:
    board = board_of(project, ran(project))
    bars = whatif.prepare(board)
    column = next(v.column for v in board.funnel.values if v.label == "num_words")
    bins = bars.bins[column]
    histogram = whatif.histograms(board, bars, {})[column]
    for i, (low, high) in enumerate(zip(bins.edges, bins.edges[1:], strict=False)):
        sql = f"select count(*) from board where {column} > {low} and {column} < {high}"
        assert board.con.execute(sql).fetchone() == (histogram.kept[i] + histogram.open[i] + histogram.gone[i],)
    board.close()


def test_the_recipe_changes_at_its_numbers_only(project: Path) -> None:
    run_id = ran(project, variables={"lo": 30})
    board = board_of(project, run_id)
    third = next(h.key for h in board.funnel.handles if h.uses[0][0] == "kept.3")
    negative = next(h.key for h in board.funnel.handles if h.number == -1)
    written = whatif.rewritten(board.run, board.funnel, {"var:lo": 25, third: 0.30000000000000004, negative: 2})
    assert written.text == (RECIPE.replace("'lo', 20", "'lo', 25").replace("<= 0.5", "<= 0.3").replace("<= -1", "<= 2"))
    assert written.overridden == ("lo",)
    assert written.unwritten == ()
    assert "+      and slow(text) <= 0.3" in written.diff
    assert whatif.rewritten(board.run, board.funnel, {}).diff == ""
    board.close()


def test_rows_just_under_a_cut_come_nearest_first(project: Path) -> None:
    board = board_of(project, ran(project))
    length = board.value(board.funnel.gates[0].columns[0]).column
    rows = whatif.narrow_rows(board, {}, "var:lo", limit=5)
    values = [r.values[length] for r in rows]
    assert values == sorted(values, reverse=True)
    assert all(v < 20 for v in values)
    assert {r.gate for r in rows} == {"kept.1"}
    board.close()


def test_the_story_of_a_run(project: Path) -> None:
    run_id = ran(project)
    with Store(project).open(read_only=True) as con:
        run = read_run(con, run_id)
        funnel = overview.funnel_lines(con, run)
        costs = overview.cost_lines(con, run_id)
        errors = overview.error_lines(con, run_id)
    assert [line.cut for line in funnel if line.kind == "cut"] == [f"kept.{i}" for i in (1, 2, 4, 3)] + ["result.1"]
    assert funnel[0].kind == "source"
    assert funnel[-1].rows_out == run.kept
    assert {c.function for c in costs} == {"text_len", "num_words", "slow", "alnum_ratio"}
    assert {e.function for e in errors} == {"source", "slow"}
    assert shorten(1e-7) == "1e-07"


def test_an_analyzed_run_is_compared_with_its_own_cuts(project: Path) -> None:
    run_id = ran(project)
    with Store(project).open() as con:
        con.execute("update runs set status = 'analyzed' where run_id = ?", [run_id])
        con.execute(
            "update verdicts set verdict = 'kept', cut = null where run_id = ? and verdict = 'dropped'", [run_id]
        )
    board = board_of(project, run_id)
    now = whatif.outcome(board, {})
    assert now.was_kept >= now.kept
    assert now.lost == 0
    board.close()


SIGNED = """{{ config(source="data.jsonl") }}
select * from source
where text_len(text) >= -5
  and text_len(text) >= - 7
  and text_len(text) >=-{{ var('turned', 3) }}
  and text_len(text) >= {{ var('below', -4) }}
  and text_len(text) < {{ var('above', 90) }}
  and -2 <= alnum_ratio(text)
  and alnum_ratio(text) between -1 and 2
"""


def test_no_move_writes_two_minus_signs(bench: Workbench) -> None:
    bench.data(["one", "three"])
    bench.write("signed.sql.j2", SIGNED)
    found = bench.run("signed.sql.j2")
    registry, columns = Registry(), (("text", "VARCHAR"),)
    with closing(board_of(bench.root, found.run_id)) as board:
        handles = [h.key for h in board.funnel.handles]
        assert len(handles) == 8
        for key, number in itertools.product(handles, (-12, -1, 0, 1, 30, -0.5, 2.5)):
            written = whatif.rewritten(board.run, board.funnel, {key: number})
            assert written.unwritten == ((key,) if key == "var:turned" and number > 0 else ())
            recipe = render(written.text, bench.root / "signed.sql.j2", registry, {})
            assert not re.search("- *-", untag(recipe.sql)), written.text
            bounds = [b for c in make_plan(recipe, registry, columns).cuts for b in c.bounds]
            moved = [b.value for b, h in zip(bounds, handles, strict=True) if h == key]
            assert moved == ([-3] if written.unwritten else [number])
