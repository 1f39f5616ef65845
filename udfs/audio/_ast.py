"""Classifiers of sound, such as the Audio Spectrogram Transformer: labels of the first seconds of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, Partly

from .._devices import autocast, device
from .._vision import scored, vision_folder
from ..text._transformers import quiet

SHORTEST = 400  # samples: one window of the spectrogram


class SoundClassifier:
    """A model of transformers that labels sound, loaded when it is first needed."""

    def __init__(self, name: str, trust_remote_code: bool) -> None:
        self.name, self.trusted = name, trust_remote_code

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """Model and feature extractor."""
        return _load(vision_folder(self.name, self.trusted), self.trusted)

    def load(self) -> None:
        _ = self.loaded

    @property
    def rate(self) -> int:
        return int(self.loaded[1].sampling_rate)

    @property
    def seconds(self) -> float:
        """How much of a sound the model hears: what follows is cut off by its feature extractor."""
        return float(self.loaded[1].max_length * 0.01 + 0.5)

    def prepare(self, samples: np.ndarray) -> Any:
        padded = np.pad(samples, (0, max(0, SHORTEST - len(samples)))).astype(np.float32)
        return self.loaded[1](padded, sampling_rate=self.rate, return_tensors="pt")["input_values"][0]

    def scores(self, inputs: Sequence[Any]) -> np.ndarray:
        """The probability of each label for each sound: labels exclude each other only where the model says so."""
        import torch

        model = self.loaded[0]
        with autocast():
            logits = model(torch.stack(list(inputs)).to(device())).logits.float()
        single = model.config.problem_type == "single_label_classification"
        return (logits.softmax(-1) if single else logits.sigmoid()).cpu().numpy()

    def likeliest(self, probabilities: np.ndarray, count: int) -> list[dict[str, Any]]:
        names = self.loaded[0].config.id2label
        order = np.argsort(-probabilities, kind="stable")[:count]
        return [{"label": names[int(i)], "score": float(probabilities[i])} for i in order]


def sound_values(
    column: pa.ListArray,
    model: SoundClassifier,
    read: Callable[[str], np.ndarray | None],
    told: Callable[[np.ndarray | None], Any],
) -> Partly:
    """What `told` makes of the probabilities of each file of each row; of None where `read` finds no sound."""

    def features(path: str) -> list[Any]:
        samples = read(path)
        return [] if samples is None else [model.prepare(samples)]

    rows = column.to_pylist()
    paths = dict.fromkeys(path for row in rows for path in row)
    values, broken = scored(model, features, paths) if paths else ({}, {})
    told_of = {path: told(found[0] if found else None) for path, found in values.items() if path not in broken}
    failures = {i: broken[path] for i, row in enumerate(rows) for path in reversed(row) if path in broken}
    return Partly([None if i in failures else [told_of[p] for p in row] for i, row in enumerate(rows)], failures)


def _load(folder: Path, trust_remote_code: bool) -> tuple[Any, Any]:
    import transformers

    options = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        with quiet(transformers.utils.logging):
            features = transformers.AutoFeatureExtractor.from_pretrained(folder, **options)
            model, found = transformers.AutoModelForAudioClassification.from_pretrained(
                folder, output_loading_info=True, **options
            )
    except Exception as error:  # many kinds: no such class, a broken file, weights that do not fit
        message = f"{folder}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise FunctionError.of("bad-model", message, "give a model that labels sound") from error
    if found["missing_keys"] or not hasattr(features, "max_length"):
        message = f"{folder} is no trained classifier of spectrograms"
        raise FunctionError.of("bad-model", message, "give a model such as MIT/ast-finetuned-audioset-10-10-0.4593")
    return model.to(device()).eval(), features
