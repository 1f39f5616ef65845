"""Checks the newest run of a recipe against its suite: its source, its steps, and the output that it published."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError, SourceError, StoreError
from juicesql.gates.model import OUTPUT, Report
from juicesql.project import open_project
from juicesql.running import Prepared, planned, prepare, recheck, widened
from juicesql.runs import RunRecord, find_run
from juicesql.store import Store


def validate(
    recipe: str | Path,
    *,
    suite: str | Path | None = None,
    source: Sequence[str] = (),
    project: str | Path | None = None,
    docs: str | Path | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge the newest run of a recipe by its expectations, and keep the report in the stats database.

    The plan is executed again as far as the suite looks, on the values that the run stored; nothing is published. The
    files of the output must still be those that the run wrote. StoreError when the recipe, a function or the source is
    not what it was in the run. `docs` is a folder for great_expectations' Data Docs.
    """
    found = open_project(Path(project) if project else None, near=Path(recipe) if Path(recipe).exists() else None)
    store = Store(found.root)
    with store.open(read_only=True) as con:
        run = find_run(con, str(recipe), found)
        facts = "select export, plan_fingerprint from runs where run_id = ?"
        export, fingerprint = con.execute(facts, [run.run_id]).fetchall()[0]
    prepared = _as_in(run, recipe, source, found.root)
    same = _planned_alike(prepared, fingerprint)
    if same is None or prepared.source.fingerprint != run.source_fingerprint:
        what = "the source" if same else "the recipe or a function of it"
        mend = f"run it again, or `juicesql run {recipe} --gate`, which publishes only what meets the expectations"
        raise StoreError.of("run-differs", f"{what} has changed since run {run.run_id}", mend)
    path = Path(suite) if suite else None
    typed = planned(same, carries=False)  # expectations ask for values
    report = recheck(typed, run.run_id, suite=path, threads=threads, memory_limit=memory_limit, progress=progress)
    if export and any(c.expectation.relation == OUTPUT for c in report.checks):
        report = replace(report, notes=tuple(_changes(Path(export), run.run_id)))
    if docs:
        from juicesql.gates.datadocs import write_docs

        report = replace(report, docs=str(write_docs(report, Path(docs))))
    return report


def _as_in(run: RunRecord, recipe: str | Path, source: Sequence[str], root: Path) -> Prepared:
    """The recipe, prepared as the run had it: a run notes its inputs as one string."""
    failed: JuiceError | None = None
    first: Prepared | None = None
    passing = run.plan.get("passing")
    for inputs in [tuple(source)] if source else dict.fromkeys([(), (run.source,), tuple(run.source.split())]):
        try:
            prepared = prepare(
                recipe, source=inputs, project=root, variables=run.variables, carry=passing is not None,
                looked_at=bool(passing and passing.get("looked_at")),
            )  # fmt: skip
        except JuiceError as error:
            failed = failed or error
            continue
        if prepared.source.fingerprint == run.source_fingerprint:
            return prepared
        first = first or prepared
    if first is None:
        raise failed or SourceError.of("no-input", f"run {run.run_id} had no source", "name it with --source")
    return first


def _planned_alike(prepared: Prepared, fingerprint: str) -> Prepared | None:
    """The recipe as the run planned it: for a sample of its source, or for all of its rows; None where neither is."""
    if prepared.plan.fingerprint == fingerprint:
        return prepared
    whole = widened(prepared)
    return whole if whole.plan.fingerprint == fingerprint else None


def _changes(export: Path, run_id: str) -> Iterator[str]:
    """How the published files differ from what the run wrote."""
    manifest = export.with_name(export.name + ".manifest.json")
    if not export.exists() or not manifest.is_file():
        yield f"the output {export} is gone"
        return
    wrote: Mapping[str, Any] = json.loads(manifest.read_text("utf-8"))
    if wrote["run_id"] != run_id:
        yield f"the output {export} was written by another run, {wrote['run_id']}"
        return
    for file in wrote["files"]:
        path = export / file["name"] if export.is_dir() else export
        if not path.is_file() or os.path.getsize(path) != file["bytes"] or _digest(path) != file["sha256"]:
            yield f"{path} is not what the run wrote"


def _digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
