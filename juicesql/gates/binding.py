"""Finds what a suite names in the plan of its recipe: relations, columns, fields of structs, stats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from juicesql.errors import Problem, nearest
from juicesql.gates.model import OUTPUT, SOURCE, Expectation, Suite
from juicesql.gates.suite import unknown_relation
from juicesql.plan import SAMPLE, MapStep, Plan, Traced
from juicesql.sqltext import quote

_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UTINYINT", "USMALLINT",
    "UINTEGER", "UBIGINT", "UHUGEINT",
)  # fmt: skip
_DATES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class Value:
    """A column, a field of one, or a stat. `sql` reads it from the table `r`; a stat is read by its label instead."""

    name: str
    type: str
    sql: str = ""
    stat: str = ""


@dataclass(frozen=True)
class BoundRelation:
    """A relation of the plan and what is expected of it. `columns` are those that a user of the relation sees."""

    name: str
    step: str  # of the plan; empty for the source
    columns: tuple[str, ...]
    traced: Traced
    expectations: tuple[Expectation, ...]
    values: Mapping[str, Value]


def bind(suite: Suite, plan: Plan, exported: Iterable[str]) -> tuple[list[BoundRelation], list[Problem]]:
    """The relations of a suite in the order of the plan, and everything in it that the plan has not."""
    problems: list[Problem] = []
    steps = [s.name for s in plan.steps if "__" not in s.name and s.name != plan.result]
    found = []
    for relation in suite.relations:
        if relation not in (SOURCE, OUTPUT, *steps):
            problems += unknown_relation(suite, relation, steps)
            continue
        with _Binder(plan, suite, relation, tuple(exported)) as binder:
            found.append(binder.bound())
            problems += binder.problems
    order = [SOURCE, *steps, OUTPUT]
    return sorted(found, key=lambda b: order.index(b.name)), problems


def _before(plan: Plan, name: str) -> list[MapStep]:
    """The row-wise steps that all rows of a step went through, its own too."""
    steps = {s.name: s for s in plan.steps}
    found = []
    while name in steps:
        step = steps[name]
        if isinstance(step, MapStep):
            found.append(step)
        elif " UNION " in f" {step.sql} ".upper():
            break
        name = step.input if isinstance(step, MapStep) else next(iter(step.inputs), "")
    return found


class _Binder:
    def __init__(self, plan: Plan, suite: Suite, relation: str, exported: tuple[str, ...]) -> None:
        self.suite, self.relation, self.exported = suite, relation, exported
        self.step = "" if relation == SOURCE else plan.result if relation == OUTPUT else relation
        step = plan.step(self.step) if self.step else None
        columns = step.columns if step else ((SAMPLE, "BIGINT"), *plan.source_columns)
        self.columns = {n: t for n, t in columns if not n.startswith("__")}
        self.traced: Traced = step.traced if step else "rows"
        calls = [c for s in _before(plan, self.step) for c in s.calls if c.kind == "stat"]
        self.stats = {c.label: c.returns for c in calls} if self.traced == "rows" else {}
        self.later = {
            c.label: s.name for s in plan.steps if isinstance(s, MapStep) for c in s.calls if c.kind == "stat"
        }
        distinct = {(c.label, c.identity, c.lineage) for c in calls}
        self.ambiguous = {n for n in self.stats if sum(label == n for label, _, _ in distinct) > 1}
        self.problems: list[Problem] = []
        self.con = duckdb.connect()

    def __enter__(self) -> _Binder:
        named = ", ".join(f"{quote(n)} {t}" for n, t in self.columns.items())
        self.con.execute(f"create table r ({named})")
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def bound(self) -> BoundRelation:
        values: dict[str, Value] = {}
        mine = tuple(e for e in self.suite.expectations if e.relation == self.relation)
        for expectation in mine:
            for name in expectation.names:
                value = values.get(name) or self._value(name, expectation)
                if value:
                    values[name] = value
                    self.problems += self._fits(value, expectation)
        seen = tuple(self.exported) if self.relation == OUTPUT else tuple(n for n in self.columns if n != SAMPLE)
        return BoundRelation(self.relation, self.step, seen, self.traced, mine, values)

    def _value(self, name: str, expectation: Expectation) -> Value | None:
        for sql in self._readings(name):
            try:
                row = self.con.execute(f"describe select {sql} as v from r").fetchone()
            except duckdb.Error:
                continue
            return Value(name, str(row[1]) if row else "", sql)
        if name in self.ambiguous:
            self._problem(
                expectation, f"the recipe measures two stats called `{name}`", "name one in a SELECT of the step"
            )
        elif name in self.stats:
            return Value(name, self.stats[name], stat=name)
        elif name in self.later:
            step = self.later[name].removesuffix("__rows")
            message = f"`{name}` is measured in step `{step}`, not for every row of `{self.relation}`"
            self._problem(expectation, message, f"expect it of `{step}`, or select it as a column in a step before")
        else:
            known = [*self.columns, *self.stats]
            mend = nearest(name, known) or "it has " + ", ".join(known)
            self._problem(expectation, f"`{self.relation}` has no column or stat `{name}`", mend)
        return None

    def _readings(self, name: str) -> Iterator[str]:
        """A column of that name, then a field of a struct."""
        yield f"r.{quote(name)}"
        if "." in name:
            yield "r." + ".".join(map(quote, name.split(".")))

    def _fits(self, value: Value, expectation: Expectation) -> Iterator[Problem]:
        wanted = {"number": _NUMBERS, "date": _DATES}.get(expectation.ranged)
        if wanted and not (value.type.startswith(wanted) and not value.type.endswith("]")):
            kind = {"number": "numbers", "date": "dates"}[expectation.ranged]
            mend = f"numbers look like 0.5, dates like 2024-01-31; or cast {value.name} in a step of the recipe"
            if value.type.endswith("]"):
                mend = f"unnest {value.name} in a step, or take list_min({value.name}) there"
            message = f"`{expectation.text}` compares {kind}, but {value.name} is {value.type}"
            yield Problem("wrong-type", message, mend, Path(self.suite.path).name, expectation.line)

    def _problem(self, expectation: Expectation, message: str, mend: str) -> None:
        self.problems.append(Problem("unknown-column", message, mend, Path(self.suite.path).name, expectation.line))
