"""Stat `image_sharpness`."""

from juicesql.api import stat

from ._light import light


@stat("image_sharpness(images VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def image_sharpness(images: list[str]) -> list[float]:
    """Variance of the Laplacian of each image: low where it is blurred, flat or empty.

    The grey image (values 0 to 255, turned as its EXIF orientation says) is filtered with the 3 x 3 Laplacian
    [[0, 1, 0], [1, -4, 1], [0, 1, 0]], mirrored at its edges. An image of one colour has 0; noise is sharp too, and a
    larger copy of an image is less sharp. A file that is missing, broken, cut off or not a picture is an error of its
    row. No images: an empty list.

    Usual cut: all_between(image_sharpness(images), 100, 1e6). Source: Pech-Pacheco and others 2000, "Diatom
    autofocusing in brightfield microscopy", LAPV. Data-Juicer has no such filter.
    """
    values = {path: light(path).sharpness for path in dict.fromkeys(images)}
    return [values[path] for path in images]
