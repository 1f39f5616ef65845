"""Stat `num_dependency_edges`."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from juicesql.api import stat

from ._spacy import assets, measured

ENTITY_PARTS = {"NOUN", "PROPN", "PRON"}
ENTITY_TAGS = {"NN", "NR", "PN", "NNS", "NNP", "NNPS", "PRP"}


@stat(
    "num_dependency_edges(text VARCHAR, lang VARCHAR := 'en', spacy_model VARCHAR := NULL) -> BIGINT[]",
    runs_on="process",
    extra="nlp",
    assets=assets,
)
def num_dependency_edges(text: pa.StringArray, lang: str, spacy_model: str | None) -> pa.ListArray:
    """Number of edges of each noun and pronoun in the dependency tree; 0 hints at a list of keywords.

    Entities are the tokens that spaCy calls NOUN, PROPN or PRON with one of the tags NN, NNS, NNP, NNPS, PRP (English),
    NR, PN (Chinese). Edges of one = 1 if it is not a root + the tokens that hang on it, without punctuation. The marks
    of images, audios, videos and chunks are removed first. Text without entities, such as an empty one: an empty list.
    Languages, models and the longest text as in `num_action`.

    Usual cut: >= 1 for all, and at least one: `len(x) > 0 and all_between(x, 1, null)`, x being the value.
    Source: Data-Juicer's text_entity_dependency_filter.
    """
    return pa.array(measured(text, lang, spacy_model, _edges), pa.list_(pa.int64()))


def _edges(tokens: Iterable[Any]) -> list[int]:
    edges = {t.i: int(t.dep_ != "ROOT") for t in tokens if t.pos_ in ENTITY_PARTS and t.tag_ in ENTITY_TAGS}
    for token in tokens:
        if token.head.i in edges and token.pos_ != "PUNCT" and token.dep_ != "ROOT":
            edges[token.head.i] += 1
    return list(edges.values())
