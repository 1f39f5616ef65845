"""Training through `transformers.Trainer`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem

from ..base import Ahead
from ..executor import Executor, read_json_line
from ..registry import component
from ..training.run import PREFIX

SERIES = ("loss", "learning_rate", "grad_norm", "eval_loss")


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters instead of the whole model."""

    r: int = 8  # rank
    alpha: float = 16  # the adapters count alpha / r
    dropout: float = 0.0
    target_modules: str | tuple[str, ...] | None = None  # names of layers; all linear ones by default
    merge: bool = False  # write a whole model with the adapters worked in, instead of the adapters


@dataclass(frozen=True)
class TransformersTraining:
    """What `type: transformers` takes for training."""

    task: Literal["causal-lm", "clip"] = "causal-lm"
    # a folder, a hub id, or `{model_type: gpt2, n_layer: 2, ...}` to begin with random weights; by default what the
    # newest training job made
    model: str | dict[str, Any] | None = None
    # a folder, a hub id, or `{train: {vocab_size: N}}` to train a byte-level BPE on the dataset; by default the model's
    tokenizer: str | dict[str, Any] | None = None
    dataset_path: str | None = None  # what to train on; by default what the newest job processed
    train_dataset: str | None = None  # the same, by its name in files of ModelScope
    eval_dataset: str | None = None  # held-out data for eval_loss
    text_key: str = "text"  # column of the texts
    image_key: str = "images"  # column of the images: paths, or lists of paths of which the first counts
    max_length: int | None = None  # tokens of a sequence; by default what the model takes, up to 512
    pack: bool = True  # texts follow one another in full sequences, instead of a cut sequence each
    epochs: float = 1
    max_steps: int | None = None  # instead of epochs
    max_tokens: int | None = None  # instead of epochs: train on so many tokens, going round the data as often as needed
    batch_size: int = 8  # sequences, or pairs of image and text
    gradient_accumulation: int = 1  # batches a step
    learning_rate: float | None = None  # by default 1e-3 from scratch, 5e-5 for a whole model, 2e-4 for LoRA
    lr_scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup: float = 0.05  # below 1 a share of the steps, else steps
    weight_decay: float = 0.01
    seed: int | None = None  # by default that of the experiment
    lora: Lora | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    bf16: bool | None = None  # by default where the device has it
    logging_steps: int | None = None  # by default about 50 points of the curve
    eval_steps: int | None = None  # by default eval_loss is measured once, at the end
    output_dir: str | None = None  # where the model goes; by default into the folder of the job
    trust_remote_code: bool = False  # run Python that comes with the model

    @property
    def data(self) -> str | None:
        return self.dataset_path or self.train_dataset


