"""Stat `video_frame_hashes`."""

from juicesql.api import FunctionError, Sampling, stat

from ..image._hashes import hash_bytes
from ._frames import sampled


@stat(
    "video_frame_hashes(videos VARCHAR[], frame_num INTEGER := 16) -> UBIGINT[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=lambda frame_num, **_: Sampling("middles", frame_num),
)
def video_frame_hashes(videos: list[str], frame_num: int) -> list[int]:
    """Perceptual hashes of `frame_num` frames of each video, to find videos that were compressed or scaled again.

    A video is cut into `frame_num` parts of equal length; the frame that is shown in the middle of each gives its hash,
    the 64 bits of `image_hash` with 'phash' as a number. The hashes of several videos follow each other, so copies have
    lists of equal length that differ in few bits at each place. A copy that is cut at either end shows other frames.
    Frames are turned as the file says and decoded from the nearest key frame on; the first video stream counts.

    No videos: an empty list. A file that is missing, broken, cut off, without video, of more than 2,000,000 frames or
    33,554,432 pixels is an error of its row. Usual cut: none; `media_near_dedup` compares the lists. Source: the image
    hash of Zauner 2010 over frames; Data-Juicer compares whole files only.
    """
    if frame_num < 1:
        raise FunctionError.of("bad-parameter", f"frame_num is {frame_num}", "give at least 1")
    hashes = {path: _hashes(path, frame_num) for path in dict.fromkeys(videos)}
    return [h for path in videos for h in hashes[path]]


def _hashes(path: str, count: int) -> list[int]:
    from PIL import Image

    frames = sampled(path, Sampling("middles", count))
    return [int.from_bytes(hash_bytes(Image.fromarray(f), "phash"), "big") for f in frames]
