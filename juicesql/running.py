"""One run of a recipe, from the file to the published output. The run is the only stateful thing in juicesql."""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

import juicesql
from juicesql import accounting, record
from juicesql import export as exporting
from juicesql.advice import advise
from juicesql.earlier import Earlier, find_earlier
from juicesql.engines.embedded import Embedded, Execution, Settings, check_error_rate
from juicesql.engines.watch import Progress, watched
from juicesql.errors import ExportError, JuiceError, RecipeError, SourceError
from juicesql.funnel import FunnelRow, make_funnel
from juicesql.history import read_history
from juicesql.jsonexport import Column, layout_of
from juicesql.latest import write_latest
from juicesql.measure import Measurer
from juicesql.media import MAX_SAMPLES, MediaSettings, held_within
from juicesql.origin import KEY, Origin, media_columns
from juicesql.passing import told_kinds
from juicesql.plan import SAMPLE, Plan
from juicesql.planner import make_plan
from juicesql.project import Project, open_project
from juicesql.publication import Publication, begun, finish, forget
from juicesql.reasons import Reason
from juicesql.recipe import Config, Recipe, load_recipe
from juicesql.registry import Registry
from juicesql.restricted import check_export
from juicesql.sources import Source, SourceSpec, open_source
from juicesql.sources.model import SourceWidened
from juicesql.sqltext import literal, matching, quote
from juicesql.store import Store
from juicesql.workers import Pool

if TYPE_CHECKING:
    from juicesql.gates.gate import Gate
    from juicesql.gates.model import Check, Report


class Quiet:
    """Says nothing."""

    def begin(self, total_bytes: int) -> None:
        pass

    def advance(self, rows: int, bytes_: int) -> None:
        pass

    def stage(self, name: str) -> None:
        pass

    def share(self, part: float | None) -> None:
        pass


@dataclass(frozen=True)
class RunResult:
    """What a run did. Rows are samples of the source; `rows_out` are rows of the output."""

    run_id: str
    recipe: str
    source: str
    project: str
    stats_database: str
    export: str
    rows_in: int
    kept: int
    dropped: int
    duplicates: int
    errors: int
    rows_out: int
    seconds: float
    measured: int  # values computed in this run, of stats and of mappers whose values are stored
    reused: int  # values found in the stats database
    funnel: tuple[FunnelRow, ...] = ()
    files: tuple[exporting.ExportedFile, ...] = ()
    unpublished: str = ""  # where the output would stand if a row were left
    checks: tuple[Check, ...] = ()  # of the recipe's expectations, with `gate`
    warnings: tuple[str, ...] = ()  # what a person should look at, though the run is done
    failed: int = 0  # rows for which something failed; those are kept whose NULL no cut looks at
    reasons: tuple[Reason, ...] = ()  # why rows failed, the most frequent first

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    """A recipe that is ready to run or to explain: everything that is known before a row is read."""

    project: Project
    registry: Registry
    recipe: Recipe
    config: Config
    source: Source
    inputs: tuple[str, ...]
    plan: Plan
    side: Mapping[str, Path] = field(default_factory=dict)
    base: Path = Path(".")
    earlier: tuple[Earlier, ...] = ()
    spec: SourceSpec | None = None  # of the whole source
    advice: tuple[str, ...] = ()  # comparisons that decide nothing


