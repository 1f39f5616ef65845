"""Videos as they are shown: turned and mirrored by their display matrix, by the shape of their pixels, and how long."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
av = pytest.importorskip("av")
pytest.importorskip("cv2")

from definitions_images import measured  # noqa: E402
from definitions_media import scenes, write_video  # noqa: E402
from juicesql.udfs.video._facts import video_facts  # noqa: E402
from juicesql.udfs.video._frames import video_frames  # noqa: E402
from juicesql.udfs.video._shown import video_turn  # noqa: E402
from juicesql.udfs.video._upright import Turn  # noqa: E402
from PIL import Image  # noqa: E402

ONE = 1 << 16
# Where a pixel (p, q) goes: (a p + c q, b p + d q). Beside each matrix (a, b, c, d) the corner of the stored picture, as
# (row, column) with 0 first and -1 last, that is seen at the upper left, and whether the picture stands on its side.
MATRICES = {
    (ONE, 0, 0, ONE): ((0, 0), False),
    (-ONE, 0, 0, -ONE): ((-1, -1), False),
    (-ONE, 0, 0, ONE): ((0, -1), False),
    (ONE, 0, 0, -ONE): ((-1, 0), False),
    (0, ONE, -ONE, 0): ((-1, 0), True),
    (0, -ONE, ONE, 0): ((0, -1), True),
    (0, ONE, ONE, 0): ((0, 0), True),
    (0, -ONE, -ONE, 0): ((-1, -1), True),
}


def corners() -> Image.Image:
    """64 x 48 pixels, a quarter each of other brightness."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    for number, (rows, columns) in enumerate([(0, 0), (0, 32), (24, 0), (24, 32)]):
        pixels[rows : rows + 24, columns : columns + 32] = 30 + 60 * number
    return Image.fromarray(pixels)


def turned(path: Path, matrix: tuple[int, ...], **options: object) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = options.get("pixel", Fraction(1))
        a, b, c, d = matrix
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for number in range(5):
            frame = av.VideoFrame.from_image(corners())
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_sizes_and_frames_are_those_that_are_seen(matrix: tuple[int, ...], suffix: str, tmp_path: Path) -> None:
    (row, column), on_its_side = MATRICES[matrix]
    path = turned(tmp_path / f"a.{suffix}", matrix)
    width, height = (48, 64) if on_its_side else (64, 48)
    assert (measured("video_width", path), measured("video_height", path)) == ([width], [height])
    assert measured("video_aspect_ratios", path) == [width / height]
    assert measured("video_width", path, coded=True) == [64]
    assert measured("video_height", path, coded=True) == [48]
    assert measured("video_aspect_ratios", path, coded=True) == [64 / 48]
    (frame,) = video_frames(str(path), "uniform", 1)
    assert frame.shape == (height, width, 3)
    stored = np.asarray(corners())
    assert abs(int(frame[2, 2, 0]) - int(stored[row, column, 0])) < 8
    for function, options in {"video_resize_resolution": {"max_width": 40}, "video_extract_frames": {}}.items():
        made = measured(function, path, save_dir=str(tmp_path), **options)[0]
        if function == "video_extract_frames":
            assert Image.open(made[0]).size == (width, height)
        else:
            assert measured("video_width", made) == [40]
            assert video_turn(made) == video_turn(str(path))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_matroska_is_turned_alike(rotation: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", scenes(1, 20)[:5], (64, 48), rotation=rotation)
    (frame,) = video_frames(str(path), "uniform", 1)
    assert measured("video_width", path) == [frame.shape[1]]
    assert measured("video_height", path) == [frame.shape[0]]


def test_the_first_frame_is_decoded_only_where_a_file_may_be_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from juicesql.udfs.video import _shown

    plain = [write_video(tmp_path / name, scenes(1, 20)[:5], (64, 48)) for name in ("a.mp4", "a.mkv")]
    monkeypatch.setattr(_shown, "turn_of", lambda frame: pytest.fail("it is decoded"))
    assert measured("video_width", *plain) == [64, 64]
    assert video_turn(str(plain[0])) == Turn()


def test_pixels_that_are_not_square_count_for_the_shape_alone(tmp_path: Path) -> None:
    """64 pixels, each 4/3 as wide as high, by 48: the picture is 85.33 wide, 16 by 9."""
    wide = turned(tmp_path / "wide.mp4", (ONE, 0, 0, ONE), pixel=Fraction(4, 3))
    high = turned(tmp_path / "high.mp4", (0, ONE, -ONE, 0), pixel=Fraction(4, 3))
    assert measured("video_aspect_ratios", wide, high) == pytest.approx([16 / 9, 9 / 16])
    assert measured("video_aspect_ratios", wide, high, coded=True) == [64 / 48, 64 / 48]
    assert measured("video_width", wide, high) == [64, 48]
    assert video_frames(str(wide), "uniform", 1)[0].shape == (48, 64, 3)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "wmv", "ts", "3gp"])
def test_a_video_is_as_long_as_its_frames_are_shown(suffix: str, tmp_path: Path) -> None:
    """17 frames, ten a second; Data-Juicer says 2."""
    path = write_video(tmp_path / f"a.{suffix}", scenes(1, 20)[:17], (64, 48))
    assert measured("video_duration", path) == pytest.approx([1.7], abs=0.002)
    assert measured("video_duration", path, parity="data-juicer") == [2.0]


@pytest.mark.parametrize(
    ("name", "options"),
    [("live.mkv", {"live": "1"}), ("pieces.mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"})],
)
def test_a_file_that_does_not_say_its_length_is_counted(name: str, options: dict[str, str], tmp_path: Path) -> None:
    with av.open(str(tmp_path / name), "w", options=options) as out:
        stream = out.add_stream("mpeg4", rate=10, options={"g": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(17):
            frame = av.VideoFrame.from_image(scenes(1, 20)[number].resize((64, 48)))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert measured("video_duration", tmp_path / name) == pytest.approx([1.7], abs=0.002)


def test_the_length_of_the_sound_is_not_that_of_the_video(tmp_path: Path) -> None:
    """A Matroska file says one length for both; the video is a second long, the sound three."""
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        shown = out.add_stream("mpeg4", rate=10)
        shown.width, shown.height, shown.pix_fmt = 64, 48, "yuv420p"
        heard = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(10):
            frame = av.VideoFrame.from_image(corners())
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(shown.encode(frame))
        out.mux(shown.encode())
        block = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.int16), format="s16", layout="mono")
        block.sample_rate, block.pts = 8000, 0
        out.mux(heard.encode(block))
        out.mux(heard.encode())
    assert measured("video_duration", tmp_path / "a.mkv") == pytest.approx([1.0], abs=0.002)
    assert measured("audio_duration", tmp_path / "a.mkv") == [3.0]


def test_no_frame_is_compared_with_itself(tmp_path: Path) -> None:
    """A rate above that of the video takes every frame; all of these differ."""
    moving = write_video(tmp_path / "m.mp4", scenes(1, 20)[:6], (64, 48))
    two = write_video(tmp_path / "t.mp4", [Image.new("RGB", (64, 48), c) for c in ("black", "white")], (64, 48))
    for rate in (5, 10, 100):
        assert measured("video_static_ratio", moving, two, sampling_fps=rate) == [0, 0]
        assert measured("video_black_ratio", two, sampling_fps=rate) == [0.5]
    assert len(video_facts(str(moving)).times) == 6
