"""Moves the bounds of a recipe's cuts and writes them into its text, whatever method says where they go.

A bound may move when it alone limits a measured stat of single samples (`stat >= 3`, `stat between 1 and 9`, also next
to `or stat is null`) and its number stands in the recipe, or is the default of a variable, and serves for nothing else.
Everything else is left, and the reason is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlglot import exp

from juicesql import whatif
from juicesql.analysis.measuring import measuring_plan
from juicesql.cuts import comparisons, value_of
from juicesql.errors import JuiceError
from juicesql.recipe import render
from juicesql.running import Prepared
from juicesql.runs import RunRecord
from juicesql.store import Store
from juicesql.whatif.bins import is_number
from juicesql.whatif.gates import Bound, Gate, Number, Value

LOWER, UPPER = (">=", ">"), ("<=", "<")


@dataclass(frozen=True)
class Place:
    """A bound that may move. `names` are those it may be called by: the handle of its number (`17`, `var:lo`), the
    variable, the stat's label, what the recipe calls it, and the function."""

    gate: Gate
    bound: Bound
    value: Value
    names: tuple[str, ...]

    @property
    def side(self) -> Literal["low", "high"]:
        return "low" if self.bound.operator in LOWER else "high"

    @property
    def whole(self) -> bool:
        """Whether the number is written as a whole one and the stat has no others."""
        fraction = self.value.returns.removesuffix("[]").upper().startswith(("DOUBLE", "FLOAT", "DECIMAL"))
        return isinstance(self.bound.number, int) and not fraction


@dataclass(frozen=True)
class Aim:
    """Where a bound should go, and the numbers that say so."""

    number: Number
    facts: Mapping[str, Any]


Method = Callable[[whatif.Board, Sequence[Place]], Sequence["Aim | str"]]  # for each place, or why it stays


@dataclass(frozen=True)
class Move:
    """A bound that moved. `facts` are what the method took: mean, std, k and so on.

    `note` says so when the bound now lies outside of the values, where it drops none of them."""

    stat: str
    cut: str
    sql: str
    line: int | None
    operator: str
    handle: str
    old: Number
    new: Number
    facts: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Untouched:
    """A bound, or a whole cut, that stays as it was written."""

    stat: str
    cut: str
    sql: str
    line: int | None
    operator: str
    old: Number | str | None
    reason: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Refined:
    """A recipe with moved bounds. `kept_before` and `kept_after` count samples that pass all cuts that are known from
    measured values; `exact` is false when a run may keep another number, `uncounted` are the cuts and steps to blame.
    `overridden` are variables that were given for the measuring and whose defaults moved."""

    method: str
    recipe: str
    run_id: str
    moves: tuple[Move, ...]
    untouched: tuple[Untouched, ...]
    rows: int
    kept_before: int
    kept_after: int
    exact: bool
    uncounted: tuple[str, ...]
    overridden: tuple[str, ...]
    diff: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def move_bounds(prepared: Prepared, run: RunRecord, name: str, method: Method) -> Refined:
    """Ask the method about every bound that may move, and write the new numbers into the recipe.

    `run` is an analysis (or a run) of `prepared`: its measured values are asked, nothing is measured."""
    board = whatif.open_board(Store(prepared.project.root), run)
    try:
        work = _Moving(prepared, board)
        work.ask(method)
        return work.result(name)
    finally:
        board.close()


