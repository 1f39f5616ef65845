"""Pictures that are damaged, cut off, or of samples that Pillow does not bring to 8 bits: an error, or the right value."""

from __future__ import annotations

import io
import json
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("PIL")
pytest.importorskip("cv2")

from definitions_images import measured
from definitions_media import picture
from juicesql.udfs.image._images import open_image
from PIL import Image

import juicesql
from juicesql.media import VARIABLE, MediaSettings

STATS = (
    "image_brightness", "image_contrast", "image_sharpness", "image_hash", "face_counts", "face_ratios", "image_width",
    "image_height", "aspect_ratios",
)  # fmt: skip
SAVED = {
    "p.png": {}, "p.jpg": {}, "progressive.jpg": {"progressive": True}, "p.gif": {}, "p.bmp": {}, "p.webp": {},
    "exact.webp": {"lossless": True}, "p.tif": {}, "lzw.tif": {"compression": "tiff_lzw"},
    "deflate.tif": {"compression": "tiff_adobe_deflate"}, "p.ppm": {}, "p.jp2": {}, "p.avif": {}, "p.ico": {},
    "p.tga": {},
}  # fmt: skip


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, kind: int, bits: int, data: bytes, passes: int = 0) -> bytes:
    """A PNG of these compressed rows, each with its filter byte; all checksums are right."""
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, passes)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def content(name: str) -> bytes:
    out = io.BytesIO()
    suffix = Path(name).suffix[1:]
    formats = {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}
    options = dict(SAVED[name], **({"sizes": [(30, 24)]} if suffix == "ico" else {}))
    picture(5, 30, 24).save(out, formats.get(suffix, suffix.upper()), **options)
    return out.getvalue()


WHOLE = {name: content(name) for name in SAVED}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


def seen(path: Path, data: bytes) -> np.ndarray | None:
    """The pixels of a file of this content; None where it is refused."""
    path.write_bytes(data)
    try:
        return np.asarray(open_image(str(path)))
    except (OSError, ValueError):
        return None


@pytest.mark.parametrize("name", SAVED)
def test_a_picture_that_is_cut_off_is_an_error_or_lacks_nothing_that_is_shown(name: str, folder: Path) -> None:
    whole = WHOLE[name]
    right = seen(folder / name, whole)
    places = sorted({*range(80), *range(80, len(whole), 23), *range(len(whole) - 30, len(whole))})
    refused = 0
    for place in places:
        found = seen(folder / name, whole[:place])
        assert found is None or np.array_equal(found, right), place
        refused += found is None
    assert refused > len(places) - 40


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_png_with_any_byte_changed_is_an_error(folder: Path, data: st.DataObject) -> None:
    whole = bytearray(WHOLE["p.png"])
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=3, unique=True)):
        whole[place] ^= data.draw(st.integers(1, 255))
    assert seen(folder / "flipped.png", bytes(whole)) is None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_byte_never_makes_a_picture_of_nothing(folder: Path, data: st.DataObject) -> None:
    """JPEG and most others have no checksums: a decoder then sees other pixels, but not one that lacks them all."""
    name = data.draw(st.sampled_from(sorted(SAVED)))
    whole = bytearray(WHOLE[name])
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    found = seen(folder / f"flipped-{name}", bytes(whole))
    assert found is None or found.size < 1000 or found.std() > 0


