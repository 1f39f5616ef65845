"""Sentence embeddings as the sentence-transformers library computes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.api import FunctionError, nearest

from ._transformers import Batches, load, longest, model_folder, padded

CPU_TOKENS, GPU_TOKENS = 4096, 65536
POOLINGS = ("mean", "weighted_mean", "last", "cls")
# The names of poolings in the folder of a sentence-transformers model, old and new.
FOLDER_POOLINGS = {
    "pooling_mode_mean_tokens": "mean", "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last", "pooling_mode_cls_token": "cls",
    "mean": "mean", "weightedmean": "weighted_mean", "lasttoken": "last", "cls": "cls",
}  # fmt: skip


class SentenceEncoder:
    """An embedding model that is loaded when it is first needed."""

    def __init__(self, name: str, pooling: str | None, max_tokens: int | None) -> None:
        if pooling and pooling not in POOLINGS:
            mend = nearest(pooling, POOLINGS) or f"use one of {', '.join(POOLINGS)}"
            raise FunctionError.of("bad-parameter", f"pooling is {pooling!r}", mend)
        self.name, self.pooling, self.max_tokens = name, pooling, max_tokens

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Batches, int, str]:
        folder = model_folder(self.name)
        pooling = self.pooling or folder_pooling(folder)
        model, tokenizer = load("AutoModel", folder)
        own_limit = _json(folder / "sentence_bert_config.json", {}).get("max_seq_length")
        limit = longest(model, tokenizer, self.max_tokens or own_limit)
        return model, tokenizer, Batches(model, CPU_TOKENS, GPU_TOKENS), limit, pooling

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """A float32 vector of length 1 for each text, one a row."""
        _, tokenizer, batches, limit, _ = self._loaded
        tokens = tokenizer([t.strip() for t in texts], truncation=True, max_length=limit)["input_ids"]
        return np.stack(batches.run(list(map(len, tokens)), lambda rows: self._batch([tokens[r] for r in rows])))

    def _batch(self, rows: list[list[int]]) -> np.ndarray:
        import torch

        model, tokenizer, _, _, pooling = self._loaded
        inputs = padded(model, tokenizer, rows)
        hidden, mask = model(**inputs).last_hidden_state, inputs["attention_mask"]
        if pooling in ("last", "cls"):
            at = mask.sum(1) - 1 if pooling == "last" else torch.zeros_like(mask[:, 0])
            pooled = hidden[torch.arange(len(rows), device=at.device), at]
        else:
            weights = mask.cumsum(1) * mask if pooling == "weighted_mean" else mask
            pooled = (hidden * weights.unsqueeze(-1)).sum(1) / weights.sum(1, keepdim=True)
        return torch.nn.functional.normalize(pooled, dim=1).float().cpu().numpy()


def folder_pooling(folder: Path) -> str:
    """The pooling that the folder of a sentence-transformers model names; the mean for any other model."""
    modules = _json(folder / "modules.json", [])
    paths = {str(m.get("type", "")).rpartition(".")[2]: str(m.get("path", "")) for m in modules}
    if odd := paths.keys() - {"Transformer", "Pooling", "Normalize"}:
        message = f"{folder} has layers that are not supported: {', '.join(sorted(odd))}"
        raise FunctionError.of("bad-model", message, "give a model of transformer, pooling and normalisation only")
    settings = _json(folder / paths.get("Pooling", "1_Pooling") / "config.json", {})
    names = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    name = ", ".join(names) or str(settings.get("pooling_mode", "mean"))
    if name not in FOLDER_POOLINGS:
        message = f"{folder} pools by {name}, which is not supported"
        raise FunctionError.of("bad-model", message, f"give pooling := one of {', '.join(POOLINGS)}")
    return FOLDER_POOLINGS[name]


def _json(file: Path, missing: Any) -> Any:
    return json.loads(file.read_text("utf-8")) if file.is_file() else missing
