"""Training through ModelScope: with the library where it is installed, and with a stand-in that logs the same lines."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest
from juicesql.sandbox.components.train_modelscope import ModelscopeTrainer, ModelscopeTraining
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.settings import read

from .training_work import codes, sentences, train, write_rows

# The keys of Data-Juicer's gpt3_extra_train_config.json
TRAIN = {
    "max_epochs": 2,
    "lr_scheduler": {"type": "StepLR", "step_size": 2, "options": {"by_epoch": False}},
    "optimizer": {"type": "AdamW", "lr": 3e-2},
    "dataloader": {"batch_size_per_gpu": 8, "workers_per_gpu": 0},
}

# Stands in for the package: the same interface and log lines, no model. Its loss is 5, 4.5, 4, ...
STAND_IN = {
    "__init__.py": "",
    "msdatasets.py": """
import json
class MsDataset:
    @staticmethod
    def load(name, data_files, split):
        assert name == "json"
        return [json.loads(line) for line in open(data_files, encoding="utf-8")]
""",
    "trainers.py": """
import os, types
class Configuration(dict):
    def merge_from_dict(self, other):
        self.update(other)
class Trainer:
    def __init__(self, model, train_dataset, eval_dataset, work_dir, cfg_modify_fn, seed):
        self.cfg, self.rows, self.work, self.iter = cfg_modify_fn(Configuration()), train_dataset, work_dir, 0
        assert set(self.rows[0]) == {"src_txt", "n"}, self.rows[0]
    def train(self):
        os.makedirs(os.path.join(self.work, "output"))
        epochs = self.cfg["train"]["max_epochs"]
        steps = len(self.rows) // self.cfg["train"]["dataloader"]["batch_size_per_gpu"]
        for epoch in range(1, epochs + 1):
            for step in range(1, steps + 1):
                print(f"2023-07-02 17:26:50,324 - modelscope - INFO - epoch [{epoch}][{step}/{steps}]\\t"
                      f"lr: 3.000e-02, eta: 0:00:00, memory: 8742, loss: {5 - self.iter / 2:.4f}", flush=True)
                self.iter += 1
    def evaluate(self):
        return {"loss": 1.5}
def build_trainer(name, default_args):
    assert name == "nlp-base-trainer"
    return Trainer(**default_args)
""",
}


def component(make_context, tmp_path, **extra):
    return ModelscopeTrainer(
        read(ModelscopeTraining, {"model_name": "a/b", **extra}), make_context(tmp_path, extra=extra)
    )


def test_the_documented_line_of_its_log_is_read(make_context, tmp_path):
    found = component(make_context, tmp_path, train={"max_epochs": 2})
    found._watch_run(
        "2023-07-02 17:26:50,324 - modelscope - INFO - epoch [2][100/4953]\tlr: 4.825e-05, memory: 8742, loss: 5.6125"
    )
    found._watch_run("2023-07-02 17:26:51,000 - modelscope - INFO - epoch(eval) [2][10]\tmemory: 8742, loss: 9.9")
    found._watch_run("2023-07-02 17:26:52,000 - modelscope - INFO - learning with loss: 3")
    watcher = found.context.watcher
    assert watcher.series("job.loss") == [(5053, 5.6125)] and watcher.series("job.learning_rate") == [(5053, 4.825e-05)]
    assert found.context.progress.last == pytest.approx(5053 / 9906)
    assert found.result()["train_loss"] == 5.6125


def test_lines_of_trainers_that_count_iterations_are_read(make_context, tmp_path):
    found = component(make_context, tmp_path)
    found._watch_run("- INFO - iter [30/40]\tlr_main: 1.0e-03, loss: 2.5e-01")
    assert found.context.watcher.series("job.loss") == [(30, 0.25)] and found.context.progress.last == 0.75


def test_columns_are_renamed_and_rows_without_text_left_out(make_context, tmp_path):
    rows = [{"text": "a", "n": 1}, {"text": None, "n": 2}, "broken", {"text": " ", "n": 3}, {"text": "b", "n": 4}]
    data = write_rows(tmp_path / "a.jsonl", rows)
    found = component(make_context, tmp_path, key_remapping={"text": "src_txt"}, dataset_path=data)
    written = found.data_connector(tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == [{"src_txt": "a", "n": 1}, {"src_txt": "b", "n": 4}]
    assert found.result()["skipped"] == 3
    (tmp_path / "b.jsonl").write_text('{"text": null, "n": 1}\n')
    with pytest.raises(SandboxError, match="none of its 1 rows"):
        found.data_connector(tmp_path / "b.jsonl")


def test_a_training_of_a_stand_in_is_watched(make_context, tmp_path, monkeypatch):
    (tmp_path / "path/modelscope").mkdir(parents=True)
    for name, code in STAND_IN.items():
        (tmp_path / "path/modelscope" / name).write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.syspath_prepend(tmp_path / "path")
    rows = [{"text": row["text"], "n": 1} for row in sentences(16)]
    extra = {
        "type": "modelscope", "dataset_path": write_rows(tmp_path / "data.jsonl", [*rows, {"text": None, "n": 1}]),
        "eval_dataset": write_rows(tmp_path / "held.jsonl", rows[:2]), "work_dir": str(tmp_path / "work"),
        "model_name": "iic/nlp_gpt3_text-generation_chinese-base", "trainer_name": "nlp-base-trainer",
        "key_remapping": {"text": "src_txt"}, "train": TRAIN,
    }  # fmt: skip
    context = make_context(tmp_path, extra=extra)
    result = train(context)
    assert context.watcher.series("job.loss") == [(1, 5.0), (2, 4.5), (3, 4.0), (4, 3.5)]
    expected = {"model": str(tmp_path / "work/output"), "steps": 4, "samples": 16, "skipped": 1}
    assert result == expected | {"train_loss": 4.25, "eval_loss": 1.5}


WRAPPER = """
import torch
from modelscope.models import MODELS
from modelscope.models.base import TorchModel
from modelscope.preprocessors import PREPROCESSORS, Preprocessor