def test_every_way_to_damage_the_data_of_a_png_is_an_error_of_every_function(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes(range(30)) for _ in range(24))
    good = zlib.compress(rows)
    files = {
        "cut-stream": png(30, 24, 0, 8, good[: len(good) // 2]),
        "not-a-stream": png(30, 24, 0, 8, b"\0" * 20),
        "too-few-rows": png(30, 24, 0, 8, zlib.compress(rows[:310])),
        "too-few-rows-of-passes": png(30, 24, 0, 8, zlib.compress(rows[:310]), passes=1),
        "no-data": png(30, 24, 0, 8, b""),
        "bad-checksum": png(30, 24, 0, 8, good)[:-16] + b"\0\0\0\0" + png(30, 24, 0, 8, good)[-12:],
        "no-end": png(30, 24, 0, 8, good)[:-12],
        "bad-filter": png(30, 24, 0, 8, zlib.compress(b"\x09" + rows[1:])),
        "bad-late-note": png(30, 24, 0, 8, good)[:-12] + chunk(b"tEXt", b"a\0b")[:-1] + b"\0" + chunk(b"IEND", b""),
    }
    assert seen(tmp_path / "good.png", png(30, 24, 0, 8, good)) is not None
    for name, body in files.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(body)
        for function in STATS[:6]:
            with pytest.raises(OSError, match=name):
                measured(function, path)
        for mapper, how in (("image_blur", {"p": 1.0}), ("image_face_blur", {})):
            with pytest.raises(OSError, match=name):
                measured(mapper, path, save_dir=str(tmp_path / "out"), **how)
        for function in STATS[6:]:  # which read heads
            with suppress(OSError):
                assert measured(function, path) in ([30], [24], [30 / 24])
    assert not list(tmp_path.glob("out/*"))


def test_broken_pictures_are_errors_of_their_rows_and_no_duplicates(tmp_path: Path) -> None:
    """One decodes to nothing in two ways: neither is black, and they are no copies of each other."""
    (tmp_path / "juicesql.toml").write_text("")
    good = zlib.compress(b"".join(b"\0" + b"\xc8" * 8 for _ in range(8)))
    (tmp_path / "good.png").write_bytes(png(8, 8, 0, 8, good))
    (tmp_path / "bad.png").write_bytes(png(8, 8, 0, 8, good[:6]))
    (tmp_path / "worse.png").write_bytes(png(8, 8, 0, 8, b"\1" * 9))
    names = ["bad.png", "good.png", "worse.png"]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"images": [name]}) + "\n" for name in names))
    head = '{{ config(source="in.jsonl", export="out.jsonl", keep_stats=true, max_error_rate=1.0) }}\n'
    (tmp_path / "r.sql.j2").write_text(head + "select * from source where all_between(image_brightness(images), 0, 1)")
    result = juicesql.run(tmp_path / "r.sql.j2", project=tmp_path)
    assert (result.kept, result.errors) == (1, 2)
    line = json.loads((tmp_path / "out.jsonl").read_text())
    assert line == {"images": ["good.png"], "stats": {"image_brightness": [200 / 255]}}
    (tmp_path / "r.sql.j2").write_text(
        head + "with s as (select * from source), d as ({{ media_dedup('s') }}) select * from d"
    )
    result = juicesql.run(tmp_path / "r.sql.j2", project=tmp_path)
    assert result.duplicates == 0  # what cannot be read is told from nothing, and stays unless a cut drops it


def test_black_pictures_are_black(tmp_path: Path) -> None:
    """Whether all rows are there is looked for where the last one is zero."""
    for size in ((1, 1), (3, 2), (9, 17)):
        for mode in ("1", "L", "RGB", "RGBA", "P"):
            Image.new(mode, size).save(tmp_path / "black.png")
            assert measured("image_brightness", tmp_path / "black.png") == [0]
    for width, height, kind, bits, size in ((9, 17, 2, 8, 493), (1, 1, 0, 1, 2), (5, 5, 0, 16, 61)):
        body = png(width, height, kind, bits, zlib.compress(bytes(size)), passes=1)  # the sizes by hand
        assert seen(tmp_path / "passes.png", body) is not None
        assert seen(tmp_path / "passes.png", png(width, height, kind, bits, zlib.compress(bytes(size - 1)), 1)) is None


# Samples of other sizes than 8 bits


def grey16(value: int) -> np.ndarray:
    return np.full((6, 8), value, np.uint16)


def saved(tmp_path: Path, name: str, image: Image.Image, **options: object) -> Path:
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_deep_grey_pictures_keep_their_values(tmp_path: Path) -> None:
    for value, level in ((16384, 64), (65535, 255), (0, 0), (65280, 254), (300, 1)):
        image = Image.fromarray(grey16(value))
        for name in ("a.png", "a.tif", "a.pgm", "a.jp2"):
            assert measured("image_brightness", saved(tmp_path, name, image)) == [level / 255], (name, value)
        big_endian = Image.fromarray(grey16(value).astype(">u2"))
        assert big_endian.mode == "I;16B"
        assert measured("image_brightness", saved(tmp_path, "big.tif", big_endian)) == [level / 255]