class _Moving:
    def __init__(self, prepared: Prepared, board: whatif.Board) -> None:
        self.prepared, self.board = prepared, board
        self.places: list[Place] = []
        self.untouched: list[tuple[tuple[int, int], Untouched]] = []
        self.aims: dict[str, list[tuple[Place, Aim]]] = {}
        self.columns = {v.column: v for v in board.funnel.values}
        gates = {g.id: g for g in board.funnel.gates if g.is_cut}
        for number, cut in enumerate(board.run.cuts):
            self._sort(number, cut, gates.get(cut["id"]))

    def _sort(self, number: int, cut: Mapping[str, Any], gate: Gate | None) -> None:
        """Find the places of a cut; note what else is in it."""
        if gate is None or gate.predicate is None or not cut["bounds"]:
            self._leave((number, 0), cut, _why(gate))
            return
        bounds = iter(zip(gate.bounds, _alone(gate), strict=True))
        for position, written in enumerate(cut["bounds"]):
            if isinstance(written["value"], str):
                self._leave((number, position), cut, "compares text", written)
                continue
            bound, alone = next(bounds)
            if reason := self._fixed(bound, alone):
                self._leave((number, position), cut, reason, written)
            else:
                self.places.append(self._place(gate, bound, written["stat"]))

    def _fixed(self, bound: Bound, alone: bool) -> str:
        """Why a bound cannot move; empty when it can."""
        if bound.column is None:
            return "bounds an expression"
        if bound.operator not in LOWER + UPPER:
            return "is an equality"
        if not alone:
            return "stands inside OR, NOT or CASE"
        if not is_number(self.columns[bound.column].returns):
            return "the stat is no number"
        uses = sum(b.handle == bound.handle for g in self.board.funnel.gates for b in g.bounds)
        if self.prepared.recipe.sql.count(f"/*@{bound.handle}*/") > uses:
            return "the number serves elsewhere in the recipe too"
        return ""

    def _place(self, gate: Gate, bound: Bound, written: str) -> Place:
        value = self.columns[str(bound.column)]
        names = (bound.handle, bound.handle.removeprefix("var:"), value.label, written, value.function)
        return Place(gate, bound, value, tuple(dict.fromkeys(names)))

    def _leave(
        self, order: tuple[int, int], cut: Mapping[str, Any], reason: str, bound: Mapping[str, Any] | None = None
    ) -> None:
        stat, operator, old = (bound["stat"], bound["operator"], bound["value"]) if bound else ("", "", None)
        stat = "" if stat.startswith("__v") else stat  # an expression over columns of the plan
        found = Untouched(stat, cut["id"], cut["sql"], cut["line"], operator, old, reason, {})
        self.untouched.append((order, found))

    def _stay(self, place: Place, reason: str, facts: Mapping[str, Any]) -> None:
        gate, bound, stat = place.gate, place.bound, place.value.label
        found = Untouched(stat, gate.id, gate.sql, gate.line, bound.operator, bound.number, reason, facts)
        self.untouched.append((self._order(place), found))

    def _order(self, place: Place) -> tuple[int, int]:
        ids = [cut["id"] for cut in self.board.run.cuts]
        return ids.index(place.gate.id), place.gate.bounds.index(place.bound)

    def ask(self, method: Method) -> None:
        """Where the method sends each place; one number that bounds several stats goes where all agree."""
        for place, aim in zip(self.places, method(self.board, self.places), strict=True):
            if isinstance(aim, str):
                self._stay(place, aim, {})
            else:
                self.aims.setdefault(place.bound.handle, []).append((place, aim))
        for handle, found in list(self.aims.items()):
            if reason := self._disagreement(handle, found):
                del self.aims[handle]
                for place, aim in found:
                    self._stay(place, reason, aim.facts)

    def _disagreement(self, handle: str, found: Sequence[tuple[Place, Aim]]) -> str:
        uses = [p for p in self.places if p.bound.handle == handle]
        if len(found) < sum(b.handle == handle for g in self.board.funnel.gates for b in g.bounds):
            return "the number bounds something else that stays"
        if len({p.side for p in uses}) > 1:
            return "the number is a lower and an upper bound at once"
        number = _loosest(found)
        if number == uses[0].bound.number:
            return "the bound is there already"
        return self._unwritable(handle, number)

    def _unwritable(self, handle: str, number: Number) -> str:
        name = handle.removeprefix("var:")
        old = next(p.bound.number for p in self.places if p.bound.handle == handle)
        if handle.startswith("var:") and old < 0 < number and self._turned(name, old):
            return "a minus sign stands before the variable"  # two of them would begin a comment
        if whatif.rewritten(self.board.run, self.board.funnel, {handle: number}).unwritten:
            return "its number stands nowhere in the recipe by itself"
        if not handle.startswith("var:"):
            return ""
        return "" if self._stands_plainly(name, abs(number)) else "the variable serves elsewhere in the recipe too"

    def _turned(self, name: str, old: Number) -> bool:
        """Whether the recipe has `-{{ var(...) }}`."""
        recipe = self.prepared.recipe
        default = recipe.template[recipe.defaults[name].start]
        return bool(recipe.variables[name] != old if name in recipe.variables else default != "-")

    def _stands_plainly(self, name: str, number: Number) -> bool:
        """Whether another value of the variable changes nothing but the numbers that carry its tag."""
        recipe, variables = self.prepared.recipe, {**self.prepared.recipe.variables, name: number}
        try:
            other = render(recipe.template, recipe.path, self.prepared.registry, variables).sql
        except JuiceError:
            return False
        tagged = re.compile(rf"[-+.\deE]*(?=/\*@var:{name}\*/)")
        return tagged.sub("", other) == tagged.sub("", recipe.sql)

    def result(self, name: str) -> Refined:
        moves = {handle: _loosest(found) for handle, found in self.aims.items()}
        before, after = whatif.outcome(self.board, {}), whatif.outcome(self.board, moves)
        written = whatif.rewritten(self.board.run, self.board.funnel, moves)
        uncounted = tuple(self._uncounted())
        exact = before.exact and after.exact and self.board.agrees and not uncounted
        ordered = sorted((p for found in self.aims.values() for p in found), key=lambda p: self._order(p[0]))
        return Refined(
            name, self.board.run.recipe_path, self.board.run.run_id,
            tuple(_move(place, aim, moves[place.bound.handle]) for place, aim in ordered),
            tuple(u for _, u in sorted(self.untouched, key=lambda u: u[0])), before.rows, before.kept, after.kept,
            exact, uncounted, written.overridden, written.diff, written.text,
        )  # fmt: skip

    def _uncounted(self) -> Iterator[str]:
        """Cuts and steps that a run has and the board does not know: an analysis applies none of them."""
        if self.board.run.status == "analyzed":
            left_out = measuring_plan(self.prepared.plan).left_out
            yield from dict.fromkeys(f"{left.step} ({left.why})" for left in left_out)
            yield from (g.sql for g in self.board.funnel.gates if g.is_cut and g.predicate is None)


