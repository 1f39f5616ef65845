"""`juicesql models`: lists, pulls, checks, removes and trains the models that functions use."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, size_of, table

if TYPE_CHECKING:
    from juicesql.downloads import Report
    from juicesql.models import Model
    from juicesql.train_quality import Trained

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name that `juicesql models list` shows.")]


@app.callback()
def models() -> None:
    """List, pull, verify, remove and train the models that functions use."""


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models: what is here, how large it is and which functions use it."""
    from juicesql.models import listed

    found = [facts(model) for model in listed()]
    if as_json:
        print_json(found)
        return
    rows = [
        [f["name"], size_of(f["bytes"]) if f["here"] else "not here", f["about"], ", ".join(f["used_by"])]
        for f in found
    ]
    print("\n".join(table(["name", "on disk", "what it is", "used by"], rows, "lrlw", screen.width())))


def facts(model: Model) -> dict[str, Any]:
    """What is known of a model, as plain data."""
    from juicesql.models import size_of_files

    return {
        "name": model.name, "about": model.about, "used_by": list(model.used_by), "origin": model.url or model.hub,
        "here": model.here, "path": str(model.path), "bytes": size_of_files(model) if model.here else 0,
        "sha256": model.sha256,
    }  # fmt: skip


@app.command()
def pull(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A listed name, a hub id `owner/name[@revision]`, or an https address."),
    ],
    max_size: Annotated[
        str, typer.Option("--max-size", metavar="SIZE", help="Refuse more than this, such as 500MB.")
    ] = "8GB",
    sha256: Annotated[str, typer.Option("--sha256", metavar="HEX", help="The digest that the file must have.")] = "",
    as_json: AsJson = False,
) -> None:
    """Download a model: https only, from public addresses, up to a size, with its digest checked."""
    from dataclasses import replace

    from juicesql.export import parse_bytes
    from juicesql.models import find
    from juicesql.models import pull as pull_model

    model = find(name)
    model = replace(model, sha256=sha256.lower()) if sha256 else model
    with _bar() as report:
        path = pull_model(model, parse_bytes(max_size), report)
    if as_json:
        print_json({**facts(model), "path": str(path)})
    else:
        print(path)


@contextmanager
def _bar() -> Iterator[Report | None]:
    """Shows how much of a download is here, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size or None)


@app.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this one. [default: every model that is here]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read models again and compare their digests with those that they came with."""
    from juicesql.models import find, listed
    from juicesql.models import verify as verify_model

    chosen = [find(name)] if name else [m for m in listed() if m.here]
    found = [{"name": m.name, "here": m.here, "wrong": verify_model(m) if m.here else [f"{m.name} is not here"]}
             for m in chosen]  # fmt: skip
    if as_json:
        print_json(found)
    else:
        for answer in found:
            print("\n".join(answer["wrong"]) or f"{answer['name']} is right")  # type: ignore[arg-type]
    if any(answer["wrong"] for answer in found):
        raise typer.Exit(1)


@app.command()
def rm(name: Name) -> None:
    """Remove a model that was pulled or trained."""
    from juicesql.models import find, remove

    model = find(name)
    freed = remove(model)
    print(f"removed {model.name}: {size_of(freed)} freed")


@app.command("train-quality")
def train_quality(
    good: Annotated[
        str, typer.Argument(metavar="GOOD", help="Good text: a file, folder or glob that a source may be.")
    ],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="Bad text, of any of the same kinds.")],
    out: Annotated[
        str,
        typer.Option("--out", metavar="NAME|PATH", help="The name of the model, or a path that ends in .safetensors."),
    ] = "quality",
    column: Annotated[str, typer.Option("--column", metavar="NAME", help="The column that holds the text.")] = "text",
    dims: Annotated[
        str, typer.Option("--dims", metavar="N", help="Numbers that n-grams are hashed to: a power of two, or 2^18.")
    ] = "2^18",
    ngrams: Annotated[
        int, typer.Option("--ngrams", metavar="N", min=1, max=5, help="The longest n-grams, in words; 1: words only.")
    ] = 2,
    holdout: Annotated[float, typer.Option("--holdout", help="Share of the texts that is only for measuring.")] = 0.2,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Read at most N rows of each; 0: all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the texts that are held out.")] = 42,
    as_json: AsJson = False,
) -> None:
    """Train the classifier of `quality_score` on good and bad text, and say how well it tells them apart."""
    from juicesql.train_quality import Settings, save, train

    started = time.perf_counter()
    trained = train(good, bad, Settings(column, _power(dims), ngrams, holdout, seed, limit))
    path = save(trained, out)
    seconds = time.perf_counter() - started
    if as_json:
        from dataclasses import asdict

        print_json(
            {"model": out, "path": str(path), "bytes": path.stat().st_size, "seconds": round(seconds, 3)}
            | {"texts": trained.texts, "held_out": asdict(trained.measured), "inputs_sha256": trained.inputs_sha256}
        )
        return
    print("\n".join(_report(trained, path, seconds)))
    screen.say("", f"use it: quality_score(text, model := '{out}') > 0.5")


def _power(text: str) -> int:
    """
    >>> _power("2^18"), _power("4096")
    (262144, 4096)
    """
    base, hat, exponent = text.partition("^")
    try:
        value = int(base) ** int(exponent) if hat and 0 <= int(exponent) < 64 else int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number such as 2^18", param_hint="--dims") from None
    return value


def _report(trained: Trained, path: Path, seconds: float) -> list[str]:
    counts, found = trained.texts, trained.measured
    rows = [
        ["label: score > 0.5", f"{found.label_good_kept:.1%}", f"{found.label_bad_kept:.1%}"],
        ["pareto: score > 1 - pareto(9)", f"{found.pareto_good_kept:.1%}", f"{found.pareto_bad_kept:.1%}"],
    ]
    return [
        f"{path}  {size_of(path.stat().st_size)}",
        f"{plural(counts['good'], 'good text')}, {counts['bad']:,} bad, {size_of(counts['bytes'])}, {seconds:.1f} s; "
        f"left out: {counts['repeated']:,} repeated or empty, {counts['in_both']:,} in both inputs, "
        f"{counts['unreadable']:,} unreadable",
        "",
        f"on the {counts['held_out']:,} texts held out: accuracy {found.accuracy:.4f}, AUC {found.auc:.4f}, "
        f"precision {found.precision:.4f}, recall {found.recall:.4f}",
        *table(["keep by", "good kept", "bad kept"], rows, "lrr"),
    ]
