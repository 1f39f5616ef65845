"""Hashes of images, videos and sounds: exact against plain definitions, near for copies, far for others."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
av = pytest.importorskip("av")
pytest.importorskip("scipy")

from definitions_media import (  # noqa: E402
    averages,
    copy_streams,
    cosines,
    grey,
    hamming,
    picture,
    scenes,
    write_video,
)
from PIL import Image, ImageEnhance  # noqa: E402

from juicesql.call import apply  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.media import VARIABLE, MediaSettings  # noqa: E402
from juicesql.registry import Registry  # noqa: E402

REGISTRY = Registry()


def measured(function: str, *paths: Path | str, **parameters: object) -> object:
    import pyarrow as pa

    found = REGISTRY.get(function)
    defaults = {a.name: a.value(a.default) for a in found.signature.parameters}
    column = pa.array([[str(p) for p in paths]], pa.list_(pa.string()))
    return apply(found, [column], defaults | parameters)[0].as_py()


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def bits(digits: str) -> np.ndarray:
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8)).astype(bool).reshape(8, 8)


@pytest.mark.parametrize("seed", range(30))
def test_hashes_are_those_of_the_definition(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    image = picture(seed, *map(int, random.integers(5, 400, 2)))
    path = saved(image, tmp_path / "a.png")
    small = grey(image, 8, 8)
    assert (bits(measured("image_hash", path, method="ahash")[0]) == (small >= small.mean())).all()
    wide = grey(image, 9, 8)
    assert (bits(measured("image_hash", path, method="dhash")[0]) == (wide[:, 1:] > wide[:, :-1])).all()
    for method, (values, median) in {"phash": cosines(image), "whash": averages(image)}.items():
        clear = abs(values - median) > 1e-6  # sums in another order round elsewhere
        assert ((bits(measured("image_hash", path, method=method)[0]) == (values >= median)) | ~clear).all()


@pytest.mark.parametrize("seed", range(12))
def test_copies_are_near_and_others_far(seed: int, tmp_path: Path) -> None:
    image = picture(seed)
    width, height = image.size
    own = measured("image_hash", saved(image, tmp_path / "own.png"))[0]
    copies = {
        "small.jpg": image.resize((width // 2, height // 2)),
        "large.webp": image.resize((width * 2, height * 3)),
        "bright.png": ImageEnhance.Brightness(image).enhance(1.2),
        "dark.png": ImageEnhance.Brightness(image).enhance(0.7),
        "grey.jpg": image.convert("L"),
        "crop.png": image.crop((3, 2, width - 3, height - 2)),
    }
    for name, copy in copies.items():
        assert hamming(own, measured("image_hash", saved(copy, tmp_path / name))[0]) <= 10, name
    worst = saved(image, tmp_path / "worst.jpg", quality=10)
    assert hamming(own, measured("image_hash", worst)[0]) <= 10
    other = measured("image_hash", saved(picture(seed + 1000), tmp_path / "other.png"))[0]
    assert hamming(own, other) > 14


def test_the_orientation_of_exif_is_obeyed(tmp_path: Path) -> None:
    image = picture(3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned right by 90 degrees
    turned = saved(image.transpose(Image.Transpose.ROTATE_90), tmp_path / "turned.png", exif=exif)
    assert measured("image_hash", turned) == measured("image_hash", saved(image, tmp_path / "upright.png"))


def huge_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100))


def broken_images(folder: Path) -> list[str]:
    whole = saved(picture(5), folder / "whole.jpg").read_bytes()
    contents = {
        "cut.jpg": whole[:-500],
        "zeros.png": b"\0" * 1000,
        "text.jpg": b"not found",
        "none.gif": b"",
        "huge.png": huge_png(),
        "drawing.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*(str(folder / name) for name in contents), str(folder), str(folder / "missing.png"), "", "a\0b"]


@pytest.mark.parametrize("number", range(10))
def test_an_image_that_cannot_be_read_raises(number: int, tmp_path: Path) -> None:
    good = saved(picture(6), tmp_path / "good.png")
    with pytest.raises((OSError, ValueError, Image.DecompressionBombError)):
        measured("image_hash", good, broken_images(tmp_path)[number])


def test_parameters_are_checked(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match="method is 'md5'"):
        measured("image_hash", "a.png", method="md5")
    with pytest.raises(FunctionError, match="frame_num is 0"):
        measured("video_frame_hashes", "a.mp4", frame_num=0)


def plain_md5(kind: str, *paths: Path) -> str:
    digest = hashlib.md5()
    for path in paths:
        with av.open(str(path)) as container:
            for packet in container.demux():
                if packet.stream.type == kind:
                    digest.update(bytes(packet))
    return digest.hexdigest()


def test_video_hash_is_the_md5_of_the_packets(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.mp4", scenes(1), (160, 120))
    second = write_video(tmp_path / "b.avi", scenes(2), (160, 120))
    assert measured("video_hash", first) == plain_md5("video", first)
    assert measured("video_hash", first, second, first) == plain_md5("video", first, second)
    assert measured("video_hash", copy_streams(first, tmp_path / "copy.mkv")) == measured("video_hash", first)
    again = write_video(tmp_path / "again.mp4", scenes(1), (160, 120), g="5")
    assert measured("video_hash", again) != measured("video_hash", first)
    with pytest.raises(ValueError, match="no audio stream"):
        measured("audio_hash", first)


def test_video_frame_hashes_find_copies_that_were_compressed_again(tmp_path: Path) -> None:
    shown = scenes(1)
    own = measured("video_frame_hashes", write_video(tmp_path / "own.mp4", shown, (160, 120), g="12"))
    assert len(own) == 16
    copies = [
        write_video(tmp_path / "small.mp4", shown, (96, 96)),
        write_video(tmp_path / "short.avi", shown, (160, 120), g="3"),
        write_video(tmp_path / "fast.mkv", shown[::2], (320, 180), rate=5, g="50", b="40000"),
    ]
    lying = [p.transpose(Image.Transpose.ROTATE_90) for p in shown]
    if hasattr(av.VideoStream, "set_display_rotation"):
        copies.append(write_video(tmp_path / "lying.mp4", lying, (120, 160), rotation=-90))
    for copy in copies:
        distances = [hamming(a, b) for a, b in zip(own, measured("video_frame_hashes", copy), strict=True)]
        assert sum(d <= 10 for d in distances) >= 14, (copy.name, distances)
    other = measured("video_frame_hashes", write_video(tmp_path / "other.mp4", scenes(2), (160, 120)))
    assert min(hamming(a, b) for a, b in zip(own, other, strict=True)) > 10


@pytest.mark.parametrize("every", ["1", "7", "100"])
def test_frames_are_those_of_a_full_decoding(every: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scenes(3, 50), (64, 48), g=every)
    with av.open(str(path)) as container:
        frames = [saved(f.to_image(), tmp_path / f"{i}.png") for i, f in enumerate(container.decode(video=0))]
    for count in (1, 4, 50):
        wanted = [frames[len(frames) * (2 * i + 1) // (2 * count)] for i in range(count)]
        expected = [int(h, 16) for h in measured("image_hash", *wanted)]
        assert measured("video_frame_hashes", path, frame_num=count) == expected


def test_a_video_that_cannot_be_read_raises(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", scenes(4), (160, 120))
    contents = {
        "cut.avi": whole.read_bytes()[:-15000],
        "noise.mp4": bytes(range(256)) * 20,
        "none.mp4": b"",
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{whole}\n#EXT-X-ENDLIST\n".encode(),
        "parts.mp4": f"ffconcat version 1.0\nfile '{whole}'\n".encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        for function in ("video_hash", "video_frame_hashes"):
            with pytest.raises((OSError, ValueError)):
                measured(function, tmp_path / name)
    with pytest.raises(ValueError, match="no video stream"):
        measured("video_hash", Path(__file__).parent.parent / "cases/audio/beep.wav")


def test_limits_of_frames_and_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql.udfs.video import _facts

    long, wide = (write_video(tmp_path / name, scenes(5), (160, 120)) for name in ("long.mp4", "wide.mp4"))
    with monkeypatch.context() as patched, pytest.raises(ValueError, match="more than 39 frames"):
        patched.setattr(_facts, "MOST_FRAMES", 39)
        measured("video_frame_hashes", long)
    monkeypatch.setenv(VARIABLE, MediaSettings(max_pixels=160 * 120 - 1).environment()[VARIABLE])
    with pytest.raises(ValueError, match="more than 19,199 pixels"):
        measured("video_frame_hashes", wide)
