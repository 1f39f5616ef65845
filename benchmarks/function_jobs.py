"""What functions.py measures: each text function, its parameters, a plain Python definition, and the peer's operator.

The plain definitions are those that the tests prove the functions against.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpus
import peer

TESTS = Path(__file__).resolve().parent.parent / "tests" / "functions"
LISTS = Path(__file__).resolve().parent.parent / "udfs" / "text" / "_assets"
sys.path.insert(0, str(TESTS))
import definitions as plain  # noqa: E402

NOT_MEASURED: dict[str, str] = {}


@dataclass(frozen=True)
class Job:
    """`sample` names the texts; `rows` limits those of a model; `note` says what is special."""

    function: str
    peer: str = ""
    plain: Callable[[str], Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    peer_parameters: dict[str, Any] = field(default_factory=dict)
    sample: str = "prose"
    rows: int = 200
    note: str = ""


def jobs() -> list[Job]:
    return [
        Job("alnum_ratio", "alphanumeric_filter", plain.alnum_ratio),
        Job("avg_line_length", "average_line_length_filter", plain.avg_line_length),
        Job("char_rep_ratio", "character_repetition_filter", plain.char_rep_ratio),
        Job("max_line_length", "maximum_line_length_filter", plain.max_line_length),
        Job("num_words", "words_num_filter", plain.num_words),
        Job("special_char_ratio", "special_characters_filter", plain.special_char_ratio),
        Job("text_len", "text_length_filter", len),
        Job("word_rep_ratio", "word_repetition_filter", plain.word_rep_ratio),
        _word_list("stopwords"),
        _word_list("flagged_words"),
        Job("clean_email", "clean_email_mapper"),
        Job("clean_html", "clean_html_mapper"),
        Job("clean_links", "clean_links_mapper"),
        Job("fix_unicode", "fix_unicode_mapper"),
        Job("punctuation_normalization", "punctuation_normalization_mapper"),
        Job("whitespace_normalization", "whitespace_normalization_mapper"),
    ]


def _word_list(kind: str) -> Job:
    words = set(json.loads((LISTS / f"{kind}.json").read_text())["en"])
    given = {"lang": "en", f"{kind}_dir": str(LISTS)}
    return Job(f"{kind}_ratio", f"{kind}_filter", lambda t: plain.listed_ratio(t, words), peer_parameters=given)


def prose(work: Path) -> Iterator[str]:
    """The benchmark's corpus of real documents."""
    source = work / "corpus-100000.jsonl"
    corpus.build(source, 100_000, work, peer.code_folders(work))
    with source.open() as lines:
        for line in lines:
            yield json.loads(line)["text"]


def samples(work: Path, size: int, names: set[str]) -> dict[str, list[str]]:
    """Texts by sample name, each about `size` bytes: `prose` is the benchmark's corpus of real documents."""
    source = work / "corpus-100000.jsonl"
    corpus.build(source, 100_000, work, peer.code_folders(work))
    prose, left = [], size
    with source.open() as lines:
        for line in lines:
            text = json.loads(line)["text"]
            prose.append(text)
            left -= len(text.encode())
            if left <= 0:
                break
    made = {"prose": lambda: prose}
    return {name: made[name]() for name in names}
