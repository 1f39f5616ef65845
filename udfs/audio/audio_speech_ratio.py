"""Stat `audio_speech_ratio`."""

from pathlib import Path

from juicesql.api import FunctionError, stat

from ._audio import each, read_audio
from ._silero import MODEL, RATE, model_file, speech_spans


def _assets(model: str, **_: object) -> list[Path]:
    return [model_file(model)]


@stat(
    f"audio_speech_ratio(audios VARCHAR[], threshold DOUBLE := 0.5, model VARCHAR := '{MODEL}') -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def audio_speech_ratio(audios: list[str], threshold: float, model: str) -> list[float | None]:
    """Share of each audio that is speech, 0 to 1, by Silero's voice activity detector.

    The mean of the channels is brought to 16 kHz, and the network gives a probability for every 32 ms. Speech begins
    where it is at least `threshold` and ends where it stays 0.15 below that for 0.1 s; what is not longer than 0.25 s
    does not count, and 0.03 s are added on both sides. NULL in place of an audio without samples. A file that is
    missing, broken, without sound, of more than 200,000,000 samples, or cut off where its format can tell is an error
    of its row. No audios: an empty list.

    `model` is the file of the network: a path, or its name in the folder of models. The default one is also taken from
    the package silero-vad (`pip install --no-deps silero-vad`; torch is not needed).

    Usual cut: >= 0.5 for speech, <= 0.05 for music without voices. Source: Silero VAD 6 with the settings of its
    `get_speech_timestamps`; Data-Juicer has no such stat.
    """
    if not 0 < threshold < 1:
        raise FunctionError.of("bad-parameter", f"threshold is {threshold}", "give a probability between 0 and 1")
    return each(audios, lambda path: _share(path, threshold, model))


def _share(path: str, threshold: float, model: str) -> float | None:
    samples, _ = read_audio(path, RATE)
    if not len(samples):
        return None
    return sum(end - start for start, end in speech_spans(samples, threshold, model)) / len(samples)
