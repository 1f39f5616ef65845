"""Two parts of a sound by non-negative matrix factorisation of its spectrogram, and the power of each.

As librosa 0.11 and scikit-learn 1.x compute them, without either: a spectrogram X (frames, frequencies) is taken for
W @ H, where W holds how strong two spectra H are in each frame.
"""

from __future__ import annotations

import numpy as np

from juicesql.api import kernel

LENGTH, HOP = 2048, 512  # samples of a window, and between the starts of two
TOLERANCE = 1e-4  # the share of the first step's change below which it stops
BLOCK = 256  # frames that are transformed at a time


def part_powers(samples: np.ndarray, most_steps: int) -> tuple[float, float] | None:
    """The mean squares of both parts, made into sound again with all phases 0. None for less than one hop."""
    if len(samples) < HOP:
        return None
    strengths, spectra = factors(magnitudes(samples), most_steps)
    return _power(strengths[:, 0], spectra[0]), _power(strengths[:, 1], spectra[1])


def magnitudes(samples: np.ndarray) -> np.ndarray:
    """Absolute short-time Fourier transform, one row a frame; the first frame has the first sample in its middle."""
    from scipy.fft import rfft

    padded = np.pad(samples, LENGTH // 2)
    frames, window = np.lib.stride_tricks.sliding_window_view(padded, LENGTH)[::HOP], _hann()
    out = np.empty((len(frames), LENGTH // 2 + 1))
    for start in range(0, len(frames), BLOCK):
        parts = rfft(frames[start : start + BLOCK] * window, axis=1)
        out[start : start + BLOCK] = np.sqrt(parts.real**2 + parts.imag**2)  # np.abs guards against overflow, slowly
    return out


def _hann() -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi / LENGTH * np.arange(LENGTH))


def factors(magnitudes: np.ndarray, most_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """W (frames, 2) and H (2, frequencies) by coordinate descent from the random start of seed 0."""
    random = np.random.RandomState(0)
    mean = np.sqrt(magnitudes.mean() / 2)
    spectra = np.abs(mean * random.standard_normal((2, magnitudes.shape[1])))
    strengths = np.abs(mean * random.standard_normal((len(magnitudes), 2)))
    products = np.empty_like(spectra)
    first = 0.0
    for _ in range(most_steps):
        change = _step(magnitudes, strengths, spectra, products)
        change += _descend(spectra, strengths.T @ strengths, products)
        first = first or change
        if change <= TOLERANCE * first:
            break
    return strengths, spectra


@kernel
def _step(magnitudes, strengths, spectra, products):
    """One step for W, with W.T @ X of the new W into `products`: X is read once. Returns the size of the change."""
    one, two = spectra[0], spectra[1]
    gram_one, gram_both, gram_two = np.dot(one, one), np.dot(one, two), np.dot(two, two)
    products[:] = 0.0
    change = 0.0
    for i in range(magnitudes.shape[0]):
        frame = magnitudes[i]
        w_one, w_two = strengths[i, 0], strengths[i, 1]
        slope = gram_one * w_one + gram_both * w_two - np.dot(frame, one)
        change += abs(slope if w_one != 0.0 else min(0.0, slope))
        if gram_one != 0.0:
            w_one = max(w_one - slope / gram_one, 0.0)
        slope = gram_both * w_one + gram_two * w_two - np.dot(frame, two)
        change += abs(slope if w_two != 0.0 else min(0.0, slope))
        if gram_two != 0.0:
            w_two = max(w_two - slope / gram_two, 0.0)
        strengths[i, 0], strengths[i, 1] = w_one, w_two
        for j in range(frame.size):
            products[0, j] += frame[j] * w_one
            products[1, j] += frame[j] * w_two
    return change


def _descend(spectra: np.ndarray, gram: np.ndarray, products: np.ndarray) -> float:
    """The same step for H. Changes `spectra`; returns the size of the change."""
    change = 0.0
    for k in (0, 1):
        slope = gram[k] @ spectra - products[k]
        change += float(np.abs(np.where(spectra[k] == 0, np.minimum(slope, 0), slope)).sum())
        if gram[k, k]:
            spectra[k] = np.maximum(spectra[k] - slope / gram[k, k], 0)
    return change


def _power(strengths: np.ndarray, spectrum: np.ndarray) -> float:
    """Mean square of the sound whose frames all have this spectrum, at these strengths: windows that overlap are added.

    The transform is linear, so one frame is transformed back; a hop has parts of the four windows over it.
    """
    from scipy.fft import irfft

    count = len(strengths)
    window = _hann().reshape(4, HOP)
    wave = irfft(spectrum, LENGTH).reshape(4, HOP) * window
    over = np.zeros((count + 3, 4))
    there = np.zeros((count + 3, 4))
    for part in range(4):
        over[part : part + count, part] = strengths
        there[part : part + count, part] = 1
    total = 0.0
    for start in range(2, count + 1, BLOCK):  # from the middle of the first window to that of the last
        rows = slice(start, min(start + BLOCK, count + 1))
        total += float(np.square(over[rows] @ wave / (there[rows] @ window**2)).sum())
    return total / ((count - 1) * HOP)
