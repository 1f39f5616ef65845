"""The embedded engine: chains of row-wise steps in threads over morsels, global steps as plain SQL, all on one DuckDB.

Relations between stages are Parquet files in the run's scratch folder, one a morsel, so memory does not grow with rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from juicesql.engines.lines import keep_lines, take_lines
from juicesql.engines.watch import Hear, Progress, RowShare, make_watchable, watched
from juicesql.errors import FunctionError, Problem, RecipeError
from juicesql.mapstage import ChainResult, Change, CutCount, RowFailure, open_worker, run_chain
from juicesql.measure import Measurer
from juicesql.passing import carry_of
from juicesql.plan import MEMBERS, RID, SAMPLE, GlobalStep, Plan
from juicesql.reasons import MOST, Reason, reasons
from juicesql.registry import Registry
from juicesql.segments import write_parquet
from juicesql.signature import arrow_type
from juicesql.sources import Loaded, RowError, Source
from juicesql.sources.model import Kind
from juicesql.spill import Spill
from juicesql.sqltext import literal, matching, quote
from juicesql.stages import Chain, stages_of, streamed

MORSEL_BYTES = 4 << 20
MORSEL_ROWS = 8192
MEDIA_ROWS = {"images": 128, "audios": 64, "videos": 16}  # a morsel is what a kill may lose and what a core takes up
UNPACKED_BYTES = 4 << 30  # below this much input, scratch files are not compressed: that took 10 % of a run
_ROWS_BITS = 32  # a RID is the morsel's index and the row in its output


@dataclass(frozen=True)
class Settings:
    threads: int
    memory_mb: int
    trace: int
    keep_stats: bool
    on_error: str
    max_error_rate: float
    observe: frozenset[str] = frozenset()  # steps whose cuts are noted for each row, and drop none
    widens: bool = False  # a value without a place in the columns of the source raises SourceWidened


@dataclass
class Execution:
    """What happened, added up over morsels. Rows themselves are in the scratch folder."""

    rows_in: int = 0
    step_rows_in: dict[str, int] = field(default_factory=dict)
    step_rows_out: dict[str, int] = field(default_factory=dict)
    cuts: dict[str, CutCount] = field(default_factory=dict)
    failures: list[RowFailure] = field(default_factory=list)
    group_failures: list[RowFailure] = field(default_factory=list)  # of rows that are not samples any more
    source_errors: list[RowError] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    lineages: list[str] = field(default_factory=list)
    stat_labels: list[str] = field(default_factory=list)
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)  # of columns of several, by column and kind
    observed: list[str] = field(default_factory=list)  # steps; `observed/N-*.parquet` holds what the N-th gave
    failed: set[tuple[str, int]] = field(default_factory=set)  # rows for which anything failed: ("", sample) as a rule

    def reasons(self) -> tuple[Reason, ...]:
        """Why rows failed, the most frequent first."""
        return reasons(self.source_errors, self.failures, self.group_failures)


@dataclass(frozen=True)
class _Task:
    index: int
    rows: int
    bytes: int
    file: str
    load: Callable[[], Loaded]


class Embedded:
    """Executes the stages of one plan. `con` is the connection on which the relations are views; `ends` are the steps
    that stand there when it has run, the result without any."""

    def __init__(
        self,
        plan: Plan,
        source: Source,
        side: Mapping[str, Path],
        registry: Registry,
        measurer: Measurer,
        scratch: Path,
        outputs: list[Path],
        settings: Settings,
        rank: Mapping[str, float],
        ends: Collection[str] = (),
    ) -> None:
        self.plan, self.source, self.registry, self.measurer = plan, source, registry, measurer
        self.scratch, self.settings, self.rank = scratch, settings, rank
        self.rows = source
        if plan.passing or (settings.widens and source.carries):
            self.rows = source.carrying(carry_of(plan))
        self.packing = "none" if source.total_bytes < UNPACKED_BYTES else "lz4"
        self.spill = Spill(scratch)
        self.execution = Execution()
        self.stages = stages_of(plan, ends)
        self.first_chain = next((s.name for s in self.stages if isinstance(s, Chain) and s.input == "source"), "")
        self.streamed = streamed(self.stages) - set(ends)
        self.local = threading.local()
        self.opened: list[duckdb.DuckDBPyConnection] = []
        self.lock = threading.Lock()
        self.con = self._open(side, outputs)

    def _open(self, side: Mapping[str, Path], outputs: list[Path]) -> duckdb.DuckDBPyConnection:
        temp = self.scratch / "temp"
        temp.mkdir(parents=True)
        con = duckdb.connect(
            config={
                "threads": self.settings.threads,
                "memory_limit": f"{self.settings.memory_mb // 2}MB",
                "temp_directory": str(temp),
            }
        )
        # Globs are allowed as they are written.
        own = [str(self.scratch), matching(self.scratch, ""), *map(str, outputs)]
        con.execute(f"set allowed_directories = {literal(own)}")
        con.execute("set python_enable_replacements = false")
        make_watchable(con)
        for name in self.plan.macros:
            con.execute(self.registry.get(name).sql)
        for name, path in side.items():
            _add_side(con, name, path)
        con.execute("set enable_external_access = false")
        return con

    def close(self) -> None:
        for con in [*self.opened, self.con]:
            con.close()

    def run(self, progress: Progress) -> Execution:
        """Run every stage; afterwards the relation `result` is a view of `con`, in the order of its RID."""
        for number, stage in enumerate(self.stages, 1):
            if stage.name != self.first_chain:
                name = stage.name.removesuffix("__rows").replace("__", ": ")
                progress.stage(f"{name}, {number} of {len(self.stages)}")
            if isinstance(stage, Chain):
                self._chain(stage, progress)
                continue
            try:
                with watched(self.con, progress.share):
                    self._global(stage)
            except (duckdb.DataError, duckdb.ProgrammingError) as error:
                raise _step_failed(self.plan.recipe, stage, error) from error
        self.spill.flush()
        return self.execution

    # Row-wise stages

    def _chain(self, chain: Chain, progress: Progress) -> None:
        if chain.passes and chain.input != "source" and chain.input not in self.streamed:
            self._view(chain.name, f"from {quote('__full_' + chain.input)}")
            counts = dict.fromkeys((s.name for s in chain.steps), self._count(chain.input))
            self.execution.step_rows_in.update(counts)
            self.execution.step_rows_out.update(counts)
            return
        self._folder(chain.name).mkdir(parents=True)
        for step in chain.steps:  # counted also when no row comes
            self.execution.step_rows_in.setdefault(step.name, 0)
            self.execution.step_rows_out.setdefault(step.name, 0)
            for cut in step.cuts if step.name not in self.settings.observe else ():
                self.execution.cuts.setdefault(cut.id, CutCount())
        threads = self.settings.threads
        hear: Hear = progress.advance
        if chain.name != self.first_chain:
            known = chain.input not in self.streamed
            rows = self.execution.rows_in if chain.input == "source" else self._count(chain.input) if known else 0
            hear = RowShare(rows, progress.share)
        with ThreadPoolExecutor(threads, thread_name_prefix="juicesql") as pool:
            running: dict[Future[tuple[Loaded, ChainResult]], _Task] = {}
            try:
                for task in self._tasks(chain):
                    running[pool.submit(self._morsel, chain, task)] = task
                    if len(running) > threads:
                        self._collect(running, chain, hear, FIRST_COMPLETED)
                while running:
                    self._collect(running, chain, hear, FIRST_COMPLETED)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.measurer.pool.kill()
                raise
        if chain.input in self.streamed:
            self.execution.step_rows_out[chain.input] = self.execution.step_rows_in[chain.steps[0].name]
        self._view(chain.name, self._spool_view(chain))

    def _tasks(self, chain: Chain) -> Iterator[_Task]:
        name, rows = chain.input, self._most_rows(chain)
        if name == "source":
            for morsel in self.rows.morsels(MORSEL_BYTES, rows):
                yield _Task(morsel.index, morsel.rows, morsel.bytes, morsel.file, morsel.load)
            return
        index = 0
        for batch in self._batches(name, rows):
            for part in _split(pa.Table.from_batches([batch])):
                loaded = Loaded(part, pa.nulls(0, pa.int64()), ())
                yield _Task(index, part.num_rows, 0, "", partial(_same, loaded))
                index += 1

    def _batches(self, name: str, rows: int) -> Iterator[pa.RecordBatch]:
        full = f"select * exclude ({RID}) from {quote('__full_' + name)}"
        try:
            yield from self.con.cursor().sql(full).to_arrow_reader(rows)
        except (duckdb.DataError, duckdb.ProgrammingError) as error:
            step = self.plan.step(name)
            if isinstance(step, GlobalStep):
                raise _step_failed(self.plan.recipe, step, error) from error
            raise

    def _most_rows(self, chain: Chain) -> int:
        """The rows of a morsel: few where functions read media."""
        functions = {self.registry.get(c.function) for s in chain.steps for c in s.calls}
        return min((MEDIA_ROWS[m] for f in functions for m in f.media), default=MORSEL_ROWS)

    def _morsel(self, chain: Chain, task: _Task) -> tuple[Loaded, ChainResult]:
        """One morsel in one thread: load, run, and leave its rows as a file."""
        loaded, lines = take_lines(task.load())
        settings = self.settings
        result = run_chain(
            loaded.table, chain.steps, self._worker(), self.measurer, self.rank, settings.trace, settings.keep_stats,
            settings.observe,
        )  # fmt: skip
        if result.table.num_rows:
            first = task.index << _ROWS_BITS
            rids = pa.array(np.arange(first, first + result.table.num_rows))
            path = self._folder(chain.name) / f"{task.index:08d}.parquet"
            write_parquet(result.table.append_column(RID, rids), path, self.packing)
            if lines is not None:
                keep_lines(lines, result.table, self.scratch / "lines", self.stages.index(chain), self.packing)
        return loaded, result

    def _worker(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self.local, "con"):
            memory = self.settings.memory_mb // 4 // self.settings.threads
            self.local.con = open_worker(self.registry, self.plan.macros, memory)
            with self.lock:
                self.opened.append(self.local.con)
        return self.local.con  # type: ignore[no-any-return]

    def _collect(
        self, running: dict[Future[tuple[Loaded, ChainResult]], _Task], chain: Chain, hear: Hear, when: str
    ) -> None:
        done, _ = wait(running, return_when=when)
        for future in done:
            task = running.pop(future)
            loaded, result = future.result()
            self._add(chain, task, loaded, result)
            hear(task.rows, task.bytes)

    def _add(self, chain: Chain, task: _Task, loaded: Loaded, result: ChainResult) -> None:
        e = self.execution
        if chain.name == self.first_chain:
            e.rows_in += task.rows
            e.source_errors += loaded.errors
            for kind in loaded.kinds:
                before = e.kinds.get((kind.column, kind.name), replace(kind, rows=0))
                e.kinds[kind.column, kind.name] = replace(before, rows=before.rows + kind.rows)
        for name, rows in result.rows_in.items():
            e.step_rows_in[name] = e.step_rows_in.get(name, 0) + rows
        for name, rows in result.rows_out.items():
            e.step_rows_out[name] = e.step_rows_out.get(name, 0) + rows
        for cut, count in result.counts.items():
            e.cuts.setdefault(cut, CutCount()).add(count)
        if chain.traced:
            e.failures += result.failures
        else:
            e.group_failures += result.failures
        where = "" if chain.traced else chain.name
        e.failed.update(("", r.sample_id) for r in (loaded.errors if chain.name == self.first_chain else ()))
        e.failed.update((where, f.sample_id) for f in result.failures)
        e.changes += result.changes if chain.traced == "rows" else []
        self._spill(chain, task, loaded, result)
        self._check_errors()

    def _spill(self, chain: Chain, task: _Task, loaded: Loaded, result: ChainResult) -> None:
        """Set aside what the end of the run needs of a morsel besides its rows."""
        for drop in result.drops:
            cut = pa.array([drop.cut] * len(drop.sample_ids), pa.string())
            self.spill.add("drops/rows", pa.table({SAMPLE: drop.sample_ids, "cut": cut, "value": drop.values}))
        for lineage, keys in result.keys.items() if chain.traced == "rows" else ():
            self.spill.add(f"keys/{_number(lineage, self.execution.lineages)}", keys)
        for label, values in result.stats if chain.traced == "rows" else ():  # of a pair, or a line, no sample has them
            self.spill.add(f"stats/{_number(label, self.execution.stat_labels)}", values)
        for step, values in result.observed:
            self.spill.add(f"observed/{_number(step, self.execution.observed)}", values)
        if chain.name == self.first_chain:
            self.spill.add("samples/rows", _sample_rows(task, loaded))

    def _check_errors(self) -> None:
        e, settings = self.execution, self.settings
        if e.failed and settings.on_error == "stop":
            first = (e.source_errors or e.failures or e.group_failures)[0]
            where = f"sample {first.sample_id}"
            message = f"{where}: {first.message}"
            raise FunctionError.of("row-failed", message, "mend the row or the function, or run with --on-error null")
        if e.rows_in >= 10_000:
            check_error_rate(e, settings.max_error_rate)

    def _number(self, step: str) -> int:
        """The place of a step in the plan. Files are called after it: the name is what a stranger wrote."""
        return next(i for i, s in enumerate(self.plan.steps) if s.name == step)

    def _folder(self, step: str) -> Path:
        """Where the rows of a step are written."""
        return self.scratch / "spool" / f"{self._number(step):04d}"

    def _spool_view(self, chain: Chain) -> str:
        folder = self._folder(chain.name)
        if not any(folder.glob("*.parquet")):
            schema = pa.schema([*((n, arrow_type(t)) for n, t in chain.steps[-1].columns), (RID, pa.int64())])
            write_parquet(schema.empty_table(), folder / "00000000.parquet")
        return f"from read_parquet({literal(matching(folder, '*.parquet'))})"

    # Global stages

    def _view(self, name: str, full: str) -> None:
        """The relation under its own name, and with its RID as `__full_<name>`."""
        columns = ", ".join(quote(c) for c, _ in self.plan.step(name).columns)
        self.con.execute(f"create view {quote('__full_' + name)} as select {columns}, {RID} from ({full})")
        self.con.execute(f"create view {quote(name)} as select * exclude ({RID}) from {quote('__full_' + name)}")

    def _global(self, step: GlobalStep) -> None:
        first = step.inputs[0] if step.inputs else ""
        traced = first and SAMPLE in self._columns(first)
        if traced:
            self.execution.step_rows_in[step.name] = self._count(first)
        if step.filter_sql:
            self._filter(step, first)
        else:
            number = "row_number() over () - 1"
            own = [_stored(c, t) for c, t in step.columns if c != SAMPLE or not step.numbered]
            named = ", ".join([*([f"{number} as {SAMPLE}"] if step.numbered else []), *own])
            numbered = f"select {number} as {RID}, {named} from ({step.sql})"
            if step.name in self.streamed:
                self._view(step.name, numbered)
                return
            folder = self._folder(step.name)
            folder.mkdir(parents=True)
            path = folder / "00000000.parquet"
            packing = "uncompressed" if self.packing == "none" else "lz4_raw"
            self.con.execute(f"copy ({numbered}) to {literal(str(path))} (format parquet, compression {packing})")
            self._view(step.name, f"from read_parquet({literal(str(path))})")
            if traced and step.traced:
                before, after = self.samples(first), self.samples(step.name)
                lost = f"select distinct {SAMPLE} from ({before}) anti join ({after}) using ({SAMPLE})"
                nothing = "null::bigint as duplicate_of, null::double as similarity, null::varchar as value"
                self._write_drops(step, f"select {SAMPLE}, {nothing} from ({lost})")
        self.execution.step_rows_out[step.name] = self._count(step.name)

    def _filter(self, step: GlobalStep, first: str) -> None:
        ids, full = quote(f"__ids_{step.name}"), quote(f"__full_{first}")
        self.con.execute(f"create table {ids} as {step.filter_sql}")
        self._view(step.name, f"select * from {full} where {self._kept(step, ids)}({RID})")
        which = f"i.{SAMPLE}, d.duplicate_of, d.similarity, d.value"
        if step.traced == "groups":  # of which only the numbers are known
            nothing = "null::bigint as duplicate_of, null::double as similarity, null::varchar as value"
            which = f"unnest(i.{MEMBERS}) as {SAMPLE}, {nothing}"
        lost = f"select {which} from {full} i left join {ids} d using ({RID}) where coalesce(not d.kept, true)"
        self._write_drops(step, lost)

    def _kept(self, step: GlobalStep, ids: str) -> str:
        """A SQL function that says whether a RID is kept: unlike a join, it leaves rows in their order."""
        rids = self.con.execute(f"select {RID} from {ids} where kept order by {RID}").fetchnumpy()[RID]
        name = f"__kept_{self.plan.steps.index(step)}"
        self.con.create_function(  # type: ignore[call-overload]
            name, partial(_holds, np.asarray(rids)), ["BIGINT"], "BOOLEAN", type="arrow"
        )
        return name

    def samples(self, name: str) -> str:
        """SQL for the `sample_id` of the samples that a relation holds."""
        grouped = self.plan.step(name).traced == "groups"
        return f"select {f'unnest({MEMBERS}) as ' if grouped else ''}{SAMPLE} from {quote(name)}"

    def _write_drops(self, step: GlobalStep, sql: str) -> None:
        folder = self.scratch / "lost"
        folder.mkdir(exist_ok=True)
        path = folder / f"{self._number(step.name)}.parquet"
        self.con.execute(
            f"copy (select *, {literal(step.name)} as cut from ({sql})) to {literal(str(path))} (format parquet)"
        )

    def _columns(self, name: str) -> set[str]:
        return {r[0] for r in self.con.execute(f"describe {quote(name)}").fetchall()}

    def _count(self, name: str) -> int:
        row = self.con.execute(f"select count(*) from {quote(name)}").fetchone()
        return int(row[0]) if row else 0


def _stored(column: str, kind: str) -> str:
    """A column as a relation on disk has it: integers of 128 bits as decimals."""
    return f"{quote(column)}::{kind} as {quote(column)}" if "DECIMAL(38,0)" in kind else quote(column)


def _holds(ordered: np.ndarray[Any, Any], values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Which values stand in an ascending array."""
    wanted = np.asarray(values)
    places = np.searchsorted(ordered, wanted)
    found = places < len(ordered)
    found[found] = ordered[places[found]] == wanted[found]
    return pa.array(found)


