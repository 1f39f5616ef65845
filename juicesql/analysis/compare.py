"""Two runs or two data sets side by side: how each stat is distributed on both sides, and what was changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from juicesql.analysis.analyze import analyze, is_data
from juicesql.analysis.distance import KsDistance, LabelShift, ks_distance, label_shifts
from juicesql.analysis.numbers import Labels, Numbers, labels, numbers, only_row
from juicesql.analysis.values import Kind, kind_of, parts_of
from juicesql.diff import Changes, RunSide, changes, side_of
from juicesql.earlier import traced_calls, was_replaced
from juicesql.engines.watch import Progress
from juicesql.errors import StoreError
from juicesql.project import Project, open_project
from juicesql.runs import RunRecord, find_run
from juicesql.sqltext import literal, quote
from juicesql.store import Store, table_of

_TABLES = "select table_name from duckdb_tables() where schema_name = 'measured'"


@dataclass(frozen=True)
class StatSide:
    """The values of one stat over the rows of one side; `rows` without a value are `nulls`."""

    rows: int
    nulls: int
    numbers: Numbers | None
    labels: Labels | None


@dataclass(frozen=True)
class StatChange:
    """One stat on both sides. `moved` is the difference of the means in standard deviations of the old side.

    `ks` is the two-sample Kolmogorov-Smirnov statistic, of the items where the stat gives lists; labels have the total
    `variation` of their shares instead, and the `shifts` of those that moved most.
    """

    label: str
    kind: Kind
    old: StatSide
    new: StatSide
    moved: float | None
    ks: KsDistance | None
    variation: float | None
    shifts: tuple[LabelShift, ...]

    @property
    def distance(self) -> float:
        """For ordering: 0 to 1."""
        return self.ks.statistic if self.ks else self.variation or 0.0


@dataclass(frozen=True)
class Comparison:
    """`rows` says which are compared: `kept` or `measured`. Stats are in the order of their distances."""

    old: RunSide
    new: RunSide
    rows: str
    stats: tuple[StatChange, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    changes: Changes
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    old: str,
    new: str,
    *,
    everything: bool = False,
    recipe: str = "",
    sample: int | None = None,
    project: str | Path | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the rows that two runs kept, or with `everything` all that they measured.

    A side is a run id, `latest`, `latest~1`, a recipe (its newest run), or data. Data are analyzed first: with the
    stats of `recipe`, or with all that fit. StoreError when there is no such run, or no stat in common.
    """
    found = open_project(Path(project) if project else None)
    _check_runs(found, [n for n in (old, new) if not is_data(n)])
    names = [_measured(n, found, recipe, sample, progress) if is_data(n) else n for n in (old, new)]
    with Store(found.root).open(read_only=True) as con:
        runs = [find_run(con, n, found, analyses=True) for n in names]
        sides = [_Side(con, run, everything) for run in runs]
        if not any(s.columns for s in sides) or not set(sides[0].columns) & set(sides[1].columns):
            mend = "compare runs of recipes that call the same stats with the same parameters"
            raise StoreError.of("no-stats", "the two runs measured no stat in common", mend)
        stats = sorted(_compared(con, *sides), key=lambda s: (-s.distance, s.label))
        notes = tuple(note for run in runs for note in _notes(con, run))
    a, b = (set(s.columns) for s in sides)
    return Comparison(
        side_of(runs[0]), side_of(runs[1]), "measured" if everything else "kept", tuple(stats),
        tuple(sorted(a - b)), tuple(sorted(b - a)), changes(*runs), notes,
    )  # fmt: skip


def _check_runs(project: Project, names: Sequence[str]) -> None:
    """Refuse runs that are not there before data are measured, which takes long."""
    if names:
        with Store(project.root).open(read_only=True) as con:
            for name in names:
                find_run(con, name, project, analyses=True)


