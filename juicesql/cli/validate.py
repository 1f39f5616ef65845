"""`juicesql validate`: checks the newest run of a recipe by its expectations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.columns import visible
from juicesql.cli.options import AsJson, ProjectFolder, RecipeName, Sources
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, shorten, table, value_text

if TYPE_CHECKING:
    from juicesql.gates.model import Check, Report


def validate(
    recipe: RecipeName,
    suite: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The expectations. [default: NAME.expectations.yml beside it]")
    ] = None,
    source: Sources = None,
    docs: Annotated[Path | None, typer.Option(metavar="DIR", help="Write Data Docs (HTML) into this folder.")] = None,
    examples: Annotated[int, typer.Option(min=0, max=20, metavar="N", help="Failing rows to name for each.")] = 5,
    project: ProjectFolder = None,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads. [default: all cores]")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory to stay within, such as 8GB.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the newest run of a recipe by its expectations; exits with 8 when one is not met."""
    from juicesql.errors import Exit
    from juicesql.gates.validating import validate as check

    with screen.progress() as progress:
        report = check(
            recipe, suite=suite, source=source or (), project=project, docs=docs, threads=threads,
            memory_limit=memory_limit, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(report.to_dict())
    else:
        print("\n".join(report_lines(report, screen.width(), examples)))
    if not report.success:
        raise typer.Exit(int(Exit.GATE))


def report_lines(report: Report, width: int, examples: int) -> list[str]:
    """A line for each expectation, the rows that fail, and the sum."""
    lines = check_lines(report.checks, width, examples)
    lines += ["", *(f"✗ {note}" for note in report.notes)] if report.notes else []
    met = len(report.checks) - len(report.failed)
    lines += [
        "",
        f"{met} of {plural(len(report.checks), 'expectation')} met   (run {report.run_id}, {report.seconds:.1f} s)",
    ]
    return [*lines, f"Data Docs: {report.docs}"] if report.docs else lines


def check_lines(checks: tuple[Check, ...], width: int, examples: int) -> list[str]:
    """The checks as a table; below those that fail some of their rows."""
    rows, last = [], ""
    for check in checks:
        e = check.expectation
        rows.append(
            [
                "✓" if check.success else "✗",
                e.relation if e.relation != last else "",
                visible(e.text),
                visible(_found(check)),
            ]
        )
        last = e.relation
    drawn = table(["", "relation", "expectation", "found"], rows, "  w ", width)
    lines = drawn[:1]
    for line, check in zip(drawn[1:], checks, strict=True):
        lines.append(line)
        lines += [] if check.success else [f"     {text}" for text in _rows(check, examples, width - 5)]
    return lines


def _found(check: Check) -> str:
    if check.message:
        return shorten(check.message, 60)
    if check.failing is not None:
        judged = check.rows - (check.nulls or 0)
        return "all rows" if not check.failing else f"{check.failing:,} of {judged:,} rows fail"
    return value_text(check.observed) if check.observed is not None else "no value"


def _value(value: object) -> str:
    """Texts in quotes, with their blanks to be seen."""
    if not isinstance(value, str):
        return value_text(value)
    return f"'{visible(value if len(value) <= 80 else value[:79] + '…')}'"


def _rows(check: Check, most: int, width: int) -> list[str]:
    lines = []
    for example in check.examples[:most]:
        values = ", ".join(f"{n} = {_value(v)}" for n, v in example.values.items())
        line = f"sample {example.sample_id}: {values}"
        lines.append(line if len(line) <= width else line[: max(width - 1, 0)] + "…")
    left = (check.failing or 0) - len(lines)
    return [*lines, f"and {left:,} more"] if lines and left > 0 else lines
