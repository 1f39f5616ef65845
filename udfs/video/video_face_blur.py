"""Mapper `video_face_blur`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from juicesql.api import mapper

from .._produced import produced
from ..image._blur import blurring
from ..image._faces import Box, classifier_file, finder
from ._facts import video_facts
from ._write import repainted, rewrite

if TYPE_CHECKING:
    from PIL.Image import Image


def _hidden(pixels: np.ndarray, boxes: list[Box], blurred: Callable[[Image], Image]) -> np.ndarray:
    from PIL import Image

    whole = Image.fromarray(pixels)
    image = whole.copy()
    for x, y, width, height in boxes:
        box = (x, y, x + width, y + height)
        image.paste(blurred(whole.crop(box)), box)
    return np.asarray(image)


class _NoFaces(Exception):
    """Nothing is to be written."""


def _assets(cv_classifier: str, **_: object) -> list[Path]:
    return [classifier_file(cv_classifier)]


@mapper(
    "video_face_blur(videos VARCHAR[], cv_classifier VARCHAR := '', blur_type VARCHAR := 'gaussian', "
    "radius DOUBLE := 2, scale_factor DOUBLE := 1.1, min_neighbors INTEGER := 3, min_size INTEGER[] := NULL, "
    "max_size INTEGER[] := NULL, save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def video_face_blur(
    videos: list[str],
    cv_classifier: str,
    blur_type: str,
    radius: float,
    scale_factor: float,
    min_neighbors: int,
    min_size: list[int] | None,
    max_size: list[int] | None,
    save_dir: str,
) -> list[str]:
    """Blurs the faces in every frame of each video and gives the paths of the new files.

    Faces are found in each frame, turned as the file says, as `face_counts` finds them in images; each box is cut out,
    blurred as `image_blur` says, and put back. A frame without faces stays as it is, and a video without faces keeps
    its path. Choose `radius` by the size of the faces: with 2, a face of 100 pixels can still be recognised. A face
    that turns away may be missed in some frames: this is no safe way to hide who somebody is.

    New files are MP4 with H.264 (rate factor 18), frames at the times of the source. Sound is copied, or made AAC where
    MP4 cannot hold it; subtitles are left out. Files have names that are made of the content of the source, and lie in
    `save_dir`, or in the run's folder of produced media; a file that is there is not made again. No videos: an empty
    list. A file that is missing, broken, cut off or without video is an error of its row.

    Source: Data-Juicer's video_face_blur_mapper, which loses the sound. Its scaleFactor, minNeighbors, minSize and
    maxSize are written with underscores here.
    """
    how = finder(cv_classifier, scale_factor, min_neighbors, min_size, max_size)
    blurred = blurring(blur_type, radius)

    def made(path: str) -> str:
        video_facts(path)  # a file that is cut off is told at once

        def write(target: str) -> None:
            from PIL import Image

            found = 0

            def hide(pixels: np.ndarray) -> np.ndarray | None:
                nonlocal found
                boxes = how.boxes(Image.fromarray(pixels))
                found += len(boxes)
                return _hidden(pixels, boxes, blurred) if boxes else None

            rewrite(path, target, repainted(hide), upright=True)
            if not found:
                raise _NoFaces

        named = {"cascade": how.file.name, "scale": scale_factor, "neighbors": min_neighbors}
        sizes = {"least": how.min_size, "most": how.max_size}
        settings = named | sizes | {"blur": blur_type, "radius": radius}
        try:
            return produced("video_face_blur", 2, [path], settings, ".mp4", write, save_dir)
        except _NoFaces:
            return path

    paths = {path: made(path) for path in dict.fromkeys(videos)}
    return [paths[path] for path in videos]
