"""Mappers that write videos and frames: the right frames and sounds, whole files, the same bytes each time."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("scenedetect")

import definitions_films  # noqa: E402
import pyarrow as pa  # noqa: E402
from definitions_films import film, numbers_in, picture, rotation_of, second_heard  # noqa: E402
from PIL import Image  # noqa: E402

from juicesql.call import apply  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.registry import Registry  # noqa: E402

REGISTRY = Registry()
FOLDER = Path(__file__).parent
SPLITS = {"video_split_by_key_frame": {}, "video_split_by_duration": {"split_duration": 1.2}}


def made(function: str, *paths: Path, **parameters: object) -> list:
    found = REGISTRY.get(function)
    defaults = {a.name: a.value(a.default) for a in found.signature.parameters}
    column = pa.array([[str(p) for p in paths]], pa.list_(pa.string()))
    return apply(found, [column], defaults | parameters)[0].as_py()


def facts(path: str) -> tuple[tuple[int, int], float, int]:
    """The size, the seconds and the tracks of sound of a file."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        length = float(stream.duration * stream.time_base)
        return (stream.width, stream.height), length, len(container.streams.audio)


def packets(path: str | Path, kind: str) -> list[str]:
    with av.open(str(path)) as container:
        return [hashlib.md5(bytes(p)).hexdigest() for p in container.demux() if p.stream.type == kind and p.size]


@pytest.fixture(scope="module")
def four_seconds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "film.mp4", cuts=(30, 62))


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "out")


def test_clips_of_a_duration_have_the_right_frames_and_sounds(four_seconds: Path, out: str) -> None:
    clips = made("video_split_by_duration", four_seconds, split_duration=1.5, save_dir=out)
    assert [(c["start_seconds"], c["end_seconds"]) for c in clips] == [(0, 1.5), (1.5, 3), (3, 4)]
    assert [numbers_in(c["video"]) for c in clips] == [[*range(36)], [*range(36, 72)], [*range(72, 96)]]
    for clip in clips:
        size, length, sounds = facts(clip["video"])
        assert size == (96, 64) and sounds == 1
        assert abs(length - (clip["end_seconds"] - clip["start_seconds"])) < 1 / 24
        assert second_heard(clip["video"], 0.05) == int(clip["start_seconds"] + 0.05)
        assert second_heard(clip["video"], 0.75) == int(clip["start_seconds"] + 0.75)
        assert clip["source"] == str(four_seconds)


def test_clips_may_overlap_and_a_short_end_is_left_out(four_seconds: Path, out: str) -> None:
    settings = {"split_duration": 1.75, "overlap_duration": 0.5, "save_dir": out}
    clips = made("video_split_by_duration", four_seconds, **settings)
    assert [(c["start_seconds"], c["end_seconds"]) for c in clips] == [(0, 1.75), (1.25, 3), (2.5, 4)]
    assert numbers_in(clips[1]["video"]) == [*range(30, 72)]
    assert made("video_split_by_duration", four_seconds, min_last_split_duration=1.6, **settings) == clips[:2]


def test_a_video_that_is_not_cut_is_its_own_clip(four_seconds: Path, out: str) -> None:
    whole = [{"source": str(four_seconds), "video": str(four_seconds), "start_seconds": 0.0, "end_seconds": 4.0}]
    assert made("video_split_by_duration", four_seconds, save_dir=out) == whole
    assert made("video_split_by_scene", four_seconds, threshold=250.0, save_dir=out) == whole
    assert made("video_resize_resolution", four_seconds, max_width=96, save_dir=out) == [str(four_seconds)]
    assert made("video_resize_aspect_ratio", four_seconds, save_dir=out) == [str(four_seconds)]
    assert not Path(out).exists()


def test_clips_of_key_frames_are_copied_packets(four_seconds: Path, out: str) -> None:
    clips = made("video_split_by_key_frame", four_seconds, save_dir=out)
    assert [numbers_in(c["video"]) for c in clips] == [[*range(a, a + 24)] for a in range(0, 96, 24)]
    assert [p for c in clips for p in packets(c["video"], "video")] == packets(four_seconds, "video")
    assert [second_heard(c["video"], 0.5) for c in clips] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("open.mp4", {"x264-params": "open-gop=1:bframes=3"}),
        ("film.mkv", {"sound": "flac"}),
        ("film.avi", {"codec": "mpeg4", "sound": "pcm_s16le"}),
        ("silent.mov", {"sound": None}),
        ("film.webm", {"codec": "libvpx-vp9", "sound": "libopus", "deadline": "realtime", "cpu-used": "8"}),
        ("odd.mkv", {"size": (97, 65), "pixels": "yuv444p"}),
        ("turned.mp4", {"rotation": 90}),
    ],
)
def test_clips_of_all_kinds_of_files(name: str, options: dict, tmp_path: Path, out: str) -> None:
    source = film(tmp_path / name, 72, **options)
    for function, settings in SPLITS.items():
        clips = made(function, source, save_dir=out, **settings)
        assert len(clips) == 3
        assert [n for c in clips for n in numbers_in(c["video"])] == [*range(72)]
        for clip in clips:
            size, length, sounds = facts(clip["video"])
            assert size == options.get("size", (96, 64))
            assert abs(length - (clip["end_seconds"] - clip["start_seconds"])) < 1 / 24
            assert sounds == (options.get("sound", "aac") is not None)
            assert rotation_of(clip["video"]) == options.get("rotation", 0)
            if sounds:
                assert second_heard(clip["video"], 0.3) == int(clip["start_seconds"] + 0.3)


