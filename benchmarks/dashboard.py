"""How fast the dashboard answers: a stats database of 1,000,000 rows and 12 stats, and a threshold that moves.

    python benchmarks/dashboard.py [--rows N] [--browser] [--keep DIR]

Times opening a run and each query of a slider move; `--browser` also moves the slider in Chromium and waits for the new
numbers. The table goes to stdout, and results/DATE-dashboard.json has it with the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from machine import facts

from juicesql import whatif
from juicesql.plan import Call, MapStep, Plan
from juicesql.planner import make_plan
from juicesql.recipe import load_recipe
from juicesql.registry import Registry
from juicesql.runs import read_run
from juicesql.sqltext import literal, quote
from juicesql.store import Store, table_of

RUN = "20260101-000000-0000"
RECIPE = """{{ config(source="web.jsonl") }}
-- Twelve cuts over twelve stats.
with kept as (
    select *
    from source
    where text_len(text)            between {{ var('shortest', 200) }} and 50000
      and num_words(text)           >= 20
      and avg_line_length(text)     >= 20
      and max_line_length(text)     <= 5000
      and char_rep_ratio(text, 10)  <= 0.25
      and word_rep_ratio(text, 10)  <= 0.3
      and alnum_ratio(text)         >= 0.55
      and special_char_ratio(text)  <= 0.4
      and stopwords_ratio(text)     >= 0.2
      and flagged_words_ratio(text) <= 0.02
      and dup_line_ratio(text)      <= 0.3
      and lang_score(text, 'en')    >= {{ var('english', 0.5) }}
)
select * from kept
"""
# How each stat is distributed, over two random numbers between 0 and 1 that belong to the row.
SHAPES = {
    "text_len": "exp(4 + 6 * sqrt(u))::bigint",
    "num_words": "exp(2.5 + 5.5 * sqrt(u))::bigint",
    "avg_line_length": "10 + 300 * u * u",
    "max_line_length": "exp(4 + 5 * u)::bigint",
    "char_rep_ratio": "0.5 * u * u * u",
    "word_rep_ratio": "0.6 * u * u * u",
    "alnum_ratio": "1 - 0.6 * u * u",
    "special_char_ratio": "0.7 * u * u",
    "stopwords_ratio": "0.7 * sqrt(u)",
    "flagged_words_ratio": "0.04 * u * u * u * u",
    "dup_line_ratio": "0.8 * u * u * u",
    "lang_id": "{'lang': ['en', 'en', 'de', 'fr'][1 + (3 * u)::integer], 'score': u}",
    "lang_score": "if(u < 0.001, null, sqrt(sqrt(u)))",
}


def make_project(folder: Path, rows: int) -> None:
    """A project with one finished run, made by SQL: no text is read and no function is called."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "juicesql.toml").write_text("")
    (folder / "web.sql.j2").write_text(RECIPE)
    registry = Registry(folder)
    recipe = load_recipe(folder / "web.sql.j2", registry)
    plan = make_plan(recipe, registry, (("text", "VARCHAR"),))
    store = Store(folder)
    with store.open() as con:
        con.execute("insert into sources values (1, 'web.jsonl', 'synthetic')")
        con.execute(f"insert into sample_rows select 1, i, 'web.jsonl', i from range({rows}) t(i)")
        ids = store.argument_ids(con, sorted({c.lineage for c in plan.calls}))
        for number in ids.values():
            con.execute(
                f"insert into sample_keys select 1, {number}, i, md5_number(i::varchar) from range({rows}) t(i)"
            )
        facts_of_run = {
            "run_id": RUN, "recipe": "web", "recipe_path": str(recipe.path), "template": RECIPE, "vars": "{}",
            "source": "web.jsonl", "source_id": 1, "source_fingerprint": "synthetic", "status": "done",
            "plan": json.dumps(plan.to_dict()), "started": datetime.now(UTC).replace(tzinfo=None), "seconds": 1.0,
        }  # fmt: skip
        marks = ", ".join("?" * len(facts_of_run))
        con.execute(f"insert into runs ({', '.join(facts_of_run)}) values ({marks})", list(facts_of_run.values()))
        for number, call in enumerate(plan.calls):
            _measure(con, call, number)
        store.record_stat_columns(con, 1, RUN, plan.calls, ids)
        _judge(con, plan, rows)


