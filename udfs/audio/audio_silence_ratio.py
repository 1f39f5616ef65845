"""Stat `audio_silence_ratio`."""

import numpy as np

from juicesql.api import FunctionError, stat

from ._audio import each, read_audio


@stat(
    "audio_silence_ratio(audios VARCHAR[], threshold DOUBLE := -50, window_seconds DOUBLE := 0.02) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def audio_silence_ratio(audios: list[str], threshold: float, window_seconds: float) -> list[float | None]:
    """Share of each audio that is silent: windows of `window_seconds` whose level is below `threshold` dBFS.

    The windows follow each other without a gap, and the level is 20 * log10 of the root mean square of the mean of the
    channels; digital silence is below any threshold. What is left at the end counts as a window when it is at least
    half of one, or the only one. NULL in place of an audio without samples. A file that is missing, broken, without
    sound, of more than 200,000,000 samples, or cut off where its format can tell is an error of its row. No audios: an
    empty list.

    Usual cut: <= 0.5. Source: the common test for silence by energy; Data-Juicer has no such stat. For the share that
    is speech, see `audio_speech_ratio`.
    """
    if not window_seconds > 0:
        raise FunctionError.of("bad-parameter", f"window_seconds is {window_seconds}", "give a length above 0")
    return each(audios, lambda path: _share(*read_audio(path), 10 ** (threshold / 10), window_seconds))


def _share(samples: np.ndarray, rate: int, power: float, seconds: float) -> float | None:
    length = max(1, round(rate * seconds))
    windows, rest = divmod(len(samples), length)
    energies = samples[: windows * length].reshape(windows, length)
    levels = np.einsum("ij,ij->i", energies, energies) / length
    if rest and (2 * rest >= length or not windows):
        levels = np.append(levels, np.square(samples[windows * length :]).mean())
    return float(np.mean(levels < power)) if len(levels) else None
