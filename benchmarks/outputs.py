"""Do two exports hold the same rows? Rows are matched by the `id` that the corpus put into their `meta`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = 5
AROUND = 60


@dataclass(frozen=True)
class Comparison:
    """Counts of rows and of distinct texts in either export, and examples of what differs."""

    rows_ours: int
    rows_peer: int
    rows_same: int
    rows_other_text: int
    rows_only_ours: int
    rows_only_peer: int
    texts_ours: int
    texts_peer: int
    texts_only_ours: int
    texts_only_peer: int
    same_order: bool
    examples: list[dict[str, object]]


def rows(export: Path) -> Iterator[tuple[int, str]]:
    """Id and text of every row."""
    with export.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            yield int(row["meta"]["id"]), row["text"]


def text_hash(text: str) -> bytes:
    return hashlib.md5(text.encode("utf-8", "surrogatepass")).digest()


def fingerprint(export: Path) -> tuple[int, str]:
    """Number of rows and a digest of the pairs of id and text, the same in any order."""
    count, total = 0, 0
    for number, text in rows(export):
        pair = hashlib.sha256(b"%d/%b" % (number, text_hash(text))).digest()
        total = (total + int.from_bytes(pair[:16])) % (1 << 128)
        count += 1
    return count, f"{total:032x}"


def compare(ours: Path, peers: Path) -> Comparison:
    """Match the rows of both exports by id and their texts by content."""
    a = {number: text_hash(text) for number, text in rows(ours)}
    b = {number: text_hash(text) for number, text in rows(peers)}
    common = a.keys() & b.keys()
    other = sorted(number for number in common if a[number] != b[number])
    texts_a, texts_b = Counter(a.values()), Counter(b.values())
    picked = {
        "other text": other[:EXAMPLES],
        "only ours": sorted(a.keys() - b.keys())[:EXAMPLES],
        "only peer": sorted(b.keys() - a.keys())[:EXAMPLES],
    }
    return Comparison(
        rows_ours=len(a),
        rows_peer=len(b),
        rows_same=len(common) - len(other),
        rows_other_text=len(other),
        rows_only_ours=len(a.keys() - b.keys()),
        rows_only_peer=len(b.keys() - a.keys()),
        texts_ours=len(texts_a),
        texts_peer=len(texts_b),
        texts_only_ours=len(texts_a.keys() - texts_b.keys()),
        texts_only_peer=len(texts_b.keys() - texts_a.keys()),
        same_order=[number for number in a if number in common] == [number for number in b if number in common],
        examples=examples(picked, ours, peers),
    )


def examples(picked: dict[str, list[int]], ours: Path, peers: Path) -> list[dict[str, object]]:
    """The differing part of each picked row."""
    wanted = {number for numbers in picked.values() for number in numbers}
    a = {number: text for number, text in rows(ours) if number in wanted}
    b = {number: text for number, text in rows(peers) if number in wanted}
    found = []
    for kind, numbers in picked.items():
        for number in numbers:
            one, two = a.get(number), b.get(number)
            at = first_difference(one, two) if one is not None and two is not None else 0
            found.append({"kind": kind, "id": number, "at": at, "ours": part(one, at), "peer": part(two, at)})
    return found


def first_difference(one: str, two: str) -> int:
    return next((at for at, (x, y) in enumerate(zip(one, two, strict=False)) if x != y), min(len(one), len(two)))


def part(text: str | None, at: int) -> str | None:
    return None if text is None else text[max(0, at - AROUND) : at + AROUND]
