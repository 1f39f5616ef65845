"""Stat `audio_hash`."""

from juicesql.api import stat

from .._media import stream_md5


@stat("audio_hash(audios VARCHAR[]) -> VARCHAR", runs_on="process", rowwise=True, extra="media")
def audio_hash(audios: list[str]) -> str | None:
    """MD5 of the compressed sound of all audios: equal for copies, whatever their container, titles or cover.

    The bytes of every packet of every audio stream, of each distinct file once, in order; the sound of a video file
    counts too. A copy that was compressed again has another hash. NULL without audios. A file that is missing, broken,
    without an audio stream, or cut off where its format can tell (WAV, MP4) is an error of its row.

    Usual cut: none; `media_dedup` keeps one sample of each hash. Source: the way of Data-Juicer's video_deduplicator,
    which has none for sound.
    """
    return stream_md5(audios, "audio")
