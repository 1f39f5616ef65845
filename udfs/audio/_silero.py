"""Where speech is in a sound, by Silero's voice activity detector (a small recurrent network in ONNX)."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.api import FunctionError, models_home

from .._onnx import session

MODEL = "silero_vad_16k_sequence.onnx"
RATE = 16_000
WINDOW, BEFORE = 512, 64  # samples of a window, and what the network sees before it
LEAST_SPEECH, LEAST_PAUSE, MARGIN = 4000, 1600, 480  # samples: 0.25, 0.1 and 0.03 s
HYSTERESIS = 0.15  # speech ends where the probability is that far below the threshold
WINDOWS = 4096  # that are computed at a time


def model_file(name: str) -> Path:
    """The file of a network: its path, its name in the folder of models, or the one that the package silero-vad has."""
    spec = find_spec("silero_vad") if name == MODEL else None  # only looked at: importing it needs torch
    shipped = [Path(place) / "data" / MODEL for place in (spec.submodule_search_locations or () if spec else ())]
    for path in (Path(name).expanduser(), models_home() / name, *shipped):
        if path.is_file():
            return path
    mend = f"pip install --no-deps silero-vad, or put {MODEL} of that package into {models_home()}"
    raise FunctionError.of("no-model", f"the voice activity detector {name!r} is not here", mend)


def speech_spans(samples: np.ndarray, threshold: float, model: str = MODEL) -> list[tuple[int, int]]:
    """Starts and ends of speech in sound at 16 kHz, as samples."""
    likely = speech_probabilities(samples, model)
    return _with_margin(_spans(likely, len(samples), threshold), len(samples))


def speech_probabilities(samples: np.ndarray, model: str = MODEL) -> np.ndarray:
    """The probability of speech for each window of 512 samples; the last one is filled with silence."""
    network = _network(str(model_file(model)))
    windows = -(-len(samples) // WINDOW)
    padded = np.pad(samples.astype(np.float32), (BEFORE, windows * WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, BEFORE + WINDOW)[::WINDOW]
    hidden = cell = np.zeros((1, 1, 128), np.float32)
    parts = []
    for start in range(0, windows, WINDOWS):
        given = {"input": np.ascontiguousarray(frames[start : start + WINDOWS]), "h": hidden, "c": cell}
        likely, hidden, cell = network.run(None, given)
        parts.append(likely)
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def _network(file: str) -> Any:
    return session(Path(file))


def _spans(likely: np.ndarray, length: int, threshold: float) -> list[tuple[int, int]]:
    """Windows of speech, without short ones, joined over short pauses."""
    spans: list[tuple[int, int]] = []
    start = pause = None
    for window, probability in enumerate(likely.tolist()):
        at = window * WINDOW
        if probability >= threshold:
            start, pause = at if start is None else start, None
        elif start is not None and probability < max(threshold - HYSTERESIS, 0.01):
            pause = at if pause is None else pause
            if at - pause >= LEAST_PAUSE:
                spans.append((start, pause))
                start = pause = None
    if start is not None:
        spans.append((start, length))
    return [(start, end) for start, end in spans if end - start > LEAST_SPEECH]


def _with_margin(spans: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Each span with up to 0.03 s on both sides; two that are nearer share what lies between them."""
    starts = [max(0, start - MARGIN) for start, _ in spans]
    ends = [min(length, end + MARGIN) for _, end in spans]
    for i in range(1, len(spans)):
        if starts[i] < ends[i - 1]:
            starts[i] = ends[i - 1] = (spans[i - 1][1] + spans[i][0]) // 2
    return list(zip(starts, ends, strict=True))
