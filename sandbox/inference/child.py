"""Work with a model in a process of its own: it can die alone, and all of its memory is free when it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base import Context, NoSettings
from ..executor import Executor, read_json_line

PREFIX = "juicesql: "
MODULE = "juicesql.sandbox.inference.run"


class ModelExecutor(Executor):
    """An executor whose model works in a child process; the child says how far it is in its log."""

    async def child(self, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Do one of the tasks of the module `inference`; returns what it found."""
        folder = self.context.folder
        folder.mkdir(parents=True, exist_ok=True)
        answer, asked = folder / f"{task}.answer.json", folder / f"{task}.task.json"
        told = {**given, "task": task, "answer": str(answer), "threads": self.context.threads}
        asked.write_text(json.dumps(told, indent=2, default=str), "utf-8")
        await self.command([sys.executable, "-m", MODULE, str(asked)])
        found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        return found

    def _watch_run(self, line: str) -> None:
        told = read_json_line(line, PREFIX)
        if told and told.get("total"):
            self.context.progress.share(told["done"] / told["total"])


class _Once(ModelExecutor):
    """One task of a child."""

    def __init__(self, context: Context, given: Mapping[str, Any]) -> None:
        super().__init__(NoSettings(), context)
        self.given = given
        self.found: dict[str, Any] = {}

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        self.found = await self.child(run_type, self.given)

    def result(self) -> dict[str, Any]:
        return self.found


def run_child(context: Context, task: str, rows: Path, settings: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Do a task over the rows of a Parquet file, with the settings of a component. Returns what the child found."""
    context.progress.stage(f"{task} of {context.job.meta_name}")
    return _Once(context, {**settings, "rows": str(rows), **more}).run(task)