@PREPROCESSORS.register_module("nlp", module_name="bytes")
class Bytes(Preprocessor):
    def __call__(self, data):
        return {"ids": torch.tensor(list(data["src_txt"].encode()[:32].ljust(32)))}

@MODELS.register_module("text-generation", module_name="bigrams")
class Bigrams(TorchModel):
    def __init__(self, model_dir, *args, **kwargs):
        super().__init__(model_dir, *args, **kwargs)
        self.table = torch.nn.Embedding(256, 256)

    def forward(self, ids):
        logits = self.table(ids[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        return {"loss": loss, "logits": logits}
"""


@pytest.mark.skipif(find_spec("modelscope") is None, reason="modelscope is not installed")
def test_modelscopes_own_trainer_trains_a_tiny_model(make_context, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "ms_wrapper.py").write_text(WRAPPER)
    configuration = {
        "framework": "pytorch", "task": "text-generation", "allow_remote": True, "model": {"type": "bigrams"},
        "preprocessor": {"type": "bytes"}, "train": {"work_dir": str(tmp_path), **TRAIN},
        "evaluation": {"dataloader": {"batch_size_per_gpu": 8, "workers_per_gpu": 0}, "metrics": "loss-metric"},
    }  # fmt: skip
    (folder / "configuration.json").write_text(json.dumps(configuration))
    data = write_rows(tmp_path / "data.jsonl", sentences(200))
    schedule = {**TRAIN, "lr_scheduler": {"type": "StepLR", "step_size": 50, "options": {"by_epoch": False}}}
    extra = {
        "type": "modelscope", "dataset_path": data, "eval_dataset": data, "model_name": str(folder), "device": "cpu",
        "trainer_name": "trainer", "trust_remote_code": True, "key_remapping": {"text": "src_txt"}, "train": schedule,
    }  # fmt: skip
    context = make_context(tmp_path, extra=extra)
    assert codes(context) == []
    result = train(context)
    losses = [loss for _, loss in context.watcher.series("job.loss")]
    assert result["steps"] == 50 == len(losses) and losses[-1] < losses[0] - 1
    assert result["eval_loss"] < losses[0] - 1


def test_what_is_missing_is_told_before_anything_runs(make_context, tmp_path, monkeypatch):
    monkeypatch.setattr("juicesql.sandbox.components.train_modelscope.find_spec", lambda name: None)
    extra = {"type": "modelscope", "model_name": "./nowhere"}
    assert codes(make_context(tmp_path, extra=extra)) == ["missing-package", "no-dataset", "missing-file"]
    assert codes(make_context(tmp_path, extra={"type": "modelscope"})) == ["missing-setting"]
