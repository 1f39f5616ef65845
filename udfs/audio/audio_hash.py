"""Stat `audio_hash`."""

import hashlib
from collections.abc import Iterator

from juicesql.api import stat

from .._media import open_streams
from ._audio import open_sound


@stat("audio_hash(audios VARCHAR[]) -> VARCHAR", runs_on="process", rowwise=True, extra="media")
def audio_hash(audios: list[str]) -> str | None:
    """MD5 of the compressed sound of all audios: equal for copies, whatever their container, titles or cover.

    The bytes of every packet of every audio stream, of each distinct file once, in order; the sound of a video file
    counts too. A copy that was compressed again has another hash. NULL without audios. A file that is missing, broken,
    without an audio stream, or cut off where its format can tell (most but MP3) is an error of its row.

    Usual cut: none; `media_dedup` keeps one sample of each hash. Source: the way of Data-Juicer's video_deduplicator,
    which has none for sound.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for path in dict.fromkeys(audios):
        for data in _packets(path):
            digest.update(data)
    return digest.hexdigest() if audios else None


def _packets(path: str) -> Iterator[bytes]:
    with open_sound(path):  # which looks whether the file is whole
        pass
    with open_streams(path) as container:
        if not container.streams.audio:
            raise ValueError(f"{path} has no audio stream")
        for packet in container.demux():
            if packet.is_corrupt:
                raise ValueError(f"{path} is truncated or damaged")
            if packet.stream.type == "audio":
                yield bytes(packet)
