"""What moved between two runs: variables, cuts and steps, and the samples gained and lost, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from juicesql.project import open_project
from juicesql.runs import RunRecord, find_run
from juicesql.store import Store

_Cut = dict[str, Any]  # as the plan of a run has it
_NUMBER = re.compile(r"-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|'(?:[^']|'')*'")
# The verdict that speaks is that of the run in which the sample is not kept.
_MOVED = """
with moved as (
    select coalesce(a.sample_id, b.sample_id) as sample_id, coalesce(b.verdict = 'kept', false) as gained,
           case when b.verdict = 'kept' then a else b end as other
    from (from verdicts where run_id = $old) a
    full join (from verdicts where run_id = $new) b using (sample_id)
    where coalesce(a.verdict = 'kept', false) <> coalesce(b.verdict = 'kept', false)
)
select m.sample_id, m.gained, m.other.verdict, m.other.cut, m.other.value, m.other.duplicate_of, r.file, r."row"
from moved m left join sample_rows r on r.sample_id = m.sample_id and r.source_id = $source
order by m.sample_id
"""


@dataclass(frozen=True)
class VariableChange:
    name: str
    old: Any
    new: Any


@dataclass(frozen=True)
class CutChange:
    """`kind` is `moved`, `added` or `removed`. Lines are those of each run's template."""

    kind: str
    step: str
    old: str
    new: str
    old_line: int | None
    new_line: int | None


@dataclass(frozen=True)
class StepChange:
    """`kind` is `changed`, `added` or `removed`."""

    kind: str
    step: str
    old: str
    new: str


@dataclass(frozen=True)
class MovedSample:
    sample_id: int
    value: str | None
    duplicate_of: int | None
    file: str | None
    row: int | None


@dataclass(frozen=True)
class Reason:
    """Samples that moved for one reason: the verdict, and the cut or step, of the run that does not keep them."""

    verdict: str
    by: str
    sql: str
    line: int | None
    count: int
    samples: tuple[MovedSample, ...]  # the first ones


@dataclass(frozen=True)
class RunSide:
    run_id: str
    recipe: str
    started: str
    source: str
    rows_in: int
    kept: int
    rows_out: int


