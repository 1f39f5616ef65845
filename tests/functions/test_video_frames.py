"""Frames and facts of videos: which frames a sampling means, one decoding for all of them, broken files told as such."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from definitions_media import scenes, write_video  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from juicesql.udfs.video import _frames  # noqa: E402
from juicesql.udfs.video._facts import Facts, video_facts  # noqa: E402
from juicesql.udfs.video.video_motion_score import video_motion_score  # noqa: E402
from PIL import Image  # noqa: E402

from juicesql.api import Sampling  # noqa: E402
from juicesql.media import VARIABLE, MediaSettings  # noqa: E402


@pytest.fixture
def video(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "a.mp4", scenes(3, 50), (64, 48), g="7"))


def decoded(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def facts(times: list[int], keys: list[int], fps: float = 10.0) -> Facts:
    length = times[-1] + times[-1] // max(len(times) - 1, 1)
    return Facts(8, 8, length / 10, fps, (1, 10), tuple(times), tuple((k, k) for k in keys))


def uniform_by_definition(found: Facts, number: int) -> list[int]:
    """Group the times by the key frames; in each group, walk over the frames and take the first that is late enough.

    The times of key frames are floats, as in Data-Juicer, so one that equals a wanted time may count as later.
    """
    duration, tick = Fraction(found.duration).limit_denominator(10**6), found.tick
    wanted = [duration * i / (number - 1) for i in range(number)] if number > 1 else [duration / 2]
    borders = sorted({0.0, *(float(k * tick) for k, _ in found.keys)})
    out = []
    for start, end in pairwise([*borders, None]):
        group = [t for t in wanted if t >= start and (end is None or t < end)]
        for i, time in enumerate(found.times):
            if group and time * tick >= group[0]:
                out.append(i)
                group.pop(0)
        if group:
            out.append(len(found.times) - 1)
    return out


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.data())
def test_uniform_frames_are_those_of_the_definition(count: int, number: int, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(1, 5), min_size=count - 1, max_size=count - 1))
    times = [0, *np.cumsum(gaps).tolist()]
    keys = sorted({0, *data.draw(st.lists(st.sampled_from(times), max_size=6))})
    found = facts(times, keys)
    got = _frames.chosen(found, Sampling("uniform", number))
    assert got == uniform_by_definition(found, min(number, count))


def test_samplings_of_a_video_by_hand() -> None:
    found = facts([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 6])
    assert _frames.chosen(found, Sampling("uniform", 3)) == [0, 5, 9]  # 0, 0.5 and 1 s; at 1 s the last one stays
    assert _frames.chosen(found, Sampling("uniform", 1)) == [5]
    assert _frames.chosen(found, Sampling("all_keyframes")) == [0, 6]
    assert _frames.chosen(found, Sampling("paced", fps=2)) == [0, 1, 5]
    assert _frames.chosen(found, Sampling("paced", fps=100)) == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert _frames.chosen(facts([0], []), Sampling("paced", fps=2)) == [0]
    assert _frames.chosen(facts([0], []), Sampling("all_keyframes")) == [0]


def test_frames_are_those_of_a_full_decoding(video: str) -> None:
    whole = decoded(video)
    keys = _frames.video_frames(video, "all_keyframes", 3)
    assert len(keys) == 8  # every seventh of 50
    assert all((k == whole[i * 7]).all() for i, k in enumerate(keys))
    found = video_facts(video)
    for number in (1, 2, 5, 50, 80):
        frames = _frames.video_frames(video, "uniform", number)
        assert len(frames) == min(number, 50)
        wanted = uniform_by_definition(found, min(number, 50))
        assert all((f == whole[i]).all() for f, i in zip(frames, wanted, strict=True))


def test_a_video_is_decoded_once_for_all_functions(video: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (Sampling("uniform", 3), Sampling("all_keyframes"), Sampling("paced", fps=2.0))
    given = MediaSettings(cache=str(tmp_path / "cache"), wanted=wanted)
    monkeypatch.setenv(VARIABLE, given.environment()[VARIABLE])
    opened = []
    monkeypatch.setattr(_frames, "open_streams", _counted(_frames.open_streams, opened))
    first = _frames.video_frames(video, "uniform", 3)
    _frames.video_frames(video, "all_keyframes", 3)
    video_motion_score([video], 2.0, None, None, 1, False)
    again = _frames.video_frames(video, "uniform", 3)
    assert opened == [video]
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def _counted(function, calls: list[str]):
    def count(path: str):
        calls.append(path)
        return function(path)

    return count


def test_frames_of_the_first_videos_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, MediaSettings(cache=str(tmp_path / "cache")).environment()[VARIABLE])
    monkeypatch.setattr(_frames, "KEPT_BYTES", 3 * 64 * 48 * 3 + 1000)  # the frames of one video
    for i in range(4):
        path = write_video(tmp_path / f"{i}.mp4", scenes(i, 20), (64, 48))
        _frames.video_frames(str(path), "uniform", 3)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_motion_is_the_mean_length_of_the_flow_between_sampled_frames(video: str) -> None:
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in decoded(video)]
    found = video_facts(video)
    step = round(found.fps / 2)
    numbers = [0, 1, *range(step, 50, step)]
    lengths = []
    for a, b in pairwise(numbers):
        flow = cv2.calcOpticalFlowFarneback(grey[a], grey[b], None, 0.5, 3, 15, 3, 5, 1.2, 0)
        lengths.append(np.sqrt((flow.astype(np.float64) ** 2).sum(axis=2)).mean())
    got = video_motion_score([video, video], 2.0, None, None, 1, False)
    assert got == pytest.approx([np.mean(lengths)] * 2, rel=1e-5)
    assert video_motion_score([video], 2.0, None, None, 1, True) == pytest.approx([np.mean(lengths) / 80], rel=1e-5)


def test_a_worker_uses_the_threads_that_it_is_given(video: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cv2.getNumThreads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        video_motion_score([video], 2.0, None, None, 1, False)
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_a_still_video_does_not_move_and_one_frame_has_no_motion(tmp_path: Path) -> None:
    still = write_video(tmp_path / "still.mp4", [Image.new("RGB", (64, 48), "navy")] * 20, (64, 48))
    one = write_video(tmp_path / "one.mp4", [Image.new("RGB", (64, 48), "navy")], (64, 48))
    assert video_motion_score([str(still), str(one)], 2.0, None, None, 1, False) == [pytest.approx(0, abs=1e-3), -1.0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_cut_off_video_is_told(suffix: str, tmp_path: Path) -> None:
    whole = write_video(tmp_path / f"whole{suffix}", scenes(4, 60), (160, 120))
    assert len(video_facts(str(whole)).times) == 60
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises((ValueError, OSError)):
        video_facts(str(cut))


def test_a_picture_or_a_sound_is_no_video(tmp_path: Path) -> None:
    picture = tmp_path / "picture.mp4"
    assert cv2.imwrite(str(tmp_path / "p.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "p.png").rename(picture)
    with pytest.raises(ValueError, match="a picture"):
        video_facts(str(picture))
    with pytest.raises(ValueError, match="no video stream"):
        video_facts(str(Path(__file__).parent.parent / "cases/audio/beep.wav"))
    with pytest.raises(FileNotFoundError):
        video_facts(str(tmp_path / "missing.mp4"))


def test_a_broken_video_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, MediaSettings(cache=str(tmp_path / "cache")).environment()[VARIABLE])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(write_video(tmp_path / "a.mp4", scenes(1, 30), (64, 48))).read_bytes()[:3000])
    tried: list[str] = []
    monkeypatch.setattr(_frames, "video_facts", _counted(_frames.video_facts, tried))
    messages = []
    for method in ("uniform", "all_keyframes"):
        with pytest.raises((ValueError, OSError)) as raised:
            _frames.video_frames(str(broken), method, 3)
        messages.append(str(raised.value))
    assert len(set(messages)) == 1 and len(tried) == 1


def test_settings_go_through_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = MediaSettings(str(tmp_path), True, "made", "cache", (Sampling("uniform", 3),), 5.0)
    monkeypatch.setenv(VARIABLE, given.environment()[VARIABLE])
    from juicesql.api import media_settings

    assert media_settings() == given
    assert json.loads(given.environment()[VARIABLE])["row_seconds"] == 5.0


def test_files_outside_the_media_root_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    inside = MediaSettings(str(tmp_path / "in"), confined=True)
    assert inside.path("a.mp4") == str(tmp_path / "in" / "a.mp4")
    made = MediaSettings(str(tmp_path / "in"), confined=True, produced=str(tmp_path / "made"))
    assert made.path(str(tmp_path / "made" / "b.mp4")) == str(tmp_path / "made" / "b.mp4")
    for name in ("../a.mp4", "/etc/passwd", "link/a.mp4"):
        with pytest.raises(ValueError, match="outside"):
            inside.path(name)
