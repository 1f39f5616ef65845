"""Builds the data of the sandbox's demo: a pool as a web crawl would give it, text to judge models by, labelled text.

    python -m juicesql.recipes_sql.sandbox.make_pool demo/sandbox

- `pool.jsonl`: English prose out of the documentation inside Python, and more rubbish than prose, planted. `meta.kind`
  says what a document is; no recipe of the demo looks at it.
- `heldout.jsonl`: prose of topics and packages that give the pool nothing, and nothing alike.
- `good.jsonl`, `bad.jsonl`: prose and rubbish to train a quality classifier on, apart from both.

The same Python gives the same bytes.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .prose import Prose, documents, unlike
from .rubbish import KINDS

HELDOUT, LABELLED = 0.1, 0.15  # shares of the prose
RUBBISH = 1.4  # planted documents for one of prose


def shares(prose: list[Prose], chance: random.Random) -> tuple[list[Prose], list[Prose], list[Prose]]:
    """Prose for the pool, to hold out, and to label. No place gives to two of them."""
    places = sorted({d.place for d in prose})
    chance.shuffle(places)
    of = {place: [d for d in prose if d.place == place] for place in places}
    parts: tuple[list[Prose], ...] = ([], [], [])
    wanted = (len(prose), HELDOUT * len(prose), LABELLED * len(prose))
    for place in places:
        smallest = next(i for i in (1, 2, 0) if len(parts[i]) + len(of[place]) <= wanted[i])
        parts[smallest].extend(of[place])
    pool, heldout, labelled = parts
    return pool, unlike(heldout, pool), unlike(labelled, pool + heldout)


def planted(prose: list[Prose], count: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, text) of rubbish, every kind as often, as long as documents of prose are."""
    texts = [d.text for d in prose]
    for i in range(count):
        maker = KINDS[i % len(KINDS)]
        yield maker.__name__, maker(texts, len(chance.choice(texts)), chance)


def files(documents: list[Prose], seed: int = 1) -> dict[str, list[tuple[str, str]]]:
    """Name of each file and its rows: (kind, text)."""
    chance = random.Random(seed)
    pool, heldout, labelled = shares(documents, chance)
    mixed = [("prose", d.text) for d in pool] + list(planted(pool, round(RUBBISH * len(pool)), chance))
    chance.shuffle(mixed)
    return {
        "pool": mixed,
        "heldout": [("prose", d.text) for d in heldout],
        "good": [("prose", d.text) for d in labelled],
        "bad": list(planted(labelled, len(labelled), chance)),
    }


def write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """One JSON object a line."""
    lines = [
        json.dumps({"id": f"{path.stem}-{i}", "text": text, "meta": {"kind": kind}}, ensure_ascii=False)
        for i, (kind, text) in enumerate(rows)
    ]
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    unfinished.replace(path)
    print(f"{path}: {len(lines):,} documents, {path.stat().st_size / 1e6:.1f} MB")


def main(folder: str = "demo/sandbox") -> None:
    """Write the four files."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, rows in files(documents()).items():
        write(Path(folder) / f"{name}.jsonl", rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
