"""The examples run from the first cell to the last, on small projects, and print what they say."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest

import juicesql

EXAMPLES = Path(__file__).parent.parent.parent / "docs/examples"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("JUICESQL_PROJECT", str(tmp_path))

    def run(name: str) -> tuple[dict[str, object], str]:
        capsys.readouterr()
        return runpy.run_path(str(EXAMPLES / name)), capsys.readouterr().out

    return run


@pytest.fixture
def demo(demo_run: juicesql.RunResult, tmp_path: Path) -> juicesql.RunResult:
    """A copy of the project: an example runs a recipe in it."""
    shutil.copytree(demo_run.project, tmp_path, dirs_exist_ok=True)
    return demo_run


def test_every_example_has_a_test_and_cells() -> None:
    own = Path(__file__).read_text("utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'play("{path.name}")' in own, path.name
        text = path.read_text("utf-8")
        assert text.startswith("# %% [markdown]\n# # ") and text.count("\n# %%\n") >= 2, path.name


def test_stats_of_a_run(play, demo: juicesql.RunResult) -> None:
    _, out = play("stats_of_a_run.py")
    assert demo.run_id in out and "lang_score(text, 'en') >= 0.5" in out and "stopwords_ratio" in out


def test_moved_thresholds(play, demo: juicesql.RunResult) -> None:
    names, out = play("move_thresholds.py")
    result = names["result"]
    assert isinstance(result, juicesql.RunResult)
    assert 0 < result.kept < demo.kept and result.measured == 0
    kept = [(int(row[1]), int(row[2])) for row in re.findall(r"(0\.\d) \((\d+), (\d+)\)", out)]
    least, most = ([row[i] for row in kept] for i in (0, 1))
    assert most == sorted(most, reverse=True) and most[0] > most[3] and least[3] == most[3]
    assert kept[1] == (demo.kept, demo.kept)


def test_near_duplicates(play) -> None:
    _, out = play("near_duplicates.py")
    assert "4 of 6 texts stay, 2 are duplicates" in out
    assert "sample 0 stands for 3 texts" in out and "noted" in out


def test_media(play, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("av", "PIL", "cv2", "scenedetect"):
        pytest.importorskip(package)
    monkeypatch.setattr("juicesql.recipes_sql.demo.make_media.SECONDS", 1)
    names, out = play("media.py")
    result = names["result"]
    assert isinstance(result, juicesql.RunResult)
    assert 0 < result.kept < result.rows_in == 15
    assert "video_motion_score" in out and "320" in out