@pytest.mark.parametrize("name", ["short.mp4", "short.mkv", "short.avi", "short.ts"])
def test_sound_may_end_before_the_pictures(
    name: str, tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = definitions_films.tones
    monkeypatch.setattr(definitions_films, "tones", lambda seconds: whole(1.0))
    source = film(tmp_path / name, 72)
    for function, settings in SPLITS.items():
        clips = made(function, source, save_dir=out, **settings)
        assert [n for c in clips for n in numbers_in(c["video"])] == [*range(72)]


def test_frames_keep_their_times(tmp_path: Path, out: str) -> None:
    times = [n * 40 + (n % 3) * 11 + (300 if n > 20 else 0) for n in range(60)]
    source = film(tmp_path / "uneven.mkv", 60, 25, times=times)
    clips = made("video_split_by_duration", source, split_duration=1.0, save_dir=out)
    parts = [[n for n, t in enumerate(times) if at <= t < at + 1000] for at in (0, 1000, 2000)]
    assert [numbers_in(c["video"]) for c in clips] == parts
    with av.open(clips[1]["video"]) as container:
        shown = [float(f.pts * f.time_base) * 1000 for f in container.decode(video=0)]
    assert np.allclose(shown, [times[n] - times[parts[1][0]] for n in parts[1]], atol=1)


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ({}, [0, 30, 62]),
        ({"detector": "AdaptiveDetector", "threshold": 3.0, "min_content_val": 25.0}, [0, 30, 62]),
        ({"min_scene_len": 31}, [0, 62]),
        ({"luma_only": True, "threshold": 255.0}, [0]),
        ({"detector": "ThresholdDetector", "threshold": 12.0}, [0]),
    ],
)
def test_scenes_begin_at_the_cuts(settings: dict, starts: list[int], four_seconds: Path, out: str) -> None:
    clips = made("video_split_by_scene", four_seconds, save_dir=out, **settings)
    bounds = [*starts, 96]
    assert [numbers_in(c["video"]) for c in clips] == [[*range(a, b)] for a, b in pairwise(bounds)]
    assert [c["start_seconds"] for c in clips] == [start / 24 for start in starts]


def test_a_scene_begins_in_the_middle_of_darkness(tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dark = np.array([(200, 60, 40), (0, 0, 0), (50, 70, 210)], np.uint8)
    monkeypatch.setattr(definitions_films, "picture", lambda n, scene, size: np.full((64, 96, 3), dark[scene]))
    source = film(tmp_path / "dark.mp4", cuts=(40, 60), sound=None)
    clips = made("video_split_by_scene", source, detector="ThresholdDetector", threshold=12.0, save_dir=out)
    assert [c["start_seconds"] for c in clips] == [0, 50 / 24]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_width": 48}, (48, 32)),
        ({"min_height": 100}, (150, 100)),
        ({"max_width": 48, "min_height": 60}, (48, 60)),
        ({"max_width": 48, "min_height": 60, "force_original_aspect_ratio": "increase"}, (90, 60)),
        ({"max_width": 50, "force_original_aspect_ratio": "decrease", "force_divisible_by": 16}, (48, 32)),
    ],
)
def test_resolutions(settings: dict, expected: tuple, four_seconds: Path, out: str) -> None:
    (path,) = made("video_resize_resolution", four_seconds, save_dir=out, **settings)
    assert facts(path) == (expected, 4.0, 1)
    assert numbers_in(path) == [*range(96)]
    assert packets(path, "audio") == packets(four_seconds, "audio")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_ratio": "1:1"}, (96, 96)),
        ({"max_ratio": "1/1", "strategy": "decrease"}, (64, 64)),
        ({"min_ratio": "21/9"}, (150, 64)),
        ({"min_ratio": "2.0", "strategy": "decrease"}, (96, 48)),
    ],
)
def test_aspect_ratios(settings: dict, expected: tuple, four_seconds: Path, out: str) -> None:
    (path,) = made("video_resize_aspect_ratio", four_seconds, save_dir=out, **settings)
    assert facts(path) == (expected, 4.0, 1)


