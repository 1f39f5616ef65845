"""Stat `text_embd_similarity`."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, stat

from ._embedding import SentenceEncoder
from ._transformers import model_folder


def _assets(hf_model: str, valid_dataset: str, **_: object) -> list[Path]:
    return [model_folder(hf_model), _valid_file(valid_dataset)]


@stat(
    "text_embd_similarity(text VARCHAR, valid_dataset VARCHAR := '', "
    "hf_model VARCHAR := 'sentence-transformers/all-MiniLM-L6-v2', pooling VARCHAR := NULL, "
    "max_tokens INTEGER := NULL) -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class TextEmbdSimilarity:
    """Mean cosine similarity of the text's embedding to those of a validation set: how alike it is to what is wanted.

    `valid_dataset` is a file: `.jsonl` with objects that have a "text" or with strings, or `.txt` with a text a line;
    blank texts are left out. Model, pooling and length as in `text_embedding`. Between -1 and 1. NULL for an empty or
    blank text.

    Usual cut: >= 0.1. Source: Data-Juicer's text_embd_similarity_filter. That one takes the last token's vector unless
    told otherwise (pooling := 'last' here), also for models that are trained for the mean, and reads up to 4096 tokens.
    Its mode that asks a web service for the embeddings is left out.
    """

    def __init__(self, valid_dataset: str, hf_model: str, pooling: str | None, max_tokens: int | None) -> None:
        self.encoder = SentenceEncoder(hf_model, pooling, max_tokens)
        self.file = valid_dataset

    @cached_property
    def wanted(self) -> np.ndarray:
        """The mean of the validation vectors: a dot product with it is the mean of the cosines."""
        return self.encoder.encode(_valid_texts(_valid_file(self.file))).mean(axis=0, dtype=np.float64)

    def __call__(self, text: pa.StringArray) -> pa.DoubleArray:
        texts = text.to_pylist()
        values = np.full(len(texts), np.nan)
        some = [row for row, one in enumerate(texts) if one.strip()]
        if some:
            values[some] = self.encoder.encode([texts[r] for r in some]).astype(np.float64) @ self.wanted
        return pa.array(values, mask=np.isnan(values))


def _valid_file(name: str) -> Path:
    file = Path(name).expanduser()
    if not name or file.suffix not in (".jsonl", ".txt") or not file.is_file():
        message = f"valid_dataset is {name!r}" if name else "valid_dataset is not given"
        raise FunctionError.of("no-validation-set", message, "give the path of a .jsonl or .txt file with texts")
    return file


def _valid_texts(file: Path) -> list[str]:
    lines = [line for line in file.read_text("utf-8").split("\n") if line.strip()]
    if file.suffix == ".jsonl":
        try:
            lines = [v if isinstance(v, str) else str(v["text"]) for v in map(json.loads, lines)]
        except (ValueError, KeyError, TypeError) as error:
            message = f'{file} has a line that is neither a string nor an object with a "text": {error}'
            raise FunctionError.of("bad-validation-set", message, 'write {"text": "..."} a line') from error
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise FunctionError.of("bad-validation-set", f"{file} holds no text", "put at least one text there")
    return texts
