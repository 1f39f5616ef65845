"""Near-deduplication by the libraries that are no command: run in their environment, by dedup.py.

Usage: dedup-venv/bin/python dedup_peers.py TOOL SOURCE EXPORT FOLDER PROCESSES LANGUAGE

Each reads `SOURCE` (JSON lines of id and text) and writes the rows that stay to `EXPORT`, or several files beside it.
Where a library leaves the making of shingles to its user they are 5-grams of lower-cased words between spaces, or of
characters where LANGUAGE is `characters`, and the threshold is 0.7 with 256 permutations.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

THRESHOLD, PERMUTATIONS, WINDOW = 0.7, 256, 5


def shingles(text: str, language: str) -> list[str]:
    if language == "characters":
        return [text[i : i + WINDOW] for i in range(max(1, len(text) - WINDOW + 1))]
    words = text.lower().split()
    return [" ".join(words[i : i + WINDOW]) for i in range(max(1, len(words) - WINDOW + 1))]


def rows(source: Path) -> Iterator[dict[str, Any]]:
    with source.open("rb") as lines:
        yield from map(json.loads, lines)


def write(export: Path, source: Path, kept: Iterable[bool]) -> None:
    with export.open("wb") as out, source.open("rb") as lines:
        out.writelines(line for line, stays in zip(lines, kept, strict=True) if stays)


def datasketch(source: Path, export: Path, _folder: Path, _processes: int, language: str) -> None:
    """As its documentation shows it: each text is asked for in the index, and put there if nothing is found."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    kept = []
    sets = ([s.encode() for s in set(shingles(row["text"], language))] for row in rows(source))
    for number, signature in enumerate(MinHash.generator(sets, num_perm=PERMUTATIONS)):
        kept.append(not index.query(signature))
        if kept[-1]:
            index.insert(number, signature)
    write(export, source, kept)


def rensa_r(source: Path, export: Path, _folder: Path, _processes: int, language: str) -> None:
    """R-MinHash: its deduplicator with LSH over pairs of key and tokens, as its page on the index shows it."""
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
    write(export, source, index.add_pairs((r["id"], shingles(r["text"], language)) for r in rows(source)))


def rensa_c(source: Path, export: Path, _folder: Path, _processes: int, language: str) -> None:
    """C-MinHash with its deduplicator."""
    from rensa import CMinHashDeduplicator

    index = CMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    write(export, source, index.add_pairs((r["id"], shingles(r["text"], language)) for r in rows(source)))


def rensa_lsh(source: Path, export: Path, _folder: Path, _processes: int, language: str) -> None:
    """R-MinHash with its LSH index alone, 32 bands of 8 rows, asked as datasketch's: every candidate is a duplicate."""
    from rensa import RMinHash, RMinHashLSH

    texts = (shingles(row["text"], language) for row in rows(source))
    index = RMinHashLSH(THRESHOLD, PERMUTATIONS, 32)
    kept = []
    for number, signature in enumerate(RMinHash.from_token_sets(texts, PERMUTATIONS, 42)):
        kept.append(not index.query(signature))
        if kept[-1]:
            index.insert(number, signature)
    write(export, source, kept)


def text_dedup(source: Path, export: Path, folder: Path, processes: int, _language: str) -> None:
    """Its command `text_dedup.minhash` with its defaults; the result, an Arrow data set, is then exported."""
    from datasets import load_from_disk
    from text_dedup.minhash import main

    out = folder / "result"
    line = ["--path", "json", "--data_files", str(source), "--split", "train", "--column", "text"]
    line += ["--output", str(out), "--cache_dir", str(folder / "cache"), "--num_proc", str(processes)]
    main(line, standalone_mode=False)
    load_from_disk(str(out)).to_json(str(export), force_ascii=False)


def datatrove(source: Path, export: Path, folder: Path, processes: int, language: str) -> None:
    """Its four steps with the local executor and its defaults. One file is one task where it is read."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig()
    spoken = {} if language == "words" else {"language": "cmn"}
    reader = JsonlReader(str(source.parent), glob_pattern=source.name)
    at = {name: str(folder / name) for name in ("signatures", "buckets", "removed")}
    steps = [
        ([reader, MinhashDedupSignature(at["signatures"], config=config, **spoken)], 1),
        ([MinhashDedupBuckets(at["signatures"], at["buckets"], config=config)], config.num_buckets),
        ([MinhashDedupCluster(at["buckets"], at["removed"], config=config)], 1),
        (
            [reader, MinhashDedupFilter(at["removed"]), JsonlWriter(str(export.parent), "out.jsonl", compression=None)],
            1,
        ),
    ]
    for number, (pipeline, tasks) in enumerate(steps):
        logs = str(folder / f"logs-{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(tasks, processes), logging_dir=logs).run()


TOOLS: dict[str, Callable[[Path, Path, Path, int, str], None]] = {
    "datasketch": datasketch,
    "rensa_r": rensa_r,
    "rensa_c": rensa_c,
    "rensa_lsh": rensa_lsh,
    "text_dedup": text_dedup,
    "datatrove": datatrove,
}

if __name__ == "__main__":
    tool, source, export, folder, processes, language = sys.argv[1:]
    TOOLS[tool](Path(source), Path(export), Path(folder), int(processes), language)
