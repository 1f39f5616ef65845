"""Groups the steps of a plan into stages: chains of row-wise steps that run together, and global steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from juicesql.plan import GlobalStep, MapStep, Plan, Traced


@dataclass(frozen=True)
class Chain:
    """Row-wise steps that follow each other with no other reader in between, all traced in the same way."""

    input: str
    steps: tuple[MapStep, ...]

    @property
    def name(self) -> str:
        return self.steps[-1].name

    @property
    def traced(self) -> Traced:
        return self.steps[0].traced

    @property
    def passes(self) -> bool:
        """Whether the rows go through as they are."""
        return not any(s.calls or s.cuts or s.select for s in self.steps)


Stage = Chain | GlobalStep


def stages_of(plan: Plan, ends: Collection[str] = ()) -> list[Stage]:
    """The stages in the order in which they can run, without steps that nothing reads.

    `ends` are the steps that are wanted as relations; without any, the result.
    """
    ends = list(dict.fromkeys(ends)) or [plan.result]
    readers = Counter([*ends, *(i for s in plan.steps for i in _inputs(s))])
    wanted = _reachable(plan, ends)
    stages: list[Stage] = []
    for step in plan.steps:
        if step.name not in wanted:
            continue
        if isinstance(step, GlobalStep):
            stages.append(step)
            continue
        before = next((s for s in stages if isinstance(s, Chain) and s.name == step.input), None)
        if before is not None and readers[step.input] == 1 and before.traced == step.traced:
            stages[stages.index(before)] = Chain(before.input, (*before.steps, step))
        else:
            stages.append(Chain(step.input, (step,)))
    return stages


def streamed(stages: Iterable[Stage]) -> set[str]:
    """Global steps whose rows one chain takes as they come: they are no samples, nobody else reads or counts them."""
    stages = list(stages)
    readers = Counter(i for s in stages for i in ((s.input,) if isinstance(s, Chain) else s.inputs))
    taken = {s.input for s in stages if isinstance(s, Chain)}
    lone = {n for n in taken if readers[n] == 1}
    return {s.name for s in stages if isinstance(s, GlobalStep) and s.name in lone and not (s.traced or s.filter_sql)}


def mainline(plan: Plan) -> set[str]:
    """Steps whose lost rows are lost samples: the way from the source to the result along first inputs and unions."""
    found: set[str] = set()
    todo = [plan.result]
    while todo:
        name = todo.pop()
        step = next((s for s in plan.steps if s.name == name), None)
        if step is None or name in found:
            continue
        found.add(name)
        union = isinstance(step, GlobalStep) and " UNION " in f" {step.sql} ".upper()
        todo += list(_inputs(step)) if union else list(_inputs(step))[:1]
    return found


def _inputs(step: MapStep | GlobalStep) -> tuple[str, ...]:
    return (step.input,) if isinstance(step, MapStep) else step.inputs


def _reachable(plan: Plan, ends: Collection[str]) -> set[str]:
    found: set[str] = set()
    todo = list(ends)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [i for s in plan.steps if s.name == name for i in _inputs(s)]
    return found
