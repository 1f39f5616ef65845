"""Mapper `image_blur`."""

import hashlib

from juicesql.api import FunctionError, mapper

from .._media import open_file
from .._produced import produced
from ._blur import blurring, save, suffix_of
from ._images import open_image


@mapper(
    "image_blur(images VARCHAR[], p DOUBLE := 0.2, blur_type VARCHAR := 'gaussian', radius DOUBLE := 2, "
    "seed BIGINT := 0, save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def image_blur(images: list[str], p: float, blur_type: str, radius: float, seed: int, save_dir: str) -> list[str]:
    """Blurs each image with probability `p` and gives the paths of the new files; the others keep their path.

    `blur_type` is 'gaussian' (standard deviation `radius` in pixels), 'box' (the mean of 2 * `radius` + 1 pixels in
    both directions) or 'mean' (a fixed 5 x 5 kernel of Pillow that leaves out the inner pixels). Which images are
    blurred depends on their content and `seed` alone, so a rerun blurs the same ones.

    A new file is RGB, upright, in the format of the old one (JPEG and WebP with quality 95; PNG for GIF and rare
    formats). Its name comes from the content of the old one; it is put into `save_dir`, or the run's folder of produced
    media, and made once. A file that is missing is an error of its row, and so is one that is broken, cut off or not a
    picture if it is to be blurred; one that keeps its path is not decoded. No images: an empty list.

    Source: Data-Juicer's image_blur_mapper. That one draws with an unseeded generator, and its JPEG files have quality
    75.
    """
    if not 0 <= p <= 1:
        raise FunctionError.of("bad-parameter", f"p is {p}", "give a probability from 0 to 1")
    blurred = blurring(blur_type, radius)

    parameters = {"blur_type": blur_type, "radius": radius}

    def made(path: str) -> str:
        if _draw(path, seed) >= p:
            return path

        def write(to: str) -> None:
            save(blurred(open_image(path)), to)

        return produced("image_blur", 2, [path], parameters, suffix_of(path), write, save_dir)

    paths = {path: made(path) for path in dict.fromkeys(images)}
    return [paths[path] for path in images]


def _draw(path: str, seed: int) -> float:
    """A number of 0 to 1 from the content of a file."""
    with open_file(path) as file:
        digest = hashlib.file_digest(file, lambda: hashlib.sha256(seed.to_bytes(8, "big", signed=True)))
    return int.from_bytes(digest.digest()[:8], "big") / 2**64
