"""How people would rate speech, by the networks of DNSMOS (Reddy et al. 2022, ITU-T P.835; 2021, P.808)."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.api import FunctionError, models_home

from .._onnx import session

RATE = 16_000
SECONDS = 9.01  # that a network hears at once
LENGTH = 144_160  # its samples
# The file, the place of the value in what it gives, and the polynomial (from x**2 down) that makes a rating of it.
MEASURES = {
    "ovrl": ("sig_bak_ovr.onnx", 2, (-0.06766283, 1.11546468, 0.04602535)),
    "sig": ("sig_bak_ovr.onnx", 0, (-0.08397278, 1.22083953, 0.0052439)),
    "bak": ("sig_bak_ovr.onnx", 1, (-0.13166888, 1.60915514, -0.39604546)),
    "p808": ("model_v8.onnx", 0, (1.0, 0.0)),
}
MELS, FRAME, HOP = 120, 321, 160


def model_file(measure: str, model: str | None) -> Path:
    """The file of a network: `model`, or the usual one of the measure in the folder of models or of speechmos."""
    name = model or MEASURES[measure][0]
    spec = None if model else find_spec("speechmos")  # only looked at: importing it needs librosa
    places = spec.submodule_search_locations or () if spec else ()
    own = [Path(model).expanduser()] if model else []
    for path in (*own, models_home() / name, *(Path(place) / "dnsmos_models" / name for place in places)):
        if path.is_file():
            return path
    mend = f"pip install --no-deps speechmos, or put {name} of that package into {models_home()}"
    raise FunctionError.of("no-model", f"the network {name!r} of DNSMOS is not here", mend)


def rating(samples: np.ndarray, measure: str, model: str | None = None) -> float:
    """The mean rating of pieces of 9.01 s, one a second; shorter sound is repeated until it is long enough.

    The pieces are those of the authors' program, which leaves some out (from the 8th to the 24th second, for example)
    by an error of rounding: values can be compared with those that others publish.
    """
    _, place, polynomial = MEASURES[measure]
    network = _network(str(model_file(measure, model)))
    values = []
    for piece in _pieces(np.clip(samples, -1, 1).astype(np.float32)):
        given = _mel_levels(piece[:-HOP]) if measure == "p808" else piece
        values.append(network.run(None, {"input_1": given[None]})[0][0, place])
    return float(np.polyval(polynomial, np.array(values, np.float64)).mean())


@lru_cache(maxsize=2)
def _network(file: str) -> Any:
    return session(Path(file))


def _pieces(samples: np.ndarray) -> list[np.ndarray]:
    while len(samples) < LENGTH:
        samples = np.concatenate([samples, samples])
    count = int(len(samples) // RATE - SECONDS) + 1
    pieces = [samples[i * RATE : int((i + SECONDS) * RATE)] for i in range(count)]
    return [piece for piece in pieces if len(piece) == LENGTH]  # rounding takes a sample from some


def _mel_levels(piece: np.ndarray) -> np.ndarray:
    """Mel spectrogram in decibels below its peak, at most 80, brought to -1 to 1: one row a frame."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(np.pad(piece, FRAME // 2), FRAME)[::HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi / FRAME * np.arange(FRAME))).astype(np.float32)
    power = np.square(np.abs(rfft(frames * window, axis=1))) @ _mel_weights().T
    levels = 10 * np.log10(np.maximum(power, 1e-10))
    levels -= levels.max()
    return ((np.maximum(levels, -80) + 40) / 40).astype(np.float32)


@lru_cache(maxsize=1)
def _mel_weights() -> np.ndarray:
    """Triangles of equal area over the frequencies (Slaney 1998), one row a band."""
    edges = _hertz(np.linspace(0, _mels(RATE / 2), MELS + 2))
    frequencies = np.arange(FRAME // 2 + 1) * RATE / FRAME
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def _mels(hertz: float) -> float:
    """Slaney's scale above 1000 Hz."""
    return 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
