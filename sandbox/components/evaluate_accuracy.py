"""The model evaluator `accuracy`: how often a model is right."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem

from ..base import Ahead
from ..inference.held_out import HeldOutSettings, ModelEvaluator
from ..registry import component


@dataclass(frozen=True)
class AccuracySettings(HeldOutSettings):
    """What the evaluator may be told."""

    task: Literal["multiple_choice", "exact_match", "label"] = "multiple_choice"  # what the model has to do
    query_key: str = "query"  # the column of the questions, for label of the texts
    choices_key: str = "choices"  # the column of lists of choices
    answer_key: str = (
        "answer"  # the column of right answers: the place of the choice from 0 or its text; a text; a label
    )
    separator: str = " "  # stands between question and choice
    sampling_params: Mapping[str, Any] = field(default_factory=dict)  # of `generate`, for exact_match
    stop: tuple[str, ...] = ("\n",)  # a generated answer ends before the first of these
    normalize: bool = False  # for exact_match: lower case, without ASCII punctuation, single spaces
    batch_size: int = 8  # questions that are answered at once, for exact_match
    chat: bool = False  # put each question into the model's chat template, for exact_match


@component("ModelEvaluator", "accuracy")
class Accuracy(ModelEvaluator):
    """The share of held-out rows that a model gets right, 0 to 1.

    `multiple_choice`: the choice with the highest probability after the question; `accuracy_norm` takes the highest
    log-probability a UTF-8 byte, which does not favour short choices. `exact_match`: the text generated after the
    question, stripped, is the answer. `label`: the likeliest label of a sequence classifier, by name or number. What
    the model chose for each row is in `outputs`.
    """

    Settings = AccuracySettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(settings, ahead)
        if settings.batch_size < 1:
            yield Problem("bad-setting", f"batch_size is {settings.batch_size}", "give 1 or more")

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        settings = self.settings
        model, outputs = self.context.model(eval_obj or settings.model), self.context.folder / "outputs.jsonl"
        columns = {"query": settings.query_key, "answer": settings.answer_key}
        if settings.task == "multiple_choice":
            found = self.show("choices", model, {**columns, "choices": settings.choices_key}, outputs=outputs)
            more = {"accuracy_norm": found["right_norm"] / found["rows"]}
        elif settings.task == "label":
            found, more = self.show("labels", model, columns, outputs=outputs), {}
        else:
            found, more = self._generated(model, outputs), {}
        return {"accuracy": found["right"] / found["rows"], **more, "rows": found["rows"], "outputs": str(outputs)}

    def _generated(self, model: str, outputs: Path) -> dict[str, Any]:
        settings = self.settings
        columns = {"prompt": settings.query_key, "answer": settings.answer_key}
        more = {"outputs": outputs, "infer_res_key": "output", "seed": self.context.seed}
        self.show("generate", model, columns, **more)
        right = rows = 0
        with open(outputs, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                right, rows = right + self._same(row["output"], row["answer"]), rows + 1
        return {"right": right, "rows": rows}

    def _same(self, output: Any, answer: Any) -> bool:
        if output is None or answer is None:
            return False
        return self._plain(str(output)) == self._plain(str(answer))

    def _plain(self, text: str) -> str:
        if not self.settings.normalize:
            return text.strip()
        return " ".join(text.lower().translate(str.maketrans("", "", string.punctuation)).split())
