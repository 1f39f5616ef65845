"""TrainModelHook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..base import Context, Hook
from ..registry import hook


@hook("execution")
class TrainModelHook(Hook):
    """Trains a model on the current dataset; `type` chooses the library, and the loss is watched while it falls.

    The result has `model` (a folder that later jobs find by themselves), `train_loss`, `eval_loss` if there was data to
    evaluate, `steps`, `samples` and what else the component counts.
    """

    factory = "ModelTrainExecutor"
    gives = ("model", "train_loss")

    def writes(self) -> Iterator[Path]:
        folder = getattr(self.settings(), "output_dir", None)
        if folder:
            yield Path(folder).absolute()

    def run(self, context: Context) -> dict[str, Any]:
        result: dict[str, Any] = self.make(context).run("train")
        return result

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        return [*super().summary(result), f"model: {result['model']}"]
