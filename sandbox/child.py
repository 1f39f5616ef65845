"""Work with a model in a process of its own: it can die alone, and all of its memory is free when it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from .base import Ahead, Context, Executor, NoSettings, read_json_line

PREFIX = "juicesql: "
MODULE = "juicesql.sandbox.inference"


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


def missing_library(*modules: str, extra: str = "sandbox") -> list[Problem]:
    """A problem for each library that is not installed."""
    mend = f"pip install 'juicesql[{extra}]'"
    return [Problem("missing-package", f"{m} is not installed", mend) for m in modules if find_spec(m) is None]


def missing_model(model: str | None, ahead: Ahead) -> list[Problem]:
    """A problem when no model is named and no earlier job gives one, or when the path that is named is not there."""
    if not model:
        mend = "give model in extra_configs, or train one in an earlier job"
        return [] if ahead.has("model") else [Problem("no-model", "there is no model to work with", mend)]
    looks_like_path = model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_like_path and not ahead.exists(Path(model).expanduser()):
        return [Problem("missing-file", f"there is no model at {model}", "give a folder, or owner/name of the hub")]
    return []


def missing_file(path: str | None, ahead: Ahead, name: str = "dataset_path") -> list[Problem]:
    """A problem when a path is given that is not there and that no earlier job will write."""
    if not path or "://" in path or any(c in path for c in "*?[ ") or ahead.exists(path):
        return []
    return [Problem("missing-file", f"{name}: there is no {path}", "paths begin at the current directory")]
