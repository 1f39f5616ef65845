"""Every recipe for text is planned and run on a slice of the demo data, and every row is accounted for (law L1).

Those for media are in test_media_recipes.py.
"""

from __future__ import annotations

import json
from itertools import islice, pairwise
from pathlib import Path

import duckdb
import pytest
from juicesql.recipes_sql.demo import make_demo

import juicesql
from juicesql.plan import MapStep
from juicesql.project import Project
from juicesql.running import prepare

from .slices import write_slice

SHIPPED = [n for n, _ in Project(Path("/nowhere")).recipes() if not n.startswith(("video/", "multimodal/"))]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    return str(write_slice(tmp_path_factory.mktemp("slice") / "docs.jsonl"))


@pytest.fixture(scope="module")
def runs(source, tmp_path_factory) -> dict[str, juicesql.RunResult]:
    found = {}
    for name in SHIPPED:
        folder = tmp_path_factory.mktemp("run")
        found[name] = juicesql.run(name, source=source, export=folder / "out.jsonl", project=folder)
    return found


def recipe_text(name: str) -> str:
    return dict(Project(Path("/nowhere")).recipes())[name].read_text("utf-8")


def test_the_demo_ships() -> None:
    assert "demo/text" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_is_planned_with_the_lines_of_its_cuts(name: str, source: str, tmp_path: Path) -> None:
    prepared = prepare(name, source=[source], project=tmp_path)
    lines = prepared.recipe.template.splitlines()
    for cut in prepared.plan.cuts:
        assert cut.line is not None
        assert cut.sql.split("(")[0] in lines[cut.line - 1]
        assert all(b.target is not None for b in cut.bounds), "a number that nobody can move"
    assert any(isinstance(s, MapStep) for s in prepared.plan.steps)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_row_is_accounted_for(name: str, runs, source: str) -> None:
    result = runs[name]
    lines = Path(source).read_bytes().count(b"\n")
    assert result.rows_in == lines == result.kept + result.dropped + result.duplicates + result.errors
    with duckdb.connect(result.stats_database, read_only=True) as con:
        counts = dict(con.execute("select verdict, count(*) from verdicts group by verdict").fetchall())
        assert con.execute("select count(distinct sample_id) from verdicts").fetchone() == (lines,)
        recorded = "select rows_in, samples_kept, samples_dropped, samples_duplicate, samples_error from runs"
        told = (result.rows_in, result.kept, result.dropped, result.duplicates, result.errors)
        assert con.execute(recorded).fetchone() == told
        by_cut = con.execute("select cut, count(*) from verdicts where verdict = 'dropped' group by cut").fetchall()
        dropped = dict(con.execute("select cut, dropped from cuts").fetchall())
        lines_are_rows = "_lines(" in recipe_text(name)  # a document is dropped with its last line
        assert all(n == dropped[cut] or (lines_are_rows and n < dropped[cut]) for cut, n in by_cut)
    names = ("kept", "dropped", "duplicate", "error")
    assert tuple(counts.get(n, 0) for n in names) == told[1:]


@pytest.mark.parametrize("name", SHIPPED)
def test_each_line_of_the_funnel_takes_what_the_one_before_left(name: str, runs) -> None:
    funnel = runs[name].funnel
    assert all(row.rows_in - row.dropped == row.rows_out for row in funnel)
    assert all(after.rows_in == before.rows_out for before, after in pairwise(funnel))
    assert funnel[-1].rows_out == runs[name].rows_out


def test_the_demo_meets_every_planted_row(runs, source: str) -> None:
    result = runs["demo/text"]
    assert result.errors >= 8, "broken lines"
    assert result.duplicates > 0
    kept = [json.loads(line) for line in Path(result.export).read_text().splitlines()]
    assert 0 < len(kept) == result.rows_out < result.rows_in
    assert len({row["text"] for row in kept}) == len(kept)
    assert not [row for row in kept if row["meta"]["kind"] in ("planted short", "planted poor text")]
    mended = [row["text"] for row in kept if row["meta"]["kind"] == "planted mojibake"]
    assert mended and not any("â€" in text for text in mended)


def test_a_moved_threshold_measures_no_stat(source: str, tmp_path: Path) -> None:
    first = juicesql.run("demo/text", source=source, project=tmp_path)
    second = juicesql.run("demo/text", source=source, project=tmp_path, variables={"english": 0.7})
    assert second.kept < first.kept
    with duckdb.connect(second.stats_database, read_only=True) as con:
        query = 'select sum("rows") from costs join stat_columns using (identity) where costs.run_id = ?'
        assert con.execute(query, [second.run_id]).fetchone() == (0,)


def test_the_demo_data_is_the_same_each_time(monkeypatch, tmp_path: Path, capsys) -> None:
    whole = make_demo.standard_library
    monkeypatch.setattr(make_demo, "standard_library", lambda: islice(whole(), 150))
    make_demo.main(str(tmp_path / "new" / "a.jsonl"))
    make_demo.main(str(tmp_path / "b.jsonl"))
    first = (tmp_path / "new" / "a.jsonl").read_bytes()
    assert first == (tmp_path / "b.jsonl").read_bytes()
    assert b"\xff" in first
    assert "lines" in capsys.readouterr().out
