"""A small project in a temporary folder, with a stat that counts its calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql

SLOW = '''"""Stat `slow_len`."""

from pathlib import Path

from juicesql.api import stat

from ._help import unit_of

LOG = Path(__file__).parent.parent / "calls.log"
FACTOR = 1.0


@stat("slow_len(text VARCHAR, unit INTEGER := 1) -> DOUBLE", runs_on="process", rowwise=True)
def slow_len(text: str, unit: int) -> float:
    """Characters, counted slowly."""
    with open(LOG, "a") as log:
        log.write("x")
    if text == "poison":
        raise ValueError("poisoned text")
    return len(text) * FACTOR * unit_of(unit)
'''
HELP = '''"""Helper of slow_len."""


def unit_of(unit: int) -> float:
    return 1.0 / unit


def unused() -> int:
    return 1
'''
RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
with kept as (
    select *
    from source
    where text_len(text) >= {{ var('short', 1) }}
      and slow_len(text) >= 3
      and slow_len(text) <= {{ var('long', 1000) }}
)
select * from kept
"""


@dataclass
class Workbench:
    root: Path

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def data(self, texts: list[Any], name: str = "data.jsonl", mode: str = "w") -> Path:
        path = self.root / name
        with open(path, mode, encoding="utf-8") as out:
            for text in texts:
                out.write(
                    (text if isinstance(text, str) and text.startswith("\x00") else json.dumps({"text": text})) + "\n"
                )
        return path

    def run(self, recipe: str = "r.sql.j2", **options: Any) -> juicesql.RunResult:
        return juicesql.run(self.root / recipe, **options)

    def calls(self) -> int:
        """Calls of slow_len since the last time that this was asked."""
        log = self.root / "calls.log"
        count = log.stat().st_size if log.exists() else 0
        log.unlink(missing_ok=True)
        return count

    def out(self, name: str = "out.jsonl") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / name).read_text("utf-8").splitlines()]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the stats database as the duckdb CLI would: attached read-only, no function of ours."""
        with duckdb.connect() as con:
            con.execute(f"attach '{self.root}/stats.duckdb' as s (read_only)")
            con.execute("use s")
            return con.execute(sql).fetchall()

    def check_accounts(self, result: juicesql.RunResult) -> None:
        """Law L1, from the result and again from the database."""
        assert result.rows_in == result.kept + result.dropped + result.duplicates + result.errors
        rows = self.query(f"select count(*), count(distinct sample_id) from verdicts where run_id = '{result.run_id}'")
        assert rows == [(result.rows_in, result.rows_in)]


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    made = Workbench(tmp_path)
    made.write("juicesql.toml", "")
    made.write("udfs/slow_len.py", SLOW)
    made.write("udfs/_help.py", HELP)
    made.write("r.sql.j2", RECIPE)
    return made
