"""Owns stderr: errors, the progress of a run and the funnel. Nothing else writes there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from juicesql.cli.text import percent, plural, table
from juicesql.errors import JuiceError

if TYPE_CHECKING:
    from juicesql.engines.watch import Progress
    from juicesql.funnel import FunnelRow
    from juicesql.gates.model import Check
    from juicesql.running import RunResult

PLAIN_WIDTH = 120
REASONS = 5  # distinct ones that the end of a run shows


def say(*lines: str) -> None:
    """Narration."""
    for line in lines:
        print(line, file=sys.stderr)


def show_error(error: JuiceError) -> None:
    say(str(error))


def width() -> int:
    """Characters in a line of the terminal, or a width for files."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return PLAIN_WIDTH


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar while the block runs, on a terminal; elsewhere a line in half a minute."""
    if not sys.stderr.isatty():
        from juicesql.cli.lines import Lines

        yield Lines(say)
        return
    from juicesql.cli.bar import Bar

    with Bar() as bar:
        yield bar


def teller(told: list[str]) -> Callable[[str], None]:
    """Says warnings at once, and notes what was said."""

    def tell(line: str) -> None:
        told.append(line)
        say(f"warning: {line}")

    return tell


def show_run(result: RunResult, told: Sequence[str] = ()) -> None:
    """The funnel, the sum of the rows, and what was written. Warnings that were `told` are not said again."""
    say(*funnel_lines(result, width()), "")
    sums = " + ".join(f"{name} {getattr(result, name):,}" for name in ("kept", "dropped", "duplicates", "errors"))
    say(f"{sums} = rows in {result.rows_in:,}")
    reused = f"{result.measured:,} values measured, {result.reused:,} reused, {result.seconds:.1f} s"
    say(f"{reused}   (run {result.run_id})")
    if result.export:
        say(f"{plural(result.rows_out, 'row')} in {result.export}")
    elif not result.unpublished:
        say("nothing was written: give --export PATH, or config(export=...) in the recipe")
    for line in result.warnings:
        if line not in told:
            say(f"warning: {line}")
    say(*reason_lines(result))


def reason_lines(result: RunResult) -> list[str]:
    """Why rows failed, the most frequent reasons first."""
    if not result.reasons:
        return []
    shown = [f"  {reason}" for reason in result.reasons[:REASONS]]
    more = len(result.reasons) - len(shown)
    rest = f"  and {plural(more, 'other reason')}" if more else ""
    where = f"  {plural(result.failed, 'row')} in all: the table `errors` of {result.stats_database} names each"
    return ["why rows failed", *shown, *([rest] if rest else []), where]


def show_checks(checks: tuple[Check, ...]) -> None:
    """What a gate found."""
    from juicesql.cli.validate import check_lines

    say("", *check_lines(checks, width(), 5), "")


def funnel_lines(result: RunResult, columns: int) -> list[str]:
    """The funnel as an aligned table: what a person wrote, without the steps that the plan put in between."""
    head = ["step", "cut", "rows in", "dropped", "share", "NULL", "only this", "left"]
    shown, lines, last = written_rows(result.funnel), [head], ""
    for row in shown:
        cells = _cells(row)
        lines.append(["" if cells[0] == last else cells[0], *cells[1:]])
        last = cells[0]
    if all(row.dropped_alone is None for row in shown):
        lines = [[*line[:6], line[7]] for line in lines]
    return table(lines[0], lines[1:], " wrrrrrr", columns)


def written_rows(funnel: tuple[FunnelRow, ...]) -> list[FunnelRow]:
    """The lines of the funnel that stand for something in the recipe, or that changed the number of rows."""
    cut_steps = {r.step for r in funnel if r.kind == "cut"}
    out = []
    for row in funnel:
        inner = row.step.endswith("__rows") or row.step in cut_steps or not row.sql
        if row.kind != "map" or row.rows_in != row.rows_out or not inner:
            out.append(row)
    return out


def _cells(row: FunnelRow) -> list[str]:
    counted = row.dropped >= 0 and row.kind != "group"
    dropped = f"{row.dropped:,}" if counted else f"{-row.dropped:+,}" if row.dropped else ""
    share = percent(row.dropped, row.rows_in) if counted else ""
    null = f"{row.dropped_null:,}" if row.kind == "cut" else ""
    alone = "" if row.kind != "cut" else "?" if row.dropped_alone is None else f"{row.dropped_alone:,}"
    step = row.step.removesuffix("__rows")
    return [step, describe(row.kind, row.sql), f"{row.rows_in:,}", dropped, share, null, alone, f"{row.rows_out:,}"]


def describe(kind: str, sql: str) -> str:
    """A few words for a line of the funnel."""
    if kind == "source":
        return "unreadable rows"
    if kind == "failed":
        return "rows that raised"
    if kind == "cut":
        return sql
    if kind == "map":
        return describe_projection(sql)
    if kind == "group":
        return describe_grouping(sql)
    return re.sub(r"^(SELECT \*|FROM) (FROM )?[\w\"]+ ", "", sql)


def describe_grouping(sql: str) -> str:
    """What the rows that came together share: `one row for each sample_id`."""
    import sqlglot

    from juicesql.lift import to_sql

    query = sqlglot.parse_one(sql, dialect="duckdb")
    group = query.args.get("group")
    if group:
        return "one row for each " + ", ".join(to_sql(key) for key in group.expressions)
    return "distinct rows" if query.args.get("distinct") else "one row for all"


def describe_projection(sql: str) -> str:
    """The columns that a projection sets: `sets text, n`."""
    import sqlglot
    from sqlglot import exp

    if not sql:
        return ""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    names: list[str] = []
    for item in query.selects if isinstance(query, exp.Query) else ():
        replaced: list[Any] = item.args.get("replace") or [] if isinstance(item, exp.Star) else []
        names += [e.alias for e in [item, *replaced] if isinstance(e, exp.Alias) and not e.alias.startswith("__")]
    return "sets " + ", ".join(n if n != "\\0" else "all columns" for n in names) if names else ""
