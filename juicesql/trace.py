"""The whole story of one sample in one run, read from the stats database: from its file to its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from juicesql.closing import close_off
from juicesql.errors import StoreError
from juicesql.plan import CHEAP
from juicesql.project import open_project
from juicesql.runs import RunRecord, find_run
from juicesql.sqltext import quote
from juicesql.store import Store, table_of


@dataclass(frozen=True)
class CutStory:
    """A cut that the sample met. `outcome` is `passed`, `failed`, `not measured` (NULL) or `not reached`."""

    cut: str
    sql: str
    line: int | None
    values: dict[str, Any]  # stat as the author wrote it -> value
    outcome: str


@dataclass(frozen=True)
class ChangeStory:
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class StepStory:
    """What a step did to the sample. `stats` are values that no cut compared."""

    step: str
    cuts: tuple[CutStory, ...]
    stats: dict[str, Any]
    changes: tuple[ChangeStory, ...]


@dataclass(frozen=True)
class Place:
    """A row of a source file; rows count from 0."""

    sample_id: int
    file: str | None
    row: int | None


@dataclass(frozen=True)
class Story:
    run_id: str
    recipe: str
    recipe_path: str
    source_changed: bool  # the source is not what it was: file and row are those of the newest run over it
    place: Place
    steps: tuple[StepStory, ...]
    verdict: str  # kept, dropped, duplicate, error
    by: str  # the cut or step that took the sample away
    by_sql: str
    by_line: int | None
    value: str | None  # that it had there, or the message of its error
    duplicate_of: Place | None
    stands_for: tuple[int, ...]  # samples that are its duplicates
    errors: tuple[tuple[str, str], ...]  # function, message

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def trace(name: str, sample_id: int, *, project: str | Path | None = None) -> Story:
    """The story of a sample in a run: `name` is a run id, `latest`, or a recipe (then its newest run).

    StoreError when there is no such run, or when the run had no such sample.
    """
    near = Path(name) if Path(name).exists() else None
    found = open_project(Path(project) if project else None, near=near)
    with Store(found.root).open(read_only=True, closed=True) as con:
        return _Teller(con, find_run(con, name, found, analyses=True), sample_id).story()


class _Teller:
    def __init__(self, con: duckdb.DuckDBPyConnection, run: RunRecord, sample_id: int) -> None:
        self.con, self.run, self.sample_id = con, run, sample_id

    def story(self) -> Story:
        run = self.run
        row = self.con.execute(
            "select verdict, cut, value, duplicate_of from verdicts where run_id = ? and sample_id = ?",
            [run.run_id, self.sample_id],
        ).fetchone()
        if row is None:
            mend = f"its samples are 0 to {max(run.rows_in - 1, 0)}" if run.rows_in else "the source had no rows"
            raise StoreError.of("no-sample", f"run {run.run_id} had no sample {self.sample_id}", mend)
        verdict, by, value, twin = row
        now = self.con.execute("select fingerprint from sources where source_id = ?", [run.source_id]).fetchone()
        cut = next((c for c in run.cuts if c["id"] == by), None)
        step: dict[str, Any] = next((s for s in run.plan["steps"] if s["name"] == by), {})
        errors = self._errors()
        unreadable = any(function == "source" for function, _ in errors)
        return Story(
            run.run_id, run.recipe, run.recipe_path, now != (run.source_fingerprint,),
            self._place(self.sample_id), () if unreadable else self._steps(verdict, by), verdict, by or "",
            cut["sql"] if cut else step.get("text", ""), (cut or step).get("line"), value,
            None if twin is None else self._place(twin), self._stands_for(), errors,
        )  # fmt: skip

    def _place(self, sample_id: int) -> Place:
        row = self.con.execute(
            'select file, "row" from sample_rows where source_id = ? and sample_id = ? union all '
            'select file, "row" from errors where run_id = ? and sample_id = ? and file is not null',
            [self.run.source_id, sample_id, self.run.run_id, sample_id],
        ).fetchone()
        return Place(sample_id, *(row or (None, None)))

    def _stands_for(self) -> tuple[int, ...]:
        rows = self.con.execute(
            "select sample_id from verdicts where run_id = ? and duplicate_of = ? order by 1",
            [self.run.run_id, self.sample_id],
        ).fetchall()
        return tuple(r[0] for r in rows)

    def _errors(self) -> tuple[tuple[str, str], ...]:
        rows = self.con.execute(
            "select function, message from errors where run_id = ? and sample_id = ?", [self.run.run_id, self.sample_id]
        ).fetchall()
        return tuple(rows)

    def _steps(self, verdict: str, by: str | None) -> tuple[StepStory, ...]:
        """The steps in the recipe's order, up to the one where the sample left."""
        steps = []
        for step in self.run.plan["steps"]:
            story = self._step(step, verdict, by)
            if story.cuts or story.stats or story.changes:
                steps.append(story)
            if by and (step["name"] == by or by in [c["id"] for c in step.get("cuts", ())]):
                break
        return tuple(steps)

    def _step(self, step: Mapping[str, Any], verdict: str, by: str | None) -> StepStory:
        calls = {c["column"]: c for c in step.get("calls", ())}
        values = {name: self._value(c) for name, c in calls.items() if c["kind"] == "stat"}
        dropping = next((c for c in step.get("cuts", ()) if c["id"] == by), None)
        cuts, compared = [], set()
        for cut in step.get("cuts", ()):
            compared |= set(cut["calls"])
            own = {calls[c]["sql"]: values[c] for c in cut["calls"] if c in values}
            if cut["id"] == by:
                named = list(own.values())
                outcome = "not measured" if named and all(v is None for v in named) else "failed"
            elif verdict == "error":
                outcome = self._tested(cut, calls, values) or "not reached"
            elif dropping is None or self._ran_before(cut, dropping):
                outcome = self._tested(cut, calls, values) or "passed"
            else:
                outcome = self._tested(cut, calls, values) or "not reached"
            cuts.append(CutStory(cut["id"], cut["sql"], cut["line"], own, outcome))
        others = {calls[c]["sql"]: v for c, v in values.items() if c not in compared and v is not None}
        return StepStory(step["name"].removesuffix("__rows"), tuple(cuts), others, self._changes(step["name"]))

    def _ran_before(self, cut: Mapping[str, Any], dropping: Mapping[str, Any]) -> bool:
        """Whether a cut of the step was tried before the one that dropped the sample: cheap ones first, as written.

        Dear ones run one by one, each on what the one before it left.
        """
        if cut["phase"] <= CHEAP or dropping["phase"] <= CHEAP:
            both = cut["phase"] <= CHEAP and dropping["phase"] <= CHEAP
            return bool(cut["position"] < dropping["position"] if both else cut["phase"] <= CHEAP)
        return self._rows_in(cut) > self._rows_in(dropping)

    def _rows_in(self, cut: Mapping[str, Any]) -> int:
        asked = "select rows_in from cuts where run_id = ? and cut = ?"
        row = self.con.execute(asked, [self.run.run_id, cut["id"]]).fetchone()
        return int(row[0]) if row else 0

    def _value(self, call: Mapping[str, Any]) -> Any:
        """The stored value of a call for the sample, found by the content key of its argument."""
        table = table_of(call["function"], call["identity"])
        try:
            row = self.con.execute(
                f"select m.value from measured.{quote(table)} m join sample_keys k using (key) "
                "join arguments a using (argument_id) where k.source_id = ? and k.sample_id = ? and a.lineage = ?",
                [self.run.source_id, self.sample_id, call["lineage"]],
            ).fetchone()
        except duckdb.CatalogException:
            return None
        return row[0] if row else None

    def _tested(self, cut: Mapping[str, Any], calls: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """The outcome by the cut's own SQL, where it names nothing but measured values."""
        known = [c for c in cut["calls"] if values.get(c) is not None]
        if not known or len(known) < len(cut["calls"]):
            return ""
        columns = ", ".join(f"cast(? as {calls[c]['returns']}) as {quote(c)}" for c in known)
        # The plan comes from a file: try its SQL where it can reach nothing.
        with duckdb.connect() as con:
            close_off(con)
            try:
                row = con.execute(
                    f"select ({cut['predicate']})::boolean from (select {columns})", [values[c] for c in known]
                ).fetchone()
            except duckdb.Error:
                return ""
        return "" if row is None else "not measured" if row[0] is None else "passed" if row[0] else "failed"

    def _changes(self, step: str) -> tuple[ChangeStory, ...]:
        rows = self.con.execute(
            'select column_name, "before", "after" from changes where run_id = ? and step = ? and sample_id = ?',
            [self.run.run_id, step, self.sample_id],
        ).fetchall()
        return tuple(ChangeStory(*r) for r in rows)
