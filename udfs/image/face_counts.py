"""Stat `face_counts`."""

from pathlib import Path

from juicesql.api import stat

from ._faces import classifier_file, face_boxes, finder


def _assets(cv_classifier: str, **_: object) -> list[Path]:
    return [classifier_file(cv_classifier)]


@stat(
    "face_counts(images VARCHAR[], cv_classifier VARCHAR := '', scale_factor DOUBLE := 1.1, "
    "min_neighbors INTEGER := 3, min_size INTEGER[] := NULL, max_size INTEGER[] := NULL) -> BIGINT[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def face_counts(
    images: list[str],
    cv_classifier: str,
    scale_factor: float,
    min_neighbors: int,
    min_size: list[int] | None,
    max_size: list[int] | None,
) -> list[int]:
    """Number of frontal faces in each image, by a cascade of Haar features.

    The grey image, turned as its EXIF orientation says, is searched in windows that grow by `scale_factor`; a face has
    at least `min_neighbors` + 1 hits. `min_size` and `max_size` are a side, or [width, height], in pixels.
    `cv_classifier` is an XML file of OpenCV; without it, haarcascade_frontalface_alt.xml of the installed OpenCV 4. A
    cascade misses turned and hidden faces, and takes some patterns for faces. What `face_counts` has found is not
    searched again by `face_ratios` with the same parameters in the same process.

    A file that is missing, broken, cut off or not a picture is an error of its row. No images: an empty list.

    Usual cut: any_between(face_counts(images), 1, 1). Source: Data-Juicer's image_face_count_filter; Viola and Jones
    2001. Its scaleFactor, minNeighbors, minSize and maxSize are written with underscores here.
    """
    how = finder(cv_classifier, scale_factor, min_neighbors, min_size, max_size)
    counts = {path: len(face_boxes(path, how)[1]) for path in dict.fromkeys(images)}
    return [counts[path] for path in images]
