"""The probe `transformers`: what a language model makes of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem

from ..base import Ahead
from ..inference.child import run_child
from ..inference.probing import Probe, ProbeSettings
from ..missing import missing_file, missing_library, missing_model
from ..registry import component


@dataclass(frozen=True)
class TransformersProbeSettings(ProbeSettings):
    """What the probe may be told."""

    measure: Literal["loss", "reward"] = "loss"  # of a causal language model, or of a sequence classifier
    model: str | None = None  # a folder or a name on the hub; by default what the newest job trained
    query_key: str | None = None  # for loss: a column that stands before the text and costs nothing
    label: str | int | None = None  # for reward: the label whose chance counts, of a model with several
    max_tokens: int = 2048  # of a longer text: its last tokens for loss, its first for reward
    trust_remote_code: bool = False  # run code from the model's folder


@component("ModelInferEvaluator", "transformers")
class TransformersProbe(Probe):
    """The loss of each row under a causal language model, or its reward by a reward model.

    loss = the mean of -ln p over the tokens of the text, in nats; the natural logarithm of `llm_perplexity`. A reward
    is the output of a model with one output, as it stands, or the chance of a label, 0 to 1. NULL for a blank text and,
    for loss, for one of a single token. Texts of like length run together, in a process of its own.
    """

    Settings = TransformersProbeSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_library("torch", "transformers")
        yield from missing_model(settings.model, ahead)
        yield from missing_file(settings.dataset_path, ahead)
        if settings.max_tokens < 2:
            yield Problem("bad-setting", f"max_tokens is {settings.max_tokens}", "give 2 or more")

    def columns(self) -> Mapping[str, str]:
        query = {"query": self.settings.query_key} if self.settings.query_key else {}
        return {"text": self.settings.text_key, **query}

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        task = "losses" if self.settings.measure == "loss" else "rewards"
        path = self.context.folder / f"{task}.parquet"
        model = self.context.model(self.settings.model)
        run_child(self.context, task, Path(eval_obj), asdict(self.settings), model=model, losses=path)
        return {"losses": str(path)}
