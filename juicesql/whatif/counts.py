"""What becomes of the samples of a run under moved thresholds: counted, and named.

A sample stays for sure only when every gate is known to let it pass. Where a value was never measured, or a step over
whole relations (such as a deduplication) never saw the sample, it may or may not stay, and is counted so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from juicesql.sqltext import quote
from juicesql.whatif.board import Board
from juicesql.whatif.gates import Moves, Value

# Kept: every gate passes. Unseen: every cut passes, but a later whole step never saw the sample. Unmeasured: no cut is
# known to drop it, but for some it was never measured. Gone: a gate drops it, or an error took it.
Fate = Literal["kept", "unseen", "unmeasured", "gone"]
_FATES: tuple[Fate, ...] = ("kept", "unseen", "unmeasured", "gone")


@dataclass(frozen=True)
class Drop:
    """What a gate takes away in the order of the work, and how many rows fail it and no other cut of its step: None
    where that is not known, since another one was not measured for them."""

    gate: str
    dropped: int
    alone: int | None


@dataclass(frozen=True)
class Outcome:
    """`was_kept` counts the run's own kept rows; `lost` of them are gone, `gained` and `maybe_gained` came anew."""

    rows: int
    was_kept: int
    kept: int
    unseen: int
    unmeasured: int
    gained: int
    maybe_gained: int
    lost: int
    drops: tuple[Drop, ...]

    @property
    def at_most(self) -> int:
        return self.kept + self.unseen + self.unmeasured

    @property
    def exact(self) -> bool:
        return self.at_most == self.kept


@dataclass(frozen=True)
class MovedRow:
    """A sample that came or went, or that stands close to a cut; `gate` is the one that takes it away."""

    sample_id: int
    fate: Fate
    gate: str | None
    values: dict[str, Any]  # column -> value


def fate_of(board: Board, fails: str) -> str:
    """SQL for the index in _FATES of rows with this mask of failed gates."""
    steps = sum(1 << g.order for g in board.funnel.gates if not g.is_cut)
    cuts = sum(1 << g.order for g in board.funnel.gates if g.is_cut)
    return (
        f'(case when "left" < 0 or {fails} <> 0 then 3 when open & {cuts}::{board.mask} <> 0 then 2 '
        f"when open & {steps}::{board.mask} <> 0 then 1 else 0 end)::utinyint"
    )


def judged(board: Board, moves: Moves) -> str:
    """A query with a row a sample: the board's columns, its mask `failing`, and its `fate` (index in _FATES)."""
    return f"select *, {fate_of(board, 'failing')} as fate from (select *, {board.fails(moves)} as failing from board)"


def outcome(board: Board, moves: Moves) -> Outcome:
    """Count what stays, comes and goes when these handles are moved. One pass over the board."""
    stays = len(board.funnel.gates)
    rows = board.con.cursor().execute(
        f'select "left" = {stays}, fate, if("left" < 0, 0, failing & -failing) as first, '
        f"{_alone(board)} as alone, count(*) from ({judged(board, moves)}) group by all"
    ).fetchall()  # fmt: skip
    counts = {(was, fate): 0 for was in (True, False) for fate in _FATES}
    drops: dict[int, list[int]] = {}
    unknown: set[int] = set()
    for was, fate, first, alone, n in rows:
        counts[was, _FATES[fate]] += n
        drop = drops.setdefault(int(first), [0, 0])
        drop[0] += n
        drop[1] += n if alone else 0
        unknown |= {int(first)} if alone is None else set()
    total = {fate: counts[True, fate] + counts[False, fate] for fate in _FATES}
    return Outcome(
        board.rows, sum(counts[True, f] for f in _FATES), total["kept"], total["unseen"], total["unmeasured"],
        counts[False, "kept"], counts[False, "unseen"] + counts[False, "unmeasured"], counts[True, "gone"],
        tuple(_drop(g.id, drops.get(1 << g.order, [0, 0]), 1 << g.order in unknown) for g in board.funnel.gates),
    )  # fmt: skip


def _drop(gate: str, counted: list[int], unknown: bool) -> Drop:
    return Drop(gate, counted[0], None if unknown else counted[1])


def _alone(board: Board) -> str:
    """SQL for whether the first gate that a row fails is the only cut of its step that it fails; NULL: not known."""
    others: dict[int, int] = {}
    for gate in board.funnel.gates:
        if gate.is_cut:
            others[gate.stage] = others.get(gate.stage, 0) | 1 << gate.order
    cases = []
    for gate in board.funnel.gates:
        rest = f"{others.get(gate.stage, 0) & ~(1 << gate.order)}::{board.mask}"
        says = f"case when failing & {rest} <> 0 then false when open & {rest} = 0 then true end"
        cases.append(f"when {board.bit(gate)} then {says}")
    return f"(case failing & -failing {' '.join(cases)} else false end)" if cases else "false"


def moved_rows(board: Board, moves: Moves, gained: bool, limit: int = 20) -> list[MovedRow]:
    """The first samples that the moves bring back, sure ones first, or take away."""
    stays = len(board.funnel.gates)
    condition = f'"left" <> {stays} and fate < 3' if gained else f'"left" = {stays} and fate = 3'
    return _rows(board, f"({judged(board, moves)}) where {condition} order by fate, sample_id limit {int(limit)}")


def narrow_rows(board: Board, moves: Moves, handle: str, limit: int = 8) -> list[MovedRow]:
    """Samples that fail a bound by the least: their value stands on its wrong side, nearest first."""
    gate, bound = next((g, b) for g in board.funnel.gates for b in g.bounds if b.handle == handle)
    if bound.column is None:
        return []
    number = moves.get(handle, bound.number)
    distance = f"{_nearest(board.value(bound.column))} - ({number!r})"
    judged_rows = judged(board, moves)
    return _rows(
        board,
        f"({judged_rows}) where failing & {board.bit(gate)} <> 0 and {_wrong_side(bound.operator, distance)} "
        f"order by abs({distance}), sample_id limit {int(limit)}",
    )


def _nearest(value: Value) -> str:
    return f"list_max({quote(value.column)})" if value.returns.endswith("[]") else quote(value.column)


def _wrong_side(operator: str, distance: str) -> str:
    wrong = {">=": "< 0", ">": "<= 0", "<=": "> 0", "<": ">= 0", "=": "<> 0", "<>": "= 0"}[operator]
    return f"({distance}) {wrong}"


def _rows(board: Board, source: str) -> list[MovedRow]:
    names = [v.column for v in board.funnel.values]
    shown = "".join(f", {quote(n)}" for n in names)
    first = 'if("left" < 0, 0, failing & -failing)'
    rows = board.con.cursor().execute(f"select sample_id, fate, {first}{shown} from {source}").fetchall()
    ids = {1 << g.order: g.id for g in board.funnel.gates}
    return [MovedRow(r[0], _FATES[r[1]], ids.get(int(r[2])), dict(zip(names, r[3:], strict=True))) for r in rows]