def _measure(con: duckdb.DuckDBPyConnection, call: Call, number: int) -> None:
    table = f"measured.{quote(table_of(call.function, call.identity))}"
    con.execute(f"create table {table} (key uhugeint, value {call.returns})")
    noise = f"(hash(sample_id * 16 + {number}) % 1000003) / 1000003"
    con.execute(
        f"insert into {table} select key, {SHAPES[call.function]} from (select key, {noise} as u from sample_keys)"
    )


def _judge(con: duckdb.DuckDBPyConnection, plan: Plan, rows: int) -> None:
    """Verdicts and the funnel as a run would leave them; the model's stat only for rows that reach its cut."""
    (step,) = [s for s in plan.steps if isinstance(s, MapStep) and s.cuts]
    names = {c.column: c.label for c in step.calls}
    tests = []
    for cut in step.cuts:
        sql = cut.predicate
        for column, label in sorted(names.items(), key=lambda item: -len(item[0])):
            sql = sql.replace(column, quote(label))
        tests.append(f"when not coalesce({sql}, false) then {literal(cut.id)}")
    con.execute(
        f"insert into verdicts select {literal(RUN)}, sample_id, if(cut is null, 'kept', 'dropped'), cut, null, null "
        f"from (select sample_id, case {' '.join(tests)} end as cut from stats)"
    )
    dear = [c for c in step.calls if c.phase > 1]
    last = step.cuts[-1].id
    for call in dear:
        con.execute(
            f"delete from measured.{quote(table_of(call.function, call.identity))} where key in (select key from "
            f"sample_keys join verdicts using (sample_id) where cut <> {literal(last)})"
        )
    left = rows
    for position, cut in enumerate(step.cuts):
        dropped = con.execute("select count(*) from verdicts where cut = ?", [cut.id]).fetchone()[0]
        bounds = json.dumps([b.__dict__ for b in cut.bounds])
        con.execute(
            "insert into cuts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, null)",
            [RUN, cut.id, step.name, position, cut.sql, cut.bounds[0].stat, bounds, cut.line, left, dropped],
        )
        left -= dropped
    con.execute("insert into steps values (?, 'source', 0, 'source', '', ?, ?)", [RUN, rows, rows])
    con.execute(
        "update runs set rows_in = ?, rows_out = ?, samples_kept = ?, samples_dropped = ?, samples_duplicate = 0, "
        "samples_error = 0", [rows, left, left, rows - left],
    )  # fmt: skip


def timed(work: Callable[[int], object], repeats: int = 7) -> tuple[float, float]:
    """Median and worst milliseconds."""
    taken = []
    for number in range(repeats):
        started = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), max(taken)


def time_queries(folder: Path) -> dict[str, tuple[float, float]]:
    """Milliseconds of what a page asks. Each move is another one, as no result may be reused."""
    store, found = Store(folder), {}
    with store.open(read_only=True) as con:
        run = read_run(con, RUN)
    started = time.perf_counter()
    board = whatif.open_board(store, run)
    bins = whatif.prepare(board)
    found["open the run, once"] = ((time.perf_counter() - started) * 1000,) * 2
    key = next(h.key for h in board.funnel.handles if h.uses[0][0] == "kept.7")

    def moves(number: int) -> dict[str, float]:
        return {key: 0.5 + number / 100, "var:english": 0.6 + number / 100}

    found["count what stays, comes and goes"] = timed(lambda n: whatif.outcome(board, moves(n)))
    found["all histograms"] = timed(lambda n: whatif.histograms(board, bins, moves(n)))
    found["rows just under a cut"] = timed(lambda n: whatif.narrow_rows(board, moves(n), key))
    found["rows that come back"] = timed(lambda n: whatif.moved_rows(board, moves(n), True))
    found["the recipe rewritten"] = timed(lambda n: whatif.rewritten(run, board.funnel, moves(n)))
    assert board.agrees
    board.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--browser", action="store_true", help="also in Chromium, which has to be installed")
    parser.add_argument("--keep", type=Path, help="make the project here and keep it, or use the one that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "project"
        if not (folder / "stats.duckdb").exists():
            make_project(folder, options.rows)
        found = time_queries(folder)
        if options.browser:
            from dashboard_browser import time_moves

            found |= time_moves(folder)
    print(f"{'milliseconds':40} {'median':>8} {'worst':>8}")
    for name, (median, worst) in found.items():
        print(f"{name:40} {median:8.0f} {worst:8.0f}")
    report = {"rows": options.rows, "machine": facts(None), "milliseconds": found}
    path = Path(__file__).parent / "results" / f"{date.today()}-dashboard.json"
    path.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
