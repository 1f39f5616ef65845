"""Token counts word by word: each distinct word of a batch is encoded once, and remembered for later batches.

Texts are cut before single spaces, which is exact for tokenizers that never look across such a space.
"""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, utf8_buffers

from ._chars import ALNUM, classes, decode
from ._words import number_words, table_bits

MOST_REMEMBERED = 1_000_000  # words of at most LONGEST_REMEMBERED bytes: some 200 MB
LONGEST_REMEMBERED = 64

_NORMALIZERS = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"}  # character by character
_PRE_TOKENIZERS = {"ByteLevel", "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Split", "Digits", "Punctuation"}
_MODELS = {"BPE", "WordPiece", "WordLevel"}

# Every two of these are put on both sides of a space, to see whether the pre-tokenizer cuts there.
_PROBES = "of the I'll don't A É жук 中文 ひ 7 2024 12345 x1 1x (a b) - -- => , a, . ?! 's “a” $ €5 @b _ #1 ½ ² कि é"


def counts_by_word(tokenizer: Any) -> bool:
    """Whether the tokens of a text are those of its parts, when it is cut before each single space inside it."""
    parts = json.loads(tokenizer.to_str())
    if parts["model"]["type"] not in _MODELS or parts["model"].get("dropout"):
        return False
    if not {p["type"] for p in _flat(parts["normalizer"], "normalizers")} <= _NORMALIZERS:
        return False
    steps = _flat(parts["pre_tokenizer"], "pretokenizers")
    if not steps or not all(s["type"] in _PRE_TOKENIZERS and "(?<" not in json.dumps(s) for s in steps):
        return False
    for token in parts["added_tokens"]:
        crosses = re.search(r"\S\s", token["content"])
        if crosses or token["single_word"] or token["rstrip"]:
            return False
    cut = tokenizer.pre_tokenizer.pre_tokenize_str
    probes = _PROBES.split()
    pieces = {word: [p for p, _ in cut(word)] for probe in probes for word in (probe, " " + probe)}
    pairs = itertools.product(probes, repeat=2)
    return all([p for p, _ in cut(f"{a} {b}")] == pieces[a] + pieces[" " + b] for a, b in pairs)


def _flat(part: dict[str, Any] | None, inner: str) -> list[dict[str, Any]]:
    if part is None:
        return []
    return [p for child in part[inner] for p in _flat(child, inner)] if part["type"] == "Sequence" else [part]


class WordCounter:
    """Sums what `count` gives for the words of a text."""

    def __init__(self, count: Callable[[list[str]], list[int]]) -> None:
        self.count = count
        self.known: dict[bytes, int] = {}

    def __call__(self, text: pa.StringArray) -> np.ndarray:
        data, offsets = utf8_buffers(text)
        most = (int(offsets[-1]) - int(offsets[0])) // 2 + len(text) + 1
        starts, ends, ids = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
        hashes, stops = np.empty(most, np.uint64), np.zeros(len(text) + 1, np.int64)
        words = _cut(data, offsets, classes(), starts, ends, stops)
        number_words(data, starts, ends, words, np.empty(1 << table_bits(most), np.int32), hashes, ids)
        ids = ids[:words]
        first = np.flatnonzero(ids == np.arange(words))
        counts = np.zeros(words, np.int64)
        counts[first] = self._counts(data, starts[first].tolist(), ends[first].tolist())
        sums = np.concatenate([[0], np.cumsum(counts[ids])])
        return sums[stops[1:]] - sums[stops[:-1]]

    def _counts(self, data: np.ndarray, starts: list[int], ends: list[int]) -> list[int]:
        raw = data.tobytes()
        words = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
        known = self.known
        new = [word for word in words if word not in known]
        found = dict(zip(new, self.count([word.decode() for word in new]), strict=True))
        counts = [known[word] if word in known else found[word] for word in words]
        if len(known) + len(found) > MOST_REMEMBERED:
            known.clear()
        known.update((word, n) for word, n in found.items() if len(word) <= LONGEST_REMEMBERED)
        return counts


@kernel
def _cut(data, offsets, flags, starts, ends, stops):
    """Write where the words of each row begin and end, and after how many words each row ends; returns their number.

    A word begins with a space between two characters that are letters, digits or visible ASCII: other whitespace, and
    marks that a normalizer may compose, stay with what is around them.
    """
    words = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        begin = i
        solid = False  # the character before is one of those
        while i < stop:
            b = int(data[i])
            if b == 0x20 and solid and i + 1 < stop and _solid(data, i + 1, flags):
                starts[words], ends[words] = begin, i
                words += 1
                begin = i
            if b < 0x80:
                solid = 0x20 < b < 0x7F
                i += 1
            else:
                c, i = decode(data, i)
                solid = (flags[c] & ALNUM) != 0
        if begin < stop:
            starts[words], ends[words] = begin, stop
            words += 1
        stops[row + 1] = words
    return words


@kernel
def _solid(data, i, flags):
    b = int(data[i])
    if b < 0x80:
        return 0x20 < b < 0x7F
    c, _ = decode(data, i)
    return (flags[c] & ALNUM) != 0
