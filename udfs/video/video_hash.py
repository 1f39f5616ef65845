"""Stat `video_hash`."""

from juicesql.api import stat

from .._media import stream_md5


@stat("video_hash(videos VARCHAR[]) -> VARCHAR", runs_on="process", rowwise=True, extra="media")
def video_hash(videos: list[str]) -> str | None:
    """MD5 of the compressed video data of all videos: equal for copies, whatever their container, titles or sound.

    The bytes of every packet of every video stream, of each distinct file once, in order. A copy in another container
    has the same hash, one that was compressed again has another: `video_frame_hashes` finds those. NULL without videos.
    A file that is missing, broken, without a video stream, or cut off where its format can tell (MP4, AVI) is an error
    of its row.

    Usual cut: none; `media_dedup` keeps one sample of each hash. Source: Data-Juicer's video_deduplicator, which takes
    files without a video stream for copies of each other.
    """
    return stream_md5(videos, "video")
