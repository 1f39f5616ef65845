"""Numbers of a dataset in SQL, run by the engine: stats in it are kept in the stats database and found there again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from juicesql.errors import RecipeError
from juicesql.running import RunResult, run
from juicesql.sqltext import quote

from ..base import Context
from ..errors import SandboxError


def column(key: str) -> str:
    """SQL for a column, or for a field inside of one: `answer.label`."""
    return ".".join(quote(part) for part in key.split("."))


def aggregates(context: Context, dataset: Path, wanted: Mapping[str, str]) -> tuple[dict[str, Any], RunResult]:
    """The values of aggregate expressions over all rows of a dataset."""
    items = ",\n".join(f"    {sql} as {quote(name)}" for name, sql in wanted.items())
    recipe = write_recipe(context, f"select\n{items}\nfrom source\n")
    out = context.folder / "aggregates.jsonl"
    try:
        done = run(
            recipe, source=[str(dataset)], project=context.project, export=out, threads=context.threads,
            overwrite=True, allow_empty=True, progress=context.progress,
        )  # fmt: skip
    except RecipeError as error:
        raise SandboxError(error.problems) from error
    lines = out.read_text("utf-8").splitlines()
    if len(lines) != 1:
        names = ", ".join(wanted)
        message = f"{names} gave {len(lines)} rows instead of one"
        raise SandboxError.of("bad-metric", message, "give aggregates such as avg(text_len(text)) or count(*)")
    found: dict[str, Any] = json.loads(lines[0])
    return found, done


def write_recipe(context: Context, sql: str) -> Path:
    """A recipe of this job, in its folder."""
    context.folder.mkdir(parents=True, exist_ok=True)
    path = context.folder / f"{context.job.meta_name}.sql"
    path.write_text(sql, "utf-8")
    return path
