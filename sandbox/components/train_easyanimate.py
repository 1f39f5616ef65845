"""Training of EasyAnimate, a text-to-video model, through its own script."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem

from ..base import Ahead, Context
from ..executor import Executor
from ..registry import component
from ..training.rows import empty, first_path, plain_text, read_rows
from .infer_easyanimate import CONFIG, HOME, python

SCRIPTS = ("train_lora.py", "scripts/train_lora.py")  # added by Data-Juicer; EasyAnimate's own
# Steps:  12%|#2  | 12/100 [00:20<02:30, 1.7s/it, lr=2e-5, step_loss=0.123]
_STEP = re.compile(r"Steps: .*?\| *(\d+)/(\d+) ")
_NUMBER = r"([-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|nan|inf))"
_LOSS, _RATE = re.compile(rf"step_loss={_NUMBER}"), re.compile(rf"\blr={_NUMBER}")


@dataclass(frozen=True)
class ModelPath:
    """Weights to begin with."""

    pretrained_model_name_or_path: str = "PixArt-alpha/PixArt-XL-2-512x512"  # the model of images underneath
    transformer_path: str | None = None  # the checkpoint of EasyAnimate, safetensors


@dataclass(frozen=True)
class DatasetPath:
    """Videos and their texts."""

    dataset_name: str = ""  # the folder that paths of videos begin at; empty when they are whole, or begin here
    dataset_meta_name: str | None = None  # rows with videos and text; by default what the newest job processed


@dataclass(frozen=True)
class TrainingConfig:
    """How to train."""

    sample_size: int = 256  # side of the frames, as the checkpoint was trained
    sample_n_frames: int = 16
    sample_stride: int = 2  # of so many frames one is taken
    mixed_precision: Literal["no", "fp16", "bf16"] = "bf16"
    batch_size_per_gpu: int = 8
    gradient_accumulation_steps: int = 1
    num_train_epochs: int = 1
    dataloader_num_workers: int = 8
    learning_rate: float = 2e-5
    seed: int | None = None  # by default that of the experiment


@dataclass(frozen=True)
class SavingConfig:
    """Where the LoRA goes."""

    output_dir: str | None = None  # by default in the folder of the job


@dataclass(frozen=True)
class TrackerConfig:
    """A run of wandb that the script reports to; only when this section is given."""

    project_name: str
    experiment_name: str = "experiment"


@dataclass(frozen=True)
class TrainSection:
    """The section `train` of the file."""

    model_path: ModelPath = ModelPath()
    dataset_path: DatasetPath = DatasetPath()
    training_config: TrainingConfig = TrainingConfig()
    saving_config: SavingConfig = SavingConfig()
    tracker_config: TrackerConfig | None = None


@dataclass(frozen=True)
class EasyAnimateTraining:
    """The keys of Data-Juicer's easyanimate_training_config.yaml, and where EasyAnimate is. Relative paths begin at the
    current directory, not at the clone of EasyAnimate."""

    train: TrainSection = TrainSection()
    model_name: str = "easyanimate"  # a label
    trainer_name: str = "easyanimate-lora-trainer"  # a label
    text_key: str = "text"
    video_key: str = "videos"  # column of the videos: paths, or lists of paths of which the first counts
    easyanimate_home: str = HOME  # a clone of EasyAnimate
    script: str | None = (
        None  # in that folder; by default train_lora.py, as Data-Juicer adds it, or scripts/train_lora.py
    )
    config_path: str | None = None  # of the model, in that folder
    arguments: dict[str, Any] = field(
        default_factory=dict
    )  # more of the script's arguments; true for a flag, null for none
    env_manager: Literal["conda", "mamba", "venv", "virtualenv", "uv"] = "conda"  # what env_name is of
    env_name: str | None = None  # a name for conda and mamba, else a folder; by default the Python that runs this

    @property
    def output_dir(self) -> str | None:
        return self.train.saving_config.output_dir


@component("ModelTrainExecutor", "easyanimate")
class EasyAnimateTrainer(Executor):
    """Trains a LoRA of EasyAnimate on videos and their texts, through `accelerate launch` and its script.

    `model` is the newest checkpoint, which `InferModelHook` takes. Rows without text or without their video are left
    out and counted. EasyAnimate and its weights are not part of juicesql and need a GPU: the tests run a stand-in for
    the script that takes the same arguments and writes the same lines.
    """

    Settings = EasyAnimateTraining

    def __init__(self, settings: EasyAnimateTraining, context: Context) -> None:
        super().__init__(settings, context)
        self._losses: dict[int, float] = {}
        self._rate: float | None = None
        self._samples = self._skipped = 0

    @classmethod
    def problems(cls, settings: EasyAnimateTraining, ahead: Ahead) -> Iterator[Problem]:
        home = Path(settings.easyanimate_home)
        if not (home / _script(settings)).is_file():
            message = f"there is no {home / _script(settings)}"
            yield Problem("missing-file", message, "clone EasyAnimate, and give easyanimate_home")
        data, weights = settings.train.dataset_path.dataset_meta_name, settings.train.model_path.transformer_path
        if not data and not ahead.has("dataset"):
            yield Problem(
                "no-dataset", "there is nothing to train on", "give dataset_meta_name, or process data before"
            )
        for path in (data, weights):
            if path and not ahead.exists(path):
                yield Problem("missing-file", f"`{path}` does not exist", "give a file that does")
        if settings.env_name and not shutil.which(_python(settings)[0]):
            yield Problem(
                "no-program", f"there is no {_python(settings)[0]}", "install it, or give another env_manager"
            )

    def data_connector(self, dataset: Path) -> Path:
        """The dataset as the JSON list that EasyAnimate reads: `file_path`, `text` and `type` of each video, and
        `videos` for the script that Data-Juicer adds."""
        root = Path(self.settings.train.dataset_path.dataset_name).absolute()
        target = (self.context.folder / "metadata.json").absolute()
        rows = kept = 0
        columns = {"video": self.settings.video_key, "text": self.settings.text_key}
        with open(target, "w", encoding="utf-8") as out:
            for found, broken in read_rows(dataset, columns):
                rows += len(found) + broken
                for row in found:
                    name, text = first_path(row["video"]), plain_text(row["text"])
                    if name and text and (path := root / name).is_file():
                        entry = {"file_path": str(path), "text": text.strip(), "type": "video", "videos": [str(path)]}
                        out.write((",\n" if kept else "[\n") + json.dumps(entry, ensure_ascii=False))
                        kept += 1
            out.write("\n]\n")
        if not kept:
            raise empty(dataset, rows)
        self._samples, self._skipped = kept, rows - kept
        return target

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        folder = self.context.folder
        folder.mkdir(parents=True, exist_ok=True)
        given = run_obj or self.settings.train.dataset_path.dataset_meta_name
        meta = self.data_connector(self.context.dataset(given))
        home = Path(self.settings.easyanimate_home).absolute()
        words = [sys.executable, "-m", "juicesql.sandbox.guard", *self._words(meta)]
        await self.command(words, cwd=home)
        self._checkpoint = newest_checkpoint(self._output())
        if self._checkpoint is None:
            raise self.failed(f"the script ended, but there is no checkpoint in {self._output()}")

    def _output(self) -> Path:
        return Path(self.settings.output_dir or self.context.folder / "lora").absolute()

    def _words(self, meta: Path) -> list[str]:
        settings: EasyAnimateTraining = self.settings
        precision = settings.train.training_config.mixed_precision
        launch = [*_python(settings), "-m", "accelerate.commands.launch", "--quiet", f"--mixed_precision={precision}"]
        given = _arguments(settings, self.context.seed) | {
            "train_data_dir": settings.train.dataset_path.dataset_name,
            "train_data_meta": str(meta),
            "output_dir": str(self._output()),
        }
        words = []
        for name, value in (given | settings.arguments).items():
            if value is True:
                words.append(f"--{name}")
            elif value not in (None, False):
                words.append(f"--{name}={value}")
        return [*launch, _script(settings), *words]

    def _watch_run(self, line: str) -> None:
        step, loss = _STEP.search(line), _LOSS.search(line)
        if not step or not loss:
            return
        number = int(step[1])
        if self._losses and number != next(reversed(self._losses)):
            self._keep()  # the bar is drawn twice a step, at first with the loss of the step before
        self._losses[number] = float(loss[1])
        if rate := _RATE.search(line):
            self._rate = float(rate[1])
        self.context.progress.share(number / max(1, int(step[2])))

    def _keep(self) -> None:
        """Keep the numbers of the newest step."""
        step = next(reversed(self._losses))
        self.context.watched("loss", self._losses[step], step)
        if self._rate is not None:
            self.context.watched("learning_rate", self._rate, step)

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = {"model": str(self._checkpoint), "samples": self._samples, "skipped": self._skipped}
        if self._losses:
            self._keep()
            numbers = [loss for loss in self._losses.values() if math.isfinite(loss)]
            found["steps"] = max(self._losses)
            found |= {"train_loss": sum(numbers) / len(numbers)} if numbers else {}
        return found


def newest_checkpoint(folder: Path) -> Path | None:
    """The `checkpoint-STEP.safetensors` of the highest step in a folder."""
    found = {int(m[1]): p for p in folder.glob("*") if (m := re.fullmatch(r"checkpoint-(\d+)\.safetensors", p.name))}
    return found[max(found)] if found else None


def _arguments(settings: EasyAnimateTraining, seed: int) -> dict[str, Any]:
    """The arguments of the script by name. The script that Data-Juicer adds is of EasyAnimate 1, whose names differ."""
    train, config = settings.train, settings.train.training_config
    own = _script(settings).startswith("scripts/")
    prefix = "video_" if own else ""
    weights = train.model_path.transformer_path
    found: dict[str, Any] = {
        "config_path": settings.config_path or ("config/easyanimate_video_v5.1_magvit_qwen.yaml" if own else CONFIG),
        "pretrained_model_name_or_path": _absolute(train.model_path.pretrained_model_name_or_path),
        "transformer_path": _absolute(weights) if weights else None,
        **{f"{prefix}{n}": getattr(config, n) for n in ("sample_size", "sample_n_frames", "sample_stride")},
        "image_sample_size": config.sample_size if own else None,
        "train_batch_size": config.batch_size_per_gpu,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "num_train_epochs": config.num_train_epochs,
        "dataloader_num_workers": config.dataloader_num_workers,
        "checkpointing_steps": 1000,
        "learning_rate": config.learning_rate,
        "seed": seed if config.seed is None else config.seed,
        "mixed_precision": config.mixed_precision,
        "gradient_checkpointing": True,
        "adam_weight_decay": 3e-2,
        "adam_epsilon": 1e-10,
        "vae_mini_batch": 1,
    }
    if train.tracker_config:
        tracker = asdict(train.tracker_config)
        found |= {"report_to": "wandb", "tracker_project_name": tracker["project_name"]}
        found["tracker_experiment_name"] = None if own else tracker["experiment_name"]
    return found


def _script(settings: EasyAnimateTraining) -> str:
    there = [s for s in SCRIPTS if (Path(settings.easyanimate_home) / s).is_file()]
    return settings.script or (there or SCRIPTS)[0]


def _python(settings: Any) -> list[str]:
    return list(python(settings))


def _absolute(path: str) -> str:
    """A local path in whole, since the script runs in another folder; an id of a model as it is."""
    return str(Path(path).absolute()) if Path(path).exists() else path
