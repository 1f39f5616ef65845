"""The model executor `transformers`, also called `huggingface`: text written by a language model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead
from ..inference.child import ModelExecutor
from ..inference.prompts import InferSettings, outputs_file, write_prompts
from ..missing import missing_file, missing_library, missing_model
from ..registry import component


@dataclass(frozen=True)
class TransformersInferSettings(InferSettings):
    """What the executor may be told. `sampling_params` are those of `generate` in transformers."""

    batch_size: int = 8  # prompts that are answered at once
    chat: bool = False  # put each prompt into the model's chat template, as what a user says
    stop: tuple[str, ...] = ()  # an answer ends before the first of these
    seed: int | None = None  # of sampling; by default that of the experiment
    trust_remote_code: bool = False  # run code from the model's folder


@component("ModelInferExecutor", "transformers")
class TransformersInfer(ModelExecutor):
    """What a causal language model writes after each prompt, greedily unless `do_sample` is among sampling_params.

    Prompts of like length run together, padded on the left, in a process of its own. The same seed, prompts and
    batch_size give the same text. 64 new tokens unless `max_new_tokens` says otherwise; of a longer prompt than the
    model takes only the last tokens are read. `outputs` has the columns of the prompts and the answers.
    """

    Settings = TransformersInferSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_library("torch", "transformers")
        yield from missing_model(settings.model, ahead)
        yield from missing_file(settings.dataset_path, ahead)
        if settings.batch_size < 1:
            yield Problem("bad-setting", f"batch_size is {settings.batch_size}", "give 1 or more")

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        settings, context = self.settings, self.context
        self.outputs = outputs_file(context, settings)
        prompts = write_prompts(context, settings)
        seed = settings.seed if settings.seed is not None else context.seed
        more = {"model": context.model(settings.model), "rows": str(prompts), "outputs": str(self.outputs)}
        self.answer = await self.child("generate", {**asdict(settings), **more, "seed": seed})
        prompts.unlink()

    def result(self) -> dict[str, Any]:
        return {"outputs": str(self.outputs), "count": self.answer["rows"]}


component("ModelInferExecutor", "huggingface")(TransformersInfer)
