"""Says when `latest` passes over a newer run that did not finish."""

from __future__ import annotations

from pathlib import Path

from juicesql.cli import screen


def mention_failure(project: Path | None, *names: str) -> None:
    """A line on stderr where one of the names is `latest` and the newest run failed or was interrupted."""
    from juicesql.project import open_project
    from juicesql.runs import newest_failure
    from juicesql.store import Store

    if not any(name.partition("~")[0] == "latest" for name in names):
        return
    with Store(open_project(project).root).open(read_only=True) as con:
        found = newest_failure(con)
    if found:
        run_id, recipe, status, message = found
        ended = "failed" if status == "failed" else "was interrupted"
        why = f": {message}" if message else ""
        screen.say(f"note: a newer run than `latest`, {run_id} of {recipe}, {ended}{why}")