def test_a_turned_video_is_measured_as_it_is_shown(tmp_path: Path, out: str) -> None:
    source = film(tmp_path / "turned.mp4", 10, rotation=-90)
    (path,) = made("video_resize_resolution", source, max_height=48, save_dir=out)
    assert facts(path)[0] == (48, 32)  # 32 x 48 when it is shown
    assert rotation_of(path) == -90


FUNCTIONS = {
    "video_split_by_duration": {"split_duration": 2.5},
    "video_split_by_key_frame": {},
    "video_split_by_scene": {},
    "video_resize_resolution": {"max_width": 60},
    "video_resize_aspect_ratio": {"max_ratio": "1:1"},
    "video_remove_watermark": {"roi_strings": ["0,0,0.5,0.5"]},
    "video_extract_frames": {},
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_files_are_made_once_and_are_the_same_everywhere(function: str, four_seconds: Path, tmp_path: Path) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    answer = made(function, four_seconds, save_dir=first, **FUNCTIONS[function])
    written = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in Path(first).iterdir()}
    assert written
    assert made(function, four_seconds, save_dir=first, **FUNCTIONS[function]) == answer
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in Path(first).iterdir()} == written
    made(function, four_seconds, save_dir=second, **FUNCTIONS[function])
    assert {p.name: p.read_bytes() for p in Path(second).iterdir()} == {n: b for n, (b, _) in written.items()}


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[3])
from juicesql.udfs.video import _resize
from test_video_mappers import made

def rewrite(source, target, change):
    seen = []
    def dying(frame):
        seen.append(frame)
        if len(seen) == 60:
            os.kill(os.getpid(), signal.SIGKILL)
        return change(frame)
    whole(source, target, dying)

whole, _resize.rewrite = _resize.rewrite, rewrite
made("video_resize_resolution", sys.argv[1], max_width=60, save_dir=sys.argv[2])
"""


def test_a_killed_run_leaves_no_file_under_a_final_name(four_seconds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(four_seconds), str(folder), str(FOLDER)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = [p.name for p in folder.iterdir()]
    assert left and all(name.startswith(".unfinished-") for name in left)
    (path,) = made("video_resize_resolution", four_seconds, max_width=60, save_dir=str(folder))
    assert numbers_in(path) == [*range(96)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_file_that_cannot_be_read_raises_and_leaves_nothing(function: str, tmp_path: Path, out: str) -> None:
    whole = film(tmp_path / "whole.mp4", 48, movflags="faststart").read_bytes()
    contents = {"cut.mp4": whole[:-2000], "text.mp4": b"no video", "none.mp4": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in (*contents, "missing.mp4"):
        with pytest.raises((OSError, ValueError)):
            made(function, tmp_path / name, save_dir=out, **FUNCTIONS[function])
    assert not Path(out).exists() or not [*Path(out).iterdir()]


def with_mark(path: Path) -> Path:
    """A film with a bright mark at the upper right, over colours that change."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for _ in range(20):
            coarse = Image.fromarray(random.integers(30, 120, (3, 4, 3)).astype(np.uint8))
            pixels = np.array(coarse.resize((128, 96), Image.Resampling.BICUBIC))
            pixels[12:20, 100:116] = 250
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def all_pixels(path: str | Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)]).astype(int)


@pytest.mark.parametrize(
    "settings",
    [
        {"roi_strings": ["0.7,0.05,0.99,0.3"]},
        {"roi_strings": ["(90, 5, 126, 29)"], "roi_type": "pixel"},
        {"roi_strings": ["0,0.8,0.1,0.9", "[0.7, 0.05, 0.99, 0.3]"], "detection_method": "pixel_diversity"},
    ],
)
def test_a_mark_is_painted_over(settings: dict, tmp_path: Path, out: str) -> None:
    source = with_mark(tmp_path / "marked.mp4")
    (path,) = made("video_remove_watermark", source, save_dir=out, **settings)
    before, after = all_pixels(source), all_pixels(path)
    assert (before[:, 13:19, 101:115] > 200).all() and (after[:, 13:19, 101:115] < 150).all()
    assert np.abs(before - after)[:, 40:, :80].mean() < 3


def test_a_video_without_a_mark_keeps_its_path(tmp_path: Path, out: str) -> None:
    source = with_mark(tmp_path / "marked.mp4")
    settings = {"roi_strings": ["0,0.5,0.5,1"], "min_frame_threshold": 11}
    assert made("video_remove_watermark", source, save_dir=out, **settings) == [str(source)]


