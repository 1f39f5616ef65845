"""What the mappers of a run made of some samples: their steps are done again, for these rows alone, in a child.

So every sample has its changes, not only those that the run recorded. No code of the project, no model and no function
over files is run, as the stats database may be somebody else's; the child may be ended at any time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from juicesql.plan import SAMPLE
from juicesql.runs import RunRecord
from juicesql.trace import Story

MOST_SECONDS = 20.0
MOST_MEMORY = 4 << 30


@dataclass(frozen=True)
class Changed:
    """A column on its whole way through the run, or until the sample left it; `steps` changed it."""

    column: str
    steps: tuple[str, ...]
    before: str
    after: str


def recorded(story: Story) -> tuple[Changed, ...]:
    """What the run itself kept of the changes of a sample."""
    found: dict[str, Changed] = {}
    for step in story.steps:
        for c in step.changes:
            was = found.get(c.column, Changed(c.column, (), c.before or "", ""))
            found[c.column] = Changed(c.column, (*was.steps, step.step), was.before, c.after or "")
    return tuple(found.values())


def replay(
    run: RunRecord, stories: Mapping[int, Story], columns: pa.Schema, rows: Mapping[int, Mapping[str, Any]]
) -> tuple[dict[int, tuple[Changed, ...]], str]:
    """The changes of the samples whose rows are given, and why there are none or not all; empty when there are all."""
    wanted = {i: _steps_until(run, s) for i, s in stories.items() if i in rows and s.verdict != "error"}
    if not any(s.get("select") for s in run.plan["steps"]) or not wanted:
        return {}, ""
    table = pa.Table.from_pylist([{SAMPLE: i, **rows[i]} for i in wanted], pa.schema([(SAMPLE, pa.int64()), *columns]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    question = json.dumps({"steps": run.plan["steps"], "macros": run.plan["macros"]}).encode() + b"\n"
    answer, note = _asked(question + sink.getvalue().to_pybytes())
    found: dict[int, dict[str, Changed]] = {}
    for step, sample, column, before, after in answer:
        if step in wanted[sample]:
            own = found.setdefault(sample, {})
            was = own.get(column, Changed(column, (), before or "", ""))
            name = step.removesuffix("__rows")
            own[column] = Changed(column, (*was.steps, name), was.before, after or "")
    return {sample: tuple(own.values()) for sample, own in found.items()}, note


def _steps_until(run: RunRecord, story: Story) -> frozenset[str]:
    """The steps whose projection the sample went through: a cut takes it before that of its own step."""
    names: list[str] = []
    for step in run.plan["steps"]:
        if story.by and (step["name"] == story.by or story.by in [c["id"] for c in step.get("cuts", ())]):
            break
        names.append(step["name"])
    return frozenset(names)


def _asked(question: bytes) -> tuple[list[tuple[str, int, str, str | None, str | None]], str]:
    # -P: no module where the user stands goes before a library.
    command = [sys.executable, "-P", "-m", "juicesql._replay_child"]
    try:
        done = subprocess.run(
            command, input=question, capture_output=True, timeout=MOST_SECONDS, preexec_fn=_limit, cwd="/", check=False
        )
        answer = json.loads(done.stdout)
        return [tuple(c) for c in answer["changes"]], str(answer["note"])
    except subprocess.TimeoutExpired:
        return [], f"the mappers take more than {MOST_SECONDS:g} seconds for these rows"
    except (ValueError, KeyError, OSError):
        return [], "the mappers ended their process"


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_SECONDS) * 4, int(MOST_SECONDS) * 4))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
