"""Measures files in a process of its own: a file that brings the decoder down does not end the experiment."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from juicesql.errors import Problem

from ..base import Context, NoSettings
from ..errors import SandboxError
from ..executor import Executor, read_json_line

PREFIX = "juicesql: "
MODULE = "juicesql.sandbox.metrics.child"


class _Child(Executor):
    def __init__(self, context: Context, words: list[str], env: Mapping[str, str]) -> None:
        super().__init__(NoSettings(), context)
        self.words, self.env = words, env

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        await self.command(self.words, self.env)

    def _watch_run(self, line: str) -> None:
        told = read_json_line(line, PREFIX)
        if told and told.get("total"):
            self.context.progress.share(told["done"] / told["total"])


def run_command(context: Context, words: list[str], env: Mapping[str, str] | None = None) -> None:
    """Run a program with its output in the job's log. JobError with the last lines when it fails."""
    _Child(context, words, env or {}).run("data")


def run_child(context: Context, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Do one of the tasks of the module `child`. Returns its answer; what is wrong with a model is a SandboxError."""
    context.progress.stage(f"{task} of {context.job.meta_name}")
    context.folder.mkdir(parents=True, exist_ok=True)
    asked, answer = context.folder / f"{task}.task.json", context.folder / f"{task}.answer.json"
    told = {"task": task, "answer": str(answer), "threads": context.threads, "seed": context.seed, **given}
    asked.write_text(json.dumps(told, indent=2, default=str), "utf-8")
    env = {"OMP_NUM_THREADS": str(context.threads)} if context.threads else {}
    run_command(context, [sys.executable, "-m", MODULE, str(asked)], env)
    found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if found.get("problems"):
        raise SandboxError([Problem(**p) for p in found["problems"]])
    return found