def check_error_rate(execution: Execution, limit: float) -> None:
    """FunctionError, with the most frequent reasons, when more than the allowed share of rows failed."""
    errors, rows = len(execution.failed), execution.rows_in
    if rows and errors > limit * rows:
        message = f"{errors:,} of {rows:,} rows failed ({errors / rows:.1%}); at most {limit:.1%} may"
        why = "".join(f"\n  {reason}" for reason in execution.reasons()[:MOST])
        raise FunctionError.of("too-many-errors", message + why, "mend what fails, or raise --max-error-rate")


def _split(table: pa.Table) -> Iterator[pa.Table]:
    """Cut a table that is larger than a morsel."""
    pieces = max(1, -(-table.nbytes // MORSEL_BYTES))
    rows = -(-table.num_rows // pieces)
    for start in range(0, table.num_rows, max(rows, 1)):
        yield table.slice(start, rows)


def _number(name: str, names: list[str]) -> int:
    """The place of a name in a list that grows when it is new."""
    if name not in names:
        names.append(name)
    return names.index(name)


def _step_failed(recipe: str, step: GlobalStep, error: duckdb.Error) -> RecipeError:
    message = f"step `{step.name}`: {str(error).splitlines()[0]}"
    return RecipeError(
        Problem("step-failed", message, "mend its SQL, or cut the rows before it", Path(recipe).name, step.line)
    )


def _add_side(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Another file as a relation: under its name as it is, in full with a number for each row."""
    full, number = quote(f"__full_{name}"), "row_number() over () - 1"
    have = {r[0] for r in con.execute(f"describe from {literal(str(path))}").fetchall()}
    file = f"(select * exclude ({SAMPLE}) from {literal(str(path))})" if SAMPLE in have else literal(str(path))
    con.execute(f"create table {full} as select {number} as {RID}, {number} as {SAMPLE}, * from {file}")
    con.execute(f"create view {quote(name)} as select * exclude ({RID}, {SAMPLE}) from {full}")


def _sample_rows(task: _Task, loaded: Loaded) -> pa.Table:
    """Where each sample of a morsel stands, the unreadable ones too."""
    errors = loaded.errors
    ids = pa.concat_arrays([*loaded.table.column(SAMPLE).chunks, pa.array([e.sample_id for e in errors], pa.int64())])
    rows = pa.concat_arrays([loaded.file_rows, pa.array([e.row for e in errors], pa.int64())])
    files = pa.array([task.file] * loaded.table.num_rows + [e.file for e in errors], pa.string())
    return pa.table({SAMPLE: ids, "file": files, "row": rows})


def _same(loaded: Loaded) -> Loaded:
    return loaded
