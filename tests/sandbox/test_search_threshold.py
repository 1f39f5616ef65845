"""Threshold trials: what they say of a recipe is what a run of that recipe keeps."""

import json
import random
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from juicesql.sandbox.search import SearchResult, search
from juicesql.sandbox.store import SandboxStore

from juicesql.analysis.analyze import analyze
from juicesql.errors import JuiceError
from juicesql.running import run

from .conftest import Kept, Quiet

pytest.importorskip("optuna")

RECIPE = """{{ config(source="docs.jsonl", export="out.jsonl") }}
-- the reasons stand here
select * from source
where text_len(text) between 5 and {{ var('longest', 60) }}  -- a stub, a book
  and alnum_ratio(text) >= 0.3
  and num_words(text) >= 2
"""
MANY = {"distribution": "uniform", "min": 0.1, "max": 0.95}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with 300 documents of odd letters, and a recipe."""
    chance = random.Random(7)
    rows = []
    for _ in range(300):
        words = [
            "".join(chance.choice("abc!? 1") for _ in range(chance.randint(1, 9))) for _ in range(chance.randint(1, 20))
        ]
        rows.append({"text": " ".join(words)})
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "recipe.sql.j2").write_text(RECIPE)
    (tmp_path / "juicesql.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


Searched = Callable[..., SearchResult]


@pytest.fixture
def searched(project: Path) -> Searched:
    """Run a search in the project; `name` is that of the experiment."""

    def go(hpo: Mapping[str, Any], name: str = "e", run_id: str | None = None) -> SearchResult:
        return search(
            {"recipe": "recipe.sql.j2", **hpo}, [], project=project, store=SandboxStore(project), experiment=f"p/{name}",
            watcher=Kept(), run_id=run_id, run_trial=lambda *_: pytest.fail("no job runs"), folder=project / name,
            seed=3, progress=Quiet(),
        )  # fmt: skip

    return go


def _kept(project: Path, recipe: str) -> list[str]:
    """The texts that a real run of a recipe keeps."""
    Path(project / "again.sql.j2").write_text(recipe)
    run("again.sql.j2", project=project)
    return [json.loads(line)["text"] for line in (project / "out.jsonl").read_text().splitlines()]


def _alnum(text: str) -> float:
    return sum(c.isalnum() for c in text) / len(text)


def test_trials_agree_with_runs_of_their_recipes(project: Path, searched: Searched) -> None:
    """Every metric against Python on the rows that a run of the rewritten recipe exports."""
    names = ["alnum_ratio", "kept", "kept_share", "avg(text_len) - stddev_samp(text_len)", "max(num_words)"]
    found = searched(
        {
            "method": "random", "sweep_max_count": 5, "metrics": [{"name": n} for n in names],
            "parameters": {
                "text_len.min": {"min": 1, "max": 30}, "longest": {"values": [40, 60, 200]},
                "alphanumeric_filter.min_ratio": MANY, "num_words": {"distribution": "q_uniform", "min": 1, "max": 9, "q": 2},
            },
        }
    )  # fmt: skip
    assert len(found.recipes) > 1
    for number, path in found.recipes.items():
        trial, texts = found.trials[number], _kept(project, Path(path).read_text())
        lengths = [len(t) for t in texts]
        assert trial.kept == trial.values["kept"] == len(texts)
        assert trial.values["kept_share"] == pytest.approx(len(texts) / 300)
        assert trial.values["alnum_ratio"] == pytest.approx(statistics.mean(map(_alnum, texts)))
        if len(texts) > 1:
            expected = statistics.mean(lengths) - statistics.stdev(lengths)
            assert trial.values["avg(text_len) - stddev_samp(text_len)"] == pytest.approx(expected)
        assert trial.measured == 0


def test_only_numbers_of_the_recipe_change(project: Path, searched: Searched) -> None:
    metric = {"metric": {"name": "alnum_ratio"}}
    found = searched({**metric, "parameters": {"longest": {"value": 70}, "alnum_ratio.min": {"value": 0.45}}})
    assert found.text == RECIPE.replace("60", "70").replace("0.3", "0.45")
    assert Path(found.recipe).read_text() == found.text
    again = run(found.recipe, project=project)
    assert (again.measured, again.kept) == (0, found.best.kept)


def test_a_stat_that_the_recipe_does_not_name(project: Path, searched: Searched) -> None:
    """`char_rep_ratio` was measured by an analysis of all stats; the trial takes its values by the rows' content."""
    hpo = {"metric": {"name": "char_rep_ratio"}, "parameters": {"text_len.min": {"value": 20}}}
    with pytest.raises(JuiceError, match="there is no stat char_rep_ratio"):
        searched(hpo)
    analyze("docs.jsonl", also=("text_len(text)",), project=project)
    found = searched(hpo)
    texts = _kept(project, found.text)

    def repeated(text: str) -> float:  # share of the runs of ten characters that come more than once
        grams = [text[i : i + 10] for i in range(len(text) - 9)]
        return sum(grams.count(g) > 1 for g in grams) / len(grams) if grams else 0.0

    assert found.values["char_rep_ratio"] == pytest.approx(statistics.mean(map(repeated, texts)), abs=1e-6)


def test_the_analysis_of_a_probe_is_used(project: Path, searched: Searched) -> None:
    probe = analyze("recipe.sql.j2", project=project)
    hpo = {"metric": {"name": "kept"}, "parameters": {"num_words": {"values": [1, 2, 3]}}, "method": "grid"}
    assert searched(hpo, run_id=probe.run_id).run_id == probe.run_id
    assert searched(hpo, "other").run_id == probe.run_id  # found by itself
    Path("docs.jsonl").write_text('{"text": "new words here"}\n')
    changed = searched(hpo, run_id=probe.run_id)
    assert changed.run_id != probe.run_id and changed.rows == 1


