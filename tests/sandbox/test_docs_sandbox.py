"""The examples of docs/sandbox.md are read and run as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from juicesql.sandbox.config import load
from juicesql.sandbox.pipeline import run_sandbox

PAGE = (Path(__file__).parents[2] / "docs/sandbox.md").read_text("utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return str(found)


def test_the_file_of_the_page_has_its_six_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.json").write_text('{"type": "transformers"}')
    Path("quality.yaml").write_text("type: dj_text_quality_classifier\n")
    Path("e.yaml").write_text(block("yaml"))
    assert [(j.list, j.meta_name) for j in load(Path("e.yaml")).jobs] == [
        ("probe", "analysis_ori_data"), ("refine_recipe", "analysis_ori_data"), ("execution", "process_data"),
        ("execution", "train_model"), ("evaluation", "analysis_processed_data"), ("evaluation", "eval_data"),
    ]  # fmt: skip


def test_a_component_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sandbox_lines.py").write_text(block("python"))
    Path("docs.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in ("a", "b", "c")))
    Path("e.yaml").write_text(
        "project_name: p\nexperiment_name: e\n"
        "execution_job_configs:\n"
        "  - {hook: ProcessDataHook, dj_configs: {sql: select * from source where text <> 'b', source: docs.jsonl}}\n"
        "evaluation_job_configs:\n  - {hook: EvaluateDataHook, meta_name: lines, extra_configs: {type: line_count}}\n"
    )
    report = run_sandbox(Path("e.yaml"))
    assert report.jobs[1].result["rows"] == 2
