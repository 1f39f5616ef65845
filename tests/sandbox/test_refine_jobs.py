"""`juicesql refine`, the hook and the example of the manual."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from juicesql.sandbox.base import Ahead, Context
from juicesql.sandbox.command import app
from juicesql.sandbox.hooks.refine_recipe_via_k_sigma import RefineRecipeViaKSigmaHook
from typer.testing import CliRunner

from juicesql.cli import main

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
select * from source
where text_len(text) between {{ var('short', 3) }} and 60  -- 60 is a guess
  and num_words(text) >= 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "juicesql.toml").write_text("")
    (tmp_path / "recipe.sql.j2").write_text(RECIPE)
    (tmp_path / "data.jsonl").write_text("".join(json.dumps({"text": "word " * (i % 20)}) + "\n" for i in range(100)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return int(stopped.value.code or 0), *capsys.readouterr()


def test_the_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = shell(
        capsys, "refine", "recipe.sql.j2", "--k", "1", "--stat-k", "num_words=2", "--write", "recipe.sql.j2"
    )
    assert code == 0, err
    # lengths are 0, 5 .. 95, five times each: mean 47.5, std 28.976; words 0 .. 19: mean 9.5, std 5.795
    assert Path("recipe.sql.j2").read_text() == RECIPE.replace("3)", "18)").replace("and 60", "and 77").replace(
        ">= 2", ">= -3"
    )
    assert "kept 55 -> 60 of 100 rows" in out and "+  and num_words(text) >= -3" in out and "wrote recipe.sql.j2" in err
    code, out, _ = shell(capsys, "refine", "recipe.sql.j2", "--k", "1", "--leave", "num_words", "--json")
    found = json.loads(out)
    assert code == 0 and found["moves"] == [] and found["kept_before"] == found["kept_after"] == 60
    assert shell(capsys, "refine", "recipe.sql.j2", "--write", "new.yaml")[0] == 3
    assert shell(capsys, "refine", "recipe.sql.j2", "--stat-k", "text_len")[0] == 2
    assert shell(capsys, "refine", "recipe.sql.j2", "--side", "left")[0] == 2


def test_the_hook_without_a_probe(project: Path, make_context: Callable[..., Context]) -> None:
    extra = {"k": {"default": 1, "short": 0}, "sides": "low"}
    context = replace(make_context(project, "RefineRecipeViaKSigmaHook", extra, "recipe.sql.j2"), project=project)
    hook = RefineRecipeViaKSigmaHook(context.job)
    assert list(hook.problems(Ahead(project))) == []
    result = hook.run(context)
    assert [m["new"] for m in result["moves"]] == [47, 3] and Path(result["recipe"]).parent == context.folder
    assert "kept" in hook.summary(result)[-1] and "text_len" in hook.summary(result)[1]
    for wrong in ({"path_k_sigma_recipe": "new.yaml"}, {"k": -1}, {"percentiles": [1]}, {"method": "sigmoid"}):
        job = replace(context.job, extra=wrong)
        assert list(RefineRecipeViaKSigmaHook(job).problems(Ahead(project))), wrong


def test_the_manual(project: Path) -> None:
    manual = Path(__file__).parents[2] / "docs/sandbox/refine.md"
    config = re.findall(r"```yaml\n(.*?)```", manual.read_text(), re.S)[0]
    Path("sandbox.yaml").write_text(config)
    got = CliRunner().invoke(app, ["run", "sandbox.yaml"])
    assert got.exit_code == 0, got.output
    text = Path("out/k_sigma.sql.j2").read_text()
    assert "num_words(text) >= -8" in text and "0 values measured" in got.output
