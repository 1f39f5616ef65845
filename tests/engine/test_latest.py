"""`kept_if` and `latest_rows`: what plain SQL says of another threshold is what a run with it keeps."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql
from juicesql import whatif
from juicesql.runs import read_run
from juicesql.store import Store
from tests.engine.conftest import Workbench

RECIPE = """{{ config(source="data.jsonl") }}
with kept as (
    select *
    from source
    where text_len(text) between {{ var('lo', 4) }} and 30
      and slow_len(text) >= {{ var('slow', 5) }}
      and alnum_ratio(text) >= {{ var('ratio', 0.6) }}
),
exact as ({{ exact_dedup('kept') }})
select * from exact where text_len(text) <= {{ var('most', 25) }}
"""


def texts(seed: int) -> list[str]:
    draw = random.Random(seed)
    made = ["".join(draw.choices("ab? c", k=draw.randint(0, 32))) for _ in range(150)]
    return [*made, *draw.choices(made, k=80), "poison", "poison"]


@pytest.fixture
def ready(bench: Workbench) -> Workbench:
    bench.write("r.sql.j2", RECIPE)
    bench.data(texts(1))
    bench.data(texts(2), "other.jsonl")
    bench.run(source=str(bench.root / "other.jsonl"))  # another source in the same database
    return bench


def ask(bench: Workbench, cut: str, condition: str) -> tuple[int, int]:
    [answer] = bench.query(f"from kept_if('{cut}', {condition})")
    return answer


@pytest.mark.parametrize(
    ("name", "values", "cut", "condition"),
    [
        ("lo", [0, 4, 12], "kept.1", "text_len between {} and 30"),
        ("lo", [9], "text_len", "text_len between {} and 25"),  # both cuts that compare it
        ("slow", [0, 9], "slow_len", "slow_len >= {}"),
        ("ratio", [0.3, 0.6, 0.75], "kept.3", "alnum_ratio >= {}"),
        ("most", [12, 40], "result.1", "text_len <= {}"),
    ],
)
def test_a_moved_threshold_keeps_what_was_said(
    ready: Workbench, name: str, values: list[float], cut: str, condition: str
) -> None:
    now = ready.run().kept
    said = [ask(ready, cut, condition.format(value)) for value in values]
    for value, (least, most) in zip(values, said, strict=True):
        real = ready.run(variables={name: value}).kept
        assert least <= real <= most
        if value == {"lo": 4, "slow": 5, "ratio": 0.6, "most": 25}[name]:
            assert least == real == most == now
        if real < now or name == "most":  # nothing comes in that the dedup never saw
            assert least == most


def test_several_cuts_move_at_once(ready: Workbench) -> None:
    ready.run()
    least, most = ask(ready, "kept.1, alnum_ratio", "text_len between 8 and 30 and alnum_ratio >= 0.75")
    assert least == most == ready.run(variables={"lo": 8, "ratio": 0.75}).kept


def test_what_it_says_is_what_the_dashboard_says(ready: Workbench) -> None:
    run_id = ready.run().run_id
    store = Store(ready.root)
    with store.open(read_only=True) as con:
        run = read_run(con, run_id)
    board = whatif.open_board(store, run)
    for key, cut, condition, values in (
        ("var:ratio", "kept.3", "alnum_ratio >= {}", (0.3, 0.5, 0.6, 0.7, 0.9)),
        ("var:lo", "kept.1", "text_len between {} and 30", (0, 3, 4, 8, 20)),
        ("var:slow", "kept.2", "slow_len >= {}", (3, 5, 12)),
    ):
        for value in values:
            outcome = whatif.outcome(board, {key: value})
            assert ask(ready, cut, condition.format(value)) == (outcome.kept, outcome.at_most), (cut, value)
    board.close()


def test_a_row_says_all_that_it_fails(bench: Workbench) -> None:
    bench.write("r.sql.j2", RECIPE)
    bench.data(["abcdefg", "abcdefg", "??", "???????", "poison", "abcdefgh" * 3 + "xy"])
    result = bench.run(max_error_rate=1)
    rows = bench.query("select sample_id, verdict, cut, fails, unknown, text_len from latest_rows order by sample_id")
    assert rows == [
        (0, "kept", None, [], [], 7),
        (1, "duplicate", "exact", ["exact"], ["result.1"], 7),
        (2, "dropped", "kept.1", ["kept.1", "kept.3"], ["exact", "kept.2"], 2),
        (3, "dropped", "kept.3", ["kept.3"], ["exact", "kept.2"], 7),
        (4, "error", None, [], [], 6),
        (5, "dropped", "result.1", ["result.1"], [], 26),
    ]
    assert bench.query("select run_id from latest_run") == [(result.run_id,)]
    assert bench.query("select count(*) from verdicts v join latest_rows r using (run_id, sample_id)") == [(6,)]


def test_a_step_that_looks_at_the_others_leaves_a_range(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl") }} with kept as (select * from source where text_len(text) >= 4) '
        "select * from kept where alnum_ratio(text) >= 0.5 order by text_len(text) limit 3",
    )
    bench.data(["a" * n for n in range(1, 11)])
    assert bench.run().kept == 3
    assert ask(bench, "kept.1", "text_len >= 6") == (0, 5)
    with pytest.raises(duckdb.Error, match="no cut of the newest run that can be moved is called kept"):
        ask(bench, "kept.7", "text_len >= 6")


def test_lists_of_media_values_are_judged_as_in_a_run(bench: Workbench) -> None:
    bench.write("macros/lens.sql", "-- stat: lens(text VARCHAR) -> BIGINT[]\n-- Lengths of words. Source: this test.\n"
        "create or replace macro lens(text) as list_transform(string_split(text, ' '), lambda w: length(w));\n")  # fmt: skip
    recipe = '{{{{ config(source="data.jsonl") }}}} select * from source where {0}_between(lens(text), {{{{ var("n", 2) }}}}, 3)'
    bench.data(["a bb", "bb ccc", "dddd", "a", "bb", "eeeee bb"])
    for which in ("any", "all"):
        bench.write("r.sql.j2", recipe.format(which))
        bench.run()
        for low in (1, 2, 3):
            said = bench.query(f"from kept_if('lens', {which}_holds)".replace(
                f"{which}_holds", f"(select bool_{'or' if which == 'any' else 'and'}(i between {low} and 3) from (select unnest(lens) as i))"
            ))  # fmt: skip
            now = bench.query("select samples_kept from latest_run")
            real = bench.run(variables={"n": low}).kept
            assert said == [(real, real)]
            bench.run()
            assert now == bench.query("select samples_kept from latest_run")


def test_the_newest_run_is_the_one_that_began_last(bench: Workbench) -> None:
    bench.data(["abcdef"])
    ids = [bench.run().run_id for _ in range(3)]
    with Store(bench.root).open() as con:
        con.execute("update runs set started = started + interval 1 day where run_id = ?", [ids[1]])
    assert bench.query("select run_id from latest_run") == [(ids[1],)]


def test_old_runs_can_go(ready: Workbench, tmp_path: Path) -> None:
    from juicesql.runs import forget_runs

    kept: Any = ready.run().kept
    forget_runs(Store(ready.root), 1)
    assert ask(ready, "kept.1", "text_len between 4 and 30") == (kept, kept)
    assert juicesql.run(ready.root / "r.sql.j2").kept == kept
