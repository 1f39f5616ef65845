"""The sandbox's demo: its data, what k-sigma makes of its recipe, and the table at its end."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from juicesql.recipes_sql.sandbox import make_pool
from juicesql.recipes_sql.sandbox.languages import sentence
from juicesql.recipes_sql.sandbox.prose import Prose, documents, unlike
from juicesql.recipes_sql.sandbox.rubbish import KINDS
from juicesql.sandbox.base import Job, Results
from juicesql.sandbox.before_after import before_after
from juicesql.sandbox.pipeline import check_sandbox, run_sandbox

RECIPES = Path(make_pool.__file__).parent


@pytest.fixture(scope="module")
def prose() -> list[Prose]:
    return documents()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data, as a fresh Python makes it."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "recipes_sql").symlink_to(RECIPES.parent)
    words = [sys.executable, "-m", "juicesql.recipes_sql.sandbox.make_pool", "demo/sandbox"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "1"})
    return folder


def texts(demo: Path, name: str) -> list[str]:
    return [row["text"] for row in rows(demo / f"demo/sandbox/{name}.jsonl")]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def runs_of_words(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[i:] for i in range(8)), strict=False))


def test_another_process_makes_the_same_bytes(demo, prose, tmp_path):
    for name, found in make_pool.files(prose).items():
        make_pool.write(tmp_path / f"{name}.jsonl", found)
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (demo / f"demo/sandbox/{name}.jsonl").read_bytes()


def test_sizes(demo):
    sizes = {name: len(texts(demo, name)) for name in ("pool", "heldout", "good", "bad")}
    assert 2000 < sizes["pool"] < 6000 and min(sizes.values()) >= 50
    kinds = Counter(row["meta"]["kind"] for row in rows(demo / "demo/sandbox/pool.jsonl"))
    assert set(kinds) == {"prose", *(maker.__name__ for maker in KINDS)}
    planted = sum(kinds.values()) - kinds["prose"]
    assert planted == round(make_pool.RUBBISH * kinds["prose"])
    assert max(kinds[m.__name__] for m in KINDS) - min(kinds[m.__name__] for m in KINDS) <= 1


@pytest.mark.parametrize("apart", ["heldout", "good"])
def test_other_files_are_not_in_the_pool_nor_nearly(demo, apart):
    pool = texts(demo, "pool") + (texts(demo, "heldout") if apart == "good" else [])
    paragraphs = {p for text in pool for p in text.split("\n")}
    shingles = set().union(*map(runs_of_words, pool))
    for text in texts(demo, apart):
        own = runs_of_words(text)
        assert len(own & shingles) <= 0.2 * len(own)
        assert not set(text.split("\n")) & paragraphs


def test_no_place_gives_to_two_files(prose):
    parts = make_pool.shares(prose, random.Random(5))
    places = [{d.place for d in part} for part in parts]
    assert all(places) and not places[0] & places[1] and not places[0] & places[2] and not places[1] & places[2]


def test_unlike_leaves_out_what_shares_a_fifth_of_its_words():
    words = [f"w{i}" for i in range(100)]
    text = Prose("a", " ".join(words))  # 93 runs of 8 words, of which 18 are 19.4% and 19 are 20.4%
    assert unlike([text], [Prose("b", " ".join(words[:25]))]) == [text]
    assert unlike([text], [Prose("b", " ".join(words[:26]))]) == []
    assert unlike([Prose("a", "too short to say")], []) == []


@pytest.mark.parametrize("maker", KINDS, ids=lambda m: m.__name__)
def test_rubbish_is_as_long_as_wished_and_the_same_again(maker):
    source = ["The quick brown fox jumps over the lazy dog, and nobody minds that it did so. " * 12] * 4
    made = [maker(source, 700, random.Random(3)) for _ in range(2)]
    assert made[0] == made[1] and 350 <= len(made[0]) <= 701
    assert made[0] != maker(source, 700, random.Random(4))


def test_sentences_of_other_languages():
    found = [sentence(language, random.Random(0)) for language in ("de", "fr", "es", "it")]
    assert len(set(found)) == 4 and all(s.endswith(".") and s[0].isupper() for s in found)


def test_the_file_is_without_problems_and_in_the_order_of_the_guide(demo, monkeypatch):
    monkeypatch.chdir(demo)
    found = check_sandbox(Path("recipes_sql/sandbox/demo.yaml"), Path("demo"))
    names = list(dict.fromkeys(job.hook for job in found.jobs))
    assert names == [
        "ProbeViaAnalyzerHook", "RefineRecipeViaKSigmaHook", "ProcessDataHook", "TrainModelHook", "EvaluateDataHook",
        "EvaluateModelHook", "ScorePoolsHook",
    ]  # fmt: skip
    assert next(j.hook for j in found.jobs if j.list == "evaluation") == "ProbeViaAnalyzerHook"


def test_k_sigma_removes_most_of_the_rubbish_and_keeps_most_of_the_prose(demo, prose, tmp_path, monkeypatch):
    """On a smaller pool, with other documents and another seed than those that k was chosen with."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes_sql").symlink_to(RECIPES.parent)
    (tmp_path / "demo/sandbox").mkdir(parents=True)
    pool = make_pool.files(random.Random(11).sample(prose, 330), seed=7)["pool"]
    assert 500 <= len(pool) <= 700
    make_pool.write(tmp_path / "demo/sandbox/pool.jsonl", pool)
    config = yaml.safe_load((RECIPES / "demo.yaml").read_text("utf-8"))
    config["execution_job_configs"] = config["execution_job_configs"][:1]
    config["evaluation_job_configs"] = config["evaluation_job_configs"][:1]
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config), "utf-8")
    report = run_sandbox(tmp_path / "small.yaml", project=tmp_path / "demo")

    before = Counter(kind for kind, _ in pool)
    after = Counter(row["meta"]["kind"] for row in rows(tmp_path / "demo/sandbox/refined.jsonl"))
    share = {kind: after[kind] / before[kind] for kind in before}
    planted = [kind for kind in before if kind != "prose"]
    assert share["prose"] >= 0.9
    assert sum(after[k] for k in planted) <= 0.2 * sum(before[k] for k in planted)
    assert all(share[k] <= 0.2 for k in planted if k != "salad")  # shuffled words pass: every word of theirs is right
    process = report.results.of("process")
    assert process["measured"] == 0 and process["kept"] == sum(after.values())
    table = before_after(report.results)
    assert table[2].split()[:3] == ["rows", str(len(pool)), str(process["kept"])]


