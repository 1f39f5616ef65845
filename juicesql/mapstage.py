"""Runs a chain of row-wise steps on one Arrow table. Engines differ in where they call this, not in what it does.

Cheap calls (SQL and kernels) are measured for every row that reaches a step, so a moved threshold finds their values;
process and device calls only see the rows that the cheap cuts left, dearest last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.closing import close_off
from juicesql.errors import FunctionError
from juicesql.known import Keys
from juicesql.measure import Measurer, content_keys, key_sql
from juicesql.media import MediaSettings, file_identity
from juicesql.plan import MEMBERS, SAMPLE, Call, Cut, MapStep, rounds
from juicesql.registry import Registry
from juicesql.signature import arrow_type

_PLAIN = re.compile(r"cast\((\w+) as (.+)\)")


@dataclass
class CutCount:
    """What one cut did to the rows of one table."""

    rows_in: int = 0
    dropped: int = 0
    dropped_null: int = 0
    dropped_alone: int = 0
    alone_known: bool = True

    def add(self, other: CutCount) -> None:
        self.rows_in += other.rows_in
        self.dropped += other.dropped
        self.dropped_null += other.dropped_null
        self.dropped_alone += other.dropped_alone
        self.alone_known &= other.alone_known


@dataclass(frozen=True)
class Drop:
    """Rows that one cut dropped, with the value that it compared, as text."""

    cut: str
    sample_ids: pa.Array
    values: pa.Array


@dataclass(frozen=True)
class RowFailure:
    sample_id: int
    function: str
    message: str
    fatal: bool  # the row cannot go on: a mapper or the author's SQL raised, not a stat


@dataclass(frozen=True)
class Change:
    step: str
    sample_id: int
    column: str
    before: str | None
    after: str | None


@dataclass
class ChainResult:
    """What a chain made of one table."""

    table: pa.Table
    rows_in: dict[str, int] = field(default_factory=dict)
    rows_out: dict[str, int] = field(default_factory=dict)
    counts: dict[str, CutCount] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    failures: list[RowFailure] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    keys: dict[str, pa.Table] = field(default_factory=dict)  # lineage -> sample_id, key halves
    stats: list[tuple[str, pa.Table]] = field(default_factory=list)  # label, (sample_id, value)
    observed: list[tuple[str, pa.Table]] = field(default_factory=list)  # step, (sample_id, its stats, its cuts)


def open_worker(registry: Registry, macros: Iterable[str], memory_mb: int) -> duckdb.DuckDBPyConnection:
    """A connection for one thread: one core, its own memory, no outside access."""
    con = duckdb.connect(config={"threads": 1, "memory_limit": f"{max(memory_mb, 64)}MB"})
    for name in macros:
        con.execute(registry.get(name).sql)
    close_off(con)
    return con


def run_chain(
    table: pa.Table,
    steps: Sequence[MapStep],
    con: duckdb.DuckDBPyConnection,
    measurer: Measurer,
    rank: Mapping[str, float],
    trace: int = 0,
    keep_stats: bool = False,
    observe: Collection[str] = (),
) -> ChainResult:
    """Run the steps on a table with a `sample_id`. `rank` orders expensive calls: seconds per row dropped.

    The steps to `observe` measure every row and drop none: what their cuts say of each row goes into the result.
    """
    result = ChainResult(table)
    for step in steps:
        _Step(step, con, measurer, rank, trace, keep_stats, result, step.name in observe).run()
    return result


class _Step:
    def __init__(
        self,
        step: MapStep,
        con: duckdb.DuckDBPyConnection,
        measurer: Measurer,
        rank: Mapping[str, float],
        trace: int,
        keep_stats: bool,
        result: ChainResult,
        observe: bool,
    ) -> None:
        self.step, self.con, self.measurer, self.rank = step, con, measurer, rank
        self.trace, self.keep_stats, self.result, self.observe = trace, keep_stats, result, observe
        self.table: pa.Table = result.table
        self.calls = {c.column: c for c in step.calls}
        self.readers = Counter(n for c in step.calls for n in c.needs)
        shown = [o.column or o.sql for o in step.outputs] or [step.select]
        for text in [c.predicate for c in step.cuts] + shown:
            self.readers.update(re.findall(r"__v\d+", text))
        self.registered: pa.Table | None = None
        self.keys: dict[tuple[str, ...], tuple[Keys, Keys, Any]] = {}
        self.failed: dict[str, np.ndarray[Any, Any]] = {}  # column of a stat -> the rows that could not be measured

    def run(self) -> None:
        self.result.rows_in[self.step.name] = self.table.num_rows
        if self.observe:
            self._observe()
        order = [] if self.observe else rounds(self.step.cuts, self.rank)
        for i, cuts in enumerate(order):
            self._measure([c for cut in cuts for c in cut.calls])
            self._cut(cuts, [c for later in order[i + 1 :] for c in later])
        self._measure(self.step.select_calls)
        if self.keep_stats and not self._ungroups:
            self._keep_stats()
        if self.step.select:
            self._project()
        elif self.calls:
            self.table = self.table.drop_columns([c for c in self.table.column_names if c in self.calls])
        self.result.table = self.table
        self.result.rows_out[self.step.name] = self.table.num_rows

    def _measure(self, columns: Iterable[str]) -> None:
        """Add the columns of calls that are not there yet; every call after those it needs."""
        todo = {c for c in columns if c not in self.table.column_names}
        for call in [c for c in self.step.calls if c.column in todo]:
            self._add(call)
            self._forget(call)

    def _forget(self, call: Call) -> None:
        """Let go of columns that only this call needed, such as the inner ones of nested mappers."""
        done = [n for n in call.needs if self.readers[n] == 1 and self.calls[n].kind == "mapper"]
        if done:
            self.table = self.table.drop_columns(done)

    def _add(self, call: Call) -> None:
        flat = self._arguments(call)
        keys = self._keys(call, flat) if call.stored else None
        values, failures = self.measurer.measure(call, flat, keys, lambda mask: self._sql_call(call, mask))
        if keys is not None and call.kind == "stat" and call.lineage not in self.result.keys and not self.step.grouped:
            ids = _flat(self.table.column(SAMPLE)).filter(pa.array(keys[2]))
            halves = {"high": keys[0][keys[2]], "low": keys[1][keys[2]]}
            self.result.keys[call.lineage] = pa.table({SAMPLE: ids, **halves})
        self.table = self.table.append_column(call.column, values)
        fatal = call.kind == "mapper"
        for failure in failures:
            self._fail(failure.row, call.function, failure.message, fatal)
        if failures:
            failed = np.zeros(self.table.num_rows, bool)
            failed[[f.row for f in failures]] = True
            self.failed[call.column] = failed
            if fatal:
                self._filter(~failed)

    @property
    def _ungroups(self) -> bool:
        return self.step.grouped and self.step.traced == "rows"

    def _fail(self, row: int, function: str, message: str, fatal: bool) -> None:
        ids = _samples(self.table.slice(row, 1), self.step.grouped)[0].to_pylist()
        self.result.failures += [RowFailure(i, function, message, fatal) for i in ids]

    def _filter(self, keep: np.ndarray[Any, Any]) -> None:
        self.table = self.table.filter(pa.array(keep))
        self.keys = {}
        self.failed = {column: failed[keep] for column, failed in self.failed.items()}

    def _arguments(self, call: Call) -> list[pa.Array]:
        """The argument columns; one that is an input column of the right type is not copied."""
        plain = [_PLAIN.fullmatch(a) for a in call.arguments]
        names = [m.group(1) for m in plain if m and self._has(m.group(1), m.group(2))]
        if len(names) == len(plain) and names:
            return [_flat(self.table.column(n)) for n in names]
        table = self._guarded(f"select {', '.join(f'{a} as a{i}' for i, a in enumerate(call.arguments))} from __t")
        return [_flat(c) for c in table.columns]

    def _has(self, column: str, type_: str) -> bool:
        return column in self.table.column_names and self.table.schema.field(column).type == arrow_type(type_)

    def _keys(self, call: Call, columns: Sequence[pa.Array]) -> tuple[Keys, Keys, Any]:
        """The content keys of the arguments of a call; they hold until rows leave the table."""
        about = (call.lineage, *call.arguments)
        if about not in self.keys:
            if call.media:
                self.keys[about] = self._file_keys(columns)
            else:
                self.keys[about] = content_keys(self._query(key_sql(call.arguments)))
        return self.keys[about]

    def _file_keys(self, columns: Sequence[pa.Array]) -> tuple[Keys, Keys, Any]:
        """Keys of arguments that name files; texts beside them are keyed as they are."""
        names = [f"a{i}" for i in range(len(columns))]
        seen = [_identified(c, self.measurer.media) if pa.types.is_list(c.type) else c for c in columns]
        return content_keys(self._query(key_sql(names), pa.table(seen, names=names)))

    def _sql_call(self, call: Call, mask: pa.Array | None) -> pa.Array:
        rows = None if mask is None else self.table.filter(mask)
        return _flat(self._query(f"select cast({call.expression} as {call.returns}) as v from __t", rows).column(0))

    def _query(self, sql: str, table: pa.Table | None = None) -> pa.Table:
        """Run SQL over `__t`, which is `table` or the rows as they are now."""
        wanted = self.table if table is None else table
        if self.registered is not wanted:
            self.con.register("__t", wanted)
            self.registered = wanted
        return self.con.sql(sql).to_arrow_table()

    def _cut(self, cuts: Sequence[Cut], later: Sequence[Cut]) -> None:
        """Apply cuts whose calls are measured; a row is charged to the first one that it fails.

        A row for which a stat of the cut failed is dropped, even where the cut lets NULL pass. `later` are the cuts of
        the step that the rows left meet after these.
        """
        tested = self._guarded(
            f"select {', '.join(f'({c.predicate})::boolean as p{i}' for i, c in enumerate(cuts))} from __t"
        )
        failures = [self._failed_for(c) for c in cuts]
        passes = [np.asarray(pc.fill_null(_flat(c), False)) & ~f for c, f in zip(tested.columns, failures, strict=True)]
        nulls = [np.asarray(pc.is_null(_flat(c))) | f for c, f in zip(tested.columns, failures, strict=True)]
        failed = np.sum([~p for p in passes], axis=0)
        asked = [~p for c, p in zip(cuts, passes, strict=True) if c.id not in self.measurer.unforeseen]
        said = self._foresee((failed == 1) & np.logical_or.reduce(asked or [np.zeros(len(failed), bool)]), later)
        alive = np.ones(self.table.num_rows, bool)
        for cut, passed, null in zip(cuts, passes, nulls, strict=True):
            lost = alive & ~passed
            alone = ~passed & (failed == 1)
            foreseen = not (alone & (said < 0)).any()
            if not foreseen:
                self.measurer.unforeseen.add(cut.id)
            dropped_alone = int((alone & (said > 0)).sum())
            count = CutCount(
                int(alive.sum()), int(lost.sum()), int((lost & null).sum()), dropped_alone, foreseen
            )  # fmt: skip
            self.result.counts.setdefault(cut.id, CutCount()).add(count)
            if count.dropped:
                self.result.drops.append(self._drop(cut, lost))
            alive &= passed
        if not alive.all():
            self._filter(alive)

    def _foresee(self, rows: np.ndarray[Any, Any], later: Sequence[Cut]) -> np.ndarray[Any, Any]:
        """What cuts that have not run yet say of some rows, by values of earlier runs, for which nothing is measured:
        1 where all let it pass, 0 where one drops it, -1 where that is not known (or was not asked)."""
        said = np.full(len(rows), -1 if later else 1)
        if later and rows.any():
            look = _Step(
                self.step, self.con, self.measurer, self.rank, 0, False, ChainResult(self.table.filter(pa.array(rows))),
                False,
            )  # fmt: skip
            said[rows] = look._by_stored(later)
            self.registered = None
        return said

    def _by_stored(self, cuts: Sequence[Cut]) -> np.ndarray[Any, Any]:
        count, there = self.table.num_rows, dict[str, Any]()
        wanted = {c for cut in cuts for c in cut.calls}
        for call in [c for c in self.step.calls if c.column in wanted and c.column not in self.table.column_names]:
            there[call.column] = self._add_stored(call)
        if self.table.num_rows != count:  # SQL of an argument raised
            return np.full(count, -1)
        fails, unknown = np.zeros(count, bool), np.zeros(count, bool)
        for cut in cuts:
            known = np.logical_and.reduce([np.ones(count, bool), *(there[c] for c in cut.calls if c in there)])
            try:
                tested = self._query(f"select ({cut.predicate})::boolean as p from __t") if known.any() else None
            except duckdb.Error:
                tested = None
            known &= tested is not None
            passes = (
                np.zeros(count, bool) if tested is None else np.asarray(pc.fill_null(_flat(tested.column(0)), False))
            )
            fails |= known & ~passes
            unknown |= ~known
        return np.where(fails, 0, np.where(unknown, -1, 1))

    def _add_stored(self, call: Call) -> np.ndarray[Any, Any]:
        """Add the column of a call as far as its values are stored; returns for which rows they are."""
        rows, known = self.table.num_rows, self.measurer.known.get(call.identity)
        nowhere = np.zeros(rows, bool)
        if not call.stored or known is None or any(n not in self.table.column_names for n in call.needs):
            return nowhere
        flat = self._arguments(call)
        if self.table.num_rows != rows:  # its SQL raised for some
            return nowhere
        high, low, valid = self._keys(call, flat)
        found = known.find(high, low)
        found[~valid] = -1
        values = known.values.take(pa.array(found, mask=found < 0)).cast(arrow_type(call.returns))
        self.table = self.table.append_column(call.column, values)
        there: np.ndarray[Any, Any] = (found >= 0) | ~valid
        return there

    def _observe(self) -> None:
        """Measure every call, and note values and what each cut says of a row: true, false, or NULL."""
        self._measure(self.calls)
        tests = [f"({c.predicate})::boolean as __c{c.position}" for c in self.step.cuts]
        tested = self._guarded(f"select {', '.join(tests)} from __t") if tests else pa.table({})
        seen = {SAMPLE: self.table.column(SAMPLE)}
        for call in self.step.calls:
            if call.kind == "stat" and call.column in self.table.column_names:
                seen[call.column] = self.table.column(call.column)
        for cut, column in zip(self.step.cuts, tested.columns, strict=True):
            failed = pa.array(self._failed_for(cut))
            seen[f"__c{cut.position}"] = pc.if_else(failed, pa.scalar(None, pa.bool_()), _flat(column))
        if len(seen) > 1:
            self.result.observed.append((self.step.name, pa.table(seen)))

    def _failed_for(self, cut: Cut) -> np.ndarray[Any, Any]:
        """The rows for which a stat of the cut could not be measured."""
        failed = np.zeros(self.table.num_rows, bool)
        for column in cut.calls:
            failed |= self.failed.get(column, False)
        return failed

    def _guarded(self, sql: str) -> pa.Table:
        """Run SQL of the author over `__t`; rows for which it raises leave the table and are reported."""
        try:
            return self._query(sql)
        except duckdb.Error as error:
            bad, message = self._raising_rows(sql, error)
        for row in bad:
            self._fail(row, self.step.name, message[row], True)
        keep = np.ones(self.table.num_rows, bool)
        keep[list(bad)] = False
        self._filter(keep)
        return self._query(sql)

    def _raising_rows(self, sql: str, first: duckdb.Error) -> tuple[list[int], dict[int, str]]:
        if isinstance(first, (duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.InternalException)):
            raise first
        messages: dict[int, str] = {}

        def search(start: int, length: int) -> None:
            try:
                self._query(sql, self.table.slice(start, length))
            except duckdb.Error as error:
                if length == 1:
                    messages[start] = str(error).split("\n")[0]
                    return
                search(start, length // 2)
                search(start + length // 2, length - length // 2)

        search(0, self.table.num_rows)
        if not messages:
            raise FunctionError.of("step-failed", f"step `{self.step.name}`: {first}", "mend its SQL") from first
        return list(messages), messages

    def _drop(self, cut: Cut, lost: np.ndarray[Any, Any]) -> Drop:
        rows = self.table.filter(pa.array(lost))
        ids, of_rows = _samples(rows, self.step.grouped)
        labels = {b.stat for b in cut.bounds}
        shown = next((c for c in cut.calls if self.calls[c].label in labels), cut.calls[-1] if cut.calls else None)
        if shown is None:
            named = [b.stat for b in cut.bounds if b.stat in self.table.column_names]
            shown = named[0] if named else None
        if shown is None:
            return Drop(cut.id, ids, pa.nulls(len(ids), pa.string()))
        return Drop(cut.id, ids, _as_text(_flat(rows.column(shown)).take(of_rows)))

    def _keep_stats(self) -> None:
        ids = self.table.column(SAMPLE)
        for call in self.step.calls:
            if call.kind == "stat" and call.column in self.table.column_names:
                values = pa.table({SAMPLE: ids, "value": self.table.column(call.column)})
                self.result.stats.append((call.label, values))

    def _project(self) -> None:
        before = self.table
        self.table = self._projected() if self.step.outputs else self._guarded(self.step.select)
        if self.step.expands:
            if not self._ungroups:  # stable, which a lateral join is not
                self.table = self.table.take(pc.sort_indices(self.table.column(SAMPLE)))
            self._report_vanished(before)
        if self.trace and not self.step.expands and self.table.num_rows == before.num_rows:
            self._trace(before)

    def _projected(self) -> pa.Table:
        """The projection, computing only what is more than a column."""
        outputs = self.step.outputs
        computed = [o for o in outputs if o.sql]
        items = ", ".join(f"{o.sql} as c{i}" for i, o in enumerate(computed))
        if computed:
            values = self._guarded(f"select {items} from __t")  # rows that raise leave self.table
        columns = [self.table.column(o.column) if o.column else values.column(computed.index(o)) for o in outputs]
        return pa.table(columns, names=[o.name for o in outputs])

    def _report_vanished(self, before: pa.Table) -> None:
        """A sample that UNNEST turned into no row at all was dropped by the step, unless it failed."""
        old = _samples(before, self.step.grouped)[0]
        new = _samples(self.table, self.step.traced == "groups")[0]
        failed = pa.array([f.sample_id for f in self.result.failures if f.fatal], pa.int64())
        gone = pc.invert(pc.or_(pc.is_in(old, new), pc.is_in(old, failed)))
        lost = old.filter(gone).unique()
        if len(lost):
            self.result.drops.append(Drop(self.step.name, lost, pa.nulls(len(lost), pa.string())))

    def _trace(self, before: pa.Table) -> None:
        """Keep the first rows that the projection changed, column by column."""
        ids = self.table.column(SAMPLE)
        for name in self.table.column_names:
            if name not in before.column_names or name == SAMPLE or self.table.schema.field(name).type != pa.string():
                continue
            old, new = _flat(before.column(name)), _flat(self.table.column(name))
            if old.type != new.type:
                continue
            changed = pc.fill_null(pc.not_equal(old, new), False)
            for row in np.flatnonzero(np.asarray(changed))[: self.trace]:
                change = Change(self.step.name, ids[row].as_py(), name, old[row].as_py(), new[row].as_py())
                self.result.changes.append(change)


def _identified(lists: pa.Array, media: MediaSettings) -> pa.Array:
    """Lists of file names as lists of what the files are."""
    names = {name: file_identity(name, media) for name in lists.flatten().unique().to_pylist() if name is not None}
    return pa.array([None if v is None else [names.get(n) for n in v] for v in lists.to_pylist()], lists.type)


def _samples(table: pa.Table, grouped: bool) -> tuple[pa.Array, pa.Array]:
    """The samples that rows stand for, and the row of each."""
    if not grouped:
        return _flat(table.column(SAMPLE)), pa.array(np.arange(table.num_rows))
    lists = _flat(table.column(MEMBERS))
    return pc.list_flatten(lists), pc.list_parent_indices(lists)


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One contiguous array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_nested(values.type):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())
