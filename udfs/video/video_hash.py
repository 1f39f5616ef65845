"""Stat `video_hash`."""

import hashlib

from juicesql.api import stat

from ._facts import read_facts


@stat("video_hash(videos VARCHAR[]) -> VARCHAR", runs_on="process", rowwise=True, extra="media")
def video_hash(videos: list[str]) -> str | None:
    """MD5 of the compressed video data of all videos: equal for copies, whatever their container, titles or sound.

    The bytes of every packet of every video stream, of each distinct file once, in order. A copy in another container
    has the same hash, one that was compressed again has another: `video_frame_hashes` finds those. NULL without videos.
    A file that is missing, broken, cut off or without a video stream is an error of its row, and so is a picture,
    whatever it is called.

    Usual cut: none; `media_dedup` keeps one sample of each hash. Source: Data-Juicer's video_deduplicator, which takes
    files without a video stream for copies of each other.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for path in dict.fromkeys(videos):
        read_facts(path, lambda packet: digest.update(bytes(packet)))
    return digest.hexdigest() if videos else None
