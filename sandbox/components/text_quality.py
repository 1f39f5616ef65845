"""The evaluator of text quality, after the classifier of GPT-3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from juicesql.analysis.analyze import analyze
from juicesql.errors import JuiceError, Problem
from juicesql.registry import Registry
from juicesql.sqltext import literal, quote
from juicesql.train_quality import Settings as TrainSettings
from juicesql.train_quality import train, write_model

from ..base import Ahead, Evaluator
from ..errors import SandboxError
from ..metrics.queries import write_recipe
from ..missing import missing_file, missing_library
from ..registry import component


@dataclass(frozen=True)
class TrainOn:
    """Texts to train a model on: files, folders or globs."""

    good: str  # texts such as the data should be
    bad: str  # texts such as it should not be


@dataclass(frozen=True)
class QualitySettings:
    """Which model judges which text."""

    dataset_path: str | None = None  # by default the newest dataset
    text_key: str = "text"  # the column of the text
    model: str | None = None  # a name in the models folder or a path; by default `quality`
    train: TrainOn | None = None  # train a model first, in the folder of the job, and judge by it
    keep_method: Literal["gpt3", "label"] = "gpt3"  # what `kept` counts: a draw as GPT-3 made it, or a score above 0.5


@component("DataEvaluator", "dj_text_quality_classifier")
class TextQuality(Evaluator):
    """Mean quality score of the texts of a dataset: the probability that they are of the good kind.

    The score is the stat `quality_score`, a logistic regression over n-grams that you train; values are kept in the
    stats database. `kept_pareto` is the share that GPT-3's rule keeps (score > 1 - pareto(9)), `above_half` the share
    with a score above 0.5. Texts that are missing count in `nulls` alone. Source: Brown and others 2020, appendix A.
    """

    Settings = QualitySettings

    @classmethod
    def problems(cls, settings: QualitySettings, ahead: Ahead) -> Iterator[Problem]:
        if settings.train:
            yield from missing_library("sklearn")
            yield from missing_file(settings.train.good, ahead, "train.good")
            yield from missing_file(settings.train.bad, ahead, "train.bad")
            if settings.model:
                yield Problem("two-models", "both model and train are given", "leave one of them out")
            return
        model = settings.model or "quality"
        if ahead.exists(model):
            return
        try:
            function = Registry().get("quality_score")
            assert function.assets
            function.assets(model=model)
        except JuiceError as error:
            mend = "or give train: {good: PATH, bad: PATH} here to train one first"
            yield from (Problem(p.code, p.message, f"{p.mend}; {mend}") for p in error.problems)

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        trained: dict[str, Any] = {}
        model = self.settings.model or "quality"
        if self.settings.train:
            model, trained = self._train()
        text = quote(self.settings.text_key)
        score = f"quality_score({text}, {literal(model)})"
        recipe = write_recipe(
            self.context, f"select *\nfrom source\nwhere {score} > 0.5\n    and keep_pareto({score}, {text})\n"
        )
        dataset = self.context.dataset(eval_obj)
        found = analyze(
            recipe, source=[str(dataset)], project=self.context.project, threads=self.context.threads,
            progress=self.context.progress,
        )  # fmt: skip
        stat = next(s for s in found.stats if s.function == "quality_score")
        if not stat.numbers or not stat.numbers.count:
            raise SandboxError.of(
                "no-text", f"no row of {dataset} has a text in {self.settings.text_key}", "set text_key"
            )
        numbers, scored = stat.numbers, stat.numbers.count
        above, pareto = (cut.kept / scored for cut in found.cuts)
        return {
            "mean": numbers.mean, "median": dict(numbers.percentiles)[50.0], "std": numbers.std, "min": numbers.min,
            "max": numbers.max, "above_half": above, "kept_pareto": pareto,
            "kept": pareto if self.settings.keep_method == "gpt3" else above, "rows": found.rows, "nulls": stat.nulls,
            "errors": found.errors, "measured": found.measured, "reused": found.reused,
            "analysis": found.run_id, **trained,
        }  # fmt: skip

    def _train(self) -> tuple[str, dict[str, Any]]:
        """Train on what the settings say. Path of the model, and what it does to texts that it has not seen."""
        self.context.progress.stage("training a quality model")
        how = TrainSettings(column=self.settings.text_key, seed=self.context.seed)
        found = train(self.settings.train.good, self.settings.train.bad, how)
        path = Path(self.context.folder / "quality.safetensors").absolute()
        write_model(found, path)
        return str(path), {"quality_model": str(path), "model_accuracy": found.measured.accuracy}