def test_faces_are_blurred(four_seconds: Path, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql.udfs.image._faces import Finder

    assert made("video_face_blur", four_seconds, min_size=[60], save_dir=out) == [str(four_seconds)]
    assert not [*Path(out).iterdir()]
    monkeypatch.setattr(Finder, "boxes", lambda self, image: [(24, 0, 24, 16)])
    (path,) = made("video_face_blur", four_seconds, blur_type="box", radius=12.0, save_dir=out)
    assert facts(path) == ((96, 64), 4.0, 1)
    before, after = (
        all_pixels(four_seconds)[4],
        all_pixels(path)[4],
    )  # its number has the bit 2 alone, at the pixels 24 to 35
    assert np.abs(before - after)[1:7, 24:48].mean() > 30  # its number has the bit 2 alone, at the pixels 24 to 35
    assert np.abs(before - after)[20:].mean() < 3


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 24, 48, 72]),
        ({"frame_sampling_method": "uniform"}, [0, 48, 95]),
        ({"frame_sampling_method": "uniform", "frame_num": 1}, [48]),
        ({"frame_sampling_method": "uniform", "frame_num": 2, "duration": 2.0}, [0, 47, 48, 95]),
        ({"duration": 1.5}, [0, 24, 48, 72]),
        ({"duration": 0.5}, [0, 12, 24, 36, 48, 60, 72, 84]),
        ({"frame_sampling_method": "all_frames"}, [*range(96)]),
    ],
)
def test_frames_are_files(settings: dict, expected: list[int], four_seconds: Path, out: str) -> None:
    from definitions_films import number_of

    frames, again = made("video_extract_frames", four_seconds, four_seconds, save_dir=out, **settings)
    assert frames == again
    assert [number_of(np.asarray(Image.open(path))) for path in frames] == expected


def test_frames_of_avi_files_with_b_frames(tmp_path: Path, out: str) -> None:
    from definitions_films import number_of

    source = film(tmp_path / "film.avi", 72, cuts=(31,))
    (frames,) = made("video_extract_frames", source, frame_sampling_method="all_frames", save_dir=out)
    assert [number_of(np.asarray(Image.open(path))) for path in frames] == [*range(72)]
    clips = made("video_split_by_scene", source, save_dir=out)
    assert [numbers_in(c["video"]) for c in clips] == [[*range(31)], [*range(31, 72)]]


def test_colours_stay_as_they_are(tmp_path: Path) -> None:
    from juicesql.udfs.video._write import repainted, rewrite

    for space in ("1", "5"):  # BT.709 and BT.601
        source = film(tmp_path / f"{space}.mp4", 5, sound=None, colorspace=space, crf="5")
        target = str(tmp_path / f"{space}-out.mp4")
        rewrite(str(source), target, repainted(lambda pixels: pixels), upright=True)
        assert np.abs(all_pixels(source) - all_pixels(target)).mean() < 2.5


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("video_split_by_duration", {"split_duration": 0.0}),
        ("video_split_by_duration", {"overlap_duration": 10.0}),
        ("video_split_by_scene", {"detector": "none"}),
        ("video_split_by_scene", {"weights": [1.0]}),
        ("video_split_by_scene", {"kernel_size": 4}),
        ("video_resize_resolution", {"force_original_aspect_ratio": "keep"}),
        ("video_resize_resolution", {"force_original_aspect_ratio": "increase", "force_divisible_by": 3}),
        ("video_resize_resolution", {"min_width": 10, "max_width": 9}),
        ("video_resize_aspect_ratio", {"min_ratio": "0/1"}),
        ("video_resize_aspect_ratio", {"strategy": "crop"}),
        ("video_remove_watermark", {"roi_strings": ["0,0,1"]}),
        ("video_remove_watermark", {"roi_type": "percent"}),
        ("video_remove_watermark", {"detection_method": "guess"}),
        ("video_extract_frames", {"frame_sampling_method": "some"}),
        ("video_extract_frames", {"frame_num": 0}),
    ],
)
def test_parameters_are_checked(function: str, settings: dict, four_seconds: Path) -> None:
    with pytest.raises(FunctionError):
        made(function, four_seconds, **settings)


def test_frames_may_not_become_too_large(four_seconds: Path, out: str) -> None:
    with pytest.raises(ValueError, match="more than 33,554,432 pixels"):
        made("video_resize_resolution", four_seconds, min_width=100_000, save_dir=out)


def test_the_pictures_of_a_film_tell_their_number() -> None:
    from definitions_films import number_of

    assert [number_of(picture(n)) for n in range(0, 256, 5)] == [*range(0, 256, 5)]
