"""The command line. A command parses, calls one function and prints: stdout is data, and `screen` owns stderr.

Commands import what they call when they are called, so `juicesql --help` answers at once. Other packages add commands
through the entry point group `juicesql.commands`: a function or a group for typer, under the name of its entry point.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from juicesql import __version__
from juicesql.cli import (
    analyze,
    clean,
    compare,
    compile,
    diff,
    dups,
    explain,
    functions,
    init,
    models,
    recipes,
    run,
    screen,
    show,
    sql,
    trace,
    validate,
)
from juicesql.cli.out import print_json
from juicesql.errors import Exit, JuiceError, Problem
from juicesql.restricted import TRUST, allow_folders, restrict

app = typer.Typer(
    name="juicesql",
    help="Clean training data with declarative SQL. Start with `juicesql init DIR`.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_BUILTIN: dict[str, Callable[..., None]] = {
    "run": run.run, "compile": compile.compile, "explain": explain.explain, "functions": functions.functions,
    "recipes": recipes.recipes, "trace": trace.trace, "diff": diff.diff, "dups": dups.dups, "show": show.show,
    "analyze": analyze.analyze, "compare": compare.compare, "sql": sql.sql, "clean": clean.clean, "init": init.init,
    "validate": validate.validate,
}  # fmt: skip
for _name, _command in _BUILTIN.items():
    app.command(_name)(_command)
_Usage: Any = typer.BadParameter.__mro__[2]  # ClickException, which typer has within itself or from click
_GROUPS = {"models": models.app}
for _name, _group in _GROUPS.items():
    app.add_typer(_group, name=_name)


def _version(asked: bool) -> None:
    if asked:
        print(f"juicesql {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    restricted: Annotated[
        bool, typer.Option("--restricted", help="Read and write in the project only, and run no code of it.")
    ] = False,
    allow: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="With --restricted: a folder besides. May be repeated.")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let models bring code that runs, where a recipe asks for it.")
    ] = False,
) -> None:
    """What is allowed goes before the command: `juicesql --restricted run RECIPE`."""
    if restricted:
        restrict()
    allow_folders(allow or ())
    if trust_remote_code:
        os.environ[TRUST] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. A JuiceError is shown as its text, never as a traceback; with --json stdout is one
    JSON document then too. Who stops reading, as `head` does, ends it quietly."""
    words = _allowances_first(list(sys.argv[1:] if arguments is None else arguments))
    try:
        if not words or words[0] not in {*_BUILTIN, *_GROUPS}:
            _add_commands()
        code = app(words, prog_name="juicesql", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except JuiceError as error:
        screen.show_error(error)
        _refuse(words, int(error.exit_code), [asdict(p) for p in error.problems])
    except _Usage as error:
        error.show()
        message = error.format_message()
        _refuse(words, error.exit_code, [asdict(Problem("usage", message, "--help shows what there is"))])
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed into nothing
        sys.exit(int(Exit.PIPE))
    except Exception as error:
        if os.environ.get("JUICESQL_DEBUG"):
            raise
        cause = (str(error).strip().splitlines() or [""])[0]
        screen.say(f"error: {type(error).__name__}: {cause}", "  set JUICESQL_DEBUG=1 for the traceback")
        _refuse(words, int(Exit.FAILED), [asdict(Problem("unexpected", f"{type(error).__name__}: {cause}"))])


def _allowances_first(words: list[str]) -> list[str]:
    """What is allowed may stand anywhere before `--`, and is read before anything is done."""
    end = words.index("--") if "--" in words else len(words)
    first, rest, take = list[str](), list[str](), False
    for word in words[:end]:
        mine = take or word in ("--restricted", "--trust-remote-code", "--allow") or word.startswith("--allow=")
        (first if mine else rest).append(word)
        take = word == "--allow"
    return [*first, *rest, *words[end:]]


def _refuse(words: Sequence[str], code: int, problems: list[dict[str, object]]) -> None:
    """End with the problems, on stdout too where a program reads them: in one line, as rows may stand before it."""
    if "--json" in words:
        print_json({"error": problems}, indent=None)
    sys.exit(code)


def _add_commands() -> None:
    """The commands of other packages; one that cannot be imported is named and left out."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="juicesql.commands"):
        try:
            found = entry.load()
            if isinstance(found, typer.Typer):
                app.add_typer(found, name=entry.name)
            else:
                app.command(entry.name)(found)
        except Exception as error:
            screen.say(f"the command `{entry.name}` is left out: {type(error).__name__}: {error}")
