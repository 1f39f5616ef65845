"""Training through ModelScope's trainers."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead, Context
from ..executor import Executor, read_json_line
from ..registry import component
from ..training.rows import empty, plain_text, read_rows
from ..training.run import POINTS, PREFIX

# epoch [1][100/4953]   lr: 4.825e-05, memory: 8742, loss: 5.6125
_EPOCH = re.compile(r"\bepoch \[(\d+)\]\[(\d+)/(\d+)\]")
_ITERATION = re.compile(r"\biter \[(\d+)/(\d+)\]")
_NUMBER = r"([-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|nan|inf))"
_LOSS = re.compile(rf"(?<![\w/])loss: {_NUMBER}")
_RATE = re.compile(rf"(?<![\w/])lr(?:_\w+)?: {_NUMBER}")


@dataclass(frozen=True)
class ModelscopeTraining:
    """What `type: modelscope` takes for training; the names are those of Data-Juicer's files."""

    model_name: str  # a folder, or an id on ModelScope
    trainer_name: str = "nlp-base-trainer"
    dataset_path: str | None = None  # what to train on; by default what the newest job processed
    train_dataset: str | None = None  # the same, by its other name
    eval_dataset: str | None = None
    work_dir: str | None = None  # where ModelScope writes; by default into the folder of the job
    key_remapping: dict[str, str] = field(default_factory=dict)  # column of the dataset -> name that the model reads
    train: dict[str, Any] = field(default_factory=dict)  # these five are merged into the model's configuration
    evaluation: dict[str, Any] = field(default_factory=dict)
    preprocessor: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    model_revision: str | None = None
    device: str | None = None  # cpu or gpu; by default what ModelScope finds
    seed: int | None = None  # by default that of the experiment
    trust_remote_code: bool = False  # run Python that comes with the model

    @property
    def data(self) -> str | None:
        return self.dataset_path or self.train_dataset


@component("ModelTrainExecutor", "modelscope")
class ModelscopeTrainer(Executor):
    """Trains a model of ModelScope by the name of its trainer, and watches the loss in its log.

    Rows whose remapped columns are NULL or blank are left out and counted. ModelScope saves checkpoints in its own way,
    with pickle; load them only where you trust who wrote them.
    """

    Settings = ModelscopeTraining
    extra = "sandbox"

    def __init__(self, settings: ModelscopeTraining, context: Context) -> None:
        super().__init__(settings, context)
        self._done: dict[str, Any] = {}
        self._losses: list[float] = []
        self._skipped = self._samples = 0

    @classmethod
    def problems(cls, settings: ModelscopeTraining, ahead: Ahead) -> Iterator[Problem]:
        if find_spec("modelscope") is None:
            yield Problem("missing-package", "modelscope cannot be imported", "pip install 'modelscope[framework]'")
        if not settings.data and not ahead.has("dataset"):
            yield Problem("no-dataset", "there is nothing to train on", "give dataset_path, or process data before")
        for path in (settings.data, settings.eval_dataset):
            if path and not ahead.exists(path):
                yield Problem("missing-file", f"`{path}` does not exist", "give a file that does")
        name = settings.model_name
        if name.startswith((".", "/", "~")) and not ahead.exists(name):
            yield Problem("missing-file", f"`{name}` does not exist", "give a folder that does, or an id on ModelScope")

    def data_connector(self, dataset: Path) -> Path:
        """The dataset as jsonl with the columns renamed by `key_remapping`, which MsDataset loads."""
        renamed = {new: old for old, new in self.settings.key_remapping.items()} or {"text": "text"}
        target = self.context.folder / f"{dataset.stem}.modelscope.jsonl"
        rows = kept = 0
        with open(target, "w", encoding="utf-8") as out:
            for found, broken in read_rows(dataset, renamed, rest=True):
                rows += len(found) + broken
                for row in found:
                    if all(plain_text(row[new]) or not isinstance(row[new], str | None) for new in renamed):
                        out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                        kept += 1
        if not kept:
            raise empty(dataset, rows)
        self._samples, self._skipped = kept, rows - kept
        return target

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        settings, folder = self.settings, self.context.folder
        folder.mkdir(parents=True, exist_ok=True)
        held = self.data_connector(Path(settings.eval_dataset)) if settings.eval_dataset else None
        data = self.data_connector(self.context.dataset(run_obj or settings.data))
        given = {
            "model_name": settings.model_name,
            "trainer_name": settings.trainer_name,
            "model_revision": settings.model_revision,
            "trust_remote_code": settings.trust_remote_code,
            "device": settings.device,
            "dataset": str(data),
            "eval_dataset": str(held) if held else None,
            "samples": self._samples,
            "work_dir": settings.work_dir or str(folder / "work"),
            "work": str(folder),
            "modifications": self._modifications(),
            "seed": self.context.seed if settings.seed is None else settings.seed,
            "threads": self.context.threads or os.cpu_count() or 1,
            "offline": Path(settings.model_name).exists(),
        }
        path = folder / "training.json"
        path.write_text(json.dumps(given, indent=2), "utf-8")
        await self.command([sys.executable, "-m", "juicesql.sandbox.training.modelscope", str(path)])

    def _modifications(self) -> dict[str, Any]:
        """What is merged into the model's configuration. The loss is logged about 50 times unless `train` says else."""
        parts = ("train", "evaluation", "preprocessor", "dataset", "model")
        found = {name: dict(value) for name in parts if (value := getattr(self.settings, name))}
        train = found.setdefault("train", {})
        if "logging" not in train and "hooks" not in train:
            batch = int(train.get("dataloader", {}).get("batch_size_per_gpu", 1))
            steps = self._samples * int(train.get("max_epochs", 1)) // batch
            train["logging"] = {"interval": max(1, steps // POINTS)}
        return found

    def _watch_run(self, line: str) -> None:
        event = read_json_line(line, PREFIX)
        if isinstance(event, dict) and event["event"] == "done":
            self._done = {key: value for key, value in event.items() if key != "event"}
        step, share = self._step(line)
        if step is not None and (loss := _LOSS.search(line)):
            self._losses.append(float(loss[1]))
            self.context.watched("loss", self._losses[-1], step)
            if rate := _RATE.search(line):
                self.context.watched("learning_rate", float(rate[1]), step)
            self.context.progress.share(share)

    def _step(self, line: str) -> tuple[int | None, float | None]:
        """Of a line of the log: the step, counted from the first epoch, and the share of the training done."""
        if found := _ITERATION.search(line):
            return int(found[1]), int(found[1]) / int(found[2])
        if found := _EPOCH.search(line):
            epoch, step, steps = map(int, found.groups())
            step += (epoch - 1) * steps
            epochs = self.settings.train.get("max_epochs")
            return step, min(1.0, step / (steps * epochs)) if epochs else None
        return None, None

    def result(self) -> dict[str, Any]:
        found = dict(self._done)
        if self._losses:
            found["train_loss"] = sum(self._losses) / len(self._losses)
        return found | {"skipped": self._skipped}