def test_a_grid_is_the_whole_product(searched: Searched) -> None:
    parameters = {
        "text_len.min": {"values": [9, 5]}, "longest": {"distribution": "q_uniform", "min": 20, "max": 60, "q": 20},
        "num_words": {"distribution": "int_uniform", "min": 1, "max": 2}, "alnum_ratio": {"value": 0.2},
    }  # fmt: skip
    hpo = {"method": "grid", "metric": {"name": "kept"}, "parameters": parameters}
    every = {(a, b, c, 0.2) for a in (5, 9) for b in (20, 40, 60) for c in (1, 2)}
    found = searched(hpo)
    assert len(found.trials) == len(every)
    assert {tuple(t.parameters.values()) for t in found.trials} == every
    assert found.values["kept"] == max(t.values["kept"] or 0 for t in found.trials)
    together = searched({**hpo, "parallel": 4}, "together")
    assert [dict(t.values) for t in together.trials] == [dict(t.values) for t in found.trials]
    assert len(searched({**hpo, "sweep_max_count": 5}, "less").trials) == 5


@pytest.mark.parametrize("method", ["random", "tpe", "nsga2"])
def test_a_search_repeats_itself(searched: Searched, method: str) -> None:
    hpo = {
        "method": method, "sweep_max_count": 15, "parallel": 3,
        "metrics": [{"name": "alnum_ratio"}, {"name": "kept"}],
        "parameters": {"alnum_ratio": MANY, "text_len.min": {"min": 1, "max": 30}},
    }  # fmt: skip

    def told(found: SearchResult) -> list[tuple[Any, ...]]:
        return [(t.number, t.status, dict(t.parameters), dict(t.values), t.kept) for t in found.trials]

    first = told(searched(hpo))
    assert first == told(searched(hpo, "again"))
    assert first != told(searched({**hpo, "seed": 4}, "other"))
    if method == "random":
        assert first == told(searched({**hpo, "parallel": 1}, "alone"))
    assert (again := searched(hpo)).repeated == sum(t[1] == "complete" for t in first) and told(again) == first


def test_bayes_finds_a_known_optimum(searched: Searched) -> None:
    """150 rows of 300 shall stay: the optimum is 0, and six rows are 2% of all."""
    metric = "0 - abs(count(*) - 150)"
    parameters = {"alnum_ratio": MANY, "text_len.min": {"min": 1, "max": 60}, "longest": {"min": 100, "max": 300}}
    found = searched({"method": "bayes", "metric": {"name": metric}, "sweep_max_count": 40, "parameters": parameters})
    assert (found.values[metric] or 0) >= -6
    begin, end = ([t.values[metric] or 0 for t in part] for part in (found.trials[:10], found.trials[-10:]))
    assert statistics.median(end) > statistics.median(begin)  # it learns
    assert found.lines()[0].startswith("search: 40 trials in")
    assert sum(found.importance.values()) == pytest.approx(1)


def test_a_front_is_what_no_trial_beats(searched: Searched) -> None:
    found = searched(
        {"method": "random", "sweep_max_count": 40, "metrics": [{"name": "alnum_ratio"}, {"name": "num_words", "goal":
         "minimize"}, {"name": "kept"}], "parameters": {"alnum_ratio": MANY, "num_words": {"min": 1, "max": 12}}}
    )  # fmt: skip
    points = {
        t.number: (t.values["alnum_ratio"] or 0, -(t.values["num_words"] or 0), t.values["kept"] or 0)
        for t in found.trials if t.status == "complete"
    }  # fmt: skip
    beaten = {
        n for n, p in points.items() for q in points.values() if q != p and all(b >= a for a, b in zip(p, q, strict=True))
    }  # fmt: skip
    assert {points[n] for n in found.front} == {p for n, p in points.items() if n not in beaten}
    assert found.best.number in found.front
    assert f"{len(found.front)} trials are beaten by none in every metric" in "\n".join(found.lines())


def test_no_row_kept_is_told(searched: Searched) -> None:
    hpo = {"metric": {"name": "alnum_ratio"}, "parameters": {"num_words": {"values": [2, 900]}}, "method": "grid"}
    found = searched(hpo)
    assert [(t.status, t.message) for t in found.trials] == [("complete", ""), ("failed", "no row is kept")]
    with pytest.raises(JuiceError, match="none of 1 trials gave a value: no row is kept"):
        searched({**hpo, "parameters": {"num_words": {"value": 900}}}, "none")


def test_trials_are_recorded(project: Path, searched: Searched) -> None:
    hpo = {
        "metric": {"name": "kept", "goal": "minimize"},
        "parameters": {"num_words": {"values": [2, 3]}},
        "method": "grid",
    }
    found = searched({**hpo, "write": "out/best.sql.j2"})
    with SandboxStore(project).open() as con:
        rows = con.execute(
            'select trial, status, parameters, "values", kept, measured from trials order by 1'
        ).fetchall()
    assert [(r[0], r[1], json.loads(r[2]), json.loads(r[3])["kept"] == r[4], r[5]) for r in rows] == [
        (0, "complete", {"num_words": 2}, True, 0), (1, "complete", {"num_words": 3}, True, 0),
    ]  # fmt: skip
    assert found.best.number == 1 and "num_words(text) >= 3" in Path("out/best.sql.j2").read_text()
    assert json.loads((project / "e" / "search.json").read_text())["front"] == [1]
    assert len(searched({**hpo, "sweep_max_count": 1}).trials) == 1  # fewer trials: the others are forgotten
    with SandboxStore(project).open() as con:
        assert con.execute("select count(*) from trials").fetchone() == (1,)