def _measured(name: str, project: Project, recipe: str, sample: int | None, progress: Progress | None) -> str:
    """The id of an analysis of some data."""
    if recipe:
        return analyze(recipe, source=(name,), sample=sample, project=project.root, progress=progress).run_id
    return analyze(name, sample=sample, project=project.root, progress=progress).run_id


class _Side:
    """The stats of a run that have one value for each sample, under their names in the `stats` view."""

    def __init__(self, con: duckdb.DuckDBPyConnection, run: RunRecord, everything: bool) -> None:
        self.run, self.everything = run, everything
        self.columns: dict[str, tuple[str, str]] = {}  # name -> query that gives `v`, type of `v`
        known = dict(con.execute("select lineage, argument_id from arguments").fetchall())
        tables = {r[0] for r in con.execute(_TABLES).fetchall()}
        for label, call in _named(run):
            if call["lineage"] in known and table_of(call["function"], call["identity"]) in tables:
                query = self._query(call, known[call["lineage"]])
                for name, value, type_ in parts_of("value", call["returns"]):
                    self.columns[label + name] = (f"select {value} as v from ({query})", type_)
        self.rows = run.rows_in if everything else run.kept

    def _query(self, call: Mapping[str, Any], argument: int) -> str:
        table = quote(table_of(call["function"], call["identity"]))
        kept = (
            "" if self.everything else
            f" join (select sample_id from verdicts where run_id = {literal(self.run.run_id)} and verdict = 'kept')"
            " using (sample_id)"
        )  # fmt: skip
        return (
            f"select m.value from sample_keys k join measured.{table} m on m.key = k.key{kept} "
            f"where k.source_id = {literal(self.run.source_id)} and k.argument_id = {argument}"
        )

    def facts(self, con: duckdb.DuckDBPyConnection, name: str) -> tuple[StatSide, str]:
        """The numbers of one stat, and the query of its values or items."""
        query, type_ = self.columns[name]
        row = only_row(con, f"select count(*) filter (v is not null) from ({query})")
        if type_.endswith("[]"):
            query = f"select unnest(v) as v from ({query})"
        kind, relation = kind_of(type_), f"({query})"
        found = numbers(con, relation, "v") if kind == "number" else None
        side = StatSide(self.rows, self.rows - row[0], found, labels(con, relation, "v") if kind == "label" else None)
        return side, query


def _named(run: RunRecord) -> Iterator[tuple[str, dict[str, Any]]]:
    taken: dict[str, tuple[str, str]] = {}
    for call in traced_calls(run.plan["steps"]):
        what, label, number = (call["identity"], call["lineage"]), call["label"], 2
        while taken.get(label, what) != what:
            label, number = f"{call['label']}_{number}", number + 1
        if label not in taken:
            taken[label] = what
            yield label, call


def _compared(con: duckdb.DuckDBPyConnection, old: _Side, new: _Side) -> Iterator[StatChange]:
    for name in (n for n in old.columns if n in new.columns):
        kind = kind_of(old.columns[name][1])
        if kind == "other" or kind != kind_of(new.columns[name][1]):
            continue
        (a, first), (b, second) = old.facts(con, name), new.facts(con, name)
        ks = ks_distance(con, first, second) if kind == "number" else None
        variation, shifts = label_shifts(con, first, second) if kind == "label" else (None, ())
        yield StatChange(name, kind, a, b, _moved(a.numbers, b.numbers), ks, variation, shifts)


def _moved(old: Numbers | None, new: Numbers | None) -> float | None:
    if not old or not new or old.mean is None or new.mean is None or not old.std:
        return None
    return (new.mean - old.mean) / old.std


def _notes(con: duckdb.DuckDBPyConnection, run: RunRecord) -> Iterator[str]:
    row = con.execute("select fingerprint from sources where source_id = ?", [run.source_id]).fetchone()
    ids = con.execute("select argument_id from arguments").fetchall()
    if row != (run.source_fingerprint,) or any(was_replaced(con, run, i) for (i,) in ids):
        yield f"The source of run {run.run_id} was read again since, and was another: its values are those of now."