def _why(gate: Gate | None) -> str:
    if gate is None:
        return "comes after rows are brought together"
    return "has no bound that is a number" if gate.predicate else "compares no stat of single samples"


def _alone(gate: Gate) -> Iterator[bool]:
    """For each bound whether every sample that passes the cut must meet it, but for NULL."""
    assert gate.predicate is not None
    for found in comparisons(gate.predicate):
        if not isinstance(value_of(found.constant), str):
            yield _is_alone(found.constant.parent, found.measured)


def _is_alone(node: exp.Expr | None, measured: exp.Expr) -> bool:
    while node is not None and node.parent is not None:
        above = node.parent
        if isinstance(above, exp.Or):
            other = above.expression if above.this is node else above.this
            if not (isinstance(other, exp.Is) and other.this == measured and isinstance(other.expression, exp.Null)):
                return False
        elif not isinstance(above, (exp.And, exp.Paren)):
            return False
        node = above
    return True


def _loosest(found: Sequence[tuple[Place, Aim]]) -> Number:
    """Of the numbers for one handle the one that drops the least."""
    numbers = [aim.number for _, aim in found]
    return min(numbers) if found[0][0].side == "low" else max(numbers)


def _move(place: Place, aim: Aim, new: Number) -> Move:
    gate, bound, stat = place.gate, place.bound, place.value.label
    facts = dict(aim.facts)
    note = _note(place, new, facts)
    return Move(stat, gate.id, gate.sql, gate.line, bound.operator, bound.handle, bound.number, new, facts, note)


def _note(place: Place, new: Number, facts: Mapping[str, Any]) -> str:
    """What there is to say of a bound that no value fails; empty for another, or where the values were not asked."""
    end = facts.get("least" if place.side == "low" else "greatest")
    if end is None or not _passes(float(end), place.bound.operator, float(new)):
        return ""
    which = "least" if place.side == "low" else "greatest"
    return f"switches this bound off: the {which} value is {end:g}"


def _passes(value: float, operator: str, bound: float) -> bool:
    if operator in LOWER:
        return value > bound or (operator == ">=" and value == bound)
    return value < bound or (operator == "<=" and value == bound)
