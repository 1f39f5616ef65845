"""Stat `image_brightness`."""

from juicesql.api import stat

from ._light import light


@stat("image_brightness(images VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def image_brightness(images: list[str]) -> list[float]:
    """Mean brightness of each image: 0 is black, 1 is white.

    The mean over the pixels of 0.299 R + 0.587 G + 0.114 B, rounded to whole numbers of 255, then divided by 255.
    Pictures of 16 or 32 bits a sample are brought to 0 to 255 first: full light is the largest number of their bits, of
    fractions 1. Transparency is ignored. A file that is missing, broken, cut off or not a picture is an error of its
    row. No images: an empty list.

    Usual cut: all_between(image_brightness(images), 0.05, 0.95). Source: the luma of ITU-R BT.601. Data-Juicer has no
    such filter.
    """
    values = {path: light(path).brightness for path in dict.fromkeys(images)}
    return [values[path] for path in images]
