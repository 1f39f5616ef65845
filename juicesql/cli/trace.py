"""`juicesql trace`: the story of one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from juicesql.cli.newest import mention_failure
from juicesql.cli.options import AsJson, ProjectFolder
from juicesql.cli.out import print_json
from juicesql.cli.text import plural, shorten, table, value_text, where_they_differ

if TYPE_CHECKING:
    from juicesql.trace import CutStory, Place, StepStory, Story


def trace(
    name: Annotated[str, typer.Argument(metavar="RECIPE|RUN", help="A recipe (its newest run), run id, or `latest`.")],
    sample: Annotated[int, typer.Option("--sample", metavar="ID", help="The sample_id.")],
    project: ProjectFolder = None,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story of one sample: where it came from, what was measured, and why it stayed or went."""
    from juicesql.trace import trace as tell

    story = tell(name, sample, project=project)
    mention_failure(project, name)
    if as_json:
        print_json(story.to_dict())
        return
    print("\n".join(draw(story)))


def draw(story: Story) -> list[str]:
    """The story as text, the verdict last."""
    lines = [f"sample {story.place.sample_id} in run {story.run_id} of {story.recipe_path}"]
    lines.append(f"from {_place(story.place)}" + ("   (the source has changed since)" if story.source_changed else ""))
    for step in story.steps:
        lines += ["", step.step, *("  " + line for line in _step(step))]
    if story.errors:
        lines += ["", "errors", *(f"  {function}: {message}" for function, message in story.errors)]
    return [*lines, "", *_verdict(story)]


def _step(step: StepStory) -> list[str]:
    lines = table(["", "", "", ""], [_cut(c) for c in step.cuts])
    lines += [f"measured  {name} = {value_text(value)}" for name, value in step.stats.items()]
    for change in step.changes:
        before, after = where_they_differ(change.before or "", change.after or "", 80)
        lines += [f"changed {change.column}", f"  before {before}", f"  after  {after}"]
    return lines


def _cut(cut: CutStory) -> list[str]:
    known = {k: v for k, v in cut.values.items() if v is not None or cut.outcome != "not reached"}
    values = ", ".join(f"{name} = {value_text(value)}" for name, value in known.items())
    outcome = cut.outcome.upper() if cut.outcome == "failed" else cut.outcome
    return [outcome, shorten(cut.sql, 70), values, _line(cut.line)]


def _verdict(story: Story) -> list[str]:
    if story.verdict == "kept":
        twins = story.stands_for
        ids = ", ".join(map(str, twins[:10])) + (", ..." if len(twins) > 10 else "")
        return ["KEPT", f"It stands for {plural(len(twins), 'duplicate')}: {ids}"] if twins else ["KEPT"]
    if story.verdict == "duplicate" and story.duplicate_of:
        twin = story.duplicate_of
        return [f"DUPLICATE of sample {twin.sample_id}, by step {story.by}", f"{twin.sample_id} is from {_place(twin)}"]
    if story.verdict == "duplicate":
        return [f"DUPLICATE of {story.value}, by step {story.by}"]
    if story.verdict == "error":
        return [f"ERROR {story.value or ''}".rstrip()]
    where = f" ({_line(story.by_line)})" if story.by_line else ""
    value = f" with the value {value_text(story.value)}" if story.value is not None else ""
    failed = [c for s in story.steps for c in s.cuts if c.cut == story.by]
    if failed and failed[0].outcome == "not measured":
        value = ": its stat is NULL, it could not be measured"
    return [f"DROPPED by {story.by}: {shorten(story.by_sql, 100)}{where}{value}"]


def _place(place: Place) -> str:
    return f"{place.file}, row {place.row} (the first is 0)" if place.file is not None else "an unknown place"


def _line(line: int | None) -> str:
    return f"line {line}" if line else ""
