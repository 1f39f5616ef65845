"""Small pictures of files for people: with the values that a file has, turned as it says, and none of a broken one."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
av = pytest.importorskip("av")

from PIL import Image  # noqa: E402

from juicesql.media import MediaSettings  # noqa: E402
from juicesql.thumbnails import Thumbnailer  # noqa: E402


def seen(make: Thumbnailer, kind: str, name: str) -> tuple[tuple[int, int], list[int]]:
    """The size that is told, and the brightness of the four corners of what is shown."""
    found = make(kind, name)
    assert not found.error
    picture = Image.open(io.BytesIO(found.pictures[0].jpeg)).convert("L")
    right, bottom = picture.width - 3, picture.height - 3
    corners = [picture.getpixel(place) for place in ((2, 2), (right, 2), (2, bottom), (right, bottom))]
    return (found.facts["width"], found.facts["height"]), corners


def test_deep_pictures_are_shown_with_their_values(tmp_path: Path) -> None:
    samples = np.zeros((40, 60), np.uint16)
    samples[:20], samples[20:] = 16384, 49152  # 64 and 191 of 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is at the right
    Image.fromarray(samples).save(tmp_path / "grey.png")
    Image.fromarray(samples).save(tmp_path / "turned.tif", exif=exif)
    Image.fromarray(samples.astype(np.float32) / 65535).save(tmp_path / "part.tif")
    with Thumbnailer(MediaSettings(root=str(tmp_path))) as make:
        for name in ("grey.png", "part.tif"):
            size, corners = seen(make, "image", name)
            assert size == (60, 40) and corners == pytest.approx([64, 64, 191, 191], abs=3)
        size, corners = seen(make, "image", "turned.tif")
        assert size == (40, 60) and corners == pytest.approx([191, 64, 191, 64], abs=3)


def test_a_damaged_picture_is_not_shown(tmp_path: Path) -> None:
    Image.new("L", (60, 40), 200).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-12])
    (tmp_path / "flipped.png").write_bytes(whole[:-16] + b"\0\0\0\0" + whole[-12:])
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    with Thumbnailer(MediaSettings(root=str(tmp_path))) as make:
        assert not make("image", "whole.png").error
        for name, words in {"cut.png": "cut off", "flipped.png": "damaged", "bomb.png": "134,217,728 pixels"}.items():
            found = make("image", name)
            assert words in found.error and not found.pictures


def test_a_mirrored_video_is_shown_as_it_is_seen(tmp_path: Path) -> None:
    """Its stored corners are 30, 90, 150 and 210; first mirrored, then turned to the left."""
    pixels = np.kron(np.array([[30, 90], [150, 210]], np.uint8), np.ones((24, 32), np.uint8))
    one = 1 << 16
    cases = {(-one, 0, 0, one): (64, 48, [90, 30, 210, 150]), (0, -one, one, 0): (48, 64, [90, 210, 30, 150])}
    for (a, b, c, d), (width, height, corners) in cases.items():
        with av.open(str(tmp_path / "v.mp4"), "w") as out:
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
            for number in range(3):
                frame = av.VideoFrame.from_ndarray(np.stack([pixels] * 3, 2), format="rgb24")
                frame.pts = number
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        with Thumbnailer(MediaSettings(root=str(tmp_path))) as make:
            size, shown = seen(make, "video", "v.mp4")
        assert size == (width, height) and shown == pytest.approx(corners, abs=8)
