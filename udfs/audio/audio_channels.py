"""Stat `audio_channels`."""

from juicesql.api import stat

from ._audio import each, open_sound


@stat("audio_channels(audios VARCHAR[]) -> INTEGER[]", runs_on="process", rowwise=True, extra="media")
def audio_channels(audios: list[str]) -> list[int]:
    """Channels of each audio, as its header says: 1 for mono, 2 for stereo.

    The channels of a stereo file may be equal. The first audio stream counts. A file that is missing, broken or without
    sound is an error of its row. No audios: an empty list.

    Usual cut: none. Source: the header of the file; Data-Juicer has no such stat.
    """
    return each(audios, _channels)


def _channels(path: str) -> int:
    with open_sound(path) as sound:
        return sound.channels
