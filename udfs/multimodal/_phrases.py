"""Noun phrases of English texts, by NLTK's words and its part-of-speech tagger (averaged perceptron)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import FunctionError

from ..text._punkt import nltk_places, punkt_folder
from ..text._sentences import sentences

TAGGER = "averaged_perceptron_tagger_eng"
PARTS = ("weights", "tagdict", "classes")
# One letter for each tag, and the phrases of them: a determiner, adjectives, nouns.
LETTERS = (("DT", "D"), ("JJ", "J"), ("NN", "N"))
PHRASE = re.compile("D?J*N+")
PUNCTUATION = str.maketrans("", "", "|:;@()[]{}^'\"\u2019`?$%#!&*+,.")


def tagger_folder(tagger: str | None) -> Path:
    """The folder with the tagger's tables: the one given, or the first of NLTK's folders that has it."""
    if find_spec("nltk") is None:
        raise FunctionError.of("no-library", "nltk is not installed", "pip install 'juicesql[nlp]'")
    places = [Path(tagger).expanduser()] if tagger else [place / "taggers" / TAGGER for place in nltk_places()]
    for folder in places:
        if all(_file(folder, part).is_file() for part in PARTS):
            return folder
    mend = f"`juicesql models pull {TAGGER}`, or give the path of the folder"
    raise FunctionError.of("no-model", f"the tagger {tagger or TAGGER} is not here", mend)


def phrase_assets(tagger: str | None) -> list[Path]:
    return [tagger_folder(tagger), punkt_folder("en")]


def _file(folder: Path, part: str) -> Path:
    return folder / f"{TAGGER}.{part}.json"


@lru_cache(maxsize=2)
def _tagger(folder: Path) -> Any:
    from nltk.tag.perceptron import PerceptronTagger

    tagger = PerceptronTagger(load=False)
    tagger.model.weights, tagger.tagdict, classes = (
        json.loads(_file(folder, part).read_text("utf-8")) for part in PARTS
    )
    tagger.classes = tagger.model.classes = set(classes)
    return tagger


def noun_phrases(texts: Iterable[str], tagger: str | None) -> dict[str, list[str]]:
    """The distinct noun phrases of each distinct text, in lower case and without punctuation."""
    from nltk.tokenize.destructive import NLTKWordTokenizer

    distinct = list(dict.fromkeys(texts))
    found = sentences(pa.array([text.lower() for text in distinct], pa.string()), "en")
    words, tag = NLTKWordTokenizer().tokenize, _tagger(tagger_folder(tagger)).tag
    phrases = {}
    for row, text in enumerate(distinct):
        spans = range(found.rows[row], found.rows[row + 1])
        parts = (found.data[found.begins[s] : found.ends[s]].tobytes().decode() for s in spans)
        phrases[text] = _phrases(tag([word for part in parts for word in words(part)]))
    return phrases


def _phrases(tagged: Sequence[tuple[str, str]]) -> list[str]:
    """
    >>> _phrases([("the", "DT"), ("old", "JJ"), ("dog", "NN"), ("saw", "VBD"), ("mr.", "NN"), ("dog", "NN")])
    ['the old dog', 'mr dog']
    """
    kinds = "".join(next((letter for name, letter in LETTERS if _is(tag, name)), "-") for _, tag in tagged)
    joined = (" ".join(word for word, _ in tagged[m.start() : m.end()]) for m in PHRASE.finditer(kinds))
    bare = (phrase.translate(PUNCTUATION).strip() for phrase in joined)
    return list(dict.fromkeys(phrase for phrase in bare if phrase))


def _is(tag: str, name: str) -> bool:
    return tag == name if name == "DT" else tag.startswith(name)
