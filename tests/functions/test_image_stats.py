"""Stats of images: sizes from heads equal those of decoded pictures, faces and light equal plain definitions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
cv2 = pytest.importorskip("cv2")

from definitions_images import faces, measured  # noqa: E402
from definitions_media import picture  # noqa: E402
from juicesql.udfs.image import _faces, _light  # noqa: E402
from juicesql.udfs.image._headers import image_size  # noqa: E402
from juicesql.udfs.image._images import open_image  # noqa: E402
from PIL import Image, ImageFile, PngImagePlugin  # noqa: E402

from juicesql.connection import connect  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402

FORMATS = {
    "plain.jpg": {}, "progressive.jpg": {"progressive": True}, "plain.png": {}, "small.gif": {}, "lossy.webp": {},
    "exact.webp": {"lossless": True}, "plain.bmp": {}, "packed.tif": {"compression": "tiff_lzw"}, "plain.ppm": {},
    "icon.ico": {"sizes": [(20, 20)]}, "scan.jp2": {},
}  # fmt: skip


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def made(folder: Path) -> list[Path]:
    """A file of each format and mode, some of them turned."""
    paths = []
    for number, (name, options) in enumerate(FORMATS.items()):
        picture(number, 37 + number, 23).save(folder / name, **options)
        paths.append(folder / name)
    for mode in ("L", "P", "RGBA", "1", "LA", "I;16"):
        paths.append(folder / f"{mode.replace(';', '')}.png")
        picture(40, 31, 17).convert("L" if mode == "I;16" else mode).convert(mode).save(paths[-1])
    picture(41, 31, 17).convert("CMYK").save(folder / "cmyk.jpg")
    for orientation in range(9):
        for suffix in ("jpg", "png", "webp", "tif"):
            paths.append(folder / f"{orientation}.{suffix}")
            picture(orientation, 19, 31).save(paths[-1], exif=turned(orientation))
    return [*paths, folder / "cmyk.jpg"]


def test_sizes_of_heads_are_those_of_the_pictures(tmp_path: Path) -> None:
    paths = made(tmp_path)
    assert len(paths) == 54
    shapes = [open_image(str(path)).size for path in paths]
    assert [image_size(str(path)) for path in paths] == shapes
    assert (31, 19) in shapes and (19, 31) in shapes
    assert measured("image_width", *paths) == [width for width, _ in shapes]
    assert measured("image_height", *paths) == [height for _, height in shapes]
    assert measured("aspect_ratios", *paths) == [width / height for width, height in shapes]
    assert measured("image_sizes", *paths) == [path.stat().st_size for path in paths]


def test_common_formats_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [path for path in made(tmp_path) if path.suffix in (".jpg", ".png", ".gif", ".webp", ".bmp")]
    expected = [open_image(str(path)).size for path in paths]
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail(f"{self.filename} is decoded"))
    assert [image_size(str(path)) for path in paths] == expected


def test_a_png_may_say_behind_its_pixels_how_it_is_turned(tmp_path: Path) -> None:
    for name, text in (("exif", b"eXIf"), ("note", b"tEXt")):
        path = tmp_path / f"{name}.png"
        picture(1, 19, 31).save(path)
        body = turned(6).tobytes().removeprefix(b"Exif\0\0") if text == b"eXIf" else b"Comment\0nothing"
        whole, late = path.read_bytes(), tmp_path / "late"
        with late.open("wb") as file:
            PngImagePlugin.putchunk(file, text, body)
        path.write_bytes(whole[:-12] + late.read_bytes() + whole[-12:])
        assert image_size(str(path)) == open_image(str(path)).size == ((31, 19) if name == "exif" else (19, 31))


def test_a_file_that_is_cut_off_has_no_size(tmp_path: Path) -> None:
    for name, options in FORMATS.items():
        picture(7, 60, 50).save(tmp_path / name, **options)
        whole = (tmp_path / name).read_bytes()
        for share in (0.0, 0.1, 0.5, 0.8, 0.97):
            cut = tmp_path / f"cut-{name}"
            cut.write_bytes(whole[: int(len(whole) * share)])
            try:
                expected = open_image(str(cut)).size
            except (OSError, ValueError, SyntaxError):
                with pytest.raises((OSError, ValueError, SyntaxError)):
                    image_size(str(cut))
            else:  # nothing that is shown is missing
                assert image_size(str(cut)) == expected


@pytest.mark.parametrize("function", ["aspect_ratios", "image_sizes", "face_counts", "image_sharpness"])
def test_a_file_that_is_not_there_raises(function: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jpg", tmp_path, ""):
        with pytest.raises((OSError, ValueError)):
            measured(function, path)


def test_padding_behind_a_picture_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "padded.jpg"
    picture(8, 60, 50).save(path)
    path.write_bytes(path.read_bytes() + b"\0" * 5000)
    assert image_size(str(path)) == (60, 50)


def test_faces_are_those_of_the_cascade(tmp_path: Path) -> None:
    cascade = cv2.CascadeClassifier(os.path.join(cv2.data.haarcascades, _faces.FRONTAL))
    shown = [faces((40, 30), (220, 120)), faces(), faces((310, 10), size=(405, 140)), picture(3)]
    paths = [tmp_path / f"{number}.png" for number in range(len(shown))]
    counts, ratios = [], []
    for image, path in zip(shown, paths, strict=True):
        image.save(path)
        found = cascade.detectMultiScale(cv2.cvtColor(np.array(image), cv2.COLOR_RGB2GRAY), 1.1, 3)
        counts.append(len(found))
        ratios.append(max([int(w) * int(h) for _, _, w, h in found], default=0) / (image.width * image.height))
    assert counts[:2] == [2, 0]
    assert measured("face_counts", *paths, paths[0]) == [*counts, 2]
    assert measured("face_ratios", *paths) == pytest.approx(ratios)
    assert (
        measured("face_counts", paths[0], min_size=150) == measured("face_counts", paths[0], max_size=[20, 20]) == [0]
    )
    turned_path = tmp_path / "turned.png"
    shown[0].transpose(Image.Transpose.ROTATE_90).save(turned_path, exif=turned(6))
    assert measured("face_counts", turned_path) == [2]


def test_boxes_end_at_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def detectMultiScale(self, *args: object, **limits: object) -> np.ndarray:
            return np.array([[-5, 10, 300, 300], [3, 4, 10, 10]])

    monkeypatch.setattr(_faces, "_classifier", lambda file: Fake())
    found = _faces.finder("", 1.1, 3, None, None).boxes(Image.new("RGB", (100, 80)))
    assert found == [(0, 10, 100, 70), (3, 4, 10, 10)]


def test_each_image_is_searched_and_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    faces((40, 30)).save(path)
    opened = []

    def counted(name: str) -> Image.Image:
        opened.append(name)
        return open_image(name)

    monkeypatch.setattr(_faces, "open_image", counted)
    monkeypatch.setattr(_light, "open_image", counted)
    for function in ("face_counts", "face_ratios", "face_counts"):
        measured(function, path, path)
    assert len(opened) == 1
    for function in ("image_sharpness", "image_brightness", "image_contrast"):
        measured(function, path, path)
    assert len(opened) == 2
    faces().save(path)  # the same name with other content
    assert measured("face_counts", path) == [0]
    assert measured("face_counts", path, scale_factor=1.3) == [0]
    assert len(opened) == 4


def test_parameters_of_faces_are_checked(tmp_path: Path) -> None:
    (tmp_path / "not.xml").write_text("<?xml version='1.0'?><opencv_storage></opencv_storage>")
    for parameters, code in (
        ({"scale_factor": 1.0}, "bad-parameter"), ({"min_neighbors": -1}, "bad-parameter"),
        ({"min_size": [1, 2, 3]}, "bad-parameter"), ({"max_size": [0]}, "bad-parameter"),
        ({"cv_classifier": "no.xml"}, "no-model"), ({"cv_classifier": str(tmp_path / "not.xml")}, "bad-model"),
    ):  # fmt: skip
        with pytest.raises(FunctionError) as caught:
            measured("face_counts", "tests/cases/image/steps.pgm", **parameters)
        assert caught.value.problems[0].code == code


@pytest.mark.parametrize("seed", range(5))
def test_light_is_that_of_the_definition(seed: int, tmp_path: Path) -> None:
    image, path = picture(seed, 50 + seed, 40), tmp_path / "a.png"
    image.save(path)
    red, green, blue = (np.asarray(image, np.int64)[..., part] for part in range(3))
    grey = (9798 * red + 19235 * green + 3735 * blue + 16384) // 32768  # 0.299, 0.587 and 0.114 of 2 ** 15
    edge = np.pad(grey, 1, "reflect")
    laplacian = edge[:-2, 1:-1] + edge[2:, 1:-1] + edge[1:-1, :-2] + edge[1:-1, 2:] - 4 * grey
    assert measured("image_sharpness", path) == pytest.approx([laplacian.var()])
    assert measured("image_brightness", path) == pytest.approx([grey.mean() / 255])
    assert measured("image_contrast", path) == pytest.approx([grey.std() / 255])


def test_light_of_plain_and_blurred_images(tmp_path: Path) -> None:
    for name, image in {
        "white.png": Image.new("RGB", (30, 20), "white"), "sharp.png": picture(2),
        "soft.png": picture(2).resize((24, 18)).resize((240, 180)),
    }.items():  # fmt: skip
        image.save(tmp_path / name)
    white, sharp, soft = measured("image_sharpness", *(tmp_path / n for n in ("white.png", "sharp.png", "soft.png")))
    assert white == 0 and soft < sharp / 10
    assert measured("image_brightness", tmp_path / "white.png") == pytest.approx([1])
    assert measured("image_contrast", tmp_path / "white.png") == [0]


def test_cuts_over_the_images_of_a_sample() -> None:
    images = "['tests/cases/image/steps.pgm', 'tests/cases/image/squares.ppm']"  # 9 and 8 pixels wide
    with connect() as con:
        for cut, expected in {
            f"any_between(image_width({images}), 9, 10)": True, f"all_between(image_width({images}), 9, 10)": False,
            f"all_between(image_width({images}), 8, 9)": True, f"any_between(image_sizes({images}), 0, 100)": False,
            f"all_between(aspect_ratios({images}), 1, 1.2)": True, "any_between(image_width([]), 1, 2)": True,
            "all_between(aspect_ratios([]::varchar[]), 1, 2)": True, f"all_between(face_counts({images}), 0, 0)": True,
            "any_between(face_counts(null::varchar[]), 1, 1)": True,
        }.items():  # fmt: skip
            assert con.execute(f"select {cut}").fetchone() == (expected,), cut
