"""Stat `image_text_area_ratio`."""

from pathlib import Path

import numpy as np

from juicesql.api import stat

from .._ocr import detector_file, text_area_ratio
from ._images import open_image


def _assets(detector: str) -> list[Path]:
    return [detector_file(detector)]


@stat(
    "image_text_area_ratio(images VARCHAR[], detector VARCHAR := 'ch_PP-OCRv4_det_infer.onnx') -> DOUBLE[]",
    runs_on="device",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def image_text_area_ratio(images: list[str], detector: str) -> list[float]:
    """Area of the text in each image over that of the image; 0 where no text is found.

    The areas of the boxes around lines of text are added up; where boxes overlap, they count twice, so the ratio may
    be above 1. `detector` is the file of a model, or its name in the folder of models:
    - 'ch_PP-OCRv4_det_infer.onnx' (4.7 MB; Chinese, English and most other scripts), also taken from the package
      rapidocr-onnxruntime, finds the boxes of RapidOCR 1.4.4, about to the pixel; an image is
      brought to a long side of at most 2000 pixels, then to a short one of at least 736, and gets black bars when it is
      more than eight times as wide as high, as in RapidOCR; the network sees no more than 8 million pixels (sides of 1
      to 15);
    - 'craft_mlt_25k.pth' (83 MB), or other weights of CRAFT, finds those of EasyOCR 1.7, in five times the time; CRAFT
      needs juicesql[models].

    The image is turned as its EXIF orientation says. A file that is missing, broken, cut off or not a picture is an
    error of its row. No images: an empty list.

    Usual cut: all_between(image_text_area_ratio(images), 0, 0.2). Source: the formula of Data-Juicer's
    video_ocr_area_ratio_filter, with CRAFT (Baek and others 2019) there; PP-OCR (Du and others 2020).
    """
    ratios = {path: text_area_ratio(np.asarray(open_image(path)), detector) for path in dict.fromkeys(images)}
    return [ratios[path] for path in images]
