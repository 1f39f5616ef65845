"""What every evaluation of a model has: held-out rows, shown to the model in a child process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from juicesql.errors import Problem
from juicesql.sources import SourceSpec, open_source

from ..base import Ahead, Evaluator
from ..errors import SandboxError
from ..missing import missing_file, missing_library, missing_model
from .child import run_child
from .probing import write_rows


@dataclass(frozen=True)
class HeldOutSettings:
    """What every evaluation with rows may be told."""

    dataset_path: str  # rows that the model was not trained on
    model: str | None = None  # a folder or a name on the hub; by default what the newest job trained
    trust_remote_code: bool = False  # run code from the model's folder


class ModelEvaluator(Evaluator):
    """An evaluator whose model works through the rows of a dataset."""

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_library("torch", "transformers")
        yield from missing_model(settings.model, ahead)
        yield from missing_file(settings.dataset_path, ahead)

    def show(self, task: str, model: str, columns: Mapping[str, str], **more: Any) -> dict[str, Any]:
        """Do a task of the child over the columns (name there -> name in the dataset). Returns what it found."""
        rows = self.context.folder / "rows.parquet"
        rows.parent.mkdir(parents=True, exist_ok=True)
        if not write_rows(open_source(SourceSpec((self.settings.dataset_path,))), rows, columns):
            mend = "give a dataset that has rows"
            raise SandboxError.of("empty-source", f"{self.settings.dataset_path} has no row that can be read", mend)
        found = run_child(self.context, task, rows, asdict(self.settings), model=model, **more)
        rows.unlink()
        return found
