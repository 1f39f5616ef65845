"""Text in pictures: boxes of maps of probabilities, the layers and boxes of CRAFT, and the real model of a package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
cv2 = pytest.importorskip("cv2")

from definitions_images import REGISTRY, measured  # noqa: E402
from juicesql.udfs import _craft, _ocr  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from juicesql.assets import asset_digest  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402

DARK = str(Path(__file__).parent.parent / "models" / "dark.onnx")  # what is dark is text


def bars(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    for box in boxes:
        image.paste((0, 0, 0), box)
    return image


def as_rectangles(boxes: list[np.ndarray]) -> list[list[float]]:
    return sorted([*box.min(0), *box.max(0)] for box in boxes)


def grown(left: float, top: float, right: float, bottom: float) -> list[float]:
    """By 1.6 * area / circumference on each side."""
    width, height = right - left, bottom - top
    by = 0.8 * width * height / (width + height)
    return [left - by, top - by, right + by, bottom + by]


def test_boxes_are_the_bars_grown() -> None:
    places = [(30, 20, 130, 40), (60, 100, 260, 112), (300, 60, 320, 200)]
    found = as_rectangles(_ocr.text_boxes(np.asarray(bars((400, 300), *places)), DARK))
    assert np.abs(np.array(found) - sorted(map(grown, *zip(*places, strict=True)))).max() < 2


def test_a_turned_bar_keeps_its_area() -> None:
    straight = bars((600, 600), (200, 270, 400, 330))
    for angle in (0, 20, 45, 90):
        turned = straight.rotate(angle, Image.Resampling.BICUBIC, fillcolor="white")
        left, top, right, bottom = grown(200, 270, 400, 330)
        expected = (right - left) * (bottom - top) / 600**2
        assert _ocr.text_area_ratio(np.asarray(turned), DARK) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (4000, 20), (5000, 5000), (31, 33)])
def test_any_size_of_image_is_taken(size: tuple[int, int]) -> None:
    width, height = _ocr._seen_size(*size)
    assert width % 32 == height % 32 == 0 and min(width, height) >= 32 and width * height <= 1.05 * (1 << 23)
    bright = np.full((*size[::-1], 3), 255, np.uint8)
    if size[1] > 30 and size[0] <= 8 * size[1]:  # others get black bars, which this network takes for text
        assert _ocr.text_area_ratio(bright, DARK) == 0
    assert 0 <= _ocr.text_area_ratio(bright, DARK) < 2


# Computed by hand with the rules of RapidOCR 1.4.4: the size after the long side is bounded and the short one raised,
# the rows above, and the size that the network sees.
SIZES = {
    (800, 600): ((800, 600), 0, (992, 736)),
    (3000, 400): ((1984, 256), 0, (5696, 736)),  # 2000 x 266 in multiples of 32; 7.75 times as wide; 736 / 256
    (600, 2500): ((480, 1984), 0, (736, 3040)),
    (1000, 100): ((1000, 100), 75, (2944, 736)),  # 10 times as wide: 250 rows are wanted, 75 above and below
    (200, 20): ((288, 32), 20, (2944, 736)),  # raised to 300 x 30; 72 rows are wanted
    (100, 30): ((100, 30), 15, (1216, 736)),  # low: 60 rows
    (20, 200): ((32, 288), 0, (736, 6624)),
    (4000, 3000): ((1984, 1504), 0, (1984, 1504)),
}


@pytest.mark.parametrize("size", SIZES)
def test_images_are_scaled_as_rapidocr_scales_them(size: tuple[int, int]) -> None:
    fitted = _ocr._fitted(np.zeros((*size[::-1], 3), np.uint8)).shape[1::-1]
    above = _ocr._padding(*fitted)
    assert (fitted, above, _ocr._seen_size(fitted[0], fitted[1] + 2 * above)) == SIZES[size]


def test_boxes_of_a_long_image_lie_where_they_are() -> None:
    """A black bar in a picture that is scaled, and in one that gets bars above and below, whose pixels do not count."""
    for size, bar in (((3000, 500), (900, 200, 1500, 300)), ((1200, 120), (300, 40, 600, 80))):
        found = [
            box for box in _ocr.text_boxes(np.asarray(bars(size, bar)), DARK) if 10 < box[:, 1].mean() < size[1] - 10
        ]
        expected = grown(*bar)
        inside = [box for box in as_rectangles(found) if box[0] > 5 and box[2] < size[0] - 5]
        assert len(inside) == 1 and np.abs(np.array(inside[0]) - expected).max() < 12


def test_overlapping_boxes_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    box = np.array([[0, 0], [4, 0], [4, 5], [0, 5]], float)
    slanted = np.array([[0, 0], [4, 2], [6, 6], [1, 3]], float)  # 12 by the shoelace formula
    monkeypatch.setattr(_ocr, "text_boxes", lambda image, detector: [box, box, slanted])
    assert _ocr.text_area_ratio(np.zeros((10, 20, 3), np.uint8)) == (20 + 20 + 12) / 200


def test_the_detector_is_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(tmp_path))
    with pytest.raises(FunctionError, match=r"no model file 'craft_mlt_25k\.pth'"):
        _ocr.detector_file("craft_mlt_25k.pth")
    (tmp_path / "own.onnx").write_bytes(Path(DARK).read_bytes())
    assert _ocr.detector_file("own.onnx") == tmp_path / "own.onnx"
    (tmp_path / "own.txt").write_bytes(b"")
    with pytest.raises(FunctionError, match="not a detector"):
        _ocr.detector_file("own.txt")
    with pytest.raises(FunctionError):
        asset_digest(REGISTRY.get("image_text_area_ratio"), {"detector": "none.onnx"})


@pytest.mark.skipif(find_spec("rapidocr_onnxruntime") is None, reason="rapidocr-onnxruntime is not installed")
def test_the_model_of_the_package_finds_rendered_text(tmp_path: Path) -> None:
    image = bars((640, 480))
    ImageDraw.Draw(image).text((60, 200), "Clean data, 2026", "black", ImageFont.load_default(60))
    inside = ImageDraw.Draw(image).textbbox((60, 200), "Clean data, 2026", ImageFont.load_default(60))
    boxes = np.concatenate(_ocr.text_boxes(np.asarray(image)))
    assert np.abs([*boxes.min(0), *boxes.max(0)] - np.array(inside)).max() < 25
    image.save(tmp_path / "text.png")
    bars((640, 480)).save(tmp_path / "none.png")
    text, none = measured("image_text_area_ratio", tmp_path / "text.png", tmp_path / "none.png")
    area = (inside[2] - inside[0]) * (inside[3] - inside[1]) / (640 * 480)
    assert 0.8 * area < text < 1.6 * area and none == 0


def test_craft_has_the_layers_of_its_published_weights() -> None:
    pytest.importorskip("torch")
    names = {name.removesuffix(".weight") for name in _craft.network().state_dict() if name.endswith(".weight")}
    base = {
        1: (0, 1, 3, 4, 7, 8, 10, 11),
        2: (14, 15, 17, 18),
        3: (20, 21, 24, 25, 27, 28),
        4: (30, 31, 34, 35, 37, 38),
    }
    expected = {f"basenet.slice{part}.{place}" for part, places in base.items() for place in places}
    expected |= {"basenet.slice5.1", "basenet.slice5.2"}
    expected |= {f"upconv{part}.conv.{place}" for part in range(1, 5) for place in (0, 1, 3, 4)}
    assert names == expected | {f"conv_cls.{place}" for place in (0, 2, 4, 6, 8)}


def test_weights_of_craft_are_loaded(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    weights = {f"module.{name}": value for name, value in _craft.network().state_dict().items()}  # as published
    weights["module.conv_cls.8.bias"] = torch.tensor([5.0, 0.0])  # all is text
    torch.save(weights, tmp_path / "craft.pth")
    image = np.zeros((50, 90, 3), np.uint8)
    (box,) = _ocr.text_boxes(image, str(tmp_path / "craft.pth"))
    assert box.shape == (4, 2) and (box.min(0) <= 2).all() and (box.max(0) >= (88, 48)).all()
    torch.save({**weights, "module.conv_cls.8.bias": torch.tensor([-5.0, 0.0])}, tmp_path / "none.pth")
    assert _ocr.text_boxes(image, str(tmp_path / "none.pth")) == []


def test_a_file_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save(Path("code"), tmp_path / "object.pth")  # would be code to run
    (tmp_path / "text.pth").write_bytes(b"text")
    for name in ("other.pth", "object.pth", "text.pth"):
        with pytest.raises(FunctionError, match="no weights of CRAFT"):
            _ocr.text_boxes(np.zeros((40, 40, 3), np.uint8), str(tmp_path / name))


def test_boxes_of_maps_follow_links() -> None:
    text, link = np.zeros((60, 120), np.float32), np.zeros((60, 120), np.float32)
    text[20:30, 10:25] = text[20:30, 40:60] = 0.9
    text[40:50, 10:30] = 0.6  # below the threshold of text
    text[50:52, 100:103] = 0.9  # too small
    grown_by_three = [[7, 17, 27, 32], [37, 17, 62, 32]]  # of 2 * sqrt(10) steps, half on each side
    assert as_rectangles(_craft.boxes_of_maps(text, link)) == grown_by_three
    link[22:28, 22:45] = 0.5
    ((left, top, right, bottom),) = as_rectangles(_craft.boxes_of_maps(text, link))
    assert left < 10 and right > 59 and top < 20 and bottom > 29


def quad(left: int, top: int, width: int, height: int, slope: int = 0) -> np.ndarray:
    return np.array([
        [left, top], [left + width, top + slope], [left + width, top + slope + height], [left, top + height],
    ])  # fmt: skip


def test_words_are_joined_to_lines() -> None:
    near = [quad(10, 10, 50, 20), quad(65, 12, 40, 20)]
    assert as_rectangles(_craft.lines(near)) == [[8, 8, 107, 34]]  # a margin of a tenth of 22 pixels
    assert as_rectangles(_craft.lines([near[0], quad(75, 12, 40, 20)])) == [[8, 8, 62, 32], [73, 10, 117, 34]]
    assert as_rectangles(_craft.lines([near[0], quad(65, 60, 40, 20)])) == [[8, 8, 62, 32], [63, 58, 107, 82]]
    assert as_rectangles(_craft.lines([near[0], quad(62, 12, 40, 8)])) == [[8, 8, 62, 32], [62, 12, 102, 20]]
    assert _craft.lines([quad(0, 0, 16, 12)]) == []
    (slanted,) = _craft.lines([quad(10, 10, 100, 20, 30)])
    assert slanted.min() < 10 and slanted[2][0] > 110 and slanted[2][1] > 60
