"""Stat `image_contrast`."""

from juicesql.api import stat

from ._light import light


@stat("image_contrast(images VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def image_contrast(images: list[str]) -> list[float]:
    """Standard deviation of the brightness of each image: 0 for one colour, 0.5 for half black and half white.

    Of the same values as `image_brightness`, over all pixels. A file that is missing, broken, cut off or not a picture
    is an error of its row. No images: an empty list.

    Usual cut: all_between(image_contrast(images), 0.05, 0.5). Source: root mean square contrast, Peli 1990, "Contrast
    in complex images". Data-Juicer has no such filter.
    """
    values = {path: light(path).contrast for path in dict.fromkeys(images)}
    return [values[path] for path in images]
