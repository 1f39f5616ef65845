"""Where text stands in a picture: the boxes around its lines, by a detector that does not read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from juicesql.api import FunctionError

from ._onnx import model_file, session

PP_OCR = "ch_PP-OCRv4_det_infer.onnx"
# The settings of RapidOCR 1.4.4 for this model.
SHORT_SIDE, LONG_SIDE, MIN_SIDE, WIDEST = 736, 2000, 30, 8
MOST_PIXELS = 1 << 23  # that the network sees: RapidOCR has no limit, and takes gigabytes for very long images
LEAST_PROBABILITY, LEAST_SCORE, GROWTH, MOST_BOXES = 0.3, 0.5, 1.6, 1000
LEAST_SIDE = 3  # pixels

Detector = Callable[[np.ndarray], list[np.ndarray]]


def text_boxes(image: np.ndarray, detector: str = PP_OCR) -> list[np.ndarray]:
    """The quadrangles around the text of an RGB image (height, width, 3): float arrays of 4 points (x, y) in a circle.

    `detector` is a file or the name of one in the folder of models: PP-OCR (.onnx) or CRAFT (.pth). The one of PP-OCRv4
    is also taken from the package rapidocr-onnxruntime. Its boxes are those of RapidOCR.
    """
    return _load(str(detector_file(detector)))(np.ascontiguousarray(image))


def text_area_ratio(image: np.ndarray, detector: str = PP_OCR) -> float:
    """The area of the boxes over that of the image; where boxes overlap, it counts twice."""
    height, width = image.shape[:2]
    return sum(map(_area, text_boxes(image, detector))) / (width * height)


def _area(box: np.ndarray) -> float:
    """Of the two triangles into which the first and third point cut a quadrangle."""
    sides = box[1:] - box[0]
    return float(sum(abs(a[0] * b[1] - a[1] * b[0]) / 2 for a, b in ((sides[0], sides[1]), (sides[1], sides[2]))))


def detector_file(detector: str) -> Path:
    """The file of a detector: what the values depend on."""
    spec = find_spec("rapidocr_onnxruntime") if detector == PP_OCR else None  # only looked at: importing it is slow
    file = model_file(
        detector, *(Path(p) / "models" / PP_OCR for p in (spec and spec.submodule_search_locations) or ())
    )
    if file.suffix not in (".onnx", ".pth"):
        raise FunctionError.of("bad-model", f"{file} is not a detector", "give a file .onnx or .pth")
    return file


@lru_cache(maxsize=2)
def _load(file: str) -> Detector:
    if file.endswith(".pth"):
        from ._craft import Craft

        return Craft(file)
    return _PpOcr(file)


class _PpOcr:
    """Differentiable binarization (Liao and others 2020): a map of probabilities, cut at a threshold, grown again."""

    def __init__(self, file: str) -> None:
        self.session = session(Path(file))

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        import cv2

        height, width = image.shape[:2]
        fitted = _fitted(image)
        across, down = width / fitted.shape[1], height / fitted.shape[0]
        above = _padding(*fitted.shape[1::-1])
        padded = cv2.copyMakeBorder(fitted, above, above, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        shape = padded.shape[1::-1]
        scaled = cv2.resize(padded[:, :, ::-1], _seen_size(*shape)).astype(np.float32)
        planes = ((scaled / 255 - 0.5) / 0.5).transpose(2, 0, 1)[np.newaxis]
        (maps,) = self.session.run(None, {self.session.get_inputs()[0].name: planes})
        boxes = boxes_of_map(maps[0, 0], *shape)
        return [((box - (0, above)) * (across, down)).clip(0, (width, height)) for box in boxes]


def _fitted(image: np.ndarray) -> np.ndarray:
    """An image whose long side is at most 2000 pixels, and whose short one at least 30."""
    import cv2

    height, width = image.shape[:2]
    scale = LONG_SIDE / max(width, height)
    if scale >= 1:
        scale = MIN_SIDE / min(width, height)
        if scale <= 1:
            return image
    return cv2.resize(image, (_whole(width * scale), _whole(height * scale)))


def _padding(width: int, height: int) -> int:
    """The black rows that are put above and below a line of text: low images, and those eight times as wide as high."""
    if height > MIN_SIDE and width <= WIDEST * height:
        return 0
    return abs(max(width // WIDEST, MIN_SIDE) * 2 - height) // 2


def _seen_size(width: int, height: int) -> tuple[int, int]:
    """What the network sees: the short side is brought to 736 pixels; no more than 8 million pixels."""
    scale = max(1.0, SHORT_SIDE / min(width, height))
    most = math.sqrt(MOST_PIXELS / (width * height))
    return _whole(width * min(scale, most)), _whole(height * min(scale, most))


def _whole(side: float) -> int:
    """The nearest multiple of 32, at least one."""
    return max(32, round(int(side) / 32) * 32)


def boxes_of_map(probability: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The boxes in an image of this size whose pixels are text with these probabilities."""
    import cv2

    mask = cv2.dilate((probability > LEAST_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    scale = np.array([width / probability.shape[1], height / probability.shape[0]])
    boxes = []
    for contour in contours[:MOST_BOXES]:
        middle, (long, short), angle = cv2.minAreaRect(contour)
        if min(long, short) < LEAST_SIDE:
            continue
        if _mean_inside(probability, cv2.boxPoints((middle, (long, short), angle))) < LEAST_SCORE:
            continue
        grown = GROWTH * long * short / (long + short)  # at both sides together
        points = cv2.boxPoints((middle, (long + grown, short + grown), angle))
        box = np.clip(np.round(points * scale), 0, (width - 1, height - 1))
        if np.linalg.norm(np.diff(box[:3], axis=0), axis=1).astype(int).min() > LEAST_SIDE:
            boxes.append(box)
    return boxes


def _mean_inside(probability: np.ndarray, box: np.ndarray) -> float:
    """The mean over the pixels of a box."""
    import cv2

    edge = np.array(probability.shape[::-1]) - 1
    low = np.clip(np.floor(box.min(0)).astype(int), 0, edge)
    high = np.clip(np.ceil(box.max(0)).astype(int), 0, edge)
    inside = np.zeros(high[::-1] - low[::-1] + 1, np.uint8)
    cv2.fillPoly(inside, [(box - low).astype(np.int32)], 1)
    return float(cv2.mean(probability[low[1] : high[1] + 1, low[0] : high[0] + 1], inside)[0])
