"""`juicesql sql`: a query over the stats database of a project."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from juicesql.cli import screen
from juicesql.cli.columns import visible
from juicesql.cli.options import ProjectFolder
from juicesql.cli.out import plain, print_json
from juicesql.cli.text import plural, value_text

if TYPE_CHECKING:
    from juicesql.query import Answer

TABLE_ROWS = 100
CELL = 200  # characters of a value in a table; JSON and CSV have it whole
_NUMBERS = ("INT", "INTEGER", "DOUBLE", "FLOAT")


def sql(
    query: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="One query. [default: standard input]")] = None,
    project: ProjectFolder = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Read the query from a file.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Rows to print. [default: 100 in a table, else all]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a row, one a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a head.")] = False,
    allow_files: Annotated[bool, typer.Option("--allow-files", help="Let the query read files.")] = False,
) -> None:
    """Ask the stats database with SQL, with every stat and mapper of the project at hand. It is never written."""
    from juicesql.query import query as ask

    if as_json and as_csv:
        raise typer.BadParameter("one of --json and --csv", param_hint="--csv")
    with ask(_text(query, file), project=project, allow_files=allow_files) as answer:
        most = TABLE_ROWS if limit is None and not (as_json or as_csv) else limit
        found = chain.from_iterable(answer.batches)
        rows = islice(found, most)
        if as_json:
            _print_json(answer, rows)
        elif as_csv:
            _print_csv(answer, rows)
        elif answer.columns == ("explain_key", "explain_value"):
            print("\n".join(visible(line) for _, plan in rows for line in plan.splitlines()))
        else:
            _print_table(answer, list(rows))
            if next(found, None) is not None:
                screen.say(f"only the first {plural(most or 0, 'row')}: --limit N prints more")


def _text(query: str | None, file: Path | None) -> str:
    if query is not None and file is not None:
        raise typer.BadParameter("a query was given, and a file", param_hint="--file")
    try:
        return query if query is not None else file.read_text("utf-8") if file else sys.stdin.read()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"the query is not UTF-8: {error}", param_hint="QUERY") from error


def _print_json(answer: Answer, rows: Iterator[tuple[Any, ...]]) -> None:
    for row in rows:
        print_json(dict(zip(answer.columns, row, strict=True)), indent=None)


def _print_csv(answer: Answer, rows: Iterator[tuple[Any, ...]]) -> None:
    import csv

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(answer.columns)
    for row in rows:
        out.writerow([_csv_value(plain(value)) for value in row])


def _csv_value(value: Any) -> Any:
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else value


def _print_table(answer: Answer, rows: Sequence[tuple[Any, ...]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, type_ in zip(answer.columns, answer.types, strict=True):
        number = type_.endswith(_NUMBERS) or type_.startswith("DECIMAL")
        table.add_column(Text(visible(name)), justify="right" if number else "left", overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(visible(value_text(value, CELL))) for value in row))
    Console(width=None if sys.stdout.isatty() else 1_000_000).print(table)
