"""The hook that lets a model answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base import Context, Hook
from ..registry import hook


@hook("execution")
class InferModelHook(Hook):
    """Lets a model write or draw something for each prompt; `outputs` is the file or folder of what it made."""

    factory = "ModelInferExecutor"
    default_type = "transformers"
    gives = ("outputs",)

    def writes(self) -> Iterator[Path]:
        if self.job.extra.get("export_path"):
            yield Path(str(self.job.extra["export_path"]))

    def run(self, context: Context) -> dict[str, Any]:
        started = time.perf_counter()
        found: dict[str, Any] = self.make(context).run("infer")
        return {**found, "seconds": round(time.perf_counter() - started, 3)}
