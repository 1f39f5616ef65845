"""A process of its own that does the mappers of a recorded plan again, for a few rows.

It reads a line of JSON (steps and macros of the plan) and an Arrow stream of rows; it answers with one line of JSON:
`changes` (step, sample, column, before, after), and `note` where it went no further.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.errors import JuiceError
from juicesql.mapstage import Change, open_worker, run_chain
from juicesql.measure import Measurer
from juicesql.plan import Call, MapStep, Output
from juicesql.registry import Registry
from juicesql.workers import Pool

_MEMORY_MB = 512


class Refused(Exception):
    """A step that is not done again, and why."""


def main() -> None:
    line = sys.stdin.buffer.readline()
    asked = json.loads(line)
    table = pa.ipc.open_stream(sys.stdin.buffer).read_all()
    changes, note = redo(asked["steps"], asked["macros"], table)
    told = [[c.step, c.sample_id, c.column, c.before, c.after] for c in changes]
    print(json.dumps({"changes": told, "note": note}))


def redo(steps: Iterable[Mapping[str, Any]], macros: Iterable[str], table: pa.Table) -> tuple[list[Change], str]:
    """The changes along the steps whose rows are still samples."""
    registry, tables, changes, note = Registry(), {"source": table}, list[Change](), ""
    missing = [m for m in macros if m not in registry]
    if missing:
        return [], f"{missing[0]} is code of the project, which is not run here"
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(None, 1)
        con = open_worker(registry, macros, _MEMORY_MB)
        try:
            for step in steps:
                try:
                    made = _step(step, tables, registry, Measurer(registry, {}, Path(folder), pool), con)
                except (Refused, JuiceError) as error:
                    note = note or str(error)
                    continue
                if made is not None:
                    tables[str(step["name"])], own = made
                    changes += own
        finally:
            con.close()
            pool.close()
    return changes, note


def _step(
    step: Mapping[str, Any], tables: Mapping[str, pa.Table], registry: Registry, measurer: Measurer, con: Any
) -> tuple[pa.Table, list[Change]] | None:
    if step["kind"] == "global":
        first = step["inputs"][0] if step["inputs"] else ""
        return (tables[first], []) if step["filter_sql"] and first in tables else None
    if step["input"] not in tables or step["traced"] != "rows" or step["grouped"]:
        return None
    table = tables[step["input"]]
    if not step["select"]:
        return table, []
    result = run_chain(table, [_projection(step, registry)], con, measurer, {}, trace=table.num_rows)
    if result.failures:
        raise Refused(f"{result.failures[0].function} fails now: {result.failures[0].message}")
    return result.table, result.changes


def _projection(step: Mapping[str, Any], registry: Registry) -> MapStep:
    """The step without its cuts, and with the calls that its projection needs."""
    calls = [_made(Call, c) for c in step["calls"] if c["column"] in step["select_calls"]]
    for call in calls:
        if call.function not in registry:
            raise Refused(f"{call.function} is code of the project, which is not run here")
        if call.runs_on == "device" or call.media or call.makes_files:
            raise Refused(f"{call.function} needs a model or files, and is not run here")
    outputs = tuple(_made(Output, o) for o in step["outputs"])
    columns = tuple((str(n), str(t)) for n, t in step["columns"])
    made: MapStep = _made(MapStep, step)
    return replace(made, calls=tuple(calls), cuts=(), outputs=outputs, columns=columns)


def _made(kind: Any, given: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    return kind(**{n: _tuples(v) for n, v in given.items() if n in known})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
