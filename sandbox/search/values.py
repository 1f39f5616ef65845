"""The values that threshold trials ask: the board of a run that measured every row, and stats measured beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from juicesql.analysis.analyze import analyze
from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError
from juicesql.runs import RunRecord, find_run, read_run
from juicesql.sqltext import literal, quote
from juicesql.store import Store
from juicesql.whatif import Board, open_board
from juicesql.whatif.counts import judged
from juicesql.whatif.gates import Moves

from ..errors import SandboxError
from .names import labelled
from .scores import Score, score

if TYPE_CHECKING:
    from juicesql.running import Prepared


@dataclass(frozen=True)
class Beside:
    """A stat that the recipe does not name, as the stats database has it for the same texts."""

    label: str
    function: str
    returns: str
    table: str
    argument: int


@dataclass(frozen=True)
class Judgement:
    """What one setting of the thresholds gives. `open` rows may stay too: a value of theirs, or a step over all rows,
    is not known. `values` has None for a metric that no row has a value for."""

    kept: int
    open: int
    values: Mapping[str, float | None]


class Judge:
    """Answers threshold trials. Every question takes a cursor, so that threads can ask at once."""

    def __init__(self, board: Board, scores: Iterable[Score], columns: Mapping[str, str]) -> None:
        self.board, self.scores, self._columns = board, tuple(scores), columns

    def __call__(self, moves: Moves) -> Judgement:
        used = dict.fromkeys(c for s in self.scores for c in s.columns)
        named = "".join(f", {quote(self._columns[c])} as {quote(c)}" for c in used)
        fated = f"with fated as materialized (select fate{named} from ({judged(self.board, moves)}) where fate < 3)"
        asked = ", ".join(f"({s.sql})::double" for s in self.scores)
        cursor = self.board.con.cursor()
        row = cursor.execute(
            f"{fated} select * from (select count(*) filter (fate > 0) from fated), "
            f"(select count(*), {asked} from fated where fate = 0)"
        ).fetchone()
        assert row is not None
        share = row[1] / self.board.rows if self.board.rows else None
        values = {s.name: v if v is None or v == v else None for s, v in zip(self.scores, row[2:], strict=True)}
        return Judgement(row[1], row[0], {n: share if n == "kept_share" else v for n, v in values.items()})

    def close(self) -> None:
        self.board.close()


def open_judge(
    project: Path, prepared: Prepared, metrics: Iterable[str], run_id: str | None, progress: Progress
) -> Judge:
    """Load the values. Nothing is measured when the run, or any other, measured every stat of the recipe before."""
    store = Store(project)
    run = _measured(store, prepared, run_id) or _analyzed(store, prepared, progress)
    board = open_board(store, run)
    if not board.agrees:  # the stored values are newer than the run
        board.close()
        board = open_board(store, _analyzed(store, prepared, progress))
    try:
        return _judge(store, board, tuple(metrics))
    except BaseException:
        board.close()
        raise


def _judge(store: Store, board: Board, metrics: tuple[str, ...]) -> Judge:
    own = labelled(board.funnel)
    beside = {b.label: b for b in stored_beside(store, board.run.source_id) if b.label not in own}
    types = {n: v.returns for n, v in own.items()} | {n: b.returns for n, b in beside.items()}
    functions = [(v.function, n) for n, v in own.items()] + [(b.function, n) for n, b in beside.items()]
    aliases = {f: n for f, n in reversed(functions) if f not in types}
    scores = [metric_score(name, types, aliases) for name in metrics]
    columns = {n: v.column for n, v in own.items()}
    wanted = [beside[c] for s in scores for c in s.columns if c in beside]
    for number, one in enumerate(dict.fromkeys(wanted)):
        columns[one.label] = f"beside_{number}"
        _add(store, board, one, columns[one.label])
    return Judge(board, scores, columns)


def metric_score(name: str, types: Mapping[str, str], aliases: Mapping[str, str]) -> Score:
    """A metric of kept rows; `kept_share` is worked out by the judge."""
    if name == "kept_share":
        return Score(name, "count(*)", ())
    try:
        return score(name, types, aliases)
    except SandboxError as error:
        raise SandboxError(
            [replace(p, mend=p.mend + _MEASURE) if p.mend.startswith("measured:") else p for p in error.problems]
        ) from error


_MEASURE = "; to measure another stat on the source: `juicesql analyze DATA --auto --stat 'quality_score(text)'`"


def stored_beside(store: Store, source_id: int | None) -> list[Beside]:
    """Stats that any run measured on texts of this source; for a label that several have, the newest of the source."""
    if source_id is None or not store.path.exists():
        return []
    with store.open(read_only=True) as con:
        rows = con.execute(
            "select label, function, returns, table_name, argument_id from stat_columns c "
            "where exists (from sample_keys k where k.source_id = $source and k.argument_id = c.argument_id) "
            "qualify row_number() over (partition by label order by source_id = $source desc, run_id desc) = 1",
            {"source": source_id},
        ).fetchall()
    return [Beside(*row) for row in rows]


def _add(store: Store, board: Board, one: Beside, column: str) -> None:
    """Give the board another column. Its connection reaches no file, so the values come through memory."""
    with store.open(read_only=True) as con:
        values = con.sql(
            f"select k.sample_id, m.value from sample_keys k join measured.{quote(one.table)} m using (key) "
            f"where k.source_id = {board.run.source_id} and k.argument_id = {one.argument}"
        ).to_arrow_table()
    cursor = board.con.cursor()
    cursor.register("incoming", values)
    cursor.execute(
        f"create or replace table board as select b.*, i.value as {quote(column)} from board b "
        "left join incoming i using (sample_id)"
    )
    cursor.unregister("incoming")


def _measured(store: Store, prepared: Prepared, run_id: str | None) -> RunRecord | None:
    """The run that is named, if it is one of this recipe on this data; else the newest analysis of it."""
    if not store.path.exists():
        return None
    with store.open(read_only=True) as con:
        named = _named(con, run_id) if run_id else None
        if named and named.status == "analyzed" and _same(named, prepared):
            return named
        rows = con.execute(
            f"select run_id from runs where status = 'analyzed' and source = {literal(' '.join(prepared.inputs))} "
            "order by started desc limit 20"
        ).fetchall()
        return next((r for (i,) in rows if _same(r := read_run(con, i), prepared)), None)


def _named(con: duckdb.DuckDBPyConnection, run_id: str) -> RunRecord | None:
    try:
        return find_run(con, run_id, analyses=True)
    except JuiceError:
        return None


def _same(run: RunRecord, prepared: Prepared) -> bool:
    """Whether a run measured this recipe, with these variables, on these data."""
    recipe = prepared.recipe
    return (run.template, run.variables, run.source_fingerprint) == (
        recipe.template, dict(recipe.variables), prepared.source.fingerprint,
    )  # fmt: skip


def _analyzed(store: Store, prepared: Prepared, progress: Progress) -> RunRecord:
    """Measure every stat of the recipe on every row. What is stored already is only read."""
    found = analyze(
        prepared.recipe.path, source=_inputs(prepared), project=store.project, variables=prepared.recipe.variables,
        progress=progress,
    )  # fmt: skip
    with store.open(read_only=True) as con:
        return read_run(con, found.run_id)


def _inputs(prepared: Prepared) -> tuple[str, ...]:
    return () if prepared.inputs == prepared.config.sources else prepared.inputs
