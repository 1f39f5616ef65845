"""Corpora with planted near-duplicates, and the truth about them; the same bytes for the same arguments.

Seven rows in ten are originals, three are edited copies of one of them: 0 to 30 % of the words are replaced, deleted
or have a word put in before them (a share of 0.3 u^2, u uniform, so that light edits are common), and one copy in four
also has two neighbouring sentences swapped. An original with its copies is a family. Rows are shuffled.

English originals are 120 to 260 words in a row out of the benchmarks' corpus (documentation and Python sources), where
at least 97 % of a text is ASCII; real text brings near-duplicates of its own. Chinese ones are 150 to 450 words of
jieba's dictionary, drawn by its frequencies. `generated` ones are about 1 KB of invented words, drawn by rank.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samples import prose

SEED = 20264
COPIES_SHARE = 0.3
MOST_EDITED = 0.3
SWAPPED_SHARE = 0.25
ASCII_SHARE = 0.97
ENGLISH_WORDS, CHINESE_WORDS, GENERATED_WORDS = (120, 260), (150, 450), (80, 190)  # fewest and most of an original
JIEBA_WORDS, GENERATED_VOCABULARY = 60_000, 50_000
STREAM_BLOCK = 10_000  # a family lies within as many rows, so that a corpus of any size is written row by row

_WORD = re.compile(r"\S+\s*")
_SENTENCE_END = re.compile(r"[.!?。！？]\s*$")

Words = list[str]  # each with the space after it: the text is "".join(words)


@dataclass(frozen=True)
class Planted:
    """A corpus on disk: `families[id]` is the number of the family of the row with this id."""

    path: Path
    families: list[int]
    facts: dict[str, Any]

    def delete(self) -> None:
        self.path.unlink()
        self.path.with_suffix(".truth.json").unlink()


def english(work: Path) -> Iterator[Words]:
    """Pieces of real text that do not begin alike."""
    rng, begun = random.Random(f"{SEED}/english"), set()
    for text in prose(work):
        if len(text) < ASCII_SHARE * len(text.encode()):
            continue
        words = _WORD.findall(text)
        while len(words) >= ENGLISH_WORDS[0]:
            size = rng.randint(*ENGLISH_WORDS)
            piece, words = words[:size], words[size:]
            if len(piece) >= ENGLISH_WORDS[0] and (beginning := "".join(piece[:12])) not in begun:
                begun.add(beginning)
                yield piece


def chinese(_work: Path) -> Iterator[Words]:
    """Sentences of words out of jieba's dictionary."""
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise SystemExit("the Chinese corpus is made of jieba's dictionary: pip install jieba")
    counts: list[tuple[str, int]] = []
    for line in Path(spec.origin).with_name("dict.txt").read_text("utf-8").splitlines():
        word, count, _ = line.split(" ")
        if all("\u4e00" <= character <= "\u9fff" for character in word):
            counts.append((word, int(count)))
    counts.sort(key=lambda item: (-item[1], item[0]))
    words, weights = zip(*counts[:JIEBA_WORDS], strict=True)
    return _drawn(words, weights, random.Random(f"{SEED}/chinese"), CHINESE_WORDS, ("，", "。", ""))


def generated(_work: Path) -> Iterator[Words]:
    """Sentences of invented words, the one of rank r drawn as often as 1 / (r + 2.7)."""
    rng = random.Random(f"{SEED}/generated")
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    made = dict.fromkeys("".join(rng.choices(syllables, k=rng.choice((1, 2, 2, 3, 3, 4)))) for _ in range(200_000))
    words = list(made)[:GENERATED_VOCABULARY]
    weights = [1 / (rank + 2.7) for rank in range(1, len(words) + 1)]
    return _drawn(words, weights, rng, GENERATED_WORDS, (", ", ". ", " "))


