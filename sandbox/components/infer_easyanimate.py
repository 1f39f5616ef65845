"""The model executor `easyanimate`: videos drawn by EasyAnimate, one or more for each prompt."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem

from ..base import Ahead
from ..errors import SandboxError
from ..executor import Executor
from ..missing import missing_file
from ..registry import component

HOME = "thirdparty/models/EasyAnimate"
CONFIG = "config/easyanimate_video_motion_module_v1.yaml"
_BAR = re.compile(r"\d+%\|.*?\| *(\d+)/(\d+)")  # a progress bar of tqdm


@dataclass(frozen=True)
class ModelPath:
    """Weights, under the names of Data-Juicer's model_infer.yaml."""

    pretrained_model_name_or_path: str = "PixArt-alpha/PixArt-XL-2-512x512"  # the model of images underneath
    transformer_path: str | None = None  # the checkpoint of EasyAnimate, safetensors
    lora_path: str | None = None  # the LoRA; by default what the newest job trained, if one did


@dataclass(frozen=True)
class InferConfig:
    """What to draw."""

    prompt_info_path: str  # JSON: a list of objects with `prompt_en`, as VBench_full_info.json
    image_size: int = 256  # 256 or 512, as the checkpoint was trained
    gpu_num: int = 1  # processes, one a GPU, that share the prompts
    batch_size: int = 8  # videos drawn at once
    mixed_precision: Literal["no", "fp16", "bf16"] = "bf16"
    video_num_per_prompt: int = 5
    seed: int = 43


@dataclass(frozen=True)
class SavingConfig:
    """Where the videos go."""

    output_video_dir: str | None = None  # by default in the folder of the job


@dataclass(frozen=True)
class TrainSection:
    """The section `train` of the file, named so by Data-Juicer."""

    infer_config: InferConfig
    model_path: ModelPath = ModelPath()
    saving_config: SavingConfig = SavingConfig()


@dataclass(frozen=True)
class EasyAnimateInferSettings:
    """The keys of Data-Juicer's easyanimate_generate_config.yaml, and where EasyAnimate is."""

    train: TrainSection
    model_name: str = "easyanimate"  # a label
    infer_name: str = ""  # a label
    easyanimate_home: str = HOME  # a clone of EasyAnimate with Data-Juicer's infer_lora.py
    script: str = "infer_lora.py"  # in that folder
    env_manager: Literal["conda", "mamba", "venv", "virtualenv", "uv"] = "conda"  # what env_name is of
    env_name: str | None = None  # a name for conda and mamba, else a folder; by default the Python that runs this


@component("ModelInferExecutor", "easyanimate")
class EasyAnimateInfer(Executor):
    """Videos of EasyAnimate for each prompt of a VBench file, through the script that Data-Juicer adds to it.

    `outputs` is a folder with `PROMPT-0.mp4`, `PROMPT-1.mp4` and so on, as VBench wants them; the job fails when one is
    missing. EasyAnimate and its weights are not part of juicesql and need a GPU: the tests run a stand-in for the
    script that takes the same arguments and writes the same lines.
    """

    Settings = EasyAnimateInferSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        if not (Path(settings.easyanimate_home) / settings.script).is_file():
            message = f"there is no {Path(settings.easyanimate_home) / settings.script}"
            yield Problem("missing-file", message, "clone EasyAnimate, add the script, and give easyanimate_home")
        yield from missing_file(settings.train.infer_config.prompt_info_path, ahead, "prompt_info_path")
        for name in ("transformer_path", "lora_path"):
            yield from missing_file(getattr(settings.train.model_path, name), ahead, name)
        if settings.env_name and not shutil.which(python(settings)[0]):
            yield Problem("no-program", f"there is no {python(settings)[0]}", "install it, or give another env_manager")

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        config = self.settings.train.infer_config
        given = self.settings.train.saving_config.output_video_dir
        self.outputs = Path(given).absolute() if given else (self.context.folder / "videos").absolute()
        self.outputs.mkdir(parents=True, exist_ok=True)
        self.prompts = read_prompts(Path(config.prompt_info_path))
        home = Path(self.settings.easyanimate_home).absolute()
        running = [
            asyncio.create_task(self.command(self._words(gpu), {"CUDA_VISIBLE_DEVICES": str(gpu)}, home))
            for gpu in range(config.gpu_num)
        ]
        try:
            await asyncio.gather(*running)
        finally:  # one failed: the others need not go on
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        self._check()

    def _words(self, gpu: int) -> list[str]:
        train = self.settings.train
        paths, config = train.model_path, train.infer_config
        lora = paths.lora_path or self.context.results.latest("model", self.context.job.pipeline)
        given = {
            "prompt_info_path": _absolute(config.prompt_info_path),
            "config_path": CONFIG,
            "pretrained_model_name_or_path": paths.pretrained_model_name_or_path,
            "transformer_path": paths.transformer_path and _absolute(paths.transformer_path),
            "lora_path": lora and _absolute(lora),
            "image_size": config.image_size,
            "chunks_num": config.gpu_num,
            "chunk_id": gpu,
            "batch_size": config.batch_size,
            "video_num_per_prompt": config.video_num_per_prompt,
            "mixed_precision": config.mixed_precision,
            "save_path": str(self.outputs),
            "seed": config.seed,
        }
        words = [f"--{name}={value}" for name, value in given.items() if value is not None]
        return [*python(self.settings), self.settings.script, *words]

    def _watch_run(self, line: str) -> None:
        if bar := _BAR.search(line):
            self.context.progress.share(int(bar[1]) / max(1, int(bar[2])))

    def _check(self) -> None:
        """JobError when a prompt has not the videos that were asked for."""
        many = self.settings.train.infer_config.video_num_per_prompt
        wanted = [f"{prompt}-{i}.mp4" for prompt in self.prompts for i in range(many)]
        missing = [name for name in dict.fromkeys(wanted) if not (self.outputs / name).is_file()]
        if missing:
            raise self.failed(f"{len(missing)} of {len(wanted)} videos were not made, such as {missing[0]!r}")
        self.count = len(dict.fromkeys(wanted))

    def result(self) -> dict[str, Any]:
        return {"outputs": str(self.outputs), "count": self.count, "prompts": len(self.prompts)}


def python(settings: EasyAnimateInferSettings) -> Sequence[str]:
    """The words that begin a Python of the environment."""
    if not settings.env_name:
        return [sys.executable]
    if settings.env_manager in ("conda", "mamba"):
        return [settings.env_manager, "run", "--no-capture-output", "-n", settings.env_name, "python"]
    return [str(Path(settings.env_name).absolute() / "bin" / "python")]


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def read_prompts(path: Path) -> list[str]:
    """The prompts of a VBench file."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return [str(entry["prompt_en"]) for entry in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = "give a JSON list of objects with `prompt_en`"
        raise SandboxError.of("bad-file", f"{path}: {type(error).__name__}: {error}", mend) from error
