"""The gates that a sample passes on its way through a recorded run: its cuts, and the steps over whole relations.

A cut is *movable* when it compares nothing but measured stats of single samples. Any other gate is fixed: what it did
to a sample in the run is all that can be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlglot
from sqlglot import exp

from juicesql.cuts import Comparison, comparisons, value_of
from juicesql.lift import to_sql
from juicesql.plan import CHEAP
from juicesql.runs import RunRecord
from juicesql.sqltext import is_own

Number = float | int
Moves = Mapping[str, Number]  # key of a handle -> its new value
Step = Mapping[str, Any]  # of a plan, as `runs.plan` has it


@dataclass(frozen=True)
class Value:
    """A measured stat: a column of the board. `stage` is the index of its step in the plan."""

    column: str
    label: str
    function: str
    sql: str
    returns: str
    identity: str
    lineage: str
    stage: int
    phase: int


@dataclass(frozen=True)
class Bound:
    """A comparison with a number inside a cut. `column` is that of the value compared, None for an expression."""

    column: str | None
    operator: str
    number: Number
    handle: str


@dataclass(frozen=True)
class Gate:
    """A cut, or a whole step. `predicate` is a tree over columns of the board, None where the gate is fixed."""

    id: str
    order: int
    stage: int
    sql: str
    line: int | None
    is_cut: bool
    cheap: bool = True
    predicate: exp.Expr | None = None
    columns: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()

    def condition(self, moves: Moves) -> str:
        """SQL of the predicate with moved numbers."""
        assert self.predicate is not None
        tree = self.predicate.copy()
        for bound, comparison in zip(self.bounds, _numeric(tree), strict=True):
            if bound.handle in moves:
                comparison.constant.replace(_number(moves[bound.handle]))
        return to_sql(tree)


@dataclass(frozen=True)
class Handle:
    """A number that can be moved. Bounds that come from one place of the template move together."""

    key: str
    number: Number
    target: str | None  # the tag of its place in the template: `17`, `var:name`
    uses: tuple[tuple[str, Bound], ...]  # id of the cut, bound


@dataclass(frozen=True)
class Funnel:
    """The gates of a run in the order of its work, and the values that their cuts or its steps name."""

    gates: tuple[Gate, ...]
    values: tuple[Value, ...]

    @property
    def handles(self) -> tuple[Handle, ...]:
        uses: dict[str, list[tuple[str, Bound]]] = {}
        for gate in self.gates:
            for bound in gate.bounds:
                uses.setdefault(bound.handle, []).append((gate.id, bound))
        return tuple(Handle(k, u[0][1].number, _target(k), tuple(u)) for k, u in uses.items())


def read_funnel(run: RunRecord, dropping: set[str], places: Mapping[str, int] = MappingProxyType({})) -> Funnel:
    """The gates of a run. `dropping` are the cuts and steps that its verdicts name; `places` say where in the funnel
    of the run its cuts stand, without which they stand as they are written."""
    steps: list[Step] = run.plan["steps"]
    by_name = {s["name"]: s for s in steps}
    main = _mainline(by_name, run.plan["result"])
    whole = _whole(by_name, run.plan["result"])
    values = tuple(v for i, s in enumerate(steps) if s["name"] in whole for v in _values(s, i))
    gates: list[Gate] = []
    for stage, step in enumerate(steps):
        if step["name"] not in main:
            continue
        scope = _scope(step, by_name, values) if step["name"] in whole else {}
        cuts = sorted(step.get("cuts", ()), key=lambda cut: places.get(cut["id"], -1))
        gates += [_cut(cut, len(gates) + i, stage, scope) for i, cut in enumerate(cuts)]
        if step["name"] in dropping or (step["kind"] == "global" and not step.get("groups")):
            text = step.get("text") or step.get("select") or ""
            gates.append(Gate(step["name"], len(gates), stage, text, step.get("line"), False))
    return Funnel(tuple(gates), values)


def _inputs(step: Step) -> list[str]:
    return [step["input"]] if step["kind"] == "map" else list(step["inputs"])


def _is_union(step: Step) -> bool:
    return step["kind"] == "global" and " UNION " in f" {step['sql']} ".upper()


def _mainline(steps: Mapping[str, Step], result: str) -> set[str]:
    """As `stages.mainline`: the way from the source to the result along first inputs and unions."""
    found: set[str] = set()
    todo = [result]
    while todo:
        step = steps.get(todo.pop())
        if step is not None and step["name"] not in found:
            found.add(step["name"])
            todo += _inputs(step) if _is_union(step) else _inputs(step)[:1]
    return found


def _whole(steps: Mapping[str, Step], result: str) -> set[str]:
    """Steps that every sample meets once, as one row: none before a union, none behind a step that multiplies rows."""
    spine: list[Step] = []
    step = steps.get(result)
    while step is not None:
        spine.append(step)
        step = steps.get(_inputs(step)[0]) if _inputs(step) and not _is_union(step) else None
    found: set[str] = set()
    for step in reversed(spine):
        if step.get("expands") or step.get("groups") or step.get("grouped") or step.get("traced", "rows") != "rows":
            if step.get("expands") and not step.get("grouped"):
                found.add(step["name"])  # its own cuts are tested before it multiplies
            break
        found.add(step["name"])
    return found


def _values(step: Step, stage: int) -> Iterator[Value]:
    for call in step.get("calls", ()):
        if call["kind"] == "stat":
            yield Value(
                call["column"], call["label"], call["function"], call["sql"], call["returns"], call["identity"],
                call["lineage"], stage, call["phase"],
            )  # fmt: skip


def _scope(step: Step, steps: Mapping[str, Step], values: tuple[Value, ...]) -> dict[str, str]:
    """Names that the step's predicates may use for values: columns of its calls, and stats that earlier steps named."""
    columns = {v.column for v in values}
    own = {c["column"]: c["column"] for c in step.get("calls", ()) if c["column"] in columns}
    before = steps.get(_inputs(step)[0]) if _inputs(step) else None
    if before is None:
        return own
    inherited = _scope(before, steps, values)
    if before.get("outputs"):
        named = {o["name"]: inherited.get(o["column"]) for o in before["outputs"]}
        return own | {name: column for name, column in named.items() if column}
    if before.get("select") or (before["kind"] == "global" and not before.get("filter_sql")):
        return own
    return own | {n: c for n, c in inherited.items() if not is_own(n)}


