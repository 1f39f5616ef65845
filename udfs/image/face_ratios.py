"""Stat `face_ratios`."""

from pathlib import Path

from juicesql.api import stat

from ._faces import Finder, classifier_file, face_boxes, finder


def _assets(cv_classifier: str, **_: object) -> list[Path]:
    return [classifier_file(cv_classifier)]


@stat(
    "face_ratios(images VARCHAR[], cv_classifier VARCHAR := '', scale_factor DOUBLE := 1.1, "
    "min_neighbors INTEGER := 3, min_size INTEGER[] := NULL, max_size INTEGER[] := NULL) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def face_ratios(
    images: list[str],
    cv_classifier: str,
    scale_factor: float,
    min_neighbors: int,
    min_size: list[int] | None,
    max_size: list[int] | None,
) -> list[float]:
    """Area of the largest face over that of the image, for each image; 0 where no face is found.

    Faces are found as `face_counts` says, and their boxes are cut at the edges of the image. A file that is missing,
    broken, cut off or not a picture is an error of its row. No images: an empty list.

    Usual cut: any_between(face_ratios(images), 0, 0.4). Source: Data-Juicer's image_face_ratio_filter; Viola and Jones
    2001. Its scaleFactor, minNeighbors, minSize and maxSize are written with underscores here.
    """
    how = finder(cv_classifier, scale_factor, min_neighbors, min_size, max_size)
    ratios = {path: _ratio(path, how) for path in dict.fromkeys(images)}
    return [ratios[path] for path in images]


def _ratio(path: str, how: Finder) -> float:
    (width, height), boxes = face_boxes(path, how)
    return max((w * h for _, _, w, h in boxes), default=0) / (width * height)