def _drawn(
    words: Sequence[str],
    weights: Sequence[float],
    rng: random.Random,
    size: tuple[int, int],
    marks: tuple[str, str, str],
) -> Iterator[Words]:
    """Originals without end; `marks` stand after one word in 8, one in 16, and the others."""
    comma, stop, space = marks
    sums = list(itertools.accumulate(weights))
    while True:
        piece = rng.choices(words, cum_weights=sums, k=rng.randint(*size))
        yield [w + (stop if i % 16 == 15 else comma if i % 8 == 7 else space) for i, w in enumerate(piece)]


KINDS: dict[str, Callable[[Path], Iterator[Words]]] = {"english": english, "chinese": chinese, "generated": generated}


def edited(words: Words, share: float, others: Sequence[str], rng: random.Random) -> Words:
    """A copy in which this share of the words, rounded, is replaced, deleted or has another word before it."""
    found = list(words)
    for place in rng.sample(range(len(words)), round(share * len(words))):
        how = rng.choice(("replace", "delete", "insert"))
        other = "" if how == "delete" else rng.choice(others)
        found[place] = other + (found[place] if how == "insert" else "")
    return [word for word in found if word]


def swapped(words: Words, rng: random.Random) -> Words:
    """A copy with two neighbouring sentences changed over; as it is when there are fewer than two."""
    ends = [i + 1 for i, word in enumerate(words) if _SENTENCE_END.search(word)]
    bounds = [0, *ends, *([len(words)] if not ends or ends[-1] < len(words) else [])]
    if len(bounds) < 3:
        return list(words)
    first = rng.randrange(len(bounds) - 2)
    a, b, c = bounds[first : first + 3]
    return words[:a] + words[b:c] + words[a:b] + words[c:]


def planted(originals: Iterator[Words], count: int, rng: random.Random) -> list[tuple[int, str]]:
    """`count` rows in their final order: the number of the family, from 0, and the text."""
    copies = round(count * COPIES_SHARE)
    pieces = list(itertools.islice(originals, count - copies))
    if len(pieces) < count - copies:
        raise SystemExit(f"there is text for {len(pieces) / (1 - COPIES_SHARE):,.0f} documents only; ask for fewer")
    others = [word for piece in pieces[:1000] for word in piece]
    rows = [(family, "".join(piece)) for family, piece in enumerate(pieces)]
    for _ in range(copies):
        family = rng.randrange(len(pieces))
        copy = edited(pieces[family], MOST_EDITED * rng.random() ** 2, others, rng)
        rows.append((family, "".join(swapped(copy, rng) if rng.random() < SWAPPED_SHARE else copy)))
    rng.shuffle(rows)
    return rows


def stream(kind: str, count: int, work: Path, block: int) -> Iterator[tuple[int, str]]:
    """The rows of a corpus, made `block` rows at a time."""
    originals, rng, families = KINDS[kind](work), random.Random(f"{SEED}/{kind}/{count}/{block}"), 0
    for first in range(0, count, block):
        rows = planted(originals, min(block, count - first), rng)
        yield from ((families + family, text) for family, text in rows)
        families += 1 + max(family for family, _ in rows)


def build(kind: str, count: int, work: Path, block: int | None = None) -> Planted:
    """The corpus in `work`, written unless it is there: rows of `id` (a number as text) and `text`."""
    path = work / f"planted-{kind}-{count}.jsonl"
    truth = path.with_suffix(".truth.json")
    if not (path.exists() and truth.exists()):
        digest, families, part = hashlib.sha256(), [], path.with_suffix(".part")
        with part.open("wb") as out:
            for number, (family, text) in enumerate(stream(kind, count, work, block or count)):
                line = json.dumps({"id": str(number), "text": text}, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                out.write(line)
                families.append(family)
        facts = {"kind": kind, "documents": count, "bytes": part.stat().st_size, "sha256": digest.hexdigest()}
        truth.write_text(json.dumps({"facts": facts, "families": families}))
        part.replace(path)
    known = json.loads(truth.read_text())
    return Planted(path, known["families"], known["facts"])
