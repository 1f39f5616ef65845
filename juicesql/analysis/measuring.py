"""From the plan of a recipe to a plan that measures all of its stats on every row and drops none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from juicesql.errors import RecipeError
from juicesql.plan import SAMPLE, Call, GlobalStep, MapStep, Output, Plan, Step
from juicesql.stages import mainline

SAMPLES = "__samples"


@dataclass(frozen=True)
class LeftOut:
    """A step that is not applied as in a run, or one whose stats are not measured, and why."""

    step: str
    sql: str
    why: str


@dataclass(frozen=True)
class Measuring:
    """`plan` may be run with its steps `observed`; `paths` are their ways from the source, one for each branch."""

    plan: Plan
    observed: tuple[MapStep, ...]
    expanded: frozenset[str]  # observed steps that may see several rows of one sample
    paths: tuple[tuple[str, ...], ...]
    left_out: tuple[LeftOut, ...]


def measuring_plan(plan: Plan) -> Measuring:
    """Keep mappers, UNNESTs and stats along the way from the source to the result; note cuts instead of applying them.

    Steps over whole relations that keep a row a row (dedup, order, limit) are left out; joins and windows whose columns
    a later stat may need are kept, unions too. Stats of rows that were brought together are not measured.
    RecipeError when no stat is left.
    """
    main = mainline(plan)
    lost = _lost(plan, main)
    end = _end(plan, lost)
    steps: list[Step] = []
    left: list[LeftOut] = []
    needed = _upstream(plan, end)
    for step in plan.steps:
        if isinstance(step, GlobalStep) and step.name in main:
            passes = not _is_union(step) and (step.name not in needed or _only_drops(plan, step))
            if passes:
                left.append(LeftOut(step.name, step.text, "drops duplicates" if step.deduplicates else _why(step)))
            elif not _is_union(step):
                left.append(LeftOut(step.name, step.text, "applied, to rows that no cut has left"))
            if passes and step.name in needed:
                steps.append(MapStep(step.name, step.inputs[0], (), (), "", (), step.columns))
                continue
        elif step.name in main and step.name not in needed and isinstance(step, MapStep):
            left += [LeftOut(step.name, c.sql, "comes after rows are brought together") for c in _stats(step)]
            left += [LeftOut(step.name, c.sql, "comes after rows are brought together") for c in step.cuts]
        steps.append(step)
    steps.append(_samples_of(end))
    derived = replace(plan, steps=tuple(steps), result=SAMPLES)
    seen = mainline(derived)
    observed = tuple(s for s in derived.steps if isinstance(s, MapStep) and s.name in seen and (_stats(s) or s.cuts))
    if not any(_stats(s) for s in observed):
        mend = "call a stat such as text_len(text) in it, or analyze with --auto"
        raise RecipeError.of("no-stats", "the recipe measures no stat that can be analyzed", mend, plan.recipe)
    names = {s.name for s in observed}
    paths = tuple(tuple(n for n in path if n in names) for path in _paths(derived, end))
    return Measuring(derived, observed, _expanded(derived) & names, paths, tuple(left))


def _stats(step: MapStep) -> list[Call]:
    return [c for c in step.calls if c.kind == "stat"]


def _first(step: Step) -> str:
    return step.input if isinstance(step, MapStep) else (step.inputs or ("source",))[0]


def _is_union(step: Step) -> bool:
    return isinstance(step, GlobalStep) and " UNION " in f" {step.sql} ".upper()


def _why(step: GlobalStep) -> str:
    return "brings rows together" if step.groups else "looks at all rows"


def _only_drops(plan: Plan, step: GlobalStep) -> bool:
    """Whether its rows are rows of its first input as they were."""
    if step.filter_sql:
        return True
    before = dict(plan.step(step.inputs[0]).columns) if step.inputs else {}
    return step.traced == "rows" and all(before.get(name) == type_ for name, type_ in step.columns)


def _lost(plan: Plan, main: set[str]) -> set[str]:
    """Relations whose rows are not those of samples any more, and what comes after them."""
    lost: set[str] = set()
    for step in (s for s in plan.steps if s.name in main):
        inputs = set(step.inputs) if isinstance(step, GlobalStep) and _is_union(step) else {_first(step)}
        groups = isinstance(step, GlobalStep) and not _is_union(step) and step.traced != "rows"
        if groups or inputs & lost or (_is_union(step) and step.traced != "rows"):
            lost.add(step.name)
    return lost


def _end(plan: Plan, lost: set[str]) -> str:
    """The last relation whose making measures or compares something."""
    name = plan.result
    while name != "source":
        step = plan.step(name)
        works = _is_union(step) or (isinstance(step, MapStep) and (_stats(step) or step.cuts))
        if works and name not in lost:
            break
        name = _first(step)
    return name


def _upstream(plan: Plan, end: str) -> set[str]:
    found, todo = set(), [end]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            steps = [s for s in plan.steps if s.name == name]
            todo += [i for s in steps for i in ((s.input,) if isinstance(s, MapStep) else s.inputs)]
    return found


def _samples_of(end: str) -> MapStep:
    """The last step: only the ids, so that no text is written."""
    columns, outputs = ((SAMPLE, "BIGINT"),), (Output(SAMPLE, SAMPLE, ""),)
    return MapStep(SAMPLES, end, (), (), f"select {SAMPLE} from __t", (), columns, outputs)


def _expanded(plan: Plan) -> frozenset[str]:
    many: dict[str, bool] = {}
    for step in plan.steps:
        before = many.get(_first(step), False)
        many[step.name] = before or (isinstance(step, MapStep) and step.expands)
    # the step that unnests measures its stats before it does
    return frozenset(s.name for s in plan.steps if many.get(_first(s), False))


def _paths(plan: Plan, name: str) -> list[tuple[str, ...]]:
    if name == "source":
        return [()]
    step = plan.step(name)
    inputs = step.inputs if isinstance(step, GlobalStep) and _is_union(step) else (_first(step),)
    return [(*path, name) for i in inputs for path in _paths(plan, i)]