@component("ModelTrainExecutor", "transformers")
class TransformersTrainer(Executor):
    """Trains or fine-tunes a causal language model, or an image-text model such as CLIP, whole or with LoRA.

    Works through `transformers.Trainer` in a process of its own. Rows without text (or with an image that cannot be
    decoded) are left out and counted. The same seed gives the same model on the same machine's CPU.
    """

    Settings = TransformersTraining
    extra = "sandbox"

    @classmethod
    def problems(cls, settings: TransformersTraining, ahead: Ahead) -> Iterator[Problem]:
        needed = ["torch", "transformers", "accelerate"]
        needed += ["peft"] if settings.lora else []
        needed += ["PIL"] if settings.task == "clip" else []
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            yield Problem(
                "missing-package", f"{', '.join(missing)} cannot be imported", "pip install 'juicesql[sandbox]'"
            )
        if not settings.data and not ahead.has("dataset"):
            yield Problem("no-dataset", "there is nothing to train on", "give dataset_path, or process data before")
        for path in (settings.data, settings.eval_dataset):
            if path and not ahead.exists(path):
                yield Problem("missing-file", f"`{path}` does not exist", "give a file that does")
        yield from _model_problems(settings, ahead)
        yield from _number_problems(settings)

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        folder = self.context.folder
        folder.mkdir(parents=True, exist_ok=True)
        self._done: dict[str, Any] = {}
        path = folder / "training.json"
        path.write_text(json.dumps(self._given(run_obj), indent=2), "utf-8")
        await self.command([sys.executable, "-m", "juicesql.sandbox.training.run", str(path)])

    def _given(self, run_obj: Any) -> dict[str, Any]:
        """The settings with all that was left open filled in, for the process that trains."""
        settings: TransformersTraining = self.settings
        model = self._model()
        names = [model, settings.tokenizer]
        return asdict(settings) | {
            "model": model,
            "dataset": str(self.data_connector(self.context.dataset(run_obj or settings.data))),
            "seed": self.context.seed if settings.seed is None else settings.seed,
            "threads": self.context.threads or os.cpu_count() or 1,
            "output_dir": str(self._model_folder()),
            "work": str(self.context.folder),
            "offline": all(not isinstance(name, str) or Path(name).exists() for name in names),
        }

    def _model(self) -> Any:
        """What to begin with; a folder with its whole path, since adapters name it."""
        found = self.settings.model or self.context.model()
        return str(Path(found).absolute()) if isinstance(found, str) and Path(found).exists() else found

    def _model_folder(self) -> Path:
        given = self.settings.output_dir
        return Path(given) if given else self.context.folder / "model"

    def _watch_run(self, line: str) -> None:
        event = read_json_line(line, PREFIX)
        if not isinstance(event, dict):
            return
        if event["event"] == "log":
            for name in SERIES:
                if name in event:
                    self.context.watched(name, event[name], event["step"])
            self.context.progress.share(min(1.0, event["step"] / event["of"]))
        elif event["event"] == "done":
            self._done = {key: value for key, value in event.items() if key != "event"}

    def result(self) -> dict[str, Any]:
        found = self._done | {"model": str(self._model_folder())}
        if self.settings.lora and not self.settings.lora.merge:
            found["base_model"] = self._model()
        return found


def _model_problems(settings: TransformersTraining, ahead: Ahead) -> Iterator[Problem]:
    model = settings.model
    if model is None and not ahead.has("model"):
        yield Problem("no-model", "there is no model to train", "give model: a folder, a hub id, or {model_type: ...}")
    if isinstance(model, dict) and not model.get("model_type"):
        yield Problem("missing-setting", "model has no model_type", "give one, such as gpt2 or llama")
    if isinstance(model, dict) and settings.lora and not settings.lora.merge:
        mend = "add `merge: true` to lora, or train the whole model first"
        yield Problem("lora-from-scratch", "adapters of a model that begins here have nothing to be loaded on", mend)
    for name in (model, settings.tokenizer):
        if isinstance(name, str) and name.startswith((".", "/", "~")) and not ahead.exists(name):
            yield Problem("missing-file", f"`{name}` does not exist", "give a folder that does, or a hub id")


def _number_problems(settings: TransformersTraining) -> Iterator[Problem]:
    asked = [n for n in ("max_steps", "max_tokens") if getattr(settings, n) is not None]
    if len(asked) == 2:
        yield Problem("bad-setting", "max_steps and max_tokens are both given", "give one of them")
    if settings.task == "clip" and settings.max_tokens is not None:
        yield Problem("bad-setting", "max_tokens counts tokens of texts only", "give max_steps or epochs for clip")
    if settings.task == "clip" and settings.batch_size < 2:
        yield Problem(
            "bad-setting", "a batch of one pair has no contrast to learn from", "give a batch_size of 2 or more"
        )
    positive = ("max_length", "epochs", *asked, "batch_size", "gradient_accumulation", "logging_steps", "eval_steps")
    for name in positive:
        value = getattr(settings, name)
        if value is not None and value <= 0:
            yield Problem("bad-setting", f"{name} is {value}", "give a number above 0")
    if settings.max_length == 1:
        yield Problem("bad-setting", "one token of a text predicts nothing", "give a max_length of 2 or more")
