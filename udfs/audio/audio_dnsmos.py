"""Stat `audio_dnsmos`."""

from pathlib import Path

from juicesql.api import FunctionError, nearest, stat

from ._audio import each, read_audio
from ._dnsmos import MEASURES, RATE, model_file, rating


def _assets(measure: str, model: str | None) -> list[Path]:
    _check(measure)
    return [model_file(measure, model)]


def _check(measure: str) -> None:
    if measure not in MEASURES:
        mend = nearest(measure, MEASURES) or f"use one of {', '.join(MEASURES)}"
        raise FunctionError.of("bad-parameter", f"measure is {measure!r}", mend)


@stat(
    "audio_dnsmos(audios VARCHAR[], measure VARCHAR := 'ovrl', model VARCHAR := NULL) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=_assets,
)
def audio_dnsmos(audios: list[str], measure: str, model: str | None) -> list[float | None]:
    """Predicted rating of the speech in each audio by listeners, from 1 (bad) to 5 (excellent), by DNSMOS.

    `measure` says what is rated: 'ovrl' the whole, 'sig' the voice itself, 'bak' how little the background disturbs
    (all three after ITU-T P.835), or 'p808' the whole after ITU-T P.808. The mean of the channels is brought to 16 kHz
    and rated in pieces of 9.01 s, one a second; the mean of the pieces is given. A shorter audio is repeated until it
    is long enough. Without speech the value says little. NULL in place of an audio without samples. A file that is
    missing, broken, without sound, of more than 200,000,000 samples, or cut off where its format can tell is an error
    of its row. No audios: an empty list.

    The networks, `sig_bak_ovr.onnx` and `model_v8.onnx` for 'p808', are taken from the folder of models or the package
    speechmos (`pip install --no-deps speechmos`; librosa is not needed); `model` is the path of another.

    Usual cut: >= 3 for 'ovrl'. Source: Reddy, Gopal and Cutler, DNSMOS P.835 (2022), and DNSMOS (2021) for P.808; the
    values are those of speechmos 0.0.1, which leaves out pieces that begin in some seconds (7 to 23, 119 to 122) by an
    error of rounding. Data-Juicer has no such stat.
    """
    _check(measure)
    return each(audios, lambda path: _rating(path, measure, model))


def _rating(path: str, measure: str, model: str | None) -> float | None:
    samples, _ = read_audio(path, RATE)
    return rating(samples, measure, model) if len(samples) else None
