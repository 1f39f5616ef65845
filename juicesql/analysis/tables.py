"""The table of an analysis: as rows of plain values, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from juicesql.analysis.analyze import Analysis
from juicesql.analysis.values import StatFacts

Value = str | int | float | None


def head(analysis: Analysis) -> list[str]:
    """The names of the columns."""
    percents = next((s.numbers.percentiles for s in analysis.stats if s.numbers), ())
    asked = [name_of(p) for p, _ in percents]
    facts = ["stat", "per", "rows", "null_share", "count", "infinite", "mean", "std", "min"]
    return [*facts, *asked, "max", "kept_share", "items_per_row", "distinct", "top", "top_count"]


def row(facts: StatFacts) -> dict[str, Value]:
    """One stat; labels have no numbers, and numbers no labels."""
    out: dict[str, Value] = {"stat": facts.label, "per": facts.per, "rows": facts.rows}
    out |= {"null_share": facts.null_share, "kept_share": facts.kept_share}
    if found := facts.numbers:
        out |= {"count": found.count, "infinite": found.infinite, "mean": found.mean, "std": found.std}
        out |= {"min": found.min, "max": found.max} | {name_of(p): v for p, v in found.percentiles}
    if facts.labels:
        top = facts.labels.top[0] if facts.labels.top else (None, None)
        out |= {"count": facts.labels.count, "distinct": facts.labels.distinct, "top": top[0], "top_count": top[1]}
    if facts.items:
        out["items_per_row"] = facts.items.mean
    return out


def name_of(percent: float) -> str:
    """
    >>> name_of(5.0), name_of(50), name_of(99.9)
    ('p5', 'median', 'p99.9')
    """
    return {25.0: "q1", 50.0: "median", 75.0: "q3"}.get(float(percent), f"p{percent:g}")


def as_csv(analysis: Analysis) -> str:
    """Full precision; NULL is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, head(analysis), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _inert(v) for k, v in row(s).items()} for s in analysis.stats)
    return out.getvalue()


def _inert(value: Value) -> Value:
    """A label that a spreadsheet would take for a formula is led by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_markdown(analysis: Analysis) -> str:
    """Two tables, stats and cuts, after a line on what was read."""
    names = [n for n in head(analysis) if any(row(s).get(n) not in (None, 0) for s in analysis.stats)]
    told = f"{analysis.rows:,} rows of `{analysis.source}`" + (" (sampled)" if analysis.sampled else "")
    lines = [f"# {analysis.recipe}", "", f"{told}; std is that of a sample (n - 1).", ""]
    lines += _grid(names, [[_short(row(s).get(n)) for n in names] for s in analysis.stats])
    if analysis.cuts:
        cuts = [
            [f"`{c.sql}`", _short(c.rows), _short(c.kept), _share(c.kept, c.rows), _short(c.nulls)]
            for c in analysis.cuts
        ]
        lines += ["", *_grid(["cut, alone", "rows", "kept", "share", "null"], cuts)]
        lines += ["", f"All cuts together keep {analysis.kept:,} of {analysis.rows:,} rows."]
    return "\n".join([*lines, ""])


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(_cell(c) for c in line) + " |" for line in lines]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else ""


def _short(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
