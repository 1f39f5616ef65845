"""A project whose stats read their values out of the data, so that a test knows every one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.sandbox.refining.hook import run_of

import juicesql
from juicesql.analysis.analyze import analyze
from juicesql.running import Prepared, RunResult, prepare
from juicesql.runs import RunRecord

MACROS = {
    "number": ("DOUBLE", "try_cast(json_extract_string(text, '$.x') as double)"),
    "whole": ("BIGINT", "try_cast(json_extract_string(text, '$.n') as bigint)"),
    "size": ("BIGINT", "length(text)"),
    "many": ("DOUBLE[]", "try_cast(json_extract(text, '$.items') as double[])"),
    "kind": ("VARCHAR", "json_extract_string(text, '$.kind')"),
}


@dataclass
class World:
    """A project folder with data; every row of `rows` is one sample."""

    root: Path
    rows: list[dict[str, Any]] = field(repr=False)

    def measured(self, where: str, **variables: Any) -> tuple[Prepared, RunRecord]:
        """A recipe with this WHERE (or a whole recipe), analysed."""
        text = where if "from source" in where else f"select * from source where {where}\n"
        path = self.root / "recipe.sql.j2"
        path.write_text(text)
        found = analyze(path, source=[str(self.root / "data.jsonl")], project=self.root, variables=variables, threads=1)
        prepared = self.prepared(path, **variables)
        return prepared, run_of(prepared, found)

    def prepared(self, path: Path, **variables: Any) -> Prepared:
        return prepare(path, source=[str(self.root / "data.jsonl")], project=self.root, variables=variables, export="")

    def run(self, text: str, **variables: Any) -> RunResult:
        path = self.root / "other.sql.j2"
        path.write_text(text)
        return juicesql.run(
            path, source=str(self.root / "data.jsonl"), project=self.root, variables=variables, threads=1,
            max_error_rate=1,
        )  # fmt: skip


def make_world(root: Path, rows: Sequence[dict[str, Any]]) -> World:
    (root / "macros/text").mkdir(parents=True)
    (root / "juicesql.toml").write_text("")
    for name, (type_, sql) in MACROS.items():
        head = f"-- stat: {name}(text VARCHAR) -> {type_}\n-- Reads a value out of the text.\n"
        (root / f"macros/text/{name}.sql").write_text(f"{head}create or replace macro {name}(text) as\n    {sql};\n")
    lines = [json.dumps({"text": None if row is None else json.dumps(row)}) for row in rows]
    (root / "data.jsonl").write_text("\n".join(lines) + "\n")
    return World(root, list(rows))
