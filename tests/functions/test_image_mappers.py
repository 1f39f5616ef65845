"""Mappers of images: the pixels of the files that they make, their names, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("cv2")

from definitions_images import REGISTRY, faces, measured
from definitions_media import picture
from PIL import Image, ImageFilter

from juicesql.assets import asset_digest
from juicesql.errors import FunctionError

DARK = str(Path(__file__).parent.parent / "models" / "dark.onnx")  # what is dark is in front


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("blur_type", ["mean", "box", "gaussian"])
@pytest.mark.parametrize("radius", [0, 1.5, 4])
def test_blurred_pixels_are_those_of_pillow(blur_type: str, radius: float, tmp_path: Path) -> None:
    path = saved(picture(1), tmp_path / "a.png")
    (new,) = measured("image_blur", path, p=1, blur_type=blur_type, radius=radius, save_dir=str(tmp_path / "new"))
    kinds = {"mean": ImageFilter.BLUR, "box": ImageFilter.BoxBlur(radius), "gaussian": ImageFilter.GaussianBlur(radius)}
    assert (pixels(new) == np.asarray(picture(1).filter(kinds[blur_type]))).all()


def test_the_images_that_are_blurred_depend_on_content_and_seed(tmp_path: Path) -> None:
    paths = [saved(picture(n, 8, 8), tmp_path / f"{n}.png") for n in range(200)]
    where = {"p": 0.3, "save_dir": str(tmp_path / "new")}
    once = measured("image_blur", *paths, **where)
    kept = [old for old, new in zip(paths, once, strict=True) if new == str(old)]
    assert 110 < len(kept) < 170
    assert measured("image_blur", *reversed(paths), **where) == once[::-1]
    assert measured("image_blur", *paths, **where, seed=1) != once
    copy = tmp_path / "copy.png"
    copy.write_bytes(paths[0].read_bytes())
    assert (measured("image_blur", copy, **where) == [str(copy)]) == (paths[0] in kept)
    assert measured("image_blur", *paths, p=0) == [str(path) for path in paths]


def test_new_files_are_named_by_content_and_made_once(tmp_path: Path) -> None:
    path, folder = saved(picture(1), tmp_path / "a.png"), tmp_path / "new"
    same = saved(picture(1), tmp_path / "b.png")
    first = measured("image_blur", path, same, path, p=1, save_dir=str(folder))
    assert len(set(first)) == 1 == len(list(folder.iterdir()))
    before = Path(first[0]).stat().st_mtime_ns
    assert measured("image_blur", path, p=1, save_dir=str(folder)) == first[:1]
    assert Path(first[0]).stat().st_mtime_ns == before
    assert measured("image_blur", path, p=1, radius=3, save_dir=str(folder)) != first[:1]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp", "a.bmp", "a.tif", "a.gif", "a.ppm", "none"])
def test_a_new_file_has_the_format_of_the_old_one_and_stands_upright(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        exif = Image.Exif()
        exif[0x0112] = 6
        kind = {"none": "PNG", "a.gif": "GIF", "a.ppm": "PPM"}.get(name)
        picture(1, 60, 40).save(file, kind or Image.registered_extensions()[path.suffix.lower()], exif=exif)
    (new,) = measured("image_blur", path, p=1, save_dir=str(tmp_path / "new"))
    image = Image.open(new)
    expected = path.suffix.lower() if name not in ("a.gif", "a.ppm", "none") else ".png"
    assert Path(new).suffix == expected
    assert (image.format, image.mode) == (Image.registered_extensions()[expected], "RGB")
    assert image.size == ((60, 40) if name in ("a.gif", "a.ppm", "a.bmp") else (40, 60)) and not image.getexif().get(
        0x0112
    )


def test_only_faces_are_blurred(tmp_path: Path) -> None:
    image = faces((40, 30), (220, 120))
    path, none = saved(image, tmp_path / "a.png"), saved(faces(), tmp_path / "none.png")
    new, kept = measured("image_face_blur", path, none, radius=9, save_dir=str(tmp_path / "new"))
    assert kept == str(none)
    changed = (pixels(new) != np.asarray(image)).any(2)
    assert changed[60:110, 60:120].mean() > 0.9 and changed[150:200, 240:300].mean() > 0.9
    changed[20:140, 30:150] = changed[110:230, 210:330] = False
    assert not changed.any()


def test_the_background_is_removed(tmp_path: Path) -> None:
    image = Image.new("RGB", (90, 60), (250, 240, 230))
    image.paste((20, 10, 60), (30, 20, 60, 40))
    path, where = saved(image, tmp_path / "a.jpg", quality=100), {"model": DARK, "save_dir": str(tmp_path / "new")}
    (new,) = measured("image_remove_background", path, **where)
    cut = pixels(new)
    assert cut.shape == (60, 90, 4) and new.endswith(".png")
    assert np.abs(cut[25:35, 35:55].astype(int) - (20, 10, 60, 255)).max() < 5
    assert cut[:15].max() < 5 and cut[:, :25].max() < 5
    (red,) = measured("image_remove_background", path, bgcolor=[255, 0, 0, 255], **where)
    assert red != new and (pixels(red)[:15] == (255, 0, 0, 255)).all()
    assert measured("image_remove_background", saved(Image.new("RGB", (9, 9)), tmp_path / "black.png"), **where)


def test_edges_are_matted(tmp_path: Path) -> None:
    pytest.importorskip("pymatting")
    image = Image.new("RGB", (60, 60), (250, 240, 230))
    image.paste((20, 10, 60), (15, 15, 45, 45))
    path, where = saved(image, tmp_path / "a.png"), {"model": DARK, "save_dir": str(tmp_path / "new")}
    settings = {"alpha_matting": True, "alpha_matting_erode_size": 5}
    cut = pixels(measured("image_remove_background", path, **where, **settings)[0])
    assert (cut[20:40, 20:40, 3] == 255).all() and cut[:10, :, 3].max() == 0
    # Nothing is left in front after so much is taken away, so the mask itself is used.
    settings["alpha_matting_erode_size"] = 59
    unsure = pixels(measured("image_remove_background", path, **where, **settings)[0])
    assert (unsure == pixels(measured("image_remove_background", path, **where)[0])).all()


def test_problems_are_told(tmp_path: Path) -> None:
    path = saved(picture(1), tmp_path / "a.png")
    (tmp_path / "no.onnx").write_bytes(b"not a model")
    for function, parameters, code in (
        ("image_blur", {"p": 1.5}, "bad-parameter"), ("image_blur", {"blur_type": "round"}, "bad-parameter"),
        ("image_face_blur", {"radius": -1.0}, "bad-parameter"), ("image_remove_background", {}, "no-model"),
        ("image_remove_background", {"model": DARK, "bgcolor": [1, 2, 3]}, "bad-parameter"),
        ("image_remove_background", {"model": str(tmp_path / "no.onnx")}, "bad-model"),
    ):  # fmt: skip
        with pytest.raises(FunctionError) as caught:
            measured(function, path, **parameters, save_dir=str(tmp_path / "new"))
        assert caught.value.problems[0].code == code
    assert not list(tmp_path.glob("new/*"))


def test_a_missing_model_is_told_before_the_run() -> None:
    function = REGISTRY.get("image_remove_background")
    defaults = {a.name: a.value(a.default) for a in function.signature.parameters}
    with pytest.raises(FunctionError, match=r"no model file 'u2net\.onnx'"):
        asset_digest(function, defaults)
    assert asset_digest(function, defaults | {"model": DARK})


@pytest.mark.parametrize("function", ["image_blur", "image_face_blur", "image_remove_background"])
def test_a_broken_image_raises_and_leaves_nothing(function: str, tmp_path: Path) -> None:
    path = saved(picture(1), tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:-2000])
    parameters = {"image_blur": {"p": 1}, "image_remove_background": {"model": DARK}}.get(function, {})
    with pytest.raises(OSError, match="truncated"):
        measured(function, path, **parameters, save_dir=str(tmp_path / "new"))
    assert not list(tmp_path.glob("new/*"))
