"""A suite that is ready to judge a plan's relations, before anything is published or when the last run is validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from juicesql.errors import SuiteError
from juicesql.gates.binding import BoundRelation, bind
from juicesql.gates.frames import Rows
from juicesql.gates.judge import Judge
from juicesql.gates.model import SOURCE, Check, Report, Suite
from juicesql.gates.rules import Judged, compile_all, library
from juicesql.gates.suite import load_suite, suite_path
from juicesql.plan import RID, SAMPLE
from juicesql.segments import write_parquet
from juicesql.sqltext import literal, matching, quote

if TYPE_CHECKING:
    from juicesql.engines.embedded import Embedded
    from juicesql.running import Prepared

_SOURCE_VIEW = "__gate_source"


@dataclass(frozen=True)
class Gate:
    """A suite bound to a plan: nothing in it is unknown to the recipe or to great_expectations."""

    suite: Suite
    recipe: str
    relations: tuple[BoundRelation, ...]
    judged: tuple[Judged, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of the plan that must stand as relations."""
        return tuple(r.step for r in self.relations if r.step)

    @property
    def needs_stats(self) -> bool:
        """Some expectation is of a stat that no column holds."""
        return any(v.stat for r in self.relations for v in r.values.values())

    def check(self, engine: Embedded, run_id: str) -> Report:
        """Judge every relation of the suite on an engine that has run."""
        judge = Judge()
        found: dict[int, Check] = {}
        raw = {}
        for relation in self.relations:
            mine = [j for j in self.judged if j.expectation in relation.expectations]
            checks = judge.judge(mine, _rows(engine, relation), relation.columns)
            found |= {j.number: c for j, c in zip(mine, checks, strict=True)}
            raw[relation.name] = judge.results
        return Report(run_id, self.recipe, self.suite.path, tuple(found[j.number] for j in self.judged), raw=raw)


def load_gate(prepared: Prepared, suite: Path | None = None) -> Gate:
    """The gate of a recipe. SuiteError with everything that is wrong with its suite."""
    path = suite or suite_path(prepared.recipe.path)
    loaded, problems = load_suite(path)
    library()
    plan, config = prepared.plan, prepared.config
    keep_id = config.keep_sample_id or plan.asks_sample_id
    exported = [c for c, _ in plan.step(plan.result).columns if not c.startswith("__") and (c != SAMPLE or keep_id)]
    relations, unknown = bind(loaded, plan, [*exported, *(["stats"] if config.keep_stats else [])])
    judged, misused = compile_all(loaded.expectations, loaded.path)
    problems = sorted([*problems, *unknown, *misused], key=lambda p: p.line or 0)
    if problems:
        raise SuiteError(problems)
    return Gate(loaded, str(prepared.recipe.path), tuple(relations), tuple(judged))


def _rows(engine: Embedded, relation: BoundRelation) -> Rows:
    """A relation of the engine with the stats that are asked for beside it."""
    if relation.name == SOURCE:
        _spool_source(engine, relation)
    name = quote(f"__full_{relation.step}") if relation.step else _SOURCE_VIEW
    columns = {r[0] for r in engine.con.execute(f"describe {name}").fetchall()}
    origin, values, joined = f"{name} r", {}, 0
    for value in relation.values.values():
        if not value.stat:
            values[value.name] = value.sql
            continue
        origin += f" left join {_stat(engine, value.stat, value.type)} s{joined} on s{joined}.{SAMPLE} = r.{SAMPLE}"
        values[value.name] = f"s{joined}.value"
        joined += 1
    place = f"r.{RID}" if relation.step else f"r.{SAMPLE}"
    sample = f"r.{SAMPLE}" if SAMPLE in columns and relation.traced == "rows" else place
    return Rows(engine.con, origin, values, sample, place if joined else "", f"{name} r")


def _stat(engine: Embedded, label: str, type_: str) -> str:
    """SQL for the values of a stat by sample, as this run has them."""
    labels = engine.execution.stat_labels
    if label not in labels:
        return f"(select null::bigint as {SAMPLE}, null::{type_} as value where false)"
    path = literal(matching(engine.scratch / "stats", f"{labels.index(label)}-*.parquet"))
    return f"(select {SAMPLE}, max(value) as value from read_parquet({path}) group by {SAMPLE})"


def _spool_source(engine: Embedded, relation: BoundRelation) -> None:
    """The columns of the source that are asked for, read once more into the scratch folder; without any, its rows."""
    counted = engine.execution.rows_in - len(engine.execution.source_errors)
    if not relation.values and counted:
        engine.con.execute(f"create view {_SOURCE_VIEW} as select range as {SAMPLE} from range({counted})")
        return
    folder = engine.scratch / "spool" / _SOURCE_VIEW
    folder.mkdir(parents=True)
    wanted = {v.sql.removeprefix("r.") for v in relation.values.values() if v.sql}
    for morsel in engine.source.morsels():
        table = morsel.load().table
        names = [
            n
            for n in table.column_names
            if n == SAMPLE or any(w == quote(n) or w.startswith(quote(n) + ".") for w in wanted)
        ]
        write_parquet(table.select(names), folder / f"{morsel.index:08d}.parquet")
    if any(folder.iterdir()):
        engine.con.execute(f"create view {_SOURCE_VIEW} as from read_parquet({literal(matching(folder, '*.parquet'))})")
        return
    columns = ", ".join(f"{quote(n)} {t}" for n, t in ((SAMPLE, "BIGINT"), *engine.plan.source_columns))
    engine.con.execute(f"create table {_SOURCE_VIEW} ({columns})")
