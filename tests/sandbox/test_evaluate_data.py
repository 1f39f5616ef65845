"""EvaluateDataHook with the evaluators of text: quality, expectations, predictions, aggregates of stats."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest
from juicesql.sandbox.base import Ahead
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.pipeline import run_sandbox
from juicesql.sandbox.registry import find_component, find_hook


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


@pytest.fixture
def evaluate(make_context, tmp_path):
    """Run the hook with extra_configs; `results` are those of earlier jobs."""

    def run(extra, results=None, meta_name="eval"):
        context = make_context(tmp_path, "EvaluateDataHook", extra, results=results, meta_name=meta_name)
        context.project.mkdir(exist_ok=True)
        return find_hook("EvaluateDataHook")(context.job).run(context)

    return run


@pytest.fixture
def problems(make_context, tmp_path):
    def check(extra, ahead=None):
        context = make_context(tmp_path, "EvaluateDataHook", extra)
        return list(find_hook("EvaluateDataHook")(context.job).problems(ahead or Ahead()))

    return check


def tiny_model(path, bias):
    """A quality model that gives every text 1 / (1 + exp(-bias)): all weights are 0."""
    about = {"format": 1, "dims": 16, "ngrams": 1}
    head = {
        "__metadata__": {"juicesql": json.dumps(about)},
        "bias": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},
        "weights": {"dtype": "F32", "shape": [16], "data_offsets": [8, 72]},
    }
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<d", bias) + bytes(64))
    return str(path)


def test_quality_of_a_model_that_is_known_by_hand(evaluate, tmp_path):
    data = write(tmp_path / "docs.jsonl", [{"text": f"text {i}"} for i in range(9)] + [{"text": None}])
    model = tiny_model(tmp_path / "m.safetensors", math.log(3))  # 3 / (1 + 3)
    found = evaluate({"type": "dj_text_quality_classifier", "dataset_path": data, "model": model})
    assert found["mean"] == found["median"] == pytest.approx(0.75)
    assert found["above_half"] == 1.0 and found["kept"] == found["kept_pareto"]
    assert (found["rows"], found["nulls"], found["errors"], found["measured"]) == (10, 1, 0, 9)
    again = evaluate(
        {"type": "dj_text_quality_classifier", "dataset_path": data, "model": model, "keep_method": "label"}
    )
    assert (again["measured"], again["reused"], again["kept"]) == (0, 9, 1.0)


def test_the_share_that_gpt3_keeps_is_that_of_a_pareto_draw(evaluate, tmp_path):
    data = write(tmp_path / "docs.jsonl", [{"text": f"text {i}"} for i in range(4000)])
    model = tiny_model(tmp_path / "m.safetensors", math.log(9))  # score 0.9: kept with a chance of 1.1 ** -9
    found = evaluate({"type": "dj_text_quality_classifier", "dataset_path": data, "model": model})
    chance = 1.1**-9
    assert abs(found["kept_pareto"] - chance) < 4 * math.sqrt(chance * (1 - chance) / 4000)


def test_a_model_is_trained_first_and_always_the_same(evaluate, tmp_path):
    pytest.importorskip("sklearn")
    good = write(
        tmp_path / "good.jsonl", [{"text": f"The river flows past the old town, year {i}."} for i in range(20)]
    )
    bad = write(tmp_path / "bad.jsonl", [{"text": f"click here buy now $$$ {i}"} for i in range(20)])
    mixed = [{"text": "The old river flows past."}, {"text": "buy now, click here $$$"}]
    dataset = write(tmp_path / "d.jsonl", mixed)
    extra = {"type": "dj_text_quality_classifier", "train": {"good": good, "bad": bad}}
    found = evaluate(extra, {"process": {"dataset": dataset}})
    assert found["above_half"] == 0.5 and found["max"] > 0.7 and found["min"] < 0.3
    assert evaluate(extra, {"process": {"dataset": dataset}}, "again")["mean"] == found["mean"]


def test_a_missing_model_is_told_before_anything_runs(problems, tmp_path, monkeypatch):
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(tmp_path / "models"))
    data = write(tmp_path / "d.jsonl", [{"text": "a"}])
    (found,) = problems({"type": "dj_text_quality_classifier", "dataset_path": data, "model": "gpt3"})
    assert found.code == "no-model" and "train-quality" in found.mend and "train: {good: PATH" in found.mend


def test_a_missing_dataset_is_told_unless_a_job_will_write_it(problems, tmp_path):
    extra = {"type": "stats", "metrics": {"n": "count(*)"}}
    assert [p.code for p in problems(extra)] == ["no-dataset"]
    assert problems(extra, Ahead(keys={"process": {"dataset"}})) == []
    there = tmp_path / "later.jsonl"
    assert [p.code for p in problems({**extra, "dataset_path": str(there)})] == ["missing-file"]
    assert problems({**extra, "dataset_path": str(there)}, Ahead(files={there})) == []


def test_expectations_that_are_met_and_that_are_not(evaluate, tmp_path):
    pytest.importorskip("great_expectations")
    data = write(
        tmp_path / "d.jsonl", [{"id": i, "text": "word " * i} for i in range(1, 6)] + [{"id": 6, "text": None}]
    )
    suite = tmp_path / "good.expectations.yml"
    suite.write_text(
        "output:\n  - exactly 6 rows\n  - id is unique\n  - text is never null\n  - length is at least 5\n", "utf-8"
    )
    extra = {"type": "gx", "suite": str(suite), "dataset_path": data, "columns": {"length": "text_len(text)"}}
    found = evaluate(extra)
    assert (found["met"], found["expectations"], found["met_share"], found["success"]) == (3, 4, 0.75, False)
    (failing,) = found["failing"]
    assert "text is never null" in failing and "1 of 6 rows fail" in failing and "sample 5" in failing
    assert [r["success"] for r in found["results"]] == [True, True, False, True]
    suite.write_text("output:\n  - at least 1 rows\n", "utf-8")
    assert evaluate(extra)["met_share"] == 1.0


def test_a_suite_that_says_nothing_known_is_told_before_anything_runs(problems, tmp_path):
    pytest.importorskip("great_expectations")
    data, suite = write(tmp_path / "d.jsonl", [{"text": "a"}]), tmp_path / "s.expectations.yml"
    suite.write_text("output:\n  - text is not null\n", "utf-8")
    (found,) = problems({"type": "gx", "suite": str(suite), "dataset_path": data})
    assert found.code == "bad-expectation" and "text is never null" in found.mend


def test_accuracy_by_hand(evaluate, tmp_path):
    rows = [
        {"answer": {"guess": "yes"}, "label": "yes"},
        {"answer": {"guess": " no "}, "label": "no"},  # blanks around it
        {"answer": {"guess": "2.0"}, "label": "2"},  # equal numbers
        {"answer": {"guess": "Yes"}, "label": "yes"},
        {"answer": {"guess": None}, "label": "no"},
        {"answer": {"guess": "yes"}, "label": None},  # does not count
    ]
    data = write(tmp_path / "d.jsonl", rows)
    found = evaluate({"type": "accuracy", "dataset_path": data, "predicted_key": "answer.guess", "label_key": "label"})
    assert found["accuracy"] == pytest.approx(3 / 5) and found["rows"] == 5


def test_mean_squared_error_by_hand(evaluate, tmp_path):
    rows = [{"p": 1.0, "y": 3}, {"p": 2.0, "y": 1}, {"p": None, "y": 1}]
    found = evaluate({
        "type": "mse", "dataset_path": write(tmp_path / "d.jsonl", rows), "predicted_key": "p", "label_key": "y"
    })  # fmt: skip
    assert found["mse"] == pytest.approx((4 + 1) / 2) and found["rmse"] == pytest.approx(math.sqrt(2.5))
    assert (found["rows"], found["errors"]) == (2, 1)


def test_no_label_at_all_is_an_error(evaluate, tmp_path):
    data = write(tmp_path / "d.jsonl", [{"predicted": "a", "label": None}])
    with pytest.raises(SandboxError, match="label"):
        evaluate({"type": "accuracy", "dataset_path": data})


def test_aggregates_of_stats_are_reused(evaluate, tmp_path):
    data = write(tmp_path / "d.jsonl", [{"text": "a" * n} for n in (1, 2, 6)])
    extra = {"type": "stats", "dataset_path": data, "metrics": {"mean_length": "avg(text_len(text))", "n": "count(*)"}}
    found = evaluate(extra)
    assert found["mean_length"] == 3.0 and found["n"] == 3
    again = evaluate(extra)
    assert (again["mean_length"], again["measured"]) == (3.0, 0)


def test_a_metric_that_is_no_aggregate_is_an_error(evaluate, tmp_path):
    data = write(tmp_path / "d.jsonl", [{"text": "a"}, {"text": "b"}])
    with pytest.raises(SandboxError, match="2 rows"):
        evaluate({"type": "stats", "dataset_path": data, "metrics": {"m": "text_len(text)"}})


def test_the_names_of_the_table_are_there():
    for name in (
        "dj_text_quality_classifier",
        "video_inception_evaluator",
        "vbench_video_evaluator",
        "accuracy",
        "mse",
    ):
        assert find_component("DataEvaluator", name).__doc__
    assert find_hook("EvaluateDataHook").lists == ("evaluation",)


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    pytest.importorskip("great_expectations")
    page = Path(__file__).parents[2] / "docs" / "sandbox" / "data-evaluation.md"
    (tmp_path / "judging.yaml").write_text(page.read_text("utf-8").split("```yaml\n")[1].split("```")[0], "utf-8")
    write(tmp_path / "good.jsonl", [{"text": f"The river flows past the old town, year {i}."} for i in range(20)])
    write(tmp_path / "bad.jsonl", [{"text": f"click here buy now $$$ {i}"} for i in range(20)])
    write(tmp_path / "docs.jsonl", [{"text": "The old river flows past the town."}, {"text": "buy now $$$"}])
    (tmp_path / "docs.expectations.yml").write_text("output:\n  - exactly 2 rows\n  - length is at least 20\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    jobs = {done.job.meta_name: done.result for done in run_sandbox(tmp_path / "judging.yaml").jobs}
    assert jobs["quality"]["above_half"] == 0.5
    assert (jobs["expected"]["met"], jobs["expected"]["expectations"]) == (1, 2)
    assert jobs["lengths"]["mean_length"] == (34 + 11) / 2 and jobs["lengths"]["short"] == 0.5
