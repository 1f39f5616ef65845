"""Plain Python definitions of the text functions, and strings that are hard for them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from math import isqrt

import pyarrow as pa
from hypothesis import strategies as st
from juicesql.udfs.text._special import SPECIAL_RANGES

from juicesql.call import apply
from juicesql.registry import Registry
from juicesql.signature import constant

REGISTRY = Registry()
SPECIAL = {chr(c) for first, last in SPECIAL_RANGES for c in range(first, last + 1)}
STRIPPED = "".join(sorted(SPECIAL))

PIECES = [
    *"\n\r\t \x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\x00\xa0\u3000\u200b\u200d\ufe0f\u0301",
    *"\u0327\u3099\uac00\u1161\u11a8",
    *"aAbBzZ09_-.,:;!?()[]{}<>&#%@/'\"`“”‘’«»，。：；！？（）１％—…～．☺😀👩🏽🇩ΣσςΑαİıIiſKøØßẞéÉœŒÃ©Â€™中文一上士日本ﬁǅ",
    *"\u00ad\u0345\u02b0\u1f88\U0001d400\U00010400\U000e0001\ufeff\ufffc\ufffd\ufff9\u2060\u0084\uff21\uff71\uff9e",
    "\r\n", "word", "Word", "the", "The", "and", "ΟΔΟΣ", "ΣΑΣ.", "www.", "http://", "a@b.c", "&amp;", "&lt;",
]  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(st.sampled_from(["a b ", "The cat\n", "x", "é", "中", " ", "\t", "ΣΑΣ "]), max_size=80).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)


def call(name: str, texts: list[str], **parameters: object) -> list[object]:
    """What the engine gets for a batch, from an array with an offset as a slice has."""
    function = REGISTRY.get(name)
    given = {a.name: parameters.get(a.name, constant(a.default)) for a in function.signature.parameters}
    column = pa.array(["before", *texts], pa.string()).slice(1)
    return apply(function, [column], given).to_pylist()


def raw_words(text: str) -> list[str]:
    return [w for w in text.replace("\n", " ").replace("\t", " ").split(" ") if w]


def refined(text: str) -> list[str]:
    return [w for w in (w.lower().strip(STRIPPED) for w in raw_words(text)) if w]


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def alnum_ratio(text: str) -> float:
    return share(sum(c.isalnum() for c in text), len(text))


def alnum_with_marks(text: str) -> float:
    found: list[bool] = []
    for c in text:
        follows = unicodedata.category(c) in ("Mn", "Mc") or c in "\u200c\u200d"
        found.append(c.isalnum() or (follows and found[-1:] == [True]))
    return share(sum(found), len(text))


def special_char_ratio(text: str) -> float:
    return share(sum(c in SPECIAL for c in text), len(text))


def avg_line_length(text: str) -> float:
    return share(len(text), len(text.splitlines()))


def max_line_length(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def num_words(text: str) -> int:
    return len([w for w in raw_words(text) if w.strip(STRIPPED)])


def char_rep_ratio(text: str, rep_len: int = 10) -> float:
    counts = sorted(Counter(text[i : i + rep_len] for i in range(len(text) - rep_len + 1)).values(), reverse=True)
    k = min(isqrt(len(counts)), len(counts) - counts.count(1))
    return share(sum(counts[:k]), sum(counts))


def word_rep_ratio(text: str, rep_len: int = 10) -> float:
    words = refined(text)
    counts = Counter(" ".join(words[i : i + rep_len]) for i in range(len(words) - rep_len + 1)).values()
    return share(sum(c for c in counts if c > 1), sum(counts))


def listed_ratio(text: str, listed: set[str], sizes: tuple[int, ...] = (), join: str = "") -> float:
    words = refined(text)
    more = [join.join(words[i : i + n]) for n in sizes for i in range(len(words) - n + 1)]
    return share(sum(w in listed for w in words + more), len(words + more))
