"""Draws an analysis as one HTML file that runs nothing and loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from juicesql.analysis.analyze import Analysis
from juicesql.analysis.charts import (
    Line,
    Slice,
    correlation_chart,
    histogram_chart,
    label_chart,
    short,
    spark,
    sunburst,
)
from juicesql.analysis.diversity import Diversity
from juicesql.analysis.numbers import Numbers
from juicesql.analysis.tables import name_of
from juicesql.analysis.values import CutFacts, Extreme, StatFacts
from juicesql.pages import asset, render_page
from juicesql.sheet import shown

MOST_TEXT = 600  # characters of a row at the end of a stat


def render(found: Analysis, texts: Mapping[int, str | None], diversity: Diversity | None = None) -> str:
    """The page. `texts` are those of the rows at the ends of stats, by sample_id."""
    numbers = [s.numbers for s in found.stats if s.numbers]
    percents = [p for p, _ in numbers[0].percentiles] if numbers else []
    name = Path(found.recipe).name
    return render_page(
        asset("report.html.j2"), asset("sheet.css") + asset("report.css"), {"shown": shown},
        found=found, title=name.removesuffix(".j2").removesuffix(".sql"), tiles=list(_tiles(found)),
        cuts=[_cut(c) for c in found.cuts], stats=[_stat(s, texts, bool(found.cuts)) for s in found.stats],
        names=["null", "mean", "std", "min", *map(name_of, percents), "max", *(["kept"] if found.cuts else [])],
        correlations=[{"method": c.method, "chart": correlation_chart(c)} for c in found.correlations],
        diversity=_diversity(diversity) if diversity and diversity.pairs else None, skipped=list(_skipped(found)),
    )  # fmt: skip


def _tiles(found: Analysis) -> Iterator[tuple[str, str]]:
    yield ("rows sampled" if found.sampled else "rows"), f"{found.rows:,}"
    yield "stats", f"{len(found.stats):,}"
    if found.cuts:
        yield "cuts", f"{len(found.cuts):,}"
        yield "pass all cuts", _share(found.kept, found.rows)
    if found.errors:
        yield "errors", f"{found.errors:,}"


def _share(part: int, whole: int) -> str:
    """Two digits where one would hide that some or all but some are meant.

    >>> _share(1, 3), _share(9999, 10000), _share(0, 0)
    ('33.3%', '99.99%', '–')
    """
    if not whole:
        return "–"
    share = part / whole
    return f"{share:.1%}" if 0.001 <= share <= 0.999 or share in (0, 1) else f"{share:.2%}"


def _cut(cut: CutFacts) -> dict[str, Any]:
    kept = 100 * cut.kept / cut.rows if cut.rows else 0.0
    null = 100 * cut.nulls / cut.rows if cut.rows else 0.0
    return {
        "sql": cut.sql, "line": cut.line, "kept": f"{cut.kept:,}", "share": _share(cut.kept, cut.rows),
        "part": f"{kept:.2f}", "null_at": f"{100 - null:.2f}", "null_part": f"{null:.2f}",
        "fails": f"{cut.rows - cut.kept - cut.nulls:,}", "nulls": f"{cut.nulls:,}",
    }  # fmt: skip


def _stat(stat: StatFacts, texts: Mapping[int, str | None], cut: bool) -> dict[str, Any]:
    note = "over the items of its lists" if stat.per == "item" else "over the rows after an UNNEST"
    return {
        "label": stat.label, "sql": stat.sql, "line": stat.line, "listed": stat.per == "item",
        "note": note if stat.per == "item" or stat.expanded else "", "spark": spark(stat.histogram),
        "row": _row(stat)[: None if cut else -1], "chart": _chart(stat), "facts": list(_facts(stat)),
        "lowest": [_end(e, texts) for e in stat.lowest], "highest": [_end(e, texts) for e in stat.highest],
    }  # fmt: skip


def _chart(stat: StatFacts) -> Markup:
    if stat.histogram and stat.numbers:
        lines = [Line(b.operator, float(b.value)) for b in stat.bounds if not isinstance(b.value, str)]
        return histogram_chart(stat.histogram, stat.numbers, lines, stat.label)
    if stat.labels and stat.labels.top:
        return label_chart(stat.labels.top, stat.labels.count, stat.label)
    return Markup("")


def _row(stat: StatFacts) -> list[str]:
    n = stat.numbers
    if n is None:
        return []
    values = [n.mean, n.std, n.min, *(v for _, v in n.percentiles), n.max]
    kept = "" if stat.kept is None else _share(stat.kept, stat.rows)
    return [_share(stat.nulls, stat.rows), *map(short, values), kept]


def _facts(stat: StatFacts) -> Iterator[tuple[str, str]]:
    n = stat.numbers
    values = n.count if n else stat.labels.count if stat.labels else stat.rows - stat.nulls
    yield ("items" if stat.per == "item" else "values"), f"{values:,}"
    yield "NULL", f"{stat.nulls:,} ({_share(stat.nulls, stat.rows)})"
    if n and n.infinite:
        yield "infinite", f"{n.infinite:,}"
    if stat.labels:
        yield "distinct", f"{stat.labels.distinct:,}"
    if stat.items:
        yield "items a row", f"{short(stat.items.mean)} ({short(stat.items.min)} to {short(stat.items.max)})"
    if stat.kept is not None:
        yield "kept by its cuts", f"{stat.kept:,} ({_share(stat.kept, stat.rows)})"
    if n and n.count:
        yield from _spread(n)


def _spread(n: Numbers) -> Iterator[tuple[str, str]]:
    yield "", ""
    yield "mean", short(n.mean)
    yield "std", short(n.std)
    yield "", ""
    yield "min", short(n.min)
    for percent, value in n.percentiles:
        yield name_of(percent), short(value)
    yield "max", short(n.max)


def _end(extreme: Extreme, texts: Mapping[int, str | None]) -> dict[str, Any]:
    text = texts.get(extreme.sample_id)
    if text is not None:
        text = f"{text[:MOST_TEXT]}…" if len(text) > MOST_TEXT else text or "(empty)"
    return {"sample_id": extreme.sample_id, "value": f"{extreme.value:,.6g}", "text": text}


def _diversity(found: Diversity) -> dict[str, Any]:
    told = (
        f"{found.pairs:,} of {found.texts:,} texts have a verb with an object; {found.distinct:,} pairs differ. "
        f"Read by {found.model}."
    )
    rows = [(v, f"{n:,}", ", ".join(f"{noun} {c}" for noun, c in nouns)) for v, n, nouns in found.verbs[:12]]
    return {"chart": sunburst([Slice(*v) for v in found.verbs]), "told": told, "rows": rows}


def _skipped(found: Analysis) -> Iterable[tuple[str, str]]:
    reasons: dict[str, list[str]] = {}
    for one in found.skipped:
        reasons.setdefault(one.why, []).append(one.function)
    return [(why, ", ".join(names)) for why, names in reasons.items()]


def wanted_ids(stats: Sequence[StatFacts]) -> set[int]:
    """The samples whose texts the page shows."""
    return {e.sample_id for s in stats for e in (*s.lowest, *s.highest)}
