"""What the hooks and the command that refine recipes share: the analysis to go by, the new file, and what is shown."""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from juicesql.analysis.analyze import Analysis, analyze
from juicesql.cli.text import percent, plural, shorten, table, value_text
from juicesql.errors import JuiceError, Problem, RecipeError, StoreError
from juicesql.running import Prepared
from juicesql.runs import RunRecord, read_run
from juicesql.store import Store

from ..base import Ahead, Context, Hook
from ..errors import SandboxError
from ..recipes import RecipeSettings, recipe_problems, recipe_settings
from .thresholds import Refined

SUFFIX = ".sql.j2"
HIDDEN = ("values", "least", "greatest")  # facts that have no column of their own in the table


class RefineHook(Hook):
    """Writes a recipe whose cuts have moved. Derived hooks say by which numbers."""

    takes_recipe = True
    gives = ("recipe", "run_id", "moved", "rows", "kept_before", "kept_after", "diff")

    @abstractmethod
    def refined(self, context: Context, prepared: Prepared, run: RunRecord) -> Refined:
        """Move the cuts; `run` is an analysis of the recipe."""

    @abstractmethod
    def path(self) -> str:
        """Where the new recipe goes; empty for the job's folder."""

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(ahead)
        try:
            if problem := path_problem(self.path()):
                yield self._at(problem)
        except JuiceError:
            pass  # the settings are wrong, as was said
        if self.job.recipe:
            yield from recipe_problems(self.job, ahead)

    def writes(self) -> Iterator[Path]:
        try:
            if path := self.path():
                yield Path(path)
        except JuiceError:
            return

    def run(self, context: Context) -> dict[str, Any]:
        prepared, run = measured(context)
        found = self.refined(context, prepared, run)
        path = Path(self.path() or context.folder / f"refined{SUFFIX}").absolute()
        write_recipe(path, found.text)
        told = found.to_dict()
        names = ("method", "rows", "kept_before", "kept_after", "exact", "uncounted", "overridden", "diff", "moves")
        return {
            "recipe": str(path), "run_id": found.run_id, "moved": len(found.moves), "untouched": told["untouched"],
            **{name: told[name] for name in names},
        }  # fmt: skip

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        head = f"{plural(result['moved'], 'bound')} moved in {result['recipe']}"
        rows = [[m["stat"], f"{m['operator']} {_short(m['old'])}", "->", _short(m["new"])] for m in result["moves"]]
        lines = [f"  {line}" for line in table([""] * 4, rows)] if rows else []
        return [head, *lines, "  " + kept_line(result)]


def path_problem(path: str) -> Problem | None:
    """What is wrong with the name of a recipe to write."""
    if not path or path.endswith(SUFFIX):
        return None
    mend = f"recipes end in {SUFFIX}: {path.rsplit('.', 1)[0].removesuffix('.sql')}{SUFFIX}"
    return Problem("not-a-recipe", f"the new recipe would be {path}", mend)


def measured(context: Context) -> tuple[Prepared, RunRecord]:
    """The job's recipe, and the analysis of it that a job of the same meta_name made; a new one where there is none."""
    job, asked = context.job, recipe_settings(context.job)
    earlier = context.results.of(job.meta_name, job.pipeline) or context.results.of(job.meta_name) or {}
    prepared = _prepared(asked, context, str(earlier.get("source", "")))
    found = _recorded(prepared, str(earlier.get("run_id", "")))
    if found is None:
        found = _analysed(asked, context, prepared)
    return prepared, found


def _prepared(asked: RecipeSettings, context: Context, probed: str) -> Prepared:
    """The recipe on its own source, or, where it names none, on the one that was probed."""
    try:
        return asked.prepared(context.folder, context.project)
    except RecipeError as error:
        if not probed or [p.code for p in error.problems] != ["no-source"]:
            raise
        return replace(asked, source=probed).prepared(context.folder, context.project)


def _recorded(prepared: Prepared, run_id: str) -> RunRecord | None:
    """The run of this id, if it was finished and of the very recipe."""
    store = Store(prepared.project.root)
    if not run_id or not store.path.exists():
        return None
    try:
        with store.open(read_only=True) as con:
            found = read_run(con, run_id)
    except StoreError as error:
        if any(p.code == "no-run" for p in error.problems):  # it was cleaned away
            return None
        raise
    recipe = prepared.recipe
    same = found.template == recipe.template and found.variables == dict(recipe.variables)
    return found if same and found.status in ("done", "analyzed") else None


def _analysed(asked: RecipeSettings, context: Context, prepared: Prepared) -> RunRecord:
    found = analyze(
        asked.file(context.folder), source=asked.sources or prepared.inputs, project=context.project,
        variables=asked.vars, threads=asked.threads or context.threads, memory_limit=asked.memory_limit,
        fresh=asked.fresh, progress=context.progress,
    )  # fmt: skip
    return run_of(prepared, found)


def run_of(prepared: Prepared, analysis: Analysis) -> RunRecord:
    """The record of an analysis that was just made."""
    with Store(prepared.project.root).open(read_only=True) as con:
        return read_run(con, analysis.run_id)


def write_recipe(path: Path, text: str) -> None:
    """Put a recipe in place at once, whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as file:
            file.write(text)
        os.chmod(file.name, mode)
        os.replace(file.name, path)
    except OSError as error:
        raise SandboxError.of("cannot-write", f"cannot write {path}: {error}", "give another path") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def kept_line(result: Mapping[str, Any]) -> str:
    """Rows kept before and after, and what that leaves out."""
    before, after, rows = result["kept_before"], result["kept_after"], result["rows"]
    line = f"kept {before:,} -> {after:,} of {rows:,} rows ({percent(before, rows)} -> {percent(after, rows)})"
    if result["exact"]:
        return line
    others = "; ".join(shorten(sql, 60) for sql in result["uncounted"])
    return line + (f", not counting {others}" if others else ", as far as values are known")


def draw(refined: Refined) -> list[str]:
    """The moves as a table, what stays and why, the rows kept and the diff."""
    lines = []
    if refined.moves:
        names = list(dict.fromkeys(name for move in refined.moves for name in move.facts if name not in HIDDEN))
        head = ["stat", "line", "was", "", "now", "values", *(n.replace("_", " ") for n in names)]
        rows = [
            [m.stat, str(m.line or ""), f"{m.operator} {_short(m.old)}", "->", _short(m.new), f"{m.facts['values']:,}",
             *(value_text(m.facts.get(n)) for n in names)]
            for m in refined.moves
        ]  # fmt: skip
        lines = table(head, rows, " r  rr" + "r" * len(names))
        lines += [f"{m.stat} {m.operator} {_short(m.new)} {m.note}" for m in refined.moves if m.note]
    if refined.untouched:
        left = [[shorten(u.sql, 60), str(u.line or ""), _bound(u), u.reason] for u in refined.untouched]
        lines += ["", "left as written:", *(f"  {line}" for line in table([""] * 4, left, " r"))]
    lines += ["", kept_line(refined.to_dict())]
    for name in refined.overridden:
        lines.append(f"the default of {name} moved: a --var for it would go before it")
    return [*lines, "", *(refined.diff.splitlines() or ["nothing moved"])]


def _bound(found: Any) -> str:
    return f"{found.operator} {_short(found.old)}" if found.operator else ""


def _short(number: Any) -> str:
    return repr(number) if isinstance(number, (int, float)) else str(number)
