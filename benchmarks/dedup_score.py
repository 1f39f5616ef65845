"""What a deduplication found of the near-duplicates that were planted, and what else it took away.

Truth is computed here, without the code of any of the tools: the Jaccard similarity of the sets of 5-grams of tokens of
the lower-cased text. Tokens are what stands between spaces (English) or each letter and digit (Chinese). Tools cut
texts otherwise, and real text has pairs at any similarity, so a row also counts as similar when it is by runs of
letters and digits, with or without underscores (English), or by all characters (Chinese).

- Recall: of the pairs within a family whose true similarity lies in a bin, the share of which a member was dropped.
- Precision: of the dropped rows, the share that has a relative (a row of its family) among the kept rows, or a kept
  row at a true similarity of at least `SIMILAR`. A row whose whole family was dropped without anything similar being
  kept is lost text, and counts as wrong.
- Strict precision: of the dropped rows, the share that has a kept row at a true similarity of at least `SIMILAR`,
  related or not. A tool that drops a text because it resembles another dropped one loses here.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

WINDOW = 5
SIMILAR = 0.65
BINS = ((0.7, 0.8), (0.8, 0.9), (0.9, 1.0))
FEW = 20  # kept rows that are compared one by one
TOKENS: dict[str, tuple[Callable[[str], Sequence[str]], ...]] = {
    "english": (str.split, re.compile(r"\w+").findall, re.compile(r"[^\W_]+").findall),
    "chinese": (re.compile(r"\w").findall, list),
}
_SPREAD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 1], np.uint64)


@dataclass(frozen=True)
class Score:
    """Shares by the definitions above; None where there is nothing to divide by."""

    kept: int
    dropped: int
    recall: dict[str, float | None]
    pairs: dict[str, int]
    precision: float | None
    strict_precision: float | None


class Shingles:
    """The sets of 5-grams of the rows of a corpus, hashed to 64 bits, and their exact similarities."""

    def __init__(self, tokens_of: Iterable[Sequence[str]]) -> None:
        self._number_of: dict[str, int] = {}
        self._rng = np.random.default_rng(1)
        self._hashes = self._rng.integers(0, 1 << 64, 1 << 20, np.uint64)
        self.sets = [self._set(tokens) for tokens in tokens_of]

    def _set(self, tokens: Sequence[str]) -> np.ndarray:
        """The hashed 5-grams in order; one of all tokens when there are fewer."""
        numbers = [self._number_of.setdefault(token, len(self._number_of)) for token in tokens]
        if len(self._number_of) > len(self._hashes):
            more = self._rng.integers(0, 1 << 64, len(self._hashes), np.uint64)
            self._hashes = np.concatenate([self._hashes, more])
        values = self._hashes[numbers]
        if len(values) < WINDOW:
            values = np.concatenate([values, np.zeros(WINDOW - len(values), np.uint64)])
        windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
        return np.unique((windows * _SPREAD).sum(axis=1, dtype=np.uint64))

    def jaccard(self, a: int, b: int) -> float:
        one, two = self.sets[a], self.sets[b]
        shared = len(np.intersect1d(one, two, assume_unique=True))
        return shared / (len(one) + len(two) - shared)

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """The shingles of all rows in order, and the row of each."""
        hashes = np.concatenate(self.sets)
        order = np.argsort(hashes)
        return hashes[order], np.repeat(np.arange(len(self.sets), dtype=np.int32), list(map(len, self.sets)))[order]

    def nearest(self, row: int, kept: np.ndarray) -> float:
        """The highest similarity of a row to the others for which `kept` is true."""
        if np.count_nonzero(kept) <= FEW:
            return max((self.jaccard(row, int(other)) for other in np.flatnonzero(kept) if other != row), default=0.0)
        hashes, rows = self._index
        own = self.sets[row]
        first, last = np.searchsorted(hashes, own, "left"), np.searchsorted(hashes, own, "right")
        met = np.concatenate([rows[a:b] for a, b in zip(first, last, strict=True)])
        others, shared = np.unique(met[kept[met] & (met != row)], return_counts=True)
        sizes = np.array([len(self.sets[other]) for other in others])
        return float((shared / (len(own) + sizes - shared)).max()) if len(others) else 0.0


class Truth:
    """What is known of a corpus: families, and similarities by several kinds of tokens; recall goes by the first."""

    def __init__(self, texts: Sequence[str], families: Sequence[int], language: str) -> None:
        self.families = families
        self.views = [Shingles(tokens(text.lower()) for text in texts) for tokens in TOKENS[language]]
        self.members: dict[int, list[int]] = defaultdict(list)
        for row, family in enumerate(families):
            self.members[family].append(row)

    @cached_property
    def pairs(self) -> list[tuple[int, int, float]]:
        """Every pair of relatives with its similarity."""
        related = (itertools.combinations(rows, 2) for rows in self.members.values() if len(rows) > 1)
        return [(a, b, self.views[0].jaccard(a, b)) for a, b in itertools.chain.from_iterable(related)]

    def has_similar(self, row: int, relatives: Sequence[int], kept: np.ndarray) -> bool:
        """Is one of the relatives, or any kept row, similar?"""
        if any(view.jaccard(row, other) >= SIMILAR for view in self.views for other in relatives):
            return True
        return any(view.nearest(row, kept) >= SIMILAR for view in self.views)


def score(truth: Truth, kept_ids: Iterable[int]) -> Score:
    """Judge the rows that a tool kept."""
    kept = np.zeros(len(truth.families), bool)
    kept[list(kept_ids)] = True
    found = {bin_: [not (kept[a] and kept[b]) for a, b, s in truth.pairs if _within(s, bin_)] for bin_ in BINS}
    dropped = np.flatnonzero(~kept)
    right = strict = 0
    for row in map(int, dropped):
        relatives = [other for other in truth.members[truth.families[row]] if kept[other]]
        similar = truth.has_similar(row, relatives, kept)
        strict += similar
        right += similar or bool(relatives)
    return Score(
        kept=int(kept.sum()),
        dropped=len(dropped),
        recall={_name(bin_): sum(hits) / len(hits) if hits else None for bin_, hits in found.items()},
        pairs={_name(bin_): len(hits) for bin_, hits in found.items()},
        precision=right / len(dropped) if len(dropped) else None,
        strict_precision=strict / len(dropped) if len(dropped) else None,
    )


def _within(similarity: float, bin_: tuple[float, float]) -> bool:
    low, high = bin_
    return low <= similarity < high or similarity == high == 1.0


def _name(bin_: tuple[float, float]) -> str:
    return f"{bin_[0]:.1f} to {bin_[1]:.1f}"
