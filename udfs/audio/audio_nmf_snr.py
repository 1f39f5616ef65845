"""Stat `audio_nmf_snr`."""

import sys
from math import log10

from juicesql.api import FunctionError, stat

from ._audio import each, read_audio
from ._nmf import part_powers


@stat(
    "audio_nmf_snr(audios VARCHAR[], nmf_iter_num INTEGER := 500) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def audio_nmf_snr(audios: list[str], nmf_iter_num: int) -> list[float | None]:
    """Signal-to-noise ratio of each audio in dB, where two parts of its spectrogram stand for signal and noise.

    The mean of the channels, at the rate of the file, gives a spectrogram (windows of 2048 samples by Hann, 512 apart).
    It is factored into two non-negative parts by at most `nmf_iter_num` steps of coordinate descent from a fixed random
    start; each part is made into sound again without its phases, and the value is 10 * log10 of the ratio of their mean
    squares. The first part counts as the signal whatever it sounds like, so the sign has little meaning: a clean voice
    may have -7. A second part without any power, as of digital silence, gives 1.797e308. NULL in place of an audio of
    less than 512 samples. A file that is missing, broken, without sound, of more than 200,000,000 samples, or cut off
    where its format can tell is an error of its row. No audios: an empty list.

    Usual cut: >= 0. Source: Data-Juicer's audio_nmf_snr_filter, whose values these are within 1e-9; that one gives NaN
    for an audio of less than 512 samples, and its default upper bound drops those whose second part has no power.
    """
    if nmf_iter_num < 1:
        raise FunctionError.of("bad-parameter", f"nmf_iter_num is {nmf_iter_num}", "give at least 1")
    return each(audios, lambda path: _decibels(path, nmf_iter_num))


def _decibels(path: str, most_steps: int) -> float | None:
    samples, _ = read_audio(path)
    powers = part_powers(samples, most_steps)
    if powers is None:
        return None
    signal, noise = powers
    if noise == 0:
        return sys.float_info.max
    return 10 * log10(signal / noise) if signal else -sys.float_info.max
