"""Stat `audio_tags`."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, Partly, stat

from .._vision import vision_folder
from ._ast import SoundClassifier, sound_values
from ._audio import read_audio


def _assets(hf_ast: str, trust_remote_code: bool, **_: object) -> list[Path]:
    return [vision_folder(hf_ast, trust_remote_code)]


@stat(
    "audio_tags(audios VARCHAR[], hf_ast VARCHAR := 'MIT/ast-finetuned-audioset-10-10-0.4593', top_k INTEGER := 5, "
    "trust_remote_code BOOLEAN := false) -> STRUCT(label VARCHAR, score DOUBLE)[][]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class AudioTags:
    """What each audio sounds like: the `top_k` likeliest labels of a sound classifier, and their probabilities.

    The default model is the Audio Spectrogram Transformer, which knows the 527 labels of AudioSet (speech, music,
    animals, vehicles, ...); `hf_ast` is a folder or a name on the hub. A sound may have several labels, so each has a
    probability of its own (the sigmoid of its logit), unless the model says that they exclude each other. The mean of
    the channels is brought to the rate of the model, which hears the first 10.24 seconds; no more than that is read, so
    a file that is cut off later is not noticed. `trust_remote_code := true` runs Python code that comes with the model.

    For the first label of the first audio: `audio_tags(audios)[1][1].label`.

    NULL in place of an audio without samples. A file that is missing, broken or without sound is an error of its row.
    No audios: an empty list. The sounds of many rows go through the model together, which moves a probability by less
    than 1e-5; on a GPU, where the model runs in half precision, values differ a little.

    Usual cut: none; `list_bool_or` over the labels keeps or drops what sounds like certain things. Source: AST (Gong,
    Chung and Glass 2021); Data-Juicer tags the sound of videos only, as `video_tagging_from_audio` does.
    """

    def __init__(self, hf_ast: str, trust_remote_code: bool) -> None:
        self.model = SoundClassifier(hf_ast, trust_remote_code)

    def __call__(self, audios: pa.ListArray, top_k: int) -> Partly:
        if top_k < 1:
            raise FunctionError.of("bad-parameter", f"top_k is {top_k}", "give at least 1")

        def told(found: np.ndarray | None) -> list[dict[str, object]] | None:
            return None if found is None else self.model.likeliest(found, top_k)

        return sound_values(audios, self.model, self._read, told)

    def _read(self, path: str) -> np.ndarray | None:
        samples, _ = read_audio(path, self.model.rate, self.model.seconds)
        return samples if len(samples) else None
