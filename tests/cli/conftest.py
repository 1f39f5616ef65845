"""A project with a little text, and a way to call the command line as a shell does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from juicesql.cli import main

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
-- Keeps what is long enough.
with cleaned as (
    select * replace (trim(text) as text) from source
),
kept as (
    select *, text_len(text) as n
    from cleaned
    where text_len(text) between {{ var('lo', 20) }} and 1000
      and alnum_ratio(text) >= 0.1
),
exact as (
    from kept qualify row_number() over (partition by md5(text) order by sample_id) = 1
)
select * from exact
"""


@dataclass
class Answer:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Shell = Callable[..., Answer]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    def call(*words: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(w) for w in words])
        out, err = capsys.readouterr()
        return Answer(int(stopped.value.code or 0), out, err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Samples 0..19: 5 is too short, 6 has no letters, 7 repeats 1, 8 is broken JSON, 9 has no text."""
    lines = [json.dumps({"text": f"  a plain document with number {i}  "}) for i in range(20)]
    lines[5] = json.dumps({"text": "short"})
    lines[6] = json.dumps({"text": "#" * 40})
    lines[7] = lines[1]
    lines[8] = '{"text": broken'
    lines[9] = json.dumps({"text": None})
    (tmp_path / "data.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "recipe.sql.j2").write_text(RECIPE)
    (tmp_path / "juicesql.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path
