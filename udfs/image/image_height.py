"""Stat `image_height`."""

from juicesql.api import stat

from ._headers import image_size


@stat("image_height(images VARCHAR[]) -> BIGINT[]", runs_on="process", rowwise=True, extra="media")
def image_height(images: list[str]) -> list[int]:
    """Height of each image in pixels, turned as its EXIF orientation says.

    Only the head and the end of a file are read where its format allows it (JPEG, PNG, GIF, WebP, BMP). A file that is
    missing, cut off, not a picture or above 134,217,728 pixels is an error of its row. No images: an empty list.

    Usual cut: all_between(image_height(images), 64, 8192). Source: Data-Juicer's image_shape_filter, which decodes
    every image. Its 'any' wants one image that is both wide and high enough; two cuts by any_between may be met by two.
    """
    sizes = {path: image_size(path)[1] for path in dict.fromkeys(images)}
    return [sizes[path] for path in images]
