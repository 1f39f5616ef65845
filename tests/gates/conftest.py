"""A project whose rows are known, and a way to check lines of words on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import shell  # noqa: F401 - a fixture

pytest.importorskip("great_expectations")
pytest.importorskip("yaml")

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
with cleaned as (
    select *, day::date as date, text || '' as tidy from source
),
kept as (
    select * from cleaned where text_len(text) >= 4 and alnum_ratio(text) >= 0
)
select * from kept
"""
ROWS = [
    {"id": 1, "text": "first row", "lang": "en", "n": 1.0, "m": 1.0, "day": "2024-01-01", "meta": {"kind": "news"}, "tags": [1, 2]},
    {"id": 2, "text": "second", "lang": "en", "n": 2.0, "m": 3.0, "day": "2024-02-01", "meta": {"kind": "news"}, "tags": [3]},
    {"id": 3, "text": " third", "lang": "zh", "n": 3.0, "m": 2.0, "day": "2024-03-01", "meta": {"kind": "blog"}, "tags": []},
    {"id": 3, "text": "4", "lang": None, "n": 10.0, "m": 10.0, "day": "2024-04-01", "meta": {"kind": "news"}, "tags": None},
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four rows; the last one is dropped by `kept`."""
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    (tmp_path / "recipe.sql.j2").write_text(RECIPE)
    (tmp_path / "juicesql.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


Write = Callable[..., Path]


@pytest.fixture
def suite(project: Path) -> Write:
    """Write the suite of the recipe from sections of lines, which are put into quotes for YAML."""

    def write(**sections: list[str]) -> Path:
        text = "".join(
            f"{name}:\n" + "".join(f"  - {json.dumps(x)}\n" for x in lines) for name, lines in sections.items()
        )
        path = project / "recipe.expectations.yml"
        path.write_text(text)
        return path

    return write
