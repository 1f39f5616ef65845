"""Where two texts differ, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# A character of a script without spaces is a word by itself: Thai, Lao, Myanmar, Khmer, kana, Han.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"\s*(?:[{_ALONE}]|[^\s{_ALONE}]+)(?:\s+\Z)?")
_EXACT_WORDS = 500  # above that the commonest words begin no match, which costs little and bounds the time
_MOST_WORDS = 20_000


@dataclass(frozen=True)
class Stretch:
    """A part of both texts, in words with the white space before them; `same` but for that white space."""

    same: bool
    left: tuple[str, ...]
    right: tuple[str, ...]


def words_of(text: str) -> list[str]:
    """The words, each with the white space before it, the last one also with that behind it.

    >>> words_of("one  two, 三四 ")
    ['one', '  two,', ' 三', '四 ']
    """
    return _WORD.findall(text)


def compare_words(left: str, right: str) -> tuple[Stretch, ...]:
    """Both texts in stretches that are the same and stretches that differ.

    What two texts of more than 20,000 words have between their equal ends is not compared.

    >>> [(s.same, s.left, s.right) for s in compare_words("a b c", "a  x c d")]
    [(True, ('a',), ('a',)), (False, (' b',), ('  x',)), (True, (' c',), (' c',)), (False, (), (' d',))]
    """
    a, b = words_of(left), words_of(right)
    x, y = [w.strip() for w in a], [w.strip() for w in b]
    start = _equal(x, y)
    end = _equal(x[start:][::-1], y[start:][::-1])
    i, j = len(x) - end, len(y) - end
    blocks = [(0, 0, start), *((start + p, start + q, n) for p, q, n in _matches(x[start:i], y[start:j])), (i, j, end)]
    out: list[Stretch] = []
    at, bt = 0, 0
    for p, q, n in blocks:
        if p > at or q > bt:
            out.append(Stretch(False, tuple(a[at:p]), tuple(b[bt:q])))
        if n:
            out.append(Stretch(True, tuple(a[p : p + n]), tuple(b[q : q + n])))
        at, bt = p + n, q + n
    return tuple(out)


def _equal(a: Sequence[str], b: Sequence[str]) -> int:
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _matches(a: list[str], b: list[str]) -> list[tuple[int, int, int]]:
    if max(len(a), len(b)) > _MOST_WORDS:
        return []
    matcher = SequenceMatcher(None, a, b, autojunk=max(len(a), len(b)) > _EXACT_WORDS)
    return [(m.a, m.b, m.size) for m in matcher.get_matching_blocks()]
