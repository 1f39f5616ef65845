"""The file of an experiment: what it may say, and every problem found before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from juicesql.sandbox import config
from juicesql.sandbox.base import ANONYMOUS
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.pipeline import check_sandbox, run_sandbox

from juicesql.errors import JuiceError

RECIPE = """{{ config(source="docs.jsonl", export="clean.jsonl") }}
select * from source where text_len(text) >= 5 and num_words(text) <= 100
"""
HEAD = "project_name: p\nexperiment_name: e\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": "word " * n} for n in range(1, 21)]
    Path("docs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    Path("recipe.sql.j2").write_text(RECIPE)
    return tmp_path


def problems(text: str) -> list[tuple[str, int | None, str]]:
    """Code, line and mend of everything that is wrong with a file."""
    Path("e.yaml").write_text(text)
    with pytest.raises(SandboxError) as caught:
        check_sandbox(Path("e.yaml"))
    return [(p.code, p.line, p.mend) for p in caught.value.problems]


def test_the_four_lists_are_read_in_their_order_of_work(folder: Path) -> None:
    Path("extra.json").write_text('{"also": ["lang(text)"], "auto": true}')
    Path("e.yaml").write_text(
        HEAD
        + "evaluation_job_configs:\n  - hook: ProbeViaAnalyzerHook\n    dj_configs: recipe.sql.j2\n"
        + "execution_job_configs:\n  - hook: ProcessDataHook\n    meta_name:\n    dj_configs: recipe.sql.j2\n    extra_configs:\n"
        + "probe_job_configs:\n  - hook: ProbeViaAnalyzerHook\n    meta_name: first\n    dj_configs: recipe.sql.j2\n"
        + "    extra_configs: extra.json\n    local: {extra_configs.sample: 3}\n"
    )
    found = check_sandbox(Path("e.yaml"))
    assert [(j.list, j.meta_name, j.position, j.line) for j in found.jobs] == [
        ("probe", "first", 0, 12), ("execution", "process_data", 1, 7), ("evaluation", "probe_via_analyzer", 2, 4),
    ]  # fmt: skip
    assert found.jobs[0].extra == {"also": ["lang(text)"], "auto": True, "sample": 3}
    assert list(found.pipelines) == [ANONYMOUS]


def test_pipelines_have_lists_of_their_own(folder: Path) -> None:
    job = "{hook: ProcessDataHook, dj_configs: recipe.sql.j2}"
    Path("e.yaml").write_text(
        HEAD + f"pipelines:\n  - small:\n      execution_job_configs: [{job}]\n  - large:\n"
        f"      execution_job_configs: [{job}]\n"
    )
    found = check_sandbox(Path("e.yaml"))
    assert [(j.pipeline, j.meta_name, j.position) for j in found.jobs] == [
        ("small", "process_data", 0), ("large", "process_data", 0),
    ]  # fmt: skip


def test_every_problem_of_a_file_is_found_at_once(folder: Path) -> None:
    found = problems(
        HEAD + "probe_job_configs:\n"
        "  - hook: ProbeViaAnalyserHook\n"  # line 4
        "    dj_configs: recipe.sql.j2\n"
        "  - hook: ProbeViaAnalyzerHook\n"  # 6
        "    dj_configs: recipy.sql.j2\n"
        "  - hook: ProbeViaAnalyzerHook\n"  # 8
        "    meta_name: b\n"
        "    dj_configs: recipe.sql.j2\n"
        "    extra_configs: {sampel: 3}\n"
        "execution_job_configs:\n"
        "  - hook: ProbeViaAnalyzerHook\n"  # 13
        "    meta_name: b2\n"
        "    dj_configs: {recipe: recipe.sql.j2, source: gone.jsonl}\n"
    )
    assert [(code, line) for code, line, _ in found] == [
        ("unknown-hook", 4), ("no-recipe", 6), ("unknown-setting", 8), ("wrong-list", 13), ("missing-file", 13),
    ]  # fmt: skip
    assert found[0][2] == "did you mean `ProbeViaAnalyzerHook`?"
    assert found[2][2] == "did you mean `sample`?"
    assert found[3][2] == "move it to probe_job_configs"


def test_a_recipe_that_cannot_be_planned_is_a_problem_of_its_job(folder: Path) -> None:
    Path("bad.sql.j2").write_text(
        '{{ config(source="docs.jsonl") }}\nselect * from source\nwhere text_lenn(text) > 3\n'
    )
    Path("e.yaml").write_text(HEAD + "execution_job_configs:\n  - hook: ProcessDataHook\n    dj_configs: bad.sql.j2\n")
    with pytest.raises(SandboxError, match=r"text_lenn.*\(bad.sql.j2:3\)") as caught:
        check_sandbox(Path("e.yaml"))
    assert caught.value.problems[0].line == 4


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- a\n", "bad-file"),
        ("a: b: c\n", "bad-file"),
        (HEAD, "no-jobs"),
        (HEAD + "probe_jobs: []\nexecution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2}]\n", "unknown-setting"),
        ("project_name: p\nexperiment_name: ../x\nexecution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2}]\n", "missing-setting"),
        (HEAD + "execution_job_configs: [{dj_configs: recipe.sql.j2}]\n", "missing-hook"),
        (HEAD + "execution_job_configs: {hook: ProcessDataHook}\n", "bad-setting"),
        (HEAD + "execution_job_configs: [{hook: ProcessDataHook, dj_configs: process.yaml}]\n", "not-a-recipe"),
        (HEAD + "execution_job_configs: [{hook: ProcessDataHook}]\n", "missing-recipe"),
        (HEAD + "tracker: tensorboard\nexecution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2}]\n", "bad-setting"),
        (HEAD + "execution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2, extra_configs: gone.yaml}]\n", "no-file"),
        (HEAD + "execution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2, input: {dj_configs.source: gone.dataset}}]\n", "bad-input"),
        (HEAD + "execution_job_configs: [{hook: ProcessDataHook, meta_name: a, dj_configs: recipe.sql.j2}, {hook: ProcessDataHook, meta_name: a, dj_configs: recipe.sql.j2}]\n", "same-meta-name"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n", "large-file"),
        ("a: &a [*a]\n", "large-file"),
        (HEAD + "pipelines: [{../x: {execution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2}]}}]\n", "bad-name"),
        (HEAD + "pipelines: [{x: {}}, {x: {execution_job_configs: [{hook: ProcessDataHook, dj_configs: recipe.sql.j2}]}}]\n", "bad-name"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_what_is_wrong(folder: Path, text: str, code: str) -> None:
    assert code in [c for c, _, _ in problems(text)]


def test_a_file_that_is_not_there_names_one_that_is(folder: Path) -> None:
    Path("experiment.yaml").write_text(HEAD)
    with pytest.raises(SandboxError, match=r"did you mean `experiment.yaml`"):
        config.load(Path("experimnt.yaml"))


def test_nothing_runs_when_anything_is_wrong(folder: Path) -> None:
    Path("e.yaml").write_text(
        HEAD + "execution_job_configs:\n  - {hook: ProcessDataHook, dj_configs: recipe.sql.j2}\n  - {hook: NoHook}\n"
    )
    with pytest.raises(JuiceError):
        run_sandbox(Path("e.yaml"))
    assert sorted(p.name for p in folder.iterdir()) == ["docs.jsonl", "e.yaml", "recipe.sql.j2"]


def test_a_recipe_may_read_what_an_earlier_job_will_write(folder: Path) -> None:
    Path("second.sql.j2").write_text(
        '{{ config(source="clean.jsonl") }}\nselect * from source where num_words(text) > 1\n'
    )
    jobs = ["recipe.sql.j2", "second.sql.j2"]
    listed = "".join(f"  - {{hook: ProcessDataHook, dj_configs: {job}}}\n" for job in jobs)
    Path("e.yaml").write_text(HEAD + "execution_job_configs:\n" + listed)
    assert len(check_sandbox(Path("e.yaml")).jobs) == 2
    Path("e.yaml").write_text(HEAD + "execution_job_configs:\n" + "".join(reversed(listed.splitlines(keepends=True))))
    with pytest.raises(SandboxError, match=r"clean\.jsonl"):
        check_sandbox(Path("e.yaml"))
