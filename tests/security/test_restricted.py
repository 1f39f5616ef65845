"""The restricted mode, and what no recipe may do in any mode: write among code, let a model bring code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import juicesql
from juicesql import restricted
from juicesql.cli import main
from juicesql.errors import JuiceError, RecipeError
from juicesql.project import open_project

from .conftest import Workbench

MARKER = """
from pathlib import Path

from juicesql.api import stat

Path(__file__).with_name("ran").touch()


@stat("marked(text VARCHAR) -> BIGINT", rowwise=True)
def marked(text):
    '''Marks.'''
    return 1
"""


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (restricted.VARIABLE, restricted.ALLOWED, restricted.TRUST):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(restricted.VARIABLE, "1")


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "data.jsonl").write_text('{"text": "the secret of the machine"}\n')
    return folder


def recipe(bench: Workbench, body: str = "select * from source", **options: object) -> None:
    given = ", ".join(f"{k}={v!r}" for k, v in {"source": "data.jsonl", "export": "out.jsonl", **options}.items())
    bench.write("r.sql.j2", f"{{{{ config({given}) }}}} {body}")


def refused(bench: Workbench, **options: object) -> str:
    with pytest.raises(JuiceError, match="restricted") as caught:
        bench.run(**options)
    assert "the secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "form", ["{0}/data.jsonl", "{0}", "{0}/*.jsonl", "2 {0}/data.jsonl", "../{1}/data.jsonl", "link"]
)
def test_a_source_elsewhere_is_refused_and_not_read(
    bench: Workbench, limited: None, elsewhere: Path, form: str
) -> None:
    (bench.root / "link").symlink_to(elsewhere)
    recipe(bench, source=form.format(elsewhere, elsewhere.name))
    assert "--allow" in refused(bench)


@pytest.mark.parametrize("form", ["https://example.org/a.jsonl", "hf://datasets/a/b", "duckdb:{0}/x.duckdb#t"])
def test_other_machines_and_databases_elsewhere_are_refused(
    bench: Workbench, limited: None, elsewhere: Path, form: str
) -> None:
    recipe(bench, source=form.format(elsewhere))
    refused(bench)


def test_what_is_allowed_is_read(bench: Workbench, limited: None, elsewhere: Path) -> None:
    restricted.allow_folders([elsewhere])
    recipe(bench, source=str(elsewhere / "data.jsonl"))
    assert bench.run().kept == 1


def test_an_output_elsewhere_is_refused(bench: Workbench, limited: None, elsewhere: Path) -> None:
    bench.data(["some text"])
    (bench.root / "out").symlink_to(elsewhere)
    for export in (str(elsewhere / "o.jsonl"), f"../{elsewhere.name}/o.jsonl", "out/o.jsonl"):
        recipe(bench, export=export)
        refused(bench)
    assert sorted(p.name for p in elsewhere.iterdir()) == ["data.jsonl"]


def test_files_that_functions_are_given_lie_within(bench: Workbench, limited: None, elsewhere: Path) -> None:
    bench.data(["some text"])
    recipe(bench, f"select *, flagged_words_ratio(text, flagged_words_dir := '{elsewhere}') as f from source")
    refused(bench)


def test_media_elsewhere_cost_their_rows(bench: Workbench, limited: None, elsewhere: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("RGB", (8, 8)).save(elsewhere / "a.png")
    pillow.new("RGB", (8, 8)).save(bench.root / "b.png")
    names = [str(elsewhere / "a.png"), "b.png"]
    (bench.root / "data.jsonl").write_text("".join(json.dumps({"images": [n]}) + "\n" for n in names))
    recipe(bench, "select * from source where image_width(images)[1] = 8", max_error_rate=1.0)
    assert bench.run().kept == 1
    assert "outside of the folders that are allowed" in bench.query("select message from errors")[0][0]


def test_code_of_the_project_does_not_run(bench: Workbench, limited: None) -> None:
    bench.data(["some text"])
    bench.write("udfs/marked.py", MARKER)
    recipe(bench, "select * from source where marked(text) = 1")
    with pytest.raises(RecipeError, match="marked"):
        bench.run()
    recipe(bench)
    assert bench.run().kept == 1
    assert not (bench.root / "udfs/ran").exists()


def test_a_project_cannot_loosen_what_the_starter_said(bench: Workbench, limited: None, elsewhere: Path) -> None:
    bench.write("juicesql.toml", f'restricted = false\nallow = ["{elsewhere}"]\n')
    recipe(bench, source=str(elsewhere / "data.jsonl"))
    refused(bench)


def test_a_project_restricts_itself(bench: Workbench, elsewhere: Path) -> None:
    bench.write("juicesql.toml", "restricted = true\n")
    recipe(bench, source=str(elsewhere / "data.jsonl"))
    refused(bench)
    bench.write("juicesql.toml", f'restricted = true\nallow = ["{elsewhere}"]\n')
    assert bench.run().kept == 1


def test_the_command_line_restricts(bench: Workbench, elsewhere: Path, monkeypatch, capsys) -> None:
    for name in (restricted.VARIABLE, restricted.ALLOWED):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(bench.root)
    recipe(bench, source=str(elsewhere / "data.jsonl"))
    with pytest.raises(SystemExit) as ended:
        main(["run", "r.sql.j2", "--restricted"])
    assert ended.value.code == 3 and "error[restricted]" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["--restricted", "run", "r.sql.j2", "--allow", str(elsewhere)])
    assert ended.value.code == 0 and open_project(bench.root).bounds is not None


@pytest.mark.parametrize(
    ("export", "options"),
    [
        ("udfs/x.jsonl", {}), ("macros/deep/x.parquet", {}), ("./recipes_sql/../udfs/x.csv", {}), ("link/x.jsonl", {}),
        ("udfs.jsonl", {"shard_rows": 1}),
    ],
)  # fmt: skip
def test_no_output_stands_among_code(bench: Workbench, export: str, options: dict[str, int]) -> None:
    bench.data(["some text"])
    (bench.root / "recipes_sql").mkdir()
    (bench.root / "link").symlink_to(bench.root / "udfs")
    before = sorted(os.listdir(bench.root / "udfs"))
    recipe(bench, export=export, **options)
    with pytest.raises(RecipeError, match="among the code of the project"):
        bench.run()
    assert sorted(n for n in os.listdir(bench.root / "udfs") if n != "__pycache__") == before


@pytest.mark.parametrize("name", ["x.py", "juicesql.toml", "r.sql.j2", "x.sql"])
def test_no_output_is_code(bench: Workbench, name: str) -> None:
    bench.data(["some text"])
    recipe(bench, export=name)
    with pytest.raises(JuiceError, match="end the name in"):
        bench.run()


def test_code_of_a_model_wants_a_word_on_the_command_line(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(restricted.TRUST, raising=False)
    (bench.root / "data.jsonl").write_text('{"text": "<__dj__image>", "images": ["b.png"]}\n')
    recipe(
        bench,
        "select *, image_text_similarity(text, images, hf_clip := 'tiny', trust_remote_code := true) as s from source",
    )
    with pytest.raises(JuiceError, match=r"would run code that comes with the model .*\n  mend: .*--trust-remote-code"):
        restricted.check_parameters("image_text_similarity", {"trust_remote_code": True}, None)
    with pytest.raises(JuiceError):
        juicesql.run(bench.root / "r.sql.j2")
    monkeypatch.setenv(restricted.TRUST, "1")
    restricted.check_parameters("image_text_similarity", {"trust_remote_code": True}, None)


@pytest.mark.parametrize("command", ["recipes", "trace", "diff", "dups", "clean", "show"])
def test_commands_that_only_look_run_no_code_of_the_project(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    bench.data(["some text", "some text"])
    recipe(bench, "with e as ({{ exact_dedup('source') }}) select * from e")
    bench.run()
    bench.write("udfs/marked.py", MARKER)
    monkeypatch.chdir(bench.root)
    given = {
        "trace": ["r.sql.j2", "--sample", "0"],
        "diff": ["latest", "latest"],
        "show": ["latest"],
        "dups": ["latest"],
    }
    with pytest.raises(SystemExit) as ended:
        main([command, *given.get(command, [])])
    assert ended.value.code == 0
    assert not (bench.root / "udfs/ran").exists()
