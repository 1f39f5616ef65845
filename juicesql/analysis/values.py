"""What the observed values of a run say: a row of facts for each stat and cut, and how stats go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import duckdb
import sqlglot

from juicesql.analysis.bins import Histogram, histogram, suitable_edges
from juicesql.analysis.correlation import Correlation, pearson, spearman
from juicesql.analysis.measuring import Measuring
from juicesql.analysis.numbers import Labels, Numbers, labels, numbers, only_row
from juicesql.cuts import comparisons
from juicesql.lift import to_sql
from juicesql.plan import SAMPLE, Bound, Call, Cut, MapStep
from juicesql.signature import split_top
from juicesql.sqltext import literal, quote

if TYPE_CHECKING:
    from juicesql.analysis.analyze import Request

Kind = Literal["number", "label", "other"]
MOST_CORRELATED = 40  # columns of a matrix
_WHOLE = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT")
_NUMBER = (*_WHOLE, "DOUBLE", "FLOAT")


@dataclass(frozen=True)
class Extreme:
    """A row at the end of a distribution; `value` is the least or greatest item where it has several."""

    sample_id: int
    value: float


@dataclass(frozen=True)
class BoundFacts:
    """A comparison of the stat in a cut."""

    cut: str
    operator: str
    value: float | int | str
    line: int | None


@dataclass(frozen=True)
class StatFacts:
    """One stat. Rows are those of its step: several of one sample after an UNNEST.

    `nulls` are rows that it could not measure. For lists, `numbers` and `labels` are over their items and `items` says
    how many a row has. `kept` are rows that pass every cut that compares it; None when there is none.
    """

    label: str
    sql: str
    function: str
    step: str
    line: int | None
    returns: str
    kind: Kind
    per: Literal["row", "item"]
    expanded: bool
    rows: int
    nulls: int
    kept: int | None
    numbers: Numbers | None
    labels: Labels | None
    items: Numbers | None
    histogram: Histogram | None
    bounds: tuple[BoundFacts, ...]
    lowest: tuple[Extreme, ...]
    highest: tuple[Extreme, ...]

    @property
    def null_share(self) -> float | None:
        return self.nulls / self.rows if self.rows else None

    @property
    def kept_share(self) -> float | None:
        return self.kept / self.rows if self.rows and self.kept is not None else None


@dataclass(frozen=True)
class CutFacts:
    """A cut alone, over every row of its step."""

    cut: str
    step: str
    sql: str
    line: int | None
    rows: int
    kept: int
    nulls: int


@dataclass(frozen=True)
class Values:
    stats: tuple[StatFacts, ...]
    cuts: tuple[CutFacts, ...]
    kept: int
    correlations: tuple[Correlation, ...]

    @classmethod
    def of(
        cls, con: duckdb.DuckDBPyConnection, measuring: Measuring, files: Mapping[str, str], request: Request
    ) -> Values:
        """Read what `observe` left."""
        return _Reader(con, measuring, files, request).values()


class _Reader:
    def __init__(
        self, con: duckdb.DuckDBPyConnection, measuring: Measuring, files: Mapping[str, str], request: Request
    ) -> None:
        self.con, self.measuring, self.request = con, measuring, request
        self.tables: dict[str, str] = {}
        for number, step in enumerate(measuring.observed):
            self.tables[step.name] = table = f"observed_{number}"
            if step.name in files:
                con.execute(f"create table {table} as from read_parquet({literal(files[step.name])})")
            else:  # no row came
                con.execute(f"create table {table} ({_columns(step)})")
        self.rows = {step: self._count(table) for step, table in self.tables.items()}
        self.expanded = {s for s in measuring.expanded if self._count(self._samples(s)) < self.rows[s]}

    def values(self) -> Values:
        named = list(self._named())
        stats = tuple(self._stat(column) for column in named)
        cuts = tuple(self._cut(s, c.position) for s in self.measuring.observed for c in s.cuts)
        return Values(stats, cuts, self._kept_together(), tuple(self._correlations(named, stats)))

    def _count(self, table: str, where: str = "true") -> int:
        return int(only_row(self.con, f"select count(*) from {table} where {where}")[0])

    def _samples(self, step: str) -> str:
        return f"(select distinct {SAMPLE} from {self.tables[step]})"

    def _named(self) -> Iterator[_Column]:
        """Every stat under the name that the `stats` view would give it; the fields of a STRUCT one by one."""
        taken: dict[str, str] = {}
        for step in self.measuring.observed:
            for call in (c for c in step.calls if c.kind == "stat"):
                what, label, number = call.identity + call.lineage, call.label, 2
                while taken.get(label, what) != what:
                    label, number = f"{call.label}_{number}", number + 1
                if label not in taken:
                    taken[label] = what
                    yield from _columns_of(label, step, call)

    def _stat(self, column: _Column) -> StatFacts:
        step, call, table = column.step, column.call, self.tables[column.step.name]
        relation = f"(select unnest({column.value}) as v, {SAMPLE} from {table})" if column.listed else table
        value = "v" if column.listed else column.value
        number = column.kind == "number"
        found = numbers(self.con, relation, value, (1, *self.request.percentiles, 99)) if number else None
        compared = list(_compared(step, column.compared))
        bounds = tuple(BoundFacts(c.id, b.operator, b.value, c.line) for c, b in compared)
        thresholds = [float(b.value) for b in bounds if not isinstance(b.value, str)]
        edges = suitable_edges(found, column.base in _WHOLE, thresholds) if found else None
        judging = [f"__c{position}" for position in dict.fromkeys(c.position for c, _ in compared)]
        nan = f" or isnan({column.value})" if column.base in ("DOUBLE", "FLOAT") and not column.listed else ""
        return StatFacts(
            column.label, call.sql, call.function, step.name, call.line, column.type, column.kind,
            "item" if column.listed else "row", step.name in self.expanded, self.rows[step.name],
            self._count(table, f"{column.value} is null{nan}"),
            self._count(table, " and ".join(judging)) if judging else None, found,
            labels(self.con, relation, value) if column.kind == "label" else None,
            numbers(self.con, table, f"len({column.value})", self.request.percentiles) if column.listed else None,
            histogram(self.con, relation, value, edges) if edges else None, bounds,
            self._extremes(column, relation, value, "min", "asc") if found else (),
            self._extremes(column, relation, value, "max", "desc") if found else (),
        )  # fmt: skip

    def _extremes(self, column: _Column, relation: str, value: str, end: str, order: str) -> tuple[Extreme, ...]:
        """The first samples by their least or greatest value."""
        many = column.listed or column.step.name in self.expanded  # values of one sample
        shown, group = (f"{end}({value})", f"group by {SAMPLE}") if many else (value, "")
        rows = self.con.execute(
            f"select {SAMPLE}, ({shown})::double as x from {relation} where isfinite(({value})::double) {group} "
            f"order by x {order}, {SAMPLE} limit $1",
            [self.request.extremes],
        ).fetchall()
        return tuple(Extreme(*row) for row in rows)

    def _cut(self, step: MapStep, position: int) -> CutFacts:
        cut, column = next(c for c in step.cuts if c.position == position), f"__c{position}"
        table = self.tables[step.name]
        asked = f"select count(*) filter ({column}), count(*) filter ({column} is null) from {table}"
        row = only_row(self.con, asked)
        return CutFacts(cut.id, step.name, cut.sql, cut.line, self.rows[step.name], row[0], row[1])

    def _kept_together(self) -> int:
        """Samples that pass the cuts of every step on some way; of a step with several rows of it, by one of them."""
        ways = []
        for path in self.measuring.paths:
            passing = [self._passing(name) for name in path]
            ways.append(" intersect ".join(passing))
        together = " union ".join(f"({way})" for way in ways if way)
        return self._count(f"({together})") if together else 0

    def _passing(self, name: str) -> str:
        step = next(s for s in self.measuring.observed if s.name == name)
        tests = " and ".join(f"__c{c.position}" for c in step.cuts) or "true"
        return f"select {SAMPLE} from {self.tables[name]} where {tests}"

    def _correlations(self, named: Sequence[_Column], stats: Sequence[StatFacts]) -> Iterator[Correlation]:
        """Of numbers that vary; a list counts as the mean of its items."""
        for expanded in (False, True):
            chosen = [
                column
                for column, facts in zip(named, stats, strict=True)
                if facts.expanded == expanded and facts.numbers and facts.numbers.std
            ]
            if expanded:  # rows of different steps do not belong together
                chosen = [c for c in chosen if c.step == chosen[0].step]
            if 2 <= len(chosen) <= MOST_CORRELATED:
                yield from self._correlate(chosen)
                return

    def _correlate(self, chosen: Sequence[_Column]) -> Iterator[Correlation]:
        tables = [self.tables[name] for name in dict.fromkeys(c.step.name for c in chosen)]
        values = [f"list_avg({c.value})" if c.listed else c.value for c in chosen]  # the plan's names are unique
        items = [f"{v}::double as {quote(c.label)}" for v, c in zip(values, chosen, strict=True)]
        joined = tables[0] + "".join(f" left join {t} using ({SAMPLE})" for t in tables[1:])
        relation, names = f"(select {', '.join(items)} from {joined})", [c.label for c in chosen]
        yield pearson(self.con, relation, names)
        if self.request.spearman:
            yield spearman(self.con, relation, names)


@dataclass(frozen=True)
class _Column:
    """A stat, or a field of one that gives a STRUCT: its name, and SQL over the table of its step."""

    label: str
    step: MapStep
    call: Call
    value: str
    type: str
    compared: str  # what the predicates of cuts call it

    @property
    def listed(self) -> bool:
        return self.type.endswith("[]")

    @property
    def base(self) -> str:
        return self.type.removesuffix("[]")

    @property
    def kind(self) -> Kind:
        return kind_of(self.type)


def _columns_of(label: str, step: MapStep, call: Call) -> Iterator[_Column]:
    for name, value, type_ in parts_of(quote(call.column), call.returns):
        yield _Column(label + name, step, call, value, type_, call.column + name)


def parts_of(value: str, type_: str) -> Iterator[tuple[str, str, str]]:
    """What a value is made of: the ending of its name, SQL and SQL type; a STRUCT has a part for each field.

    >>> list(parts_of("v", "STRUCT(lang VARCHAR, score DOUBLE)"))
    [('.lang', 'v."lang"', 'VARCHAR'), ('.score', 'v."score"', 'DOUBLE')]
    """
    if not type_.startswith("STRUCT(") or not type_.endswith(")"):
        yield "", value, type_
        return
    for field in split_top(type_[len("STRUCT(") : -1]):
        name, _, inner = field.strip().partition(" ")
        name = name.strip('"')
        yield f".{name}", f"{value}.{quote(name)}", inner.strip()


def kind_of(type_: str) -> Kind:
    """Of a column, or of the items of a list."""
    base = type_.removesuffix("[]")
    return "number" if base in _NUMBER else "label" if base in ("VARCHAR", "BOOLEAN") else "other"


def _columns(step: MapStep) -> str:
    stats = [f"{quote(c.column)} {c.returns}" for c in step.calls if c.kind == "stat"]
    return ", ".join([f"{SAMPLE} BIGINT", *stats, *(f"__c{c.position} BOOLEAN" for c in step.cuts)])


def _compared(step: MapStep, column: str) -> Iterator[tuple[Cut, Bound]]:
    """The cuts of a step that compare a column of the plan (or a field of it) with a constant, and the comparisons.

    Not by the label of the stat, which the same function has on two columns.
    """
    for cut in step.cuts:
        found = comparisons(sqlglot.parse_one(cut.predicate, dialect="duckdb"))
        for comparison, bound in zip(found, cut.bounds, strict=True):
            if to_sql(comparison.measured).replace('"', "") == column:
                yield cut, bound
