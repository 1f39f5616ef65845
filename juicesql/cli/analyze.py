"""`juicesql analyze`: how the values of stats are distributed, on every row, without a cut."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.columns import visible
from juicesql.cli.options import AsJson, ProjectFolder, Sources, VarPairs, VarsFile, variables
from juicesql.cli.out import print_json
from juicesql.cli.text import percent, plural, shorten, table

if TYPE_CHECKING:
    from juicesql.analysis.analyze import Analysis
    from juicesql.analysis.values import StatFacts

MOST_SKIPPED = 12


def analyze(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE|DATA", help="A recipe, or data: a file, folder or glob.")],
    auto: Annotated[
        bool, typer.Option("--auto", help="Every stat that fits the columns, instead of the recipe's. [data: always]")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Measure N rows, the same ones each time.")
    ] = None,
    stat: Annotated[
        list[str] | None, typer.Option("--stat", metavar="CALL", help="With --auto: this too, such as 'lang(text)'.")
    ] = None,
    column: Annotated[
        str, typer.Option(metavar="NAME", help="The column of text. [default: text, or the first one]")
    ] = "",
    percentiles: Annotated[str, typer.Option(metavar="P,P", help="The percentiles to show.")] = "1,5,25,50,75,95,99",
    spearman: Annotated[bool, typer.Option("--spearman", help="Correlation of ranks too.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table as CSV.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables as Markdown.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with charts, in one file that loads nothing.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, max=50, metavar="N", help="Rows in the report from each end of a stat.")
    ] = 3,
    source: Sources = None,
    project: ProjectFolder = None,
    var: VarPairs = None,
    vars_file: VarsFile = None,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads. [default: all cores]")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory to stay within, such as 8GB. [default: 60% of it]")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure everything again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure every stat on every row without cutting, and show how the values are distributed."""
    from juicesql.analysis import analyze as engine
    from juicesql.analysis.publish import Files, check_files, write_files

    request = engine.Request(_percents(percentiles), examples, spearman)
    files = Files(csv, markdown, html)
    check_files(files)
    written: list[Path] = []
    with screen.progress() as progress:
        found = engine.analyze(
            recipe, auto=auto, sample=sample, source=source or (), project=project, also=stat or (), text=column,
            variables=variables(var, vars_file), request=request, threads=threads, memory_limit=memory_limit,
            fresh=fresh, progress=progress, then=lambda a, read: written.extend(write_files(a, read, files)),
        )  # fmt: skip
    if as_json:
        print_json(found.to_dict())
    else:
        print("\n".join(draw(found)))
    screen.say(*(f"wrote {path}" for path in written))


def _percents(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (-1.0,)
    if any(not 0 <= p <= 100 for p in found):
        raise typer.BadParameter(f"{text!r} are no numbers from 0 to 100", param_hint="--percentiles")
    return found


def draw(found: Analysis) -> list[str]:
    """The analysis as tables."""
    rows = plural(found.rows, "row") + (" sampled" if found.sampled else "")
    lines = [f"{rows} of {found.source}" + (f", {found.errors:,} of them errors" if found.errors else "")]
    if found.others:
        also = f"--column NAME takes another: {shorten(', '.join(found.others), 100)}"
        lines.append(f"the text is the column `{found.text}`   ({also})")
    numbers = [s for s in found.stats if s.numbers]
    if numbers:
        lines += ["", *_numbers(numbers, bool(found.cuts))]
    for facts in (s for s in found.stats if s.labels):
        lines += ["", *_labels(facts)]
    if found.cuts:
        lines += ["", *_cuts(found)]
    if found.left_out:
        lines += ["", "not as in a run:"]
        lines += ["  " + t for t in table([""] * 3, [[o.step, o.why, shorten(o.sql, 70)] for o in found.left_out])]
    if found.skipped:
        lines += ["", f"{plural(len(found.skipped), 'stat')} of these columns left out:", *_skipped(found)]
    how = f"{found.measured:,} values measured, {found.reused:,} reused, {found.seconds:.1f} s"
    return [*lines, "", f"{how}   (analysis {found.run_id}; std: n - 1)"]


def _numbers(stats: list[StatFacts], cut: bool) -> list[str]:
    from juicesql.analysis.tables import name_of

    percents = [p for p, _ in stats[0].numbers.percentiles] if stats[0].numbers else []
    head = ["stat", "count", "null", "mean", "std", "min", *map(name_of, percents), "max", *(["kept"] if cut else [])]
    rows = []
    for s in stats:
        n = s.numbers
        if n:
            values = [n.mean, n.std, n.min, *(v for _, v in n.percentiles), n.max]
            name = s.label + (" (items)" if s.per == "item" else "")
            rows.append(
                [name, f"{n.count:,}", percent(s.nulls, s.rows), *map(short, values), *([_kept(s)] if cut else [])]
            )
    return table(head, rows, " " + "r" * (len(head) - 1))


def _kept(facts: StatFacts) -> str:
    return "" if facts.kept is None else percent(facts.kept, facts.rows)


def short(value: float | None) -> str:
    """Four digits that tell.

    >>> short(0.123456), short(1234567.8), short(12.0), short(None)
    ('0.1235', '1,234,568', '12', '')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"


def _labels(facts: StatFacts) -> list[str]:
    found = facts.labels
    if found is None:
        return []
    per = "items" if facts.per == "item" else "values"
    null = percent(facts.nulls, facts.rows)
    title = f"{facts.label}   {found.count:,} {per}, {found.distinct:,} distinct, {null} null"
    rows = [[shorten(visible(v), 40), f"{n:,}", percent(n, found.count)] for v, n in found.top]
    kept = f", {_kept(facts)} kept" if facts.kept is not None else ""
    return [title + kept, *("  " + line for line in table(["", "", ""], rows, " rr"))]


def _cuts(found: Analysis) -> list[str]:
    rows = [
        [shorten(c.sql, 60), str(c.line or ""), f"{c.kept:,}", percent(c.kept, c.rows),
         f"{c.rows - c.kept - c.nulls:,}", f"{c.nulls:,}"]
        for c in found.cuts
    ]  # fmt: skip
    lines = table(["cut, alone", "line", "keeps", "share", "fail", "null"], rows, " rrrrr")
    return [*lines, f"all together keep {found.kept:,} of {found.rows:,} rows ({percent(found.kept, found.rows)})"]


def _skipped(found: Analysis) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for s in found.skipped:
        by_reason.setdefault(s.why, []).append(s.function)
    shown = list(by_reason.items())[:MOST_SKIPPED]
    return [f"  {why}: {shorten(', '.join(names), 160)}" for why, names in shown]
