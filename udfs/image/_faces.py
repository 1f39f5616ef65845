"""Faces by OpenCV's cascades of Haar features (Viola and Jones 2001), found once for all functions that ask."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError

from .._media import open_file
from ._images import grey, open_image

if TYPE_CHECKING:
    from PIL.Image import Image

FRONTAL = "haarcascade_frontalface_alt.xml"
Box = tuple[int, int, int, int]  # left, top, width, height
_lock = threading.Lock()  # a classifier holds what it works on


@dataclass(frozen=True)
class Finder:
    """A classifier file and how it is run; `min_size` and `max_size` are empty where there is no limit."""

    file: Path
    scale_factor: float
    min_neighbors: int
    min_size: tuple[int, ...]
    max_size: tuple[int, ...]

    def boxes(self, image: Image) -> list[Box]:
        """The faces of an RGB image, cut at its edges."""

        limits = {"minSize": self.min_size or None, "maxSize": self.max_size or None}
        with _lock:
            found = _classifier(self.file).detectMultiScale(
                grey(image), self.scale_factor, self.min_neighbors, **limits
            )
        cut = ((max(x, 0), max(y, 0), w, h) for x, y, w, h in np.asarray(found, int).reshape(-1, 4).tolist())
        return [(x, y, min(w, image.width - x), min(h, image.height - y)) for x, y, w, h in cut]


def finder(
    cv_classifier: str,
    scale_factor: float,
    min_neighbors: int,
    min_size: Sequence[int] | None,
    max_size: Sequence[int] | None,
) -> Finder:
    """The finder of these parameters."""
    if not scale_factor > 1:
        raise FunctionError.of("bad-parameter", f"scale_factor is {scale_factor}", "give more than 1")
    if min_neighbors < 0:
        raise FunctionError.of("bad-parameter", f"min_neighbors is {min_neighbors}", "give 0 or more")
    sides = [_sides(name, given) for name, given in (("min_size", min_size), ("max_size", max_size))]
    return Finder(classifier_file(cv_classifier), scale_factor, min_neighbors, *sides)


def _sides(name: str, given: Sequence[int] | None) -> tuple[int, ...]:
    sides = tuple(int(side) for side in given or ())
    if len(sides) > 2 or any(side < 1 for side in sides):
        raise FunctionError.of("bad-parameter", f"{name} is {list(sides)}", "give a side or [width, height] in pixels")
    return sides * 2 if len(sides) == 1 else sides


def classifier_file(cv_classifier: str) -> Path:
    """The file of a cascade; without a name, the one of frontal faces that OpenCV 4 ships."""
    if cv_classifier:
        path = Path(cv_classifier).expanduser()
    else:
        spec = find_spec("cv2")
        if spec is None:
            raise FunctionError.of("no-library", "OpenCV is not installed", "pip install 'juicesql[media]'")
        path = Path(next(iter(spec.submodule_search_locations or [""]))) / "data" / FRONTAL
    if not path.is_file():
        mend = "give the path of a cascade as cv_classifier" + ("" if cv_classifier else ", or install OpenCV 4")
        raise FunctionError.of("no-model", f"there is no file {path}", mend)
    return path


@lru_cache(maxsize=4)
def _classifier(file: Path) -> Any:
    import cv2

    cv2.setNumThreads(int(os.environ.get("OMP_NUM_THREADS", 0)) or -1)  # workers share the cores
    try:
        classifier = cv2.CascadeClassifier(str(file))
    except (cv2.error, SystemError):
        classifier = None
    if classifier is None or classifier.empty():
        raise FunctionError.of("bad-model", f"{file} is not a cascade", "give an XML file of OpenCV's cascades")
    return classifier


def face_boxes(path: str, finder: Finder) -> tuple[tuple[int, int], list[Box]]:
    """Width and height of an image, and its faces."""
    with open_file(path) as file:
        status = os.fstat(file.fileno())
    return _found(path, (status.st_ino, status.st_size, status.st_mtime_ns), finder)


@lru_cache(maxsize=20_000)  # of a batch and more: another function asks for the same faces right after
def _found(path: str, identity: tuple[int, ...], finder: Finder) -> tuple[tuple[int, int], list[Box]]:
    image = open_image(path)
    return image.size, finder.boxes(image)
