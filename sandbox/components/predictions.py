"""Evaluators of predictions that stand beside labels in the rows of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base import Evaluator
from ..errors import SandboxError
from ..metrics.queries import aggregates, column
from ..registry import component


@dataclass(frozen=True)
class PredictionSettings:
    """Where predictions and labels stand."""

    predicted_key: str = "predicted"  # the column of the prediction; `answer.label` reaches inside
    label_key: str = "label"  # the column of the right answer
    dataset_path: str | None = None  # by default the newest dataset


@component("DataEvaluator", "accuracy")
class Accuracy(Evaluator):
    """Share of rows whose prediction equals the label.

    Two numbers are compared as numbers, all else as text without blanks around it. A row without a label does not
    count; one without a prediction is wrong. `rows` are those that counted.
    """

    Settings = PredictionSettings

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        predicted, label = column(self.settings.predicted_key), column(self.settings.label_key)
        numbers = f"try_cast({predicted} as double) = try_cast({label} as double)"
        same = f"coalesce({numbers}, trim({predicted}::varchar) = trim({label}::varchar), false)"
        found, _ = aggregates(
            self.context,
            self.context.dataset(eval_obj),
            {
                "accuracy": f"avg({same}::integer) filter (where {label} is not null)",
                "rows": f"count({label})",
            },
        )
        return _some(found, "label", self.settings.label_key)


@component("DataEvaluator", "mse")
class MeanSquaredError(Evaluator):
    """Mean of the squared differences between predictions and labels.

    A row counts when both are finite numbers, or texts of such; `errors` are the others, and `rmse` is the root.
    """

    Settings = PredictionSettings

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        predicted, label = column(self.settings.predicted_key), column(self.settings.label_key)
        difference = f"(try_cast({predicted} as double) - try_cast({label} as double))"
        usable = f"coalesce(isfinite({difference}), false)"
        found, _ = aggregates(
            self.context,
            self.context.dataset(eval_obj),
            {
                "mse": f"avg({difference} * {difference}) filter (where {usable})",
                "rmse": f"sqrt(avg({difference} * {difference}) filter (where {usable}))",
                "rows": f"count(*) filter (where {usable})",
                "errors": f"count(*) filter (where not {usable})",
            },
        )
        return _some(found, "pair of numbers", f"{self.settings.predicted_key} and {self.settings.label_key}")


def _some(found: dict[str, Any], what: str, where: str) -> dict[str, Any]:
    if not found["rows"]:
        raise SandboxError.of("no-labels", f"no row has a {what} in {where}", "set predicted_key and label_key")
    return found
