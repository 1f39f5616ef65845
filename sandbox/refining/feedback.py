"""Moves the cuts of a recipe by what a model says of each sample: a loss, or a reward.

For each bound, samples are ordered by its stat. Every value where the bound could stand divides them into a tail that
it drops and the rest that it keeps; the standardised rank-sum statistic z of the feedback tells how much worse the tail
is. The bound goes to the value with the greatest z (a maximally selected rank statistic: Miller and Siegmund 1982,
Lausen and Schumacher 1992, both in Biometrics), if so great a z is unlikely where the stat says nothing about the
feedback. Ranks, so that a few samples with an enormous loss do not decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from sqlglot import exp

from juicesql.errors import Problem, nearest
from juicesql.running import Prepared
from juicesql.runs import RunRecord
from juicesql.sqltext import literal, quote
from juicesql.whatif import Board
from juicesql.whatif.gates import Number

from ..errors import SandboxError
from .refine import Sides, check_names, cut_off
from .thresholds import Aim, Place, Refined, move_bounds

Goal = Literal["minimize", "maximize"]
LEAST_ROWS = 40  # samples with feedback; the approximations are for many
LEAST_DROPPED = 5  # samples in a tail
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json_auto", ".json": "read_json_auto"}
# The candidates of one bound, worst tail first. `way` orders the samples so that a tail comes first.
_TAILS = """
with joined as (
    select {value}::double as x, feedback.worse as y from board join feedback using (sample_id)
),
ranked as (
    select x, y, rank() over (order by y) + (count(*) over (partition by y) - 1) / 2 as rank
    from joined where isfinite(x)
),
total as (
    select count(*) as n, sum(y) as y, sum((rank - mean) ** 2) / (count(*) - 1) as spread
    from ranked, (select avg(rank) as mean from ranked)
),
grouped as (
    select x, count(*) as n, sum(rank) as ranks, sum(y) as y from ranked group by x
),
tails as (
    select x, lead(x) over (order by x {way}) as kept_x, sum(n) over tail as n, sum(ranks) over tail as ranks,
        sum(y) over tail as y
    from grouped window tail as (order by x {way})
),
judged as (
    select t.x, t.kept_x, t.n, total.n as rows, t.y / t.n as dropped, (total.y - t.y) / (total.n - t.n) as kept,
        (t.ranks - t.n * (total.n + 1) / 2) / sqrt(t.n * (total.n - t.n) / total.n * total.spread) as z
    from tails t, total
    where t.n >= greatest({least}, {min_dropped} * total.n) and t.n <= (1 - {min_kept}) * total.n and total.spread > 0
)
select *, count(*) over () as candidates, min(n) over () as fewest, max(n) over () as most
from judged order by z desc, n limit 1
"""


@dataclass(frozen=True)
class Feedback:
    """What a model says of samples: `table` has `sample_id` and `worse`, which grows as it gets worse."""

    table: pa.Table
    column: str
    goal: Goal


@dataclass(frozen=True)
class FeedbackRule:
    """When a bound moves. Shares are of the samples that have feedback and a value of the stat."""

    min_kept: float = 0.5  # the least share that a bound keeps
    min_dropped: float = 0.02  # the least share that makes a tail
    alpha: float = 0.01  # chance that any bound moves though no stat says anything about the feedback
    sides: Sides = "both"  # the bounds that may move
    leave: tuple[str, ...] = ()  # stats that stay as they are

    def problems(self) -> list[Problem]:
        """What is wrong with the numbers, whatever the recipe."""
        found = []
        for name in ("min_kept", "min_dropped", "alpha"):
            if not 0 < getattr(self, name) < 1:
                found.append(
                    Problem("bad-setting", f"{name} is {getattr(self, name):g}", "give a share between 0 and 1")
                )
        if not found and self.min_kept + self.min_dropped >= 1:
            found.append(Problem("bad-setting", "min_kept and min_dropped leave no choice", "give less of one"))
        return found


def read_feedback(path: Path, column: str = "", goal: Goal | None = None) -> Feedback:
    """Read a file of `sample_id` and `loss`, or `reward` (a .jsonl, .parquet or .csv); another `column` needs a goal.

    Rows without a finite number are left out; of several rows of one sample the mean counts."""
    reader = _READERS.get(path.suffix)
    if reader is None or not path.is_file():
        mend = "give a .jsonl, .parquet or .csv file with sample_id and loss or reward"
        raise SandboxError.of("no-feedback", f"cannot read {path}", mend)
    with duckdb.connect() as con:
        source = f"from {reader}({literal(str(path))})"
        try:
            names = [r[0] for r in con.execute(f"describe {source}").fetchall()]
            column = column or next((c for c in ("loss", "reward") if c in names), "loss")
            for name in ("sample_id", column):
                if name not in names:
                    mend = nearest(name, names) or f"its columns: {', '.join(names)}"
                    raise SandboxError.of("no-column", f"{path} has no column `{name}`", mend)
            goal = goal or _goal_of(column)
            sign = "" if goal == "minimize" else "-"
            table = con.sql(
                f"select sample_id::bigint as sample_id, avg({sign}y) as worse "
                f"from (select sample_id, {quote(column)}::double as y {source}) where isfinite(y) group by sample_id"
            ).to_arrow_table()
        except duckdb.Error as error:
            raise SandboxError.of("no-feedback", f"cannot read {path}: {error}", "mend the file") from error
    return Feedback(table, column, goal)


def _goal_of(column: str) -> Goal:
    if column not in ("loss", "reward"):
        raise SandboxError.of("no-goal", f"is a great {column} good or bad?", "give goal: minimize or maximize")
    return "minimize" if column == "loss" else "maximize"


def refine_by_feedback(
    prepared: Prepared, run: RunRecord, feedback: Feedback, rule: FeedbackRule | None = None
) -> Refined:
    """Move the bounds of a recipe to where the model's feedback changes; `run` is an analysis of the recipe.

    SandboxError when the feedback is of other samples."""
    rule = rule or FeedbackRule()
    if problems := rule.problems():
        raise SandboxError(problems)

    def aims(board: Board, places: Sequence[Place]) -> list[Aim | str]:
        check_names(rule.leave, places)
        _join(board, feedback)
        found = [_tail(board, place, rule) for place in places]
        tests = sum(not isinstance(f, str) for f in found)
        return [
            f if isinstance(f, str) else _aim(place, f, tests, feedback, rule)
            for place, f in zip(places, found, strict=True)
        ]

    return move_bounds(prepared, run, f"feedback ({feedback.goal} {feedback.column})", aims)


def _join(board: Board, feedback: Feedback) -> None:
    with board.con.cursor() as con:
        con.register("feedback_rows", feedback.table)
        con.execute("create table feedback as from feedback_rows").fetchall()
    joined = "select count(*), count(board.sample_id) from feedback left join board using (sample_id)"
    given, known = board.con.cursor().execute(joined).fetchone() or (0, 0)
    if known < given:
        message = f"{given - known:,} of {given:,} samples with a {feedback.column} are none of the analysis"
        mend = "probe the model on the recipe's source; for an output, keep its ids with config(keep_sample_id=true)"
        raise SandboxError.of("other-samples", message, mend)


@dataclass(frozen=True)
class _Tail:
    """The tail with the greatest z: it ends at `x`, and `kept_x` is the next value. Means are of `worse`."""

    x: float
    kept_x: float
    n: int
    rows: int
    dropped: float
    kept: float
    z: float
    candidates: int
    fewest: int
    most: int


def _tail(board: Board, place: Place, rule: FeedbackRule) -> _Tail | str:
    """The worst tail that the bound could drop, or why there is none."""
    if any(name in rule.leave for name in place.names):
        return "left out"
    if rule.sides not in ("both", place.side):
        return f"a bound on the {place.side} side"
    value = _of_sample(place)
    known = f"select count({value}) from board join feedback using (sample_id) where isfinite({value}::double)"
    rows = (board.con.cursor().execute(known).fetchone() or (0,))[0]
    if rows < LEAST_ROWS:
        return f"{rows:,} samples have both a value and feedback; it takes {LEAST_ROWS}"
    sql = _TAILS.format(
        value=value, way="" if place.side == "low" else "desc", least=LEAST_DROPPED, min_dropped=rule.min_dropped,
        min_kept=rule.min_kept,
    )  # fmt: skip
    row = board.con.cursor().execute(sql).fetchone()
    return _Tail(*row) if row else "no value parts a tail of the wanted size"


def _of_sample(place: Place) -> str:
    """SQL for one value a sample: of a list, the item that decides whether the sample passes."""
    name = quote(place.value.column)
    if not place.value.returns.endswith("[]"):
        return name
    tree = place.gate.predicate
    every = tree is not None and any(str(f.this).lower() == "all_between" for f in tree.find_all(exp.Anonymous))
    deciding = "list_min" if every == (place.side == "low") else "list_max"
    return f"{deciding}(list_filter({name}, lambda item: isfinite(item::double)))"


def _aim(place: Place, tail: _Tail, tests: int, feedback: Feedback, rule: FeedbackRule) -> Aim | str:
    p = min(1.0, tests * chance(tail.z, tail.fewest / tail.rows, tail.most / tail.rows, tail.candidates))
    if p > rule.alpha:
        return f"says too little about the {feedback.column}: z {tail.z:.2f}, p {p:.2g}"
    if tail.dropped <= tail.kept:
        return f"ranks and means of the {feedback.column} disagree"
    sign = 1 if feedback.goal == "minimize" else -1
    means = {"kept": sign * tail.kept, "dropped": sign * tail.dropped}
    facts: dict[str, Any] = {
        "values": tail.rows, "tail": tail.n, **{f"{feedback.column}_{part}": mean for part, mean in means.items()},
        "z": tail.z, "p": p,
    }  # fmt: skip
    return Aim(parting(tail.x, tail.kept_x, place.bound.operator, place.whole), facts)


def chance(z: float, least: float, most: float, candidates: int) -> float:
    """How often the greatest of several rank statistics reaches z where the stat and the feedback are independent.

    `least` and `most` are the shares of the smallest and the largest tail. The smaller of two bounds: equation 4 of
    Lausen and Schumacher (1992), halved for one side; and that of Bonferroni, closer where there are few candidates.
    """
    if z <= 1:
        return 1.0
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    span = math.log(most * (1 - least) / ((1 - most) * least))
    selected = (density * (z - 1 / z) * span + 4 * density / z) / 2
    return min(1.0, selected, candidates * math.erfc(z / math.sqrt(2)) / 2)


def parting(dropped: float, kept: float, operator: str, whole: bool) -> Number:
    """The number with the fewest digits that parts two neighbouring values as a bound does.

    >>> parting(0.123, 0.187, ">=", False), parting(0.187, 0.123, "<", False), parting(5, 6, ">", True)
    (0.18, 0.18, 5)
    """
    lower = operator in (">=", ">")
    low, high = (dropped, kept) if lower else (kept, dropped)
    for digits in range(1, 18):
        if operator in (">=", "<"):  # the number may be the upper of the two
            number = cut_off(high, ROUND_FLOOR, digits)
            fits = low < number
        else:
            number = cut_off(low, ROUND_CEILING, digits)
            fits = number < high
        if fits and (not whole or number.is_integer()):
            return int(number) if whole else number
    return kept if operator.endswith("=") else dropped
