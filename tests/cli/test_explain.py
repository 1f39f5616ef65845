"""`explain`: estimates, the order of work, what is stored."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from juicesql.explain import explain

DEAR = """{{ config(source="data.jsonl") }}
select * from source
where slow(text) >= 0 and text_len(text) >= 3 and slower(text) >= 0 and alnum_ratio(text) >= 0
"""
STAT = """
from juicesql.api import stat
@stat("{name}(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True)
def {name}(text):
    "A stat in Python."
    return 1.0
"""


def test_a_plan_without_history(shell, project: Path) -> None:
    answer = shell("explain", "recipe.sql.j2")
    assert answer.code == 0
    assert "about 20 rows" in answer.out
    assert re.search(r"1\. text_len\(text\) BETWEEN 20 AND 1000 +9 +sql +\? +\? +20", answer.out)
    assert "marked ?" in answer.out
    assert "drops duplicates" in answer.out
    assert not (project / "stats.duckdb").exists()


def test_history_gives_rates_and_stored_values(shell, project: Path) -> None:
    shell("run", "recipe.sql.j2")
    answer = shell("explain", "recipe.sql.j2")
    assert ", 20 rows)" in answer.out
    assert re.search(r"1\. text_len.* 89\.5% +18", answer.out)
    assert "marked ?" not in answer.out
    found = shell("explain", "recipe.sql.j2", "--json").json
    facts = found["explained"]
    assert found["steps"][0]["name"] == facts["steps"][0]["name"] == "cleaned"
    kept = next(s for s in facts["steps"] if s["name"] == "kept")
    # 20 samples: one broken, one without text, one twice.
    assert [c["stored"] for c in kept["calls"]] == [17, 17]
    assert kept["cuts"][1]["pass_rate"] == pytest.approx(16 / 17)
    assert facts["rows_exact"] is True


def test_cuts_are_drawn_in_the_order_of_their_work(project: Path) -> None:
    (project / "udfs").mkdir()
    for name in ("slow", "slower"):
        (project / "udfs" / f"{name}.py").write_text(STAT.format(name=name))
    (project / "recipe.sql.j2").write_text(DEAR)
    drawn = [c.sql.split("(")[0] for c in explain("recipe.sql.j2").steps[0].cuts]
    assert drawn == ["text_len", "alnum_ratio", "slow", "slower"]


def test_many_rows_are_estimated_by_their_size(project: Path) -> None:
    (project / "data.jsonl").write_text('{"text": "a line of text that is long enough"}\n' * 30_000)
    rows = explain("recipe.sql.j2").rows
    assert rows is not None
    assert abs(rows - 30_000) < 300


def test_very_many_columns_leave_the_output_short(shell, project: Path) -> None:
    row = {"text": "a plain document", **{f"column_{i}": i for i in range(3000)}}
    (project / "data.jsonl").write_text(json.dumps(row) + "\n")
    answer = shell("explain", "recipe.sql.j2")
    assert answer.code == 0
    assert "column_5 BIGINT" in answer.out and ", and 2,961 more (--json has them)" in answer.out
    assert len(answer.out) < 5000
    assert len(shell("explain", "recipe.sql.j2", "--json").json["source_columns"]) == 3001
    (project / "recipe.sql.j2").write_text(
        "{{ config(source='data.jsonl') }} select * from source where text_len(txt) > 3"
    )
    answer = shell("run", "recipe.sql.j2")
    assert answer.code == 3
    assert "more" in answer.err and len(answer.err) < 3000