def test_the_hash_of_a_deep_picture_is_that_of_the_same_picture_in_8_bits(tmp_path: Path) -> None:
    levels = np.asarray(picture(9, 60, 44).convert("L"))
    plain = saved(tmp_path, "plain.png", Image.fromarray(levels))
    deep = [
        saved(tmp_path, "deep.png", Image.fromarray(levels.astype(np.uint16) * 257)),
        saved(tmp_path, "whole.tif", Image.fromarray((levels.astype(np.int64) * (2**31 - 1) // 255).astype(np.int32))),
        saved(tmp_path, "part.tif", Image.fromarray(levels.astype(np.float32) / 255)),
    ]
    for method in ("phash", "ahash", "dhash", "whash"):
        assert measured("image_hash", *deep, method=method) == 3 * measured("image_hash", plain, method=method)


def test_32_bits_are_whole_numbers_of_their_type_or_fractions(tmp_path: Path) -> None:
    def brightness(samples: np.ndarray, **options: object) -> list[float]:
        return measured("image_brightness", saved(tmp_path, "x.tif", Image.fromarray(samples), **options))

    shape = (6, 8)
    assert brightness(np.full(shape, 2**29, np.int32)) == [64 / 255]
    assert brightness(np.full(shape, -5, np.int32)) == [0]
    assert brightness(np.full(shape, 0.25, np.float32)) == [64 / 255]
    assert brightness(grey16(16384), tiffinfo={262: 0}) == [191 / 255]  # white is zero
    for odd in (64.0, -0.5, float("nan"), float("inf")):
        with pytest.raises(OSError, match="from 0 to 1"):
            brightness(np.full(shape, odd, np.float32))


def test_colours_of_16_bits_are_rounded(tmp_path: Path) -> None:
    """65280 of 65535 is 254.007 of 255, and 300 is 1.17; their high bytes are 255 and 1."""
    colours, clear = struct.pack(">HHH", 65280, 16384, 300), struct.pack(">H", 0)
    rows = {2: colours, 6: colours + clear}
    for kind, pixel in rows.items():
        found = seen(tmp_path / "c.png", png(8, 6, kind, 16, zlib.compress((b"\0" + pixel * 8) * 6)))
        assert found is not None and found.reshape(-1, 3).tolist() == [[254, 64, 1]] * 48
    found = seen(tmp_path / "c.png", png(8, 6, 4, 16, zlib.compress((b"\0" + struct.pack(">HH", 65280, 9) * 8) * 6)))
    assert found is not None and (found == 254).all()


def test_other_modes_are_what_they_show(tmp_path: Path) -> None:
    dark = Image.new("RGB", (8, 6), (64, 64, 64))
    half = Image.fromarray((np.indices((6, 8)).sum(0) % 2 * 255).astype(np.uint8))
    shown = {
        "bits.png": (half.convert("1"), 0.5), "bits.tif": (half.convert("1"), 0.5),
        "palette.png": (dark.quantize(4), 64 / 255), "palette.gif": (dark.quantize(4), 64 / 255),
        "grey-clear.png": (Image.new("LA", (8, 6), (64, 0)), 64 / 255),
        "clear.png": (Image.new("RGBA", (8, 6), (64, 64, 64, 0)), 64 / 255),
        "ink.jpg": (dark.convert("CMYK"), 64 / 255), "ink.tif": (dark.convert("CMYK"), 64 / 255),
    }  # fmt: skip
    for name, (image, brightness) in shown.items():
        options = {"transparency": 0} if name.startswith("palette") else {}
        path = saved(tmp_path, name, image, **options)
        assert measured("image_brightness", path) == pytest.approx([brightness], abs=1e-9), name


def test_a_turned_deep_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is at the right
    samples = grey16(0)
    samples[0] = 65535
    for name in ("t.png", "t.tif"):
        upright = np.asarray(open_image(str(saved(tmp_path, name, Image.fromarray(samples), exif=exif))))
        assert upright.shape == (8, 6, 3)
        assert (upright[:, -1] == 255).all() and not upright[:, :-1].any()


# Limits


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it is decoded"))
    row = zlib.compress(b"\0" * 500, 9)
    path = tmp_path / "bomb.png"
    path.write_bytes(png(13_000, 13_000, 2, 8, row))
    for function in STATS:
        with pytest.raises(OSError, match="169,000,000 pixels, more than 134,217,728"):
            measured(function, path)
    path.write_bytes(png(8_000, 8_000, 2, 16, row))  # colours of 16 bits take more
    with pytest.raises(OSError, match="more than 33,554,432"):
        measured("image_brightness", path)


def test_the_limit_of_pixels_falls_with_the_memory_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in MediaSettings(max_pixels=100).environment().items():
        monkeypatch.setenv(key, value)
    with pytest.raises(OSError, match="720 pixels, more than 100"):
        measured("image_hash", saved(tmp_path, "a.png", picture(1, 30, 24)))
    monkeypatch.delenv(VARIABLE)
    (tmp_path / "juicesql.toml").write_text("")
    (tmp_path / "in.jsonl").write_text('{"images":["large.png"]}\n{"images":["small.png"]}\n')
    Image.new("1", (6000, 6000)).save(tmp_path / "large.png")
    Image.new("1", (60, 60)).save(tmp_path / "small.png")
    (tmp_path / "r.sql.j2").write_text(
        '{{ config(source="in.jsonl", export="out.jsonl", max_error_rate=1.0) }}\n'
        "select * from source where all_between(image_brightness(images), 0, 1)"
    )
    assert juicesql.run(tmp_path / "r.sql.j2", project=tmp_path, memory_limit="1GB").errors == 1
    assert juicesql.run(tmp_path / "r.sql.j2", project=tmp_path, memory_limit="2GB").errors == 0


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    for name, body in {"a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "t.png": b"text", "e.jpg": b""}.items():
        (tmp_path / name).write_bytes(body)
        with pytest.raises(OSError, match=rf"{name} is not a picture of a known format"):
            measured("image_hash", tmp_path / name)
    (tmp_path / "targa.dat").write_bytes(WHOLE["p.tga"])  # nothing but its name tells a TGA from other bytes
    with pytest.raises(OSError, match="not a picture"):
        measured("image_hash", tmp_path / "targa.dat")
