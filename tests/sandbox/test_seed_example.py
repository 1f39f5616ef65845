"""The example of the user's guide to Data-Juicer's sandbox, with other paths only, from its top to its bottom."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import duckdb
import pytest
from juicesql.sandbox.command import app
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")
pytest.importorskip("sklearn")

CONFIG = """
# Sandbox config example

# global parameters
project_name: 'demo-sandbox'
experiment_name: 'demo-sandbox-run0'              # for wandb tracer name
hpo_config: null                                  # path to a configuration file when using auto-HPO tool.

# configs for each job, the jobs will be executed according to the order in the list
probe_job_configs:
  - hook: 'ProbeViaAnalyzerHook'
    meta_name: 'analysis_ori_data'
    dj_configs: 'configs/process.sql.j2'
    extra_configs:

refine_recipe_job_configs:
  - hook: 'RefineRecipeViaKSigmaHook'
    meta_name: 'analysis_ori_data'
    dj_configs: 'configs/process.sql.j2'
    extra_configs:
      path_k_sigma_recipe: './outputs/demo-process/k_sigma_new_recipe.sql.j2'

execution_job_configs:
  - hook: 'ProcessDataHook'
    meta_name:
    dj_configs: './outputs/demo-process/k_sigma_new_recipe.sql.j2'
    extra_configs:
  - hook: 'TrainModelHook'
    meta_name:
    dj_configs:
    extra_configs: 'configs/train.json'

evaluation_job_configs:
  - hook: 'ProbeViaAnalyzerHook'
    meta_name: 'analysis_processed_data'
    dj_configs: 'configs/process.sql.j2'
    extra_configs:
  - hook: 'EvaluateDataHook'
    meta_name: 'eval_data'
    dj_configs:
    extra_configs: 'configs/quality.yaml'
"""
RECIPE = """{{ config(source="docs.jsonl", export="outputs/demo-process/processed.jsonl") }}
-- English prose
select * from source
where num_words(text) between 1 and 1000  -- any length
  and stopwords_ratio(text) >= 0.01
"""
TRAIN = {
    "type": "transformers",
    "train_dataset": "./outputs/demo-process/processed.jsonl",
    "model": {"model_type": "gpt2", "n_layer": 1, "n_embd": 16, "n_head": 2},
    "tokenizer": {"train": {"vocab_size": 300}},
    "max_length": 32,
    "max_steps": 6,
    "batch_size": 4,
    "logging_steps": 2,
}
WORDS = [
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "is",
    "it",
    "was",
    "that",
    "cat",
    "dog",
    "house",
    "water",
    "walked",
    "home",
    "small",
    "old",
    "river",
    "stone",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(7)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(30, 50))) for _ in range(150)]
    texts += ["buy " * 300, "### " * 400]  # far from the mean in both stats
    _write("docs.jsonl", texts)
    _write("good.jsonl", texts[:60])
    _write("bad.jsonl", [f"{chance.random()} ### buy now {i}" for i in range(60)])
    Path("configs").mkdir()
    Path("configs/process.sql.j2").write_text(RECIPE)
    Path("configs/train.json").write_text(json.dumps(TRAIN))
    Path("configs/quality.yaml").write_text(
        "type: dj_text_quality_classifier\ndataset_path: ./outputs/demo-process/processed.jsonl\ntrain: {good: good.jsonl, bad: bad.jsonl}\n"
    )
    Path("sandbox.yaml").write_text(CONFIG)
    return tmp_path


def _write(path: str, texts: list[str]) -> None:
    Path(path).write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))


def test_the_example_does_what_its_six_points_promise(folder: Path) -> None:
    done = CliRunner().invoke(app, ["run", "sandbox.yaml"], catch_exceptions=False)
    assert done.exit_code == 0
    parts = re.split(r"^\[\d/6\] ", done.stdout, flags=re.M)[1:]
    assert [p.split()[:2] for p in parts] == [
        ["ProbeViaAnalyzerHook", "analysis_ori_data"], ["RefineRecipeViaKSigmaHook", "analysis_ori_data"],
        ["ProcessDataHook", "process_data"], ["TrainModelHook", "train_model"],
        ["ProbeViaAnalyzerHook", "analysis_processed_data"], ["EvaluateDataHook", "eval_data"],
    ]  # fmt: skip

    # 1. the stats of the recipe are measured for every row
    assert "152 rows of docs.jsonl, 2 stats; 304 values measured" in parts[0]
    with duckdb.connect("stats.duckdb", read_only=True) as con:
        numbers = con.execute(
            "select avg(num_words), stddev_samp(num_words), avg(stopwords_ratio), stddev_samp(stopwords_ratio), "
            "count(*) from stats where source_id = (select source_id from sources where name = 'docs.jsonl')"
        ).fetchone()
    assert numbers is not None and numbers[4] == 152

    # 2. the cuts stand at mean ± 3 standard deviations, and nothing else of the recipe changed
    words, words_std, stop, stop_std, _ = numbers
    refined = Path("outputs/demo-process/k_sigma_new_recipe.sql.j2").read_text()
    number = r"(\(?-?[\d.]+(?:e-?\d+)?\)?)"
    pattern = (
        re.escape(RECIPE).replace("1\\ and\\ 1000", f"{number}\\ and\\ {number}").replace(re.escape("0.01"), number)
    )
    found = re.fullmatch(pattern, refined)
    assert found, refined
    low, high, least = (float(g.strip("()")) for g in found.groups())
    assert low == pytest.approx(words - 3 * words_std, abs=1) and high == pytest.approx(words + 3 * words_std, abs=1)
    assert least == pytest.approx(stop - 3 * stop_std, rel=1e-5)

    # 3. that recipe cleans the data, without measuring anything again
    kept = Path("outputs/demo-process/processed.jsonl").read_text().splitlines()
    assert len(kept) == 150
    assert "kept 150 of 152 rows" in parts[2] and "; 0 values measured" in parts[2]

    # 4. a model is trained on what was kept, and its loss was watched
    with duckdb.connect("sandbox.duckdb", read_only=True) as con:
        steps = con.execute("select step from metrics where name = 'train_model.loss' order by step").fetchall()
        results = dict(
            con.execute("select meta_name, result from jobs where hook <> 'RefineRecipeViaKSigmaHook'").fetchall()
        )
    assert steps == [(1,), (2,), (4,), (6,)]
    assert Path(json.loads(results["train_model"])["model"], "model.safetensors").is_file()

    # 5. what was kept is analysed
    after = json.loads(results["analysis_processed_data"])
    assert after["rows"] == 150 and after["source"].endswith("processed.jsonl")
    lengths = [len(json.loads(line)["text"].split()) for line in kept]
    assert after["stats"]["num_words"]["mean"] == pytest.approx(sum(lengths) / 150)

    # 6. and scored
    quality = json.loads(results["eval_data"])
    assert quality["rows"] == 150 and 0.5 < quality["mean"] <= 1