@dataclass(frozen=True)
class Changes:
    """`functions` are calls whose code or model changed."""

    variables: tuple[VariableChange, ...]
    cuts: tuple[CutChange, ...]
    steps: tuple[StepChange, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """`gained` are samples that only the new run keeps, with why the old one did not; `lost` the other way round."""

    old: RunSide
    new: RunSide
    same_source: bool
    variables: tuple[VariableChange, ...]
    cuts: tuple[CutChange, ...]
    steps: tuple[StepChange, ...]
    functions: tuple[str, ...]  # calls whose code or model changed
    gained: tuple[Reason, ...]
    lost: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(old: str, new: str, *, project: str | Path | None = None, limit: int = 10) -> Difference:
    """Compare two finished runs of a project by id, `latest` or `latest~1`. `limit`: samples listed for each reason."""
    found = open_project(Path(project) if project else None)
    with Store(found.root).open(read_only=True, closed=True) as con:
        a, b = find_run(con, old, found), find_run(con, new, found)
        gained, lost = _moved(con, a, b, limit)
    same = a.source_id == b.source_id and a.source_fingerprint == b.source_fingerprint
    moved = changes(a, b)
    return Difference(
        side_of(a), side_of(b), same, moved.variables, moved.cuts, moved.steps, moved.functions, gained, lost
    )


def changes(old: RunRecord, new: RunRecord) -> Changes:
    """What was changed in the recipe and its functions between two runs."""
    return Changes(
        _variables(old.variables, new.variables), _cuts(old.cuts, new.cuts), _steps(old, new), _functions(old, new)
    )


def side_of(run: RunRecord) -> RunSide:
    started = f"{run.started:%Y-%m-%d %H:%M:%S}"
    return RunSide(run.run_id, run.recipe, started, run.source, run.rows_in, run.kept, run.rows_out)


def _variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[VariableChange, ...]:
    names = sorted(n for n in {*old, *new} if old.get(n) != new.get(n) or (n in old) != (n in new))
    return tuple(VariableChange(n, old.get(n), new.get(n)) for n in names)


def _cuts(old: list[_Cut], new: list[_Cut]) -> tuple[CutChange, ...]:
    """Pair cuts that are equal, then those that differ in their constants only; the rest came or went."""
    gone, came = list(old), list(new)
    pairs = _pair(gone, came, lambda c: (c["step"], c["sql"]))
    equal = {id(a) for a, _ in pairs}
    pairs += _pair(gone, came, lambda c: (c["step"], _NUMBER.sub("?", c["sql"])))
    pairs += _pair(gone, came, lambda c: _NUMBER.sub("?", c["sql"]))
    pairs += _pair(gone, came, lambda c: (c["step"], *sorted({b["stat"] for b in c["bounds"]} or {c["id"]})))
    moved = [
        CutChange("moved", b["step"], a["sql"], b["sql"], a["line"], b["line"])
        for a, b in pairs
        if id(a) not in equal and (a["sql"], a["step"]) != (b["sql"], b["step"])
    ]
    removed = [CutChange("removed", c["step"], c["sql"], "", c["line"], None) for c in gone]
    added = [CutChange("added", c["step"], "", c["sql"], None, c["line"]) for c in came]
    return (*moved, *added, *removed)


def _pair(gone: list[_Cut], came: list[_Cut], key: Callable[[_Cut], object]) -> list[tuple[_Cut, _Cut]]:
    """Take out of both lists what has the same key, in order."""
    pairs = []
    for a in list(gone):
        twin = next((b for b in came if key(b) == key(a)), None)
        if twin is not None:
            pairs.append((a, twin))
            gone.remove(a)
            came.remove(twin)
    return pairs


def _steps(old: RunRecord, new: RunRecord) -> tuple[StepChange, ...]:
    """Steps whose projection or whole-relation SQL differs. Cuts are told apart."""
    a, b = _texts(old), _texts(new)
    out = [StepChange("changed", n, a[n], b[n]) for n in b if n in a and a[n] != b[n]]
    out += [StepChange("added", n, "", b[n]) for n in b if n not in a]
    return (*out, *(StepChange("removed", n, a[n], "") for n in a if n not in b))


def _texts(run: RunRecord) -> dict[str, str]:
    written = {c["column"]: c["sql"] for c in run.calls}
    texts = {}
    for step in run.plan["steps"]:
        if step["name"].endswith("__rows"):
            continue
        sql = re.sub(r" EXCLUDE \((?:__v\d+(?:, )?)+\)", "", step.get("text") or step.get("select") or "")
        sql = re.sub(r"__v\d+", lambda m: written.get(m.group(), m.group()), sql)
        texts[step["name"]] = re.sub(r' FROM __t AS "((?:[^"]|"")*)"', r" FROM \1", sql)
    return texts


def _functions(old: RunRecord, new: RunRecord) -> tuple[str, ...]:
    before = {c["sql"]: c["identity"] for c in old.calls}
    return tuple(dict.fromkeys(c["sql"] for c in new.calls if before.get(c["sql"], c["identity"]) != c["identity"]))


def _moved(
    con: duckdb.DuckDBPyConnection, old: RunRecord, new: RunRecord, limit: int
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    sides: dict[bool, dict[tuple[str, str], list[MovedSample]]] = {True: {}, False: {}}
    counts: dict[tuple[bool, str, str], int] = {}
    result = con.execute(_MOVED, {"old": old.run_id, "new": new.run_id, "source": new.source_id})
    while rows := result.fetchmany(4096):
        for sample_id, gained, verdict, by, value, twin, file, row in rows:
            reason = (verdict or "not in the source", by or "")
            listed = sides[gained].setdefault(reason, [])
            counts[gained, *reason] = counts.get((gained, *reason), 0) + 1
            if len(listed) < limit:
                listed.append(MovedSample(sample_id, value, twin, file, row))
    return _reasons(old, sides[True], counts, True), _reasons(new, sides[False], counts, False)


def _reasons(
    run: RunRecord,
    listed: Mapping[tuple[str, str], list[MovedSample]],
    counts: Mapping[tuple[bool, str, str], int],
    gained: bool,
) -> tuple[Reason, ...]:
    cuts = {c["id"]: c for c in run.cuts}
    steps = {s["name"]: s for s in run.plan["steps"]}
    out = []
    for (verdict, by), samples in listed.items():
        cut: dict[str, Any] = cuts.get(by) or steps.get(by) or {}
        sql = cut.get("sql", "") if by in cuts else cut.get("text", "")
        out.append(Reason(verdict, by, sql, cut.get("line"), counts[gained, verdict, by], tuple(samples)))
    return tuple(sorted(out, key=lambda r: (-r.count, r.by)))
