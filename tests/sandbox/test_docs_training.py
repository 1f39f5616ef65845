"""The example of docs/sandbox/training.md, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from juicesql.sandbox.command import app
from typer.testing import CliRunner

from .training_work import sentences, write_rows

pytest.importorskip("accelerate")


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/sandbox/training.md").read_text("utf-8")
    config = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "texts.jsonl", sentences(200))
    (tmp_path / "config.yaml").write_text(config)
    done = CliRunner().invoke(app, ["run", "config.yaml"])
    assert done.exit_code == 0, done.output
    assert "train_loss" in done.output