def prepare(
    recipe: str | Path,
    *,
    source: Sequence[str] = (),
    project: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
    carry: bool = False,
    looked_at: bool = False,
    **options: Any,
) -> Prepared:
    """Load, render and plan a recipe. `options` go before those of its `config(...)`; None leaves the recipe's.

    With `carry`, columns of JSON that no step looks at get no type: for a run that writes JSON or nothing. `looked_at`:
    somebody else asks for values of any column.
    """
    found = open_project(Path(project) if project else None, near=Path(recipe) if Path(recipe).exists() else None)
    registry = found.registry()
    loaded = load_recipe(found.find_recipe(str(recipe)), registry, variables)
    config = found.config(loaded, options)
    base = found.base
    inputs, spec_base = tuple(source), Path.cwd()
    side: dict[str, Path] = {}
    if not inputs:
        inputs, spec_base = config.sources, base
    for name in dict.fromkeys(loaded.refs):
        side[f"ref_{name}"] = _ref(name, found, registry, base)
    if not inputs and side:
        name, path = next(iter(side.items()))
        inputs, spec_base = (str(path),), base
        del side[name]
        loaded = replace(loaded, sql=loaded.sql.replace(quote(name), "source"))
    if not inputs:
        mend = "give --source PATH, or config(source=...) in the recipe"
        raise RecipeError.of("no-source", f"{loaded.path.name} has no source", mend)
    bounds = found.bounds
    for path in side.values() if bounds else ():
        bounds.check(path, "the source")  # type: ignore[union-attr]
    if config.export:
        check_export(target_of(config, base).path, found.root, bounds)
    spec = found.within(config.source_spec(inputs, spec_base))
    opened = open_source(spec)
    columns = sql_columns(opened.schema)
    carries = carry and opened.packs and exporting.is_json(config.export)
    others = {n: _file_columns(p) for n, p in side.items()}
    plan = make_plan(loaded, registry, columns, others, carries, opened.mixed, looked_at)
    earlier = find_earlier(loaded, registry, found, base, opened.fingerprint)
    plan = replace(plan, earlier=tuple(run.run_id for e in earlier for run in e.runs))
    advice = advise(plan, registry)
    return Prepared(found, registry, loaded, config, opened, inputs, plan, side, base, earlier, spec, advice)


def _ref(name: str, project: Project, registry: Registry, base: Path) -> Path:
    """The output of another recipe of the project."""
    other = load_recipe(project.find_recipe(name), registry)
    path = base / other.config.export
    if not other.config.export or not path.is_file():
        message = f"ref({name!r}): the output of that recipe does not exist"
        raise RecipeError.of("missing-ref", message, f"run `juicesql run {name}` first; it needs config(export=...)")
    return path


def sql_columns(schema: pa.Schema) -> tuple[tuple[str, str], ...]:
    """Names and SQL types of the columns of a source."""
    with duckdb.connect() as con:
        con.register("t", schema.empty_table())
        return tuple((r[0], r[1]) for r in con.execute("describe from t").fetchall())


def _file_columns(path: Path) -> tuple[tuple[str, str], ...]:
    with duckdb.connect() as con:
        return tuple((r[0], r[1]) for r in con.execute(f"describe from {literal(str(path))}").fetchall())


