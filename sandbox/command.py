"""`juicesql sandbox`: runs experiments and shows what they found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from juicesql.cli import screen
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json

from .history_command import list_experiments, metrics, show

app = typer.Typer(
    name="sandbox",
    help="Develop data and model together: probe, refine, process, train, evaluate.",
    no_args_is_help=True,
)
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The .yaml file of the experiment.")]


@app.command()
def run(
    config: ConfigFile,
    project: ProjectFolder = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again instead of going on where it stopped.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the whole file; run nothing.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads. [default: all cores]")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the jobs of a file: probe, refine the recipe, execute, evaluate. A broken experiment goes on at the job that
    failed."""
    from .before_after import before_after
    from .pipeline import check_sandbox, run_sandbox

    if check:
        found = check_sandbox(config, project)
        screen.say(f"{len(found.jobs)} jobs in {len(found.pipelines)} pipelines, no problems")
        return
    out = sys.stderr if as_json else sys.stdout

    def say(line: str) -> None:
        # A bar puts itself in the place of both streams, to draw below what they say: a file must not go that way.
        live = sys.stderr if as_json else sys.stdout
        print(line, file=live if out.isatty() else out, flush=True)

    with screen.progress() as progress:
        report = run_sandbox(config, project=project, fresh=fresh, threads=threads, progress=progress, say=say)
    changed = before_after(report.results)
    for line in ["", *changed] if changed else []:
        say(line)
    screen.say("", f"{report.experiment}: {len(report.jobs)} jobs done   (files in {report.folder})")
    if as_json:
        print_json(report.to_dict())


app.command("list")(list_experiments)
app.command()(show)
app.command()(metrics)


@app.command()
def hooks(as_json: AsJson = False) -> None:
    """List the hooks, the job lists that they work in, and the types that each factory makes."""
    from .registry import components, hooks, job_lists

    keys = {name: key for key, name in job_lists().items()}
    types = [{"factory": f, "type": t, "what": first_line(c)} for f, t, c in components()]
    found = [
        {"hook": h.__name__, "lists": [keys.get(n, n) for n in h.lists], "factory": h.factory, "what": first_line(h)}
        for h in hooks()
    ]
    if as_json:
        print_json({"hooks": found, "components": types})
        return
    for h in found:
        print(f"{h['hook']}  ({', '.join(h['lists'])})\n    {h['what']}")
        for t in types:
            if t["factory"] == h["factory"]:
                print(f"    type {t['type']}: {t['what']}")


def first_line(found: type) -> str:
    """The first paragraph of a docstring as one line."""
    return " ".join((found.__doc__ or "").split("\n\n")[0].split())
