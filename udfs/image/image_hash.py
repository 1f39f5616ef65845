"""Stat `image_hash`."""

from juicesql.api import FunctionError, stat

from ._hashes import HASHES, hash_bytes
from ._images import open_image


@stat(
    "image_hash(images VARCHAR[], method VARCHAR := 'phash') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def image_hash(images: list[str], method: str) -> list[str]:
    """Perceptual hash of each image, 64 bits as 16 hexadecimal digits: what looks alike has few bits that differ.

    The RGB image is resized by Lanczos, then made grey; a bit is 1 where
    - 'phash': a coefficient of the 8 x 8 lowest of the discrete cosine transform of 32 x 32 pixels is at least their
      median, taken without the first, which is the mean brightness;
    - 'ahash': a pixel of 8 x 8 is at least their mean;
    - 'dhash': a pixel of 9 x 8 is brighter than its left neighbour;
    - 'whash': a coefficient of the lowest band (8 x 8) of five Haar wavelet steps over 256 x 256 pixels is at least
      their median.
    With 'phash', scaling and compression change up to 4 bits, another brightness up to 6, and a crop by 5 % of width
    and height about 6; images that have nothing in common differ in 32 bits, one pair of 10,000 in fewer than 16.
    All images of one colour, whatever the colour, have one hash. `hash_bits` gives the hashes as numbers.

    The image is turned as its EXIF orientation says, and its transparency is ignored; of an animation the first picture
    counts. A file that is missing, broken, cut off, of another kind than a picture or above 134,217,728 pixels is an
    error of its row. No images: an empty list.

    Usual cut: none; `media_dedup` compares equal hashes, `media_near_dedup` those that differ in few bits. Source:
    Data-Juicer's image_deduplicator, with the values of imagededup 0.3.3 (Zauner 2010 for the method). Data-Juicer
    joins the hashes of the distinct images of a sample to one string.
    """
    if method not in HASHES:
        raise FunctionError.of("bad-parameter", f"method is {method!r}", f"use one of {', '.join(HASHES)}")
    hashes = {path: hash_bytes(open_image(path), method).hex() for path in dict.fromkeys(images)}
    return [hashes[path] for path in images]
