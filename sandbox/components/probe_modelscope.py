"""The probe `modelscope`: what a pipeline of ModelScope says of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead
from ..inference.child import run_child
from ..inference.probing import Probe, ProbeSettings
from ..missing import missing_file, missing_library
from ..registry import component


@dataclass(frozen=True)
class ModelscopeProbeSettings(ProbeSettings):
    """What the probe may be told."""

    task: str = "text-classification"  # a task of ModelScope
    model: str | None = None  # a folder or an id of ModelScope; by default what the newest job trained
    pipeline_params: Mapping[str, Any] = field(default_factory=dict)  # further arguments of `pipeline`
    sampling_params: Mapping[str, Any] = field(default_factory=dict)  # arguments of each call, such as batch_size
    loss_path: str = ""  # the place of a number in an output that becomes the column loss, such as scores.0
    reward_path: str = ""  # the same for the column reward


@component("ModelInferEvaluator", "modelscope")
class ModelscopeProbe(Probe):
    """What `modelscope.pipelines.pipeline(task, model)` gives for each row, as the column `output`.

    The pipeline takes a list of texts and gives a list of outputs. Needs the package modelscope with the extras of its
    task; the models of ModelScope are fetched by that package.
    """

    Settings = ModelscopeProbeSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        for problem in missing_library("modelscope"):
            yield Problem(problem.code, problem.message, "pip install modelscope, with the extra of the task's domain")
        yield from missing_file(settings.dataset_path, ahead)
        if not settings.model and not ahead.has("model"):
            yield Problem("no-model", "there is no model to work with", "give `model`, or train one in an earlier job")

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        path = self.context.folder / "losses.jsonl"
        given = {k: v for k, v in asdict(self.settings).items() if k != "task"}
        more = {**given, "pipeline_task": self.settings.task, "model": self.context.model(self.settings.model)}
        run_child(self.context, "pipeline", Path(eval_obj), more, losses=path)
        return {"losses": str(path)}