def test_only_numbers_of_the_recipe_change(tmp_path, demo, monkeypatch):
    monkeypatch.chdir(demo)
    config = yaml.safe_load((RECIPES / "demo.yaml").read_text("utf-8"))
    config["execution_job_configs"], config["evaluation_job_configs"] = [], []
    (tmp_path / "refine.yaml").write_text(yaml.safe_dump(config), "utf-8")
    run_sandbox(tmp_path / "refine.yaml", project=demo / "demo")
    written = (demo / "demo/sandbox/k_sigma_new_recipe.sql.j2").read_text("utf-8")
    numbers = re.compile(r"(?<=[ =])-?\d+(\.\d+)?")
    shape = [" ".join(numbers.sub("N", t).split()) for t in ((RECIPES / "demo.sql.j2").read_text("utf-8"), written)]
    assert shape[0] == shape[1]


def results(**of: dict) -> Results:
    found = Results()
    for name, result in of.items():
        found.add(Job("Some", name, None, {}, "evaluation", "anonymous", 0), result)
    return found


def analysis(rows: int, mean: float, source: str) -> dict:
    return {"rows": rows, "source": source, "stats": {"len": {"mean": mean, "null": 0}, "lang": {"top": "en"}}}


def test_before_and_after(tmp_path):
    pool, refined = str(tmp_path / "pool.jsonl"), str(tmp_path / "refined.jsonl")
    ranking = [
        {"pool": "refined", "path": refined, "bits_per_byte": 2.0, "by_seed": {"1": 1.9, "2": 2.1}},
        {"pool": "pool", "path": pool, "bits_per_byte": 2.5, "by_seed": {"1": 2.4, "2": 2.6}},
    ]
    lines = before_after(
        results(
            first=analysis(1000, 4.0, pool),
            process={"dataset": refined, "kept": 400},
            train_before={"model": "a", "loss": 5.0},
            train_after={"model": "b", "loss": 4.0},
            eval_before={"loss": 3.0, "texts": 9, "same": 1, "seconds": 4},
            second=analysis(400, 5.0, refined),
            eval_after={"loss": 2.4, "texts": 8, "same": 1, "seconds": 5},
            score={"ranking": ranking, "metric": "bits_per_byte", "goal": "minimize"},
        )
    )
    assert [line.split() for line in lines] == [
        ["before", "after", "change"],
        ["data"],
        ["rows", "1,000", "400", "-600", "(-60%)"],
        ["mean", "len", "4", "5", "+1", "(+25%)"],
        ["eval_before,", "eval_after"],
        ["loss", "3", "2.4", "-0.6", "(-20%)"],
        ["score:", "bits_per_byte", "(minimized)"],
        ["pool,", "refined,", "seed", "1", "2.4", "1.9", "-0.5", "(-21%)"],
        ["pool,", "refined,", "seed", "2", "2.6", "2.1", "-0.5", "(-19%)"],
        ["pool,", "refined,", "mean", "2.5", "2", "-0.5", "(-20%)"],
    ]


def test_nothing_to_compare():
    assert before_after(Results()) == []
    assert before_after(results(only=analysis(10, 1.0, "a"), train={"model": "m"})) == []


def test_pipelines_are_compared_each_on_its_own():
    found = Results()
    for i, (pipeline, rows) in enumerate([("a", 10), ("b", 20), ("a", 5)]):
        found.add(Job("Some", f"m{i}", None, {}, "probe", pipeline, i), analysis(rows, 1.0, "x"))
    lines = before_after(found)
    assert [line.split() for line in lines[1:]] == [
        ["data"], ["rows", "10", "5", "-5", "(-50%)"], ["mean", "len", "1", "1", "same"],
    ]  # fmt: skip
