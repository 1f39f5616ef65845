"""The example of the page runs as it stands there, by the pipeline."""

import json
import random
import re
from pathlib import Path

import duckdb
import pytest
from juicesql.sandbox.pipeline import run_sandbox

from juicesql.running import run

pytest.importorskip("optuna")
PAGE = Path(__file__).parents[2] / "docs" / "sandbox" / "search.md"


def test_the_example_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = dict(re.findall(r"```(yaml|sql)\n(.*?)```", PAGE.read_text(), re.S))
    chance = random.Random(3)
    rows = ["".join(chance.choice("abcdefg  ,.!?$%") for _ in range(chance.randint(5, 400))) for _ in range(400)]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps({"text": r}) + "\n" for r in rows))
    (tmp_path / "recipe.sql.j2").write_text(blocks["sql"])
    (tmp_path / "search.yaml").write_text(blocks["yaml"])
    (tmp_path / "juicesql.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    done = run_sandbox(tmp_path / "search.yaml", project=tmp_path, say=said.append)
    assert done.search.best.number in done.search.front and len(done.search.trials) == 30
    again = run("out/best.sql.j2", project=tmp_path)
    assert (again.measured, again.kept) == (0, done.search.best.kept)  # every stat is reused
    assert any("trials are beaten by none in every metric" in line for line in said)
    with duckdb.connect(str(tmp_path / "sandbox.duckdb"), read_only=True) as con:
        sql = re.search(r'-c "(.*?)"', PAGE.read_text())
        assert sql and len(con.execute(sql[1]).fetchall()) == 30
