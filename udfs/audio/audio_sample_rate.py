"""Stat `audio_sample_rate`."""

from juicesql.api import stat

from ._audio import each, open_sound


@stat("audio_sample_rate(audios VARCHAR[]) -> INTEGER[]", runs_on="process", rowwise=True, extra="media")
def audio_sample_rate(audios: list[str]) -> list[int]:
    """Samples a second of each audio, in Hz, as its header says.

    Half of it is the highest pitch that the file can hold; a file may be stored at a higher rate than it was recorded
    at. The first audio stream counts. A file that is missing, broken or without sound is an error of its row. No
    audios: an empty list.

    Usual cut: >= 16000 for speech, >= 44100 for music. Source: the header of the file; Data-Juicer has no such stat.
    """
    return each(audios, _rate)


def _rate(path: str) -> int:
    with open_sound(path) as sound:
        return sound.rate