def run(
    recipe: str | Path,
    *,
    source: str | Sequence[str] = (),
    export: str | Path | None = None,
    project: str | Path | None = None,
    variables: Mapping[str, Any] | None = None,
    engine: str = "duckdb",
    threads: int | None = None,
    memory_limit: str | None = None,
    trace: int = 10,
    on_error: str | None = None,
    max_error_rate: float | None = None,
    fresh: bool = False,
    gate: bool = False,
    overwrite: bool = False,
    allow_empty: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> RunResult:
    """Run a recipe and publish its output.

    `recipe` is a path or a listed name; `source` and `export` go before the recipe's own. `fresh` measures everything
    again. `gate` publishes only what meets the expectations beside the recipe, `overwrite` also over the output of
    another recipe, `allow_empty` also a result without rows. Raises a JuiceError that names file,
    line, cause and mend; then nothing is published, but values that were measured stay in the stats database for the
    next run.
    """
    if engine != "duckdb":
        raise RecipeError.of("unknown-engine", f"there is no engine `{engine}`", "the engine of this version is duckdb")
    sources = (source,) if isinstance(source, str) else tuple(source)
    prepared = prepare(
        recipe, source=sources, project=project, variables=variables, on_error=on_error, max_error_rate=max_error_rate,
        export=str(Path(export).resolve()) if export else None, carry=True, looked_at=gate,
    )  # fmt: skip
    for line in prepared.advice if tell else ():
        tell(line)  # type: ignore[misc]
    limits, ways = prepared.project.limits(threads, memory_limit), Ways(fresh, overwrite, allow_empty)
    try:
        return _run(prepared, limits, trace, ways, gate, progress or Quiet())
    except SourceWidened:  # a value that the sample of the source did not announce
        try:
            return _run(widened(prepared), limits, trace, ways, gate, progress or Quiet())
        except SourceWidened as again:
            raise SourceError.of(
                "source-changed", f"the source changes while it is read: {again}", "run again"
            ) from None


@dataclass(frozen=True)
class Ways:
    """What a person allowed a run beyond the usual."""

    fresh: bool = False
    overwrite: bool = False
    allow_empty: bool = False


def _run(
    prepared: Prepared, limits: tuple[int, int], trace: int, ways: Ways, gate: bool, progress: Progress
) -> RunResult:
    bound = _load_gate(prepared, None) if gate else None
    settings = Settings(
        *limits, trace, prepared.config.keep_stats or bool(bound and bound.needs_stats), prepared.config.on_error,
        prepared.config.max_error_rate, widens=True,
    )  # fmt: skip
    store = Store(prepared.project.root, memory_mb=settings.memory_mb // 2)
    with store.lock():
        return _Run(prepared, store, settings, progress, ways, gate=bound).go()


def widened(prepared: Prepared) -> Prepared:
    """The recipe planned again, for the columns and types of every row of its source."""
    assert prepared.spec
    whole = open_source(replace(prepared.spec, full_scan=True))
    passing = prepared.plan.passing
    return planned(replace(prepared, source=whole), passing is not None, bool(passing and passing.looked_at))


def planned(prepared: Prepared, carries: bool, looked_at: bool = False) -> Prepared:
    """The recipe planned again for its source, with or without columns that get no type."""
    columns, side = sql_columns(prepared.source.schema), {n: _file_columns(p) for n, p in prepared.side.items()}
    plan = make_plan(prepared.recipe, prepared.registry, columns, side, carries, prepared.source.mixed, looked_at)
    return replace(prepared, plan=replace(plan, earlier=prepared.plan.earlier))


def _load_gate(prepared: Prepared, suite: Path | None) -> Gate:
    from juicesql.gates.gate import load_gate  # with great_expectations, which takes seconds

    return load_gate(prepared, suite)


def recheck(
    prepared: Prepared,
    run_id: str,
    *,
    suite: Path | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Execute a plan again, as far as its expectations look, and judge them. Nothing is published; stored values are
    used, and the report takes the place of an earlier one of the run."""
    gate = _load_gate(prepared, suite)
    settings = Settings(
        *prepared.project.limits(threads, memory_limit), 0, gate.needs_stats, prepared.config.on_error, 1.0,
    )  # fmt: skip
    store = Store(prepared.project.root, memory_mb=settings.memory_mb // 2)
    quiet = replace(prepared, config=replace(prepared.config, export=""))
    with store.lock():
        return _Run(quiet, store, settings, progress or Quiet(), Ways(), gate=gate).recheck(run_id)


@dataclass(frozen=True)
class Observed:
    """What every row of a step gave: Parquet files of sample_id, the columns of its stats, and `__cN` for cut N."""

    run_id: str
    files: Mapping[str, str]  # step -> glob
    rows_in: int
    errors: int


def observe(
    prepared: Prepared,
    steps: frozenset[str],
    look: Callable[[Observed], None],
    *,
    threads: int | None = None,
    memory_limit: str | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Run a plan whose cuts in `steps` drop no row, and let `look` at what they say. It is recorded as `analyzed`."""
    settings = Settings(
        *prepared.project.limits(threads, memory_limit), 0, False, prepared.config.on_error,
        prepared.config.max_error_rate, steps,
    )  # fmt: skip
    store = Store(prepared.project.root, memory_mb=settings.memory_mb // 2)
    with store.lock():
        return _Run(prepared, store, settings, progress or Quiet(), Ways(fresh), look).go()


def mend_publications(store: Store) -> None:
    """Finish what killed runs had begun to publish, and say in `runs` what became of it."""
    notes = begun(store.home.journal)
    if not notes:
        return
    with store.open() as con:
        for note in notes:
            found = con.execute("select status from runs where run_id = ?", [note.stem]).fetchone()
            if found == ("publishing",):
                con.execute("begin")
                if finish(note):
                    _end(con, note.stem, "done")
                else:
                    gone = "the run was killed while it published, and what it had written is gone"
                    record.end_run(con, note.stem, {"status": "failed", "message": gone})
                con.execute("commit")
            forget(note)


def _odd(totals: accounting.Totals, funnel: Sequence[FunnelRow]) -> list[str]:
    """A warning where nearly nothing is left, with the cut that took the most."""
    gone = totals.dropped + totals.duplicates
    if gone <= 0.99 * totals.rows_in:
        return []
    most = max(funnel, key=lambda row: row.dropped or 0)
    return [f"{gone:,} of {totals.rows_in:,} rows are gone; `{most.sql}` took {most.dropped:,} of them"]


def _end(con: duckdb.DuckDBPyConnection, run_id: str, status: str) -> None:
    record.end_run(con, run_id, {"status": status})
    if status == "done":
        write_latest(con, run_id)


def target_of(config: Config, base: Path) -> exporting.Target:
    """Where the output of a recipe goes."""
    return exporting.make_target((base / config.export).absolute(), config.shard_rows, config.shard_bytes)


class _Run:
    def __init__(
        self,
        prepared: Prepared,
        store: Store,
        settings: Settings,
        progress: Progress,
        ways: Ways,
        look: Callable[[Observed], None] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.gate = gate
        self.prepared, self.store, self.settings, self.progress, self.ways = prepared, store, settings, progress, ways
        self.look = look
        self.execution: Execution | None = None
        self.run_id = f"{datetime.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
        self.started = time.perf_counter()
        self.plan, self.config, self.source = prepared.plan, prepared.config, prepared.source
        self.scratch = store.home.path / self.run_id
        self.side = prepared.side
        self.warnings: list[str] = list(prepared.advice)
        self.target = target_of(self.config, prepared.base) if self.config.export else None
        self.publication = self.target and Publication(
            self.target, self.run_id, str(prepared.recipe.path), prepared.project.root
        )

    def go(self) -> RunResult:
        mend_publications(self.store)
        if self.publication:
            self.publication.begin([f.path for f in self.source.files], self.ways.overwrite)
        try:
            return self._measured()
        finally:
            if self.publication:
                self.publication.leave(self.store.home.journal)

    def _measured(self) -> RunResult:
        measurer, rank = self._ready(recorded=True)
        try:
            return self._execute(measurer, rank)
        except BaseException as error:
            with contextlib.suppress(JuiceError, duckdb.Error), self.store.open() as con:
                self._note_failure(con, error)
            if isinstance(error, duckdb.OutOfMemoryException):
                mend = "give a larger --memory-limit or fewer --threads"
                raise ExportError.of("out-of-memory", str(error).splitlines()[0], mend) from error
            if isinstance(error, (OSError, duckdb.IOException)):
                raise ExportError.of("disk", f"cannot write: {error}", "make room on the disk and run again") from error
            raise
        finally:
            measurer.pool.close()
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _note_failure(self, con: duckdb.DuckDBPyConnection, error: BaseException) -> None:
        """What a run that ends early leaves: its values, the rows that failed, and why. Published is published."""
        self.store.ingest_segments(con)
        if self.publication and self.publication.moved:
            return
        if isinstance(error, SourceWidened):  # the run begins again under another id
            con.execute("delete from runs where run_id = ?", [self.run_id])
            return
        con.execute("begin")
        if self.execution:
            con.execute("delete from errors where run_id = ?", [self.run_id])
            record.record_errors(con, self.run_id, self.execution)
        status = "failed" if isinstance(error, Exception) else "interrupted"
        record.end_run(con, self.run_id, {"status": status, "message": str(error)})
        con.execute("commit")

    def recheck(self, run_id: str) -> Report:
        """Judge the gate's expectations on what the plan gives now, under the name of an earlier run."""
        assert self.gate
        measurer, rank = self._ready(recorded=False)
        try:
            engine = self._engine(measurer, rank, [], self.gate.steps)
            try:
                self.progress.begin(self.source.total_bytes)
                if self.gate.steps:
                    engine.run(self.progress)
                self.progress.stage("checking")
                report = self.gate.check(engine, run_id)
            finally:
                engine.close()
        finally:
            measurer.pool.close()
            shutil.rmtree(self.scratch, ignore_errors=True)
        with self.store.open() as con:
            self.store.ingest_segments(con)
            record.record_checks(con, report)
        return replace(report, seconds=time.perf_counter() - self.started)

    def _ready(self, recorded: bool) -> tuple[Measurer, Mapping[str, float]]:
        """Make the scratch folder, load what is known, and note that the run began if it is one to record."""
        self.store.home.clear()
        self.scratch.mkdir()
        side = {e.relation: e.write(self.scratch, self.settings.memory_mb // 2) for e in self.prepared.earlier}
        self.side = {**self.prepared.side, **side}
        with self.store.open() as con:
            self._take_in(con)
            known = {} if self.ways.fresh else self.store.known(con, self.plan.calls)
            rank = read_history(con, str(self.prepared.recipe.path)).rank(self.plan)
            if recorded:
                record.start_run(con, self._facts())
        media = self._media()
        pool = Pool(self.prepared.registry.project, self.settings.threads, media.environment())
        return Measurer(self.prepared.registry, known, self.store.segments, pool, media), rank

    def _take_in(self, con: duckdb.DuckDBPyConnection) -> None:
        if self.store.renew(con):
            told = "stored values are from a version that could miss a change of code: they are measured once more"
            self.warnings.append(told)
        for path in self.store.ingest_segments(con):
            self.warnings.append(f"a file of measured values was torn; they are measured again, and it lies in {path}")

    def _engine(
        self, measurer: Measurer, rank: Mapping[str, float], outputs: list[Path], ends: Sequence[str]
    ) -> Embedded:
        return Embedded(
            self.plan, self.source, self.side, self.prepared.registry, measurer, self.scratch, outputs, self.settings,
            rank, ends,
        )  # fmt: skip

    def _media(self) -> MediaSettings:
        """Relative paths of media begin at the folder of the source, as long as the recipe names no other root."""
        root, first = self.config.media_root, self.source.files[0].path
        near = Path(first).parent if "://" not in first else Path()
        base = self.prepared.base / root if root else near
        asking = [(self.prepared.registry.get(c.function), dict(c.parameters)) for c in self.plan.calls]
        wanted = dict.fromkeys(f.frames(**given) for f, given in asking if f.frames)
        return MediaSettings(
            root=str(base.absolute()),
            confined=bool(root),
            produced=str((self.prepared.project.root / "produced").absolute()),
            cache=str(self.scratch / "frames"),
            wanted=tuple(wanted),
            row_seconds=self.config.row_seconds,
            max_pixels=min(self.config.max_pixels, held_within(self.settings.memory_mb << 20)),
            max_samples=min(MAX_SAMPLES, held_within(self.settings.memory_mb << 20)),
            within=tuple(map(str, bounds.folders)) if (bounds := self.prepared.project.bounds) else (),
        )

    def _facts(self) -> dict[str, Any]:
        recipe = self.prepared.recipe
        versions = {"juicesql": juicesql.__version__, "duckdb": duckdb.__version__, "python": platform.python_version()}
        return {
            "run_id": self.run_id, "recipe": recipe.name, "recipe_path": str(recipe.path),
            "rendered_sql": recipe.plain_sql, "template": recipe.template, "vars": json.dumps(dict(recipe.variables)),
            "source": self._source_name(),
            "source_fingerprint": self.source.fingerprint,
            "plan": json.dumps(self.plan.to_dict() | self._origin(), default=str),
            "plan_fingerprint": self.plan.fingerprint, "versions": json.dumps(versions), "engine": "duckdb",
            "threads": self.settings.threads, "export": str(self.target.path) if self.target else None,
        }  # fmt: skip

    def _origin(self) -> dict[str, Any]:
        """Where its samples are found again."""
        spec, media, registry = self.prepared.spec, self._media(), self.prepared.registry
        if spec is None:
            return {}
        root = media.root if self.config.media_root else ""
        files = {c.sql: media_columns(c, registry, self.source.schema) for c in self.plan.calls if c.media}
        origin = Origin.of(spec, self.prepared.project.root, root, media.confined, files)
        return {KEY: origin.to_dict()}

    def _source_name(self) -> str:
        return " ".join(self.prepared.inputs)

    def _execute(self, measurer: Measurer, rank: Mapping[str, float]) -> RunResult:
        outputs = [self.publication.folder] if self.publication else []
        looked_at = self.gate.steps if self.gate else ()
        engine = self._engine(measurer, rank, outputs, [*looked_at, self.plan.result])
        self.execution = engine.execution
        report: Report | None = None
        try:
            self.progress.begin(self.source.total_bytes)
            execution = engine.run(self.progress)
            check_error_rate(execution, self.settings.max_error_rate)
            self.progress.stage("writing")
            with watched(engine.con, self.progress.share):
                engine.con.execute(
                    f"copy (select distinct {SAMPLE} from ({engine.samples(self._last_traced())})) to "
                    f"{literal(str(self.scratch / 'kept.parquet'))} (format parquet)"
                )
                files = self._write(engine, execution.stat_labels)
                rows_out = execution.step_rows_out[self.plan.result]
            if self.gate:
                self.progress.stage("checking")
                report = self.gate.check(engine, self.run_id)
        finally:
            engine.close()
        self.source.check_unchanged()
        self._admit(report)
        self.progress.stage("recording")
        funnel = make_funnel(self.plan, execution, rank)
        publication = self.publication if rows_out or self.ways.allow_empty else None
        with self.store.open() as con:
            self._take_in(con)
            totals = accounting.decide(con, self.plan, execution, self.scratch)
            con.execute("begin")
            source = (self._source_name(), self.source.fingerprint)
            source_id = record.record(
                self.store, con, self.run_id, source, self.plan, execution, funnel, measurer.costs, self.scratch,
                self.settings.trace,
            )  # fmt: skip
            seconds = time.perf_counter() - self.started
            record.end_run(con, self.run_id, {
                "status": "publishing", "seconds": seconds, "rows_in": totals.rows_in, "rows_out": rows_out,
                "source_id": source_id, "samples_kept": totals.kept, "samples_dropped": totals.dropped,
                "samples_duplicate": totals.duplicates, "samples_error": totals.errors,
                "export": str(publication.target.path) if publication else None,
            })  # fmt: skip
            if publication:
                publication.seal(files, self.store.home.journal)
                con.execute("commit")
                publication.put()
                con.execute("begin")
            _end(con, self.run_id, "analyzed" if self.look else "done")
            con.execute("commit")
        if publication:
            publication.end(self.store.home.journal)
        self.warnings += _odd(totals, funnel)
        if self.look:
            glob = {s: matching(self.scratch / "observed", f"{i}-*.parquet") for i, s in enumerate(execution.observed)}
            self.look(Observed(self.run_id, glob, totals.rows_in, totals.errors))
        stored = {c.identity for c in self.plan.calls if c.stored}
        return RunResult(
            run_id=self.run_id,
            recipe=str(self.prepared.recipe.path),
            source=self._source_name(),
            project=str(self.prepared.project.root),
            stats_database=str(self.store.path),
            export=str(publication.target.path) if publication else "",
            rows_in=totals.rows_in,
            kept=totals.kept,
            dropped=totals.dropped,
            duplicates=totals.duplicates,
            errors=totals.errors,
            rows_out=rows_out,
            seconds=seconds,
            measured=sum(c.rows for i, c in measurer.costs.items() if i in stored),
            reused=sum(c.reused for c in measurer.costs.values()),
            funnel=tuple(funnel),
            files=tuple(files) if publication else (),
            unpublished=str(self.target.path) if self.target and not publication else "",
            checks=report.checks if report else (),
            warnings=tuple(self.warnings),
            failed=len(execution.failed),
            reasons=execution.reasons(),
        )

    def _admit(self, report: Report | None) -> None:
        """Keep a report of the gate; GateError when it says that nothing may be published."""
        if report:
            with self.store.open() as con:
                record.record_checks(con, report)
            if not report.success:
                raise report.refusal()

    def _last_traced(self) -> str:
        """The relation nearest to the result whose rows still say which samples they are."""
        name = self.plan.result
        while not self.plan.step(name).traced:
            step = self.plan.step(name)
            name = step.input if step.kind == "map" else step.inputs[0]
        return name

    def _write(self, engine: Embedded, labels: list[str]) -> list[exporting.ExportedFile]:
        if not (self.target and self.publication):
            return []
        keep_id = self.config.keep_sample_id or self.plan.asks_sample_id
        result = self.plan.step(self.plan.result).columns
        columns = [Column(c, f"r.{quote(c)}", t) for c, t in result if c != SAMPLE or keep_id]
        joined = ""
        if self.config.keep_stats and labels:
            fields = []
            places = {c.label: i for i, c in enumerate(self.plan.calls)}
            for label in sorted(labels, key=lambda name: places[name]):
                i = labels.index(label)
                path = literal(matching(self.scratch / "stats", f"{i}-*.parquet"))
                values = f"select {SAMPLE}, max(value) as value from read_parquet({path}) group by {SAMPLE}"
                joined += f" left join ({values}) s{i} using ({SAMPLE})"
                fields.append(f"{quote(label)} := s{i}.value")
            columns.append(Column("stats", f"struct_pack({', '.join(fields)})"))
        renamed = {given: name for name, given in self.source.renamed}
        layout = layout_of(self.plan, columns, self.scratch / "lines", renamed)
        files, lost = exporting.write(engine.con, self.target, self.publication.data, layout, joined)
        if lost:
            self.warnings.append(f"{lost:,} numbers were NaN or infinite, which JSON has no word for: they are null")
        self.warnings += told_kinds(engine.execution.kinds.values())
        if self.plan.passing is None:
            names = self.source.renamed
            self.warnings += [f"the column `{name}` of the source is called `{given}`" for name, given in names]
        return files
