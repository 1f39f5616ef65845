"""What earlier runs teach: seconds per row of a call, and the share of rows that a cut drops."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from juicesql.plan import Plan

UNKNOWN_DROP_RATE = 0.1


@dataclass(frozen=True)
class History:
    seconds_per_row: dict[str, float] = field(default_factory=dict)  # identity of a call
    drop_rate: dict[str, float] = field(default_factory=dict)  # SQL of a cut, in the newest run of this recipe

    def rank(self, plan: Plan) -> dict[str, float]:
        """Cut id -> seconds that it costs to drop one row: the order in which expensive cuts run."""
        identities = {c.column: c.identity for c in plan.calls}
        out = {}
        for cut in plan.cuts:
            cost = sum(self.seconds_per_row.get(identities[c], 0.0) for c in cut.calls)
            out[cut.id] = cost / max(self.drop_rate.get(cut.sql, UNKNOWN_DROP_RATE), 1e-6)
        return out


def read_history(con: duckdb.DuckDBPyConnection, recipe_path: str) -> History:
    """The history of a recipe in an open stats database."""
    costs = con.execute(
        'select identity, sum(seconds) / sum("rows") from costs where "rows" > 0 group by identity'
    ).fetchall()
    cuts = con.execute(
        "select sql, dropped / rows_in from cuts where rows_in > 0 and run_id = "
        "(select arg_max(run_id, started) from runs where recipe_path = ? and status = 'done')",
        [recipe_path],
    ).fetchall()
    return History(dict(costs), dict(cuts))
