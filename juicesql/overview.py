"""The story of a recorded run in numbers: its funnel, what its functions cost, and which rows failed."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from juicesql.runs import RunRecord


@dataclass(frozen=True)
class FunnelLine:
    """A line of the funnel as it was recorded. `kind` is `source`, `cut`, `map`, `global`, `group` or `failed`."""

    step: str
    kind: str
    cut: str
    sql: str
    line: int | None
    rows_in: int
    rows_out: int
    dropped_null: int
    dropped_alone: int | None

    @property
    def dropped(self) -> int:
        """Rows that left here; a step that makes several rows of one drops none."""
        return max(self.rows_in - self.rows_out, 0)


@dataclass(frozen=True)
class CostLine:
    function: str
    runs_on: str
    measured: int
    reused: int
    calls: int
    seconds: float
    bytes: int

    @property
    def reused_share(self) -> float:
        rows = self.measured + self.reused
        return self.reused / rows if rows else 0.0


@dataclass(frozen=True)
class ErrorLine:
    """Rows that failed in one function (`source`: rows that could not be read), with one of the messages."""

    function: str
    rows: int
    message: str
    sample_id: int | None


def funnel_lines(con: duckdb.DuckDBPyConnection, run: RunRecord) -> list[FunnelLine]:
    """The funnel in the order of the work. Older runs numbered cuts and steps apart: there a step follows its cuts."""
    found = con.execute(
        "select position, step, 'cut', cut, sql, line, rows_in, rows_in - dropped, dropped_null, dropped_alone "
        "from cuts where run_id = $1 union all "
        "select position, step, kind, '', sql, null, rows_in, rows_out, 0, null from steps where run_id = $1",
        [run.run_id],
    ).fetchall()
    lines = [(row[0], FunnelLine(*row[1:])) for row in found]
    if len({position for position, _ in lines}) == len(lines):
        return [line for _, line in sorted(lines, key=lambda pair: pair[0])]
    places = {"source": -1, **{s["name"]: i for i, s in enumerate(run.plan["steps"])}}
    return [
        line for _, line in sorted(lines, key=lambda p: (places.get(p[1].step, len(places)), p[1].kind != "cut", p[0]))
    ]


def cost_lines(con: duckdb.DuckDBPyConnection, run_id: str) -> list[CostLine]:
    """What each function took, the dearest first."""
    rows = con.execute(
        'select function, any_value(runs_on), sum("rows")::bigint, sum(reused)::bigint, sum(calls)::bigint, '
        "sum(seconds), sum(bytes)::bigint from costs where run_id = ? group by function order by 6 desc, 1",
        [run_id],
    ).fetchall()
    return [CostLine(*row) for row in rows]


def error_lines(con: duckdb.DuckDBPyConnection, run_id: str) -> list[ErrorLine]:
    """Failures by function, the most frequent first."""
    rows = con.execute(
        "select function, count(*), first(message order by sample_id), min(sample_id) from errors where run_id = ? "
        "group by function order by 2 desc, 1",
        [run_id],
    ).fetchall()
    return [ErrorLine(*row) for row in rows]
