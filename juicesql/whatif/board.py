"""The measured values of one run in memory: a table with a row a sample, on a connection that reaches nothing else.

The stats database is open only while they are loaded. `board` has `sample_id`; `left`, the gate where the sample left
the run (the number of gates: it stayed; -1: an error took it); for each value `v` the columns `v`, `v_known` (it was
measured, or would be NULL) and `v_failed` (its function raised); and two masks with a bit for each gate, under the
thresholds of the run: `fails`, and `open` where the gate's answer cannot be known, whatever its threshold. So a moved
threshold only asks its own gate again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from juicesql.runs import RunRecord
from juicesql.sqltext import literal, quote
from juicesql.store import Store, table_of
from juicesql.whatif.gates import Funnel, Gate, Moves, Value, read_funnel

GONE = -1
# As macros/lists has them; the functions of the project are not loaded here.
_MACROS = (
    "create macro any_between(stat, lo, hi) as stat is null or len(stat) = 0 or "
    "len(list_filter(stat, lambda value: value between lo and hi and not isnan(value))) > 0",
    "create macro all_between(stat, lo, hi) as stat is null or "
    "len(list_filter(stat, lambda value: value between lo and hi and not isnan(value))) = len(stat)",
)


@dataclass(frozen=True)
class Board:
    """The values of a run. Every question takes a cursor of `con`, so that threads can ask at once.

    `agrees` is false when the cuts, tested on the values that are stored now, do not give what the run recorded.
    """

    con: duckdb.DuckDBPyConnection
    run: RunRecord
    funnel: Funnel
    rows: int
    agrees: bool
    complete: frozenset[str]  # columns whose value is known for every row
    sound: frozenset[str]  # columns whose function raised for no row

    def close(self) -> None:
        self.con.close()

    def value(self, column: str) -> Value:
        return next(v for v in self.funnel.values if v.column == column)

    @property
    def mask(self) -> str:
        """The SQL type of a bit for each gate."""
        return "bigint" if len(self.funnel.gates) < 63 else "hugeint"

    def bit(self, gate: Gate) -> str:
        return f"{1 << gate.order}::{self.mask}"

    def passes(self, gate: Gate, moves: Moves) -> str:
        """SQL for what a movable gate says to each row whose values are known."""
        tested = f"coalesce(({gate.condition(moves)})::boolean, false)"
        return " and ".join([tested, *(f"not {quote(c + '_failed')}" for c in gate.columns if c not in self.sound)])

    def fails(self, moves: Moves) -> str:
        """SQL for the mask of the gates that each row fails: what the run's thresholds give, but for those moved."""
        moved = [g for g in self.funnel.gates if any(b.handle in moves for b in g.bounds)]
        if not moved:
            return "fails"
        others = ~sum(1 << g.order for g in moved)
        return " | ".join([f"(fails & {others}::{self.mask})", *(self._failing(g, moves) for g in moved)])

    def _failing(self, gate: Gate, moves: Moves) -> str:
        known = [quote(f"{c}_known") for c in gate.columns if c not in self.complete]
        condition = " and ".join([*known, f"not ({self.passes(gate, moves)})"])
        return f"(case when {condition} then {self.bit(gate)} else 0 end)"


def open_board(store: Store, run: RunRecord) -> Board:
    """Load the values of a finished run. Close the board when done."""
    con = duckdb.connect()
    try:
        with store.attached(con, closed=True):
            funnel = funnel_of(con, run)
            con.execute(f"create table memory.main.board as {values_query(con, run, funnel)}")
        return _opened(con, run, funnel)
    except BaseException:
        con.close()
        raise


def _opened(con: duckdb.DuckDBPyConnection, run: RunRecord, funnel: Funnel) -> Board:
    for macro in _MACROS:
        con.execute(macro)
    rows, *facts = con.execute(_facts(funnel)).fetchone() or (0,)
    names = [v.column for v in funnel.values]
    complete = frozenset(n for n, known in zip(names, facts[::2], strict=True) if known == rows)
    sound = frozenset(n for n, failed in zip(names, facts[1::2], strict=True) if not failed)
    board = Board(con, run, funnel, rows, True, complete, sound)
    board = replace(board, funnel=replace(funnel, gates=tuple(_checked(board, gate) for gate in funnel.gates)))
    if run.status == "analyzed":  # it measured every row and dropped none: the cuts as written are what to compare with
        con.execute(f'update board set "left" = {_first_failed(board)} where "left" >= 0')
    _add_masks(board)
    return replace(board, agrees=_agrees(board))


def funnel_of(con: duckdb.DuckDBPyConnection, run: RunRecord) -> Funnel:
    """The gates and values of a run, in an open stats database."""
    places = con.execute("select cut, position from cuts where run_id = ?", [run.run_id]).fetchall()
    return read_funnel(run, _dropping(con, run), dict(places))


def _dropping(con: duckdb.DuckDBPyConnection, run: RunRecord) -> set[str]:
    rows = con.execute("select distinct cut from verdicts where run_id = ? and cut is not null", [run.run_id])
    return {r[0] for r in rows.fetchall()}


