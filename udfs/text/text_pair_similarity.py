"""Stat `text_pair_similarity`."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import stat

from ._transformers import Batches, load, longest, model_folder, padded

CPU_TOKENS, GPU_TOKENS = 4096, 65536


def _folder(hf_clip: str) -> Path:
    return model_folder(hf_clip, "pytorch_model.bin")  # the default model's repository has no safetensors


@stat(
    "text_pair_similarity(text VARCHAR, text2 VARCHAR, hf_clip VARCHAR := 'openai/clip-vit-base-patch32') -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=lambda hf_clip: [_folder(hf_clip)],
)
class TextPairSimilarity:
    """Cosine similarity of two texts' features under a CLIP model: whether two captions describe similar pictures.

    Each text is read up to the model's limit (77 tokens), the rest is cut off. NULL when either text is empty. Between
    -1 and 1; the batch moves a value by less than 1e-5. `hf_clip` is a folder or a name on the hub.

    Usual cut: >= 0.1. Source: Data-Juicer's text_pair_similarity_filter; CLIP (Radford and others 2021). Data-Juicer
    writes a list of this one number, or an empty list, which it keeps: write
    `coalesce(text_pair_similarity(a, b) >= 0.1, true)` for that. It gives an error for texts of more than 77 tokens.
    """

    def __init__(self, hf_clip: str) -> None:
        self.name = hf_clip

    @cached_property
    def loaded(self) -> tuple[Any, Any, Batches]:
        model, tokenizer = load("AutoModel", _folder(self.name))
        return model, tokenizer, Batches(model, CPU_TOKENS, GPU_TOKENS)

    def __call__(self, text: pa.StringArray, text2: pa.StringArray) -> pa.DoubleArray:
        pairs = [pair if all(pair) else None for pair in zip(text.to_pylist(), text2.to_pylist(), strict=True)]
        texts = sorted({one for pair in pairs if pair for one in pair})
        if not texts:
            return pa.nulls(len(pairs), pa.float64())
        features = dict(zip(texts, self._features(texts), strict=True))
        return pa.array([pair and float(features[pair[0]] @ features[pair[1]]) for pair in pairs], pa.float64())

    def _features(self, texts: list[str]) -> list[np.ndarray]:
        model, tokenizer, batches = self.loaded
        tokens = tokenizer(texts, truncation=True, max_length=longest(model, tokenizer, None))["input_ids"]
        return batches.run(list(map(len, tokens)), lambda rows: self._batch([tokens[r] for r in rows]))

    def _batch(self, rows: list[list[int]]) -> np.ndarray:
        from torch.nn.functional import normalize

        model, tokenizer, _ = self.loaded
        found = model.get_text_features(**padded(model, tokenizer, rows))
        return normalize(found.pooler_output.double(), dim=1).cpu().numpy()