def _cut(cut: Mapping[str, Any], order: int, stage: int, scope: Mapping[str, str]) -> Gate:
    fixed = Gate(cut["id"], order, stage, cut["sql"], cut["line"], True, cut["phase"] <= CHEAP)
    try:
        tree = sqlglot.parse_one(cut["predicate"], dialect="duckdb")
    except sqlglot.ParseError:
        return fixed
    columns = list(tree.find_all(exp.Column))
    if not columns or any(c.name not in scope or c.table for c in columns) or tree.find(exp.Query, exp.Placeholder):
        return fixed
    for column in columns:
        column.replace(exp.column(scope[column.name]))
    numbers, bounds = _numeric(tree), [b for b in cut["bounds"] if not isinstance(b["value"], str)]
    if [(c.operator, value_of(c.constant)) for c in numbers] != [(b["operator"], b["value"]) for b in bounds]:
        return fixed
    keys = [b["target"] or f"{cut['id']}#{i}" for i, b in enumerate(bounds)]
    found = [Bound(_column(c), b["operator"], b["value"], key) for c, b, key in zip(numbers, bounds, keys, strict=True)]
    named = tuple(dict.fromkeys(c.name for c in tree.find_all(exp.Column)))
    return Gate(
        fixed.id, order, stage, fixed.sql, fixed.line, True, fixed.cheap, tree, named, tuple(found)
    )  # fmt: skip


def _numeric(tree: exp.Expr) -> list[Comparison]:
    return [c for c in comparisons(tree) if not isinstance(value_of(c.constant), str)]


def _column(comparison: Comparison) -> str | None:
    measured = comparison.measured
    return measured.name if isinstance(measured, exp.Column) else None


def _number(value: Number) -> exp.Expr:
    literal = exp.Literal.number(repr(abs(value)))
    return exp.Neg(this=literal) if value < 0 else literal


def _target(key: str) -> str | None:
    return None if "#" in key else key