def values_query(con: duckdb.DuckDBPyConnection, run: RunRecord, funnel: Funnel) -> str:
    """The query that makes the board, in the stats database."""
    tables = {
        r[0] for r in con.execute("select table_name from duckdb_tables() where schema_name = 'measured'").fetchall()
    }
    ids = dict(con.execute("select lineage, argument_id from arguments").fetchall())
    failing = con.execute("select distinct function from errors where run_id = ?", [run.run_id]).fetchall()
    joins: dict[str, str] = {}
    columns: list[str] = []
    for i, value in enumerate(funnel.values):
        table = table_of(value.function, value.identity)
        stored, known = f"null::{value.returns}", ["false"]
        if table in tables and value.lineage in ids:
            number = ids[value.lineage]
            joins[f"k{number}"] = (
                f"left join sample_keys k{number} on k{number}.sample_id = v.sample_id "
                f"and k{number}.source_id = {run.source_id} and k{number}.argument_id = {number}"
            )
            joins[f"m{i}"] = f"left join measured.{quote(table)} m{i} on m{i}.key = k{number}.key"
            stored, known = f"m{i}.value", [f"m{i}.key is not null"]
        failed = _failed(run, value) if (value.function,) in failing else "false"
        known += [_reached(value, funnel), failed]
        name = value.column
        columns += [
            f"{stored} as {quote(name)}",
            f"({' or '.join(known)}) as {quote(name + '_known')}",
            f"{failed} as {quote(name + '_failed')}",
        ]
    gates = "".join(f" when {literal(g.id)} then {g.order}" for g in funnel.gates)
    by = f"case v.cut{gates} else {GONE} end" if gates else str(GONE)
    left = f"(case v.verdict when 'kept' then {len(funnel.gates)} when 'error' then {GONE} else {by} end)::smallint"
    verdicts = f'(select sample_id, {left} as "left" from verdicts v where run_id = {literal(run.run_id)}) v'
    return f'select v.sample_id, v."left", {", ".join(columns) or "1"} from {verdicts} {" ".join(joins.values())}'


def _failed(run: RunRecord, value: Value) -> str:
    where = f"run_id = {literal(run.run_id)} and function = {literal(value.function)} and sample_id is not null"
    return f"v.sample_id in (select sample_id from errors where {where})"


def _reached(value: Value, funnel: Funnel) -> str:
    """Whether the run asked for the value: then a value that is not stored is NULL, as its argument was.

    Cheap stats are measured for every row of their step, others only for rows that come as far as their cut.
    """
    of_step = [g.order for g in funnel.gates if g.is_cut and g.stage == value.stage]
    before = sum(g.stage < value.stage for g in funnel.gates)
    first, after = (of_step[0], of_step[-1] + 1) if of_step else (before, before)
    if value.phase <= 1:
        return f'v."left" >= {first}'
    using = [g.order for g in funnel.gates if value.column in g.columns]
    return f'v."left" >= {after}' + "".join(f' or v."left" = {i}' for i in using)


def _facts(funnel: Funnel) -> str:
    names = [quote(v.column + end) for v in funnel.values for end in ("_known", "_failed")]
    return f"select count(*){''.join(f', count(*) filter (where {n})' for n in names)} from board"


def recorded(gate: Gate, funnel: Funnel) -> str:
    """What a fixed gate said to each row in the run; NULL for the rows that it never saw."""
    passed = {g.order for g in funnel.gates if _comes_later(g, gate)}
    later = ", ".join(map(str, sorted(passed | {len(funnel.gates)})))
    return f'case when "left" = {gate.order} then false when "left" in ({later}) then true end'


def _comes_later(other: Gate, gate: Gate) -> bool:
    """Whether a row that left at `other` had passed `gate`: dear cuts of a step run in an order of their own."""
    if other.stage != gate.stage:
        return other.stage > gate.stage
    if not other.is_cut:
        return gate.is_cut
    return gate.is_cut and gate.cheap and (not other.cheap or gate.order < other.order)


def _checked(board: Board, gate: Gate) -> Gate:
    """The gate, fixed when its SQL cannot be run on the values."""
    if gate.predicate is None:
        return gate
    try:
        board.con.execute(f"select count(*) filter (where {board.passes(gate, {})}) from board").fetchone()
    except duckdb.Error:
        return replace(gate, predicate=None, columns=(), bounds=())
    return gate


def _answers(board: Board) -> list[tuple[Gate, str]]:
    """SQL for what each gate says: true, false, or NULL where that cannot be known."""
    answers = []
    for gate in board.funnel.gates:
        if gate.predicate is None:
            answers.append((gate, recorded(gate, board.funnel)))
            continue
        known = [quote(f"{c}_known") for c in gate.columns if c not in board.complete]
        says = board.passes(gate, {})
        answers.append((gate, f"case when {' and '.join(known)} then {says} end" if known else f"({says})"))
    return answers


def _add_masks(board: Board) -> None:
    answers = _answers(board)
    fails = " | ".join(f"(case when not ({sql}) then {board.bit(g)} else 0 end)" for g, sql in answers)
    unknown = " | ".join(f"(case when ({sql}) is null then {board.bit(g)} else 0 end)" for g, sql in answers)
    zero = f"0::{board.mask}"
    board.con.execute(
        f"create or replace table board as select *, {fails or zero} as fails, {unknown or zero} as open from board"
    )


def _first_failed(board: Board) -> str:
    """SQL for the first gate that a row fails."""
    movable = [(g, sql) for g, sql in _answers(board) if g.predicate is not None]
    return "case" + "".join(f" when not ({sql}) then {g.order}" for g, sql in movable) + ' when true then "left" end'


def _agrees(board: Board) -> bool:
    """Whether every movable cut says of every row what the run recorded."""
    tests = []
    for gate in board.funnel.gates:
        if gate.predicate is not None:
            said, bit = recorded(gate, board.funnel), board.bit(gate)
            says = f"case when open & {bit} = 0 then fails & {bit} = 0 end"
            tests.append(f"(({said}) is not null and ({says}) is distinct from ({said}))")
    row = board.con.execute(f"select count(*) from board where {' or '.join(tests) or 'false'}").fetchone()
    return row is not None and row[0] == 0
