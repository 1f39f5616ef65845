"""Mapper `image_face_blur`."""

from pathlib import Path

from juicesql.api import mapper

from .._produced import produced
from ._blur import blurring, save, suffix_of
from ._faces import classifier_file, face_boxes, finder
from ._images import open_image


def _assets(cv_classifier: str, **_: object) -> list[Path]:
    return [classifier_file(cv_classifier)]


@mapper(
    "image_face_blur(images VARCHAR[], cv_classifier VARCHAR := '', blur_type VARCHAR := 'gaussian', "
    "radius DOUBLE := 2, scale_factor DOUBLE := 1.1, min_neighbors INTEGER := 3, min_size INTEGER[] := NULL, "
    "max_size INTEGER[] := NULL, save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def image_face_blur(
    images: list[str],
    cv_classifier: str,
    blur_type: str,
    radius: float,
    scale_factor: float,
    min_neighbors: int,
    min_size: list[int] | None,
    max_size: list[int] | None,
    save_dir: str,
) -> list[str]:
    """Blurs the faces in each image and gives the paths of the new files; an image without faces keeps its path.

    Faces are found as `face_counts` says; each box is cut out, blurred as `image_blur` says, and put back. Choose
    `radius` by the size of the faces: with 2, a face of 100 pixels can still be recognised. Files are written as
    `image_blur` does. A file that is missing, broken, cut off or not a picture is an error of its row. No images: an
    empty list.

    Source: Data-Juicer's image_face_blur_mapper. Its scaleFactor, minNeighbors, minSize and maxSize are written with
    underscores here, and its JPEG files have quality 75.
    """
    how = finder(cv_classifier, scale_factor, min_neighbors, min_size, max_size)
    blurred = blurring(blur_type, radius)

    def made(path: str) -> str:
        _, boxes = face_boxes(path, how)
        if not boxes:
            return path

        def write(to: str) -> None:
            whole = open_image(path)
            image = whole.copy()
            for x, y, width, height in boxes:
                box = (x, y, x + width, y + height)
                image.paste(blurred(whole.crop(box)), box)
            save(image, to)

        parameters = {"blur_type": blur_type, "radius": radius, "boxes": boxes}
        return produced("image_face_blur", 2, [path], parameters, suffix_of(path), write, save_dir)

    paths = {path: made(path) for path in dict.fromkeys(images)}
    return [paths[path] for path in images]
