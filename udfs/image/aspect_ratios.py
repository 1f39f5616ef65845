"""Stat `aspect_ratios`."""

from juicesql.api import stat

from ._headers import image_size


@stat("aspect_ratios(images VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def aspect_ratios(images: list[str]) -> list[float]:
    """Width over height of each image, turned as its EXIF orientation says.

    Only the head and the end of a file are read where its format allows it (JPEG, PNG, GIF, WebP, BMP). A file that is
    missing, cut off, not a picture or above 134,217,728 pixels is an error of its row. No images: an empty list.

    Usual cut: any_between(aspect_ratios(images), 0.333, 3). Source: Data-Juicer's image_aspect_ratio_filter, which
    decodes every image.
    """
    sizes = {path: image_size(path) for path in dict.fromkeys(images)}
    return [sizes[path][0] / sizes[path][1] for path in images]
