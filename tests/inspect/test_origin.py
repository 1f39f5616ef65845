"""The samples of a run are found again from any folder, also when the project has moved; and nothing else is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import juicesql
from juicesql.errors import JuiceError, SourceError
from juicesql.origin import KEY, origin_of
from juicesql.project import open_project
from juicesql.reread import reread, reread_rows
from juicesql.runs import RunRecord, read_run
from juicesql.show import show
from juicesql.store import Store

RECIPE = """{{ config(source="data.jsonl", columns={"text": "body"}) }}
select * from source where text_len(text) >= 3
"""
TEXTS = ["first text", "second text", "third"]


def write(path: Path, texts: list[str] = TEXTS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"body": t}) + "\n" for t in texts))


def recorded(folder: Path, run_id: str) -> RunRecord:
    with Store(folder).open(read_only=True) as con:
        return read_run(con, run_id)


def texts_of(folder: Path, run_id: str) -> dict[int, str]:
    return reread(recorded(folder, run_id), open_project(folder), [0, 1, 2]).values


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a juicesql.toml, so that inputs are relative to where the user stands: in `work`."""
    (tmp_path / "work" / "p").mkdir(parents=True)
    (tmp_path / "work" / "p" / "r.sql.j2").write_text(RECIPE)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work" / "p"


@pytest.mark.parametrize(
    "given",
    ["data.jsonl", "./data.jsonl", "p/data.jsonl", "two words.jsonl", "2 data.jsonl", "{cwd}/data.jsonl", "*.jsonl"],
)
def test_texts_are_found_from_another_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    given = given.format(cwd=Path.cwd())
    write(Path(given.replace("*", "data").removeprefix("2 ")))
    run = juicesql.run(project / "r.sql.j2", project=project, source=given)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    twice = given.startswith("2 ")
    wanted = [TEXTS[0], TEXTS[0], TEXTS[1]] if twice else TEXTS
    assert texts_of(project, run.run_id) == dict(enumerate(wanted))
    (tmp_path / "elsewhere" / "data.jsonl").write_text('{"body": "of somebody else"}\n')
    assert texts_of(project, run.run_id)[0] == TEXTS[0]


def test_the_input_of_the_recipe_is_found_from_another_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("data.jsonl"))
    run = juicesql.run(project / "r.sql.j2", project=project)
    monkeypatch.chdir(tmp_path)
    assert texts_of(project, run.run_id) == dict(enumerate(TEXTS))


@pytest.mark.parametrize("absolute", [False, True])
def test_a_project_that_moved_takes_its_source_along(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    (project / "juicesql.toml").touch()
    write(project / "in" / "data.jsonl")
    recipe = project / "r.sql.j2"
    recipe.write_text(RECIPE.replace("data.jsonl", f"{project}/in/data.jsonl" if absolute else "in/data.jsonl"))
    run = juicesql.run(recipe, project=project)
    moved = tmp_path / "moved"
    project.rename(moved)
    monkeypatch.chdir(tmp_path)
    assert texts_of(moved, run.run_id) == dict(enumerate(TEXTS))


def test_a_source_that_is_gone_says_where_it_was(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(Path("data.jsonl"))
    was = Path.cwd()
    run = juicesql.run(project / "r.sql.j2", project=project)
    Path("data.jsonl").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as raised:
        texts_of(project, run.run_id)
    assert f"`data.jsonl` (from {was}) is there no more" in str(raised.value)
    assert "put it back" in str(raised.value)


def test_a_changed_source_is_told(project: Path) -> None:
    write(Path("data.jsonl"))
    run = juicesql.run(project / "r.sql.j2", project=project)
    record = recorded(project, run.run_id)
    assert not reread(record, open_project(project), [0]).changed
    write(Path("data.jsonl"), ["other", *TEXTS])
    assert reread(record, open_project(project), [0]).changed


def test_what_a_run_noted_is_enough_without_its_recipe(project: Path) -> None:
    """The template is not rendered again: it may be hostile, and its macros gone."""
    write(Path("data.jsonl"))
    run = juicesql.run(project / "r.sql.j2", project=project)
    record = replace(recorded(project, run.run_id), template="{{ nothing.of_that() }}", recipe_path="/nowhere")
    assert reread(record, open_project(project), [2]).values == {2: "third"}


def test_no_other_machine_is_asked_unless_that_is_wanted(project: Path) -> None:
    write(Path("data.jsonl"))
    run = juicesql.run(project / "r.sql.j2", project=project)
    record = recorded(project, run.run_id)
    for url in (
        "https://127.0.0.1:1/x.jsonl",
        "HTTPS://127.0.0.1:1/x.jsonl",
        "2 s3://bucket/x.jsonl",
        "data.jsonl hf://x/y",
    ):
        noted = {**record.plan[KEY], "inputs": [url]}
        hostile = replace(record, plan={**record.plan, KEY: noted})
        for read in (reread, reread_rows):
            with pytest.raises(SourceError, match="on another machine"):
                read(hostile, open_project(project), [0], remote=False)  # type: ignore[operator]


@pytest.mark.parametrize(
    "noted", [{}, {"inputs": 3}, {"inputs": ["a"], "options": {"seed": "x"}}, {"inputs": ["a"], "more": 1}]
)
def test_a_note_that_is_none_is_an_error_with_a_mend(noted: dict[str, object]) -> None:
    with pytest.raises(JuiceError, match="run it again"):
        origin_of({KEY: noted}, "data.jsonl")


def test_pictures_are_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("av")
    work = tmp_path / "work"
    (work / "pictures").mkdir(parents=True)
    image.new("RGB", (40, 30), "green").save(work / "pictures" / "a.png")
    (work / "data.jsonl").write_text('{"text": "x", "images": ["a.png"]}\n{"text": "y", "images": ["b.png"]}\n')
    recipe = work / "r.sql.j2"
    recipe.write_text(
        "{{ config(source='data.jsonl', media_root='pictures', max_error_rate=1.0) }}\n"
        "select * from source where all_between(aspect_ratios(images), 0, 9)\n"
    )
    monkeypatch.chdir(work)
    run = juicesql.run(recipe, project=work)
    monkeypatch.chdir(tmp_path)
    there, gone = (card.media[0] for card in show(run.run_id, [0, 1], project=work).cards)
    assert there.thumbnail and there.thumbnail.facts["width"] == 40
    assert list(there.values) == ["aspect_ratios(images)"]
    assert gone.thumbnail and "No such file" in gone.thumbnail.error
