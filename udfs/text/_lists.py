"""Word lists by language, and the share of a text's words that are on one."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, map_utf8, nearest

from ._chars import classes, longest_row, lowered
from ._words import hash_bytes, refine, same_bytes, table_bits

SHIPPED = Path(__file__).parent / "_assets"

# SHA-256 of the shipped lists: part of the identity of the stats, so that a changed list makes old values stale.
SHIPPED_SHA256 = {
    "stopwords": "0ec4afdeac6e5aaaff36d294ef7662a75d165d5f141e20667fc30728c6d73d31",
    "flagged_words": "445cc402e361d3b3600094cce89563bb5cbfc84822a5db5cb0107383c93d50c8",
}


def listed_ratio(
    text: pa.StringArray, kind: str, folder: str | None, lang: str, use_aug: bool, sizes: list[int], join: str
) -> pa.DoubleArray:
    """Share of the lowered and stripped words of each row that stand on the list `kind` of `lang`."""
    sizes = sizes if use_aug else []
    if any(size < 1 for size in sizes):
        raise FunctionError.of("bad-parameter", f"words_aug_group_sizes is {sizes}", "give sizes of 1 or more")
    words, offsets, slots = _word_set(kind, folder, lang, _stamps(kind, folder))
    joint = np.frombuffer(join.encode() + b"\0", np.uint8)[: len(join.encode())].copy()
    groups = np.array(sizes, np.int64)
    return map_utf8(_listed_ratio, text, np.float64, classes(), lowered(), words, offsets, slots, groups, joint)


def list_assets(kind: str, folder: str | None) -> list[Path | str]:
    """The files that the lists of `kind` come from; the shipped ones are identified by SHIPPED_SHA256."""
    return list(_files(kind, folder)) if folder else []


def _stamps(kind: str, folder: str | None) -> tuple[tuple[str, int, int], ...]:
    """What tells that the lists of a folder changed since they were read; the shipped ones never do."""
    states = [(file.name, file.stat()) for file in _files(kind, folder)] if folder else []
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


@lru_cache(maxsize=32)
def _word_set(
    kind: str, folder: str | None, lang: str, _stamps: tuple[tuple[str, int, int], ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bytes of the list's words, where each begins, and a hash table over them."""
    lists = _read(kind, folder)
    if lang == "all" and "all" not in lists:
        words = [word for one in lists.values() for word in one]
    elif lang in lists:
        words = lists[lang]
    else:
        known = ", ".join(sorted(lists))
        mend = nearest(lang, lists) or f"use 'all' or one of: {known}"
        raise FunctionError.of("unknown-language", f"there is no list of {kind} for language {lang!r}", mend)
    encoded = [word.encode() for word in sorted(set(words))]
    data = np.frombuffer(b"".join(encoded) + b"\0", np.uint8).copy()
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return data, offsets, _slots(data, offsets)


def _files(kind: str, folder: str | None) -> list[Path]:
    files = sorted(f for f in Path(folder or SHIPPED).glob("*.json") if kind in f.name)
    if not files:
        mend = f"put a file such as {kind}.json there: a JSON object from language to list of words"
        raise FunctionError.of("no-word-list", f"{folder} holds no *.json whose name contains {kind!r}", mend)
    return files


def _read(kind: str, folder: str | None) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for file in _files(kind, folder):
        raw = file.read_bytes()
        if folder is None and hashlib.sha256(raw).hexdigest() != SHIPPED_SHA256[kind]:
            raise FunctionError.of("bad-word-list", "the shipped list was changed", "reinstall juicesql", str(file))
        try:
            content = json.loads(raw)
            for lang, words in content.items():
                merged[lang] = [*merged.get(lang, []), *map(str, words)]
        except (ValueError, AttributeError, TypeError) as error:
            mend = "write a JSON object from language to list of words"
            raise FunctionError.of("bad-word-list", f"{type(error).__name__}: {error}", mend, str(file)) from error
    return merged


@kernel
def _slots(data, offsets):
    words = len(offsets) - 1
    bits = table_bits(2 * words)
    slots = np.full(1 << bits, -1, np.int32)
    for w in range(words):
        slot = np.int64(hash_bytes(data, offsets[w], offsets[w + 1]) >> np.uint64(64 - bits))
        while slots[slot] >= 0:
            slot = (slot + 1) & ((1 << bits) - 1)
        slots[slot] = w
    return slots


@kernel
def _count_listed(buffer, starts, ends, words, data, offsets, slots):
    """How many of the words of `buffer` are on the list."""
    shift = np.uint64(64 - table_bits(2 * (len(offsets) - 1)))
    mask = len(slots) - 1
    listed = 0
    for w in range(words):
        length = ends[w] - starts[w]
        slot = np.int64(hash_bytes(buffer, starts[w], ends[w]) >> shift)
        while slots[slot] >= 0:
            begin = offsets[slots[slot]]
            if offsets[slots[slot] + 1] - begin == length and same_bytes(data, begin, buffer, starts[w], length):
                listed += 1
                break
            slot = (slot + 1) & mask
    return listed


@kernel
def _listed_ratio(data, offsets, out, flags, lower, list_data, list_offsets, slots, groups, joint):
    longest = longest_row(offsets)
    most = longest // 2 + 1
    buffer = np.empty(2 * longest + 4, np.uint8)
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    bounds = np.zeros(2, np.int32)
    joined = np.empty(2 * longest + 4 + most * len(joint) if len(groups) else 1, np.uint8)
    for row in range(len(out)):
        words = refine(data, int(offsets[row]), int(offsets[row + 1]), flags, lower, buffer, starts, ends)
        total = words
        listed = _count_listed(buffer, starts, ends, words, list_data, list_offsets, slots)
        for size in groups:
            for w in range(words - size + 1):
                bounds[1] = _join(buffer, starts, ends, w, size, joint, joined)
                listed += _count_listed(joined, bounds[:1], bounds[1:], 1, list_data, list_offsets, slots)
                total += 1
        out[row] = listed / total if total else 0.0


@kernel
def _join(buffer, starts, ends, first, size, joint, joined):
    """Write `size` words from `first` on to `joined`, with `joint` between them; returns the length."""
    at = 0
    for w in range(first, first + size):
        if w > first:
            for b in joint:
                joined[at] = b
                at += 1
        for i in range(starts[w], ends[w]):
            joined[at] = buffer[i]
            at += 1
    return at
