"""Makes pools larger by repeating their rows, and smaller by drawing from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from juicesql.plan import SAMPLE

from .pool import Pool, Rows, Workshop, random_order, safe, stem


def duplicate(
    work: Workshop, pools: Sequence[Pool], folder: Path, times: Sequence[int], shuffle: bool, seed: int
) -> list[Pool]:
    """Write each pool several times over, to `{name}_x{times}.jsonl`: copy after copy, or shuffled by the seed."""
    made: list[Pool] = []
    for pool in pools:
        rows = work.load([pool.path])
        for count in times:
            place = random_order(seed, "copy", SAMPLE) if shuffle else "copy"
            chosen = f"select {SAMPLE}, {place} as place from {rows.table}, range({count}) c(copy)"
            path = _free(folder, f"{safe(stem(pool.path))}_x{count}", made)
            made.append(Pool(str(path), work.write(path, rows, chosen), f"{pool.name}_x{count}", pool.stat, pool.part))
        work.drop(rows)
    return made


def downsample(work: Workshop, pools: Sequence[Pool], folder: Path, sizes: Sequence[int], seed: int) -> list[Pool]:
    """Write random rows of each pool, in its order, to `{name}_{size}.jsonl`; without sizes as many as the smallest
    pool has. A larger size has every row of a smaller one; a pool with fewer rows is written whole."""
    rows = work.load([p.path for p in pools])
    wanted = list(sizes) or [min(end - first for first, end in rows.spans)]
    made: list[Pool] = []
    for number, pool in enumerate(pools):
        for size in wanted:
            path = _free(folder, f"{safe(stem(pool.path))}_{size}", made)
            count = work.write(path, rows, drawn(rows, number, size, seed))
            made.append(Pool(str(path), count, f"{pool.name}_{size}", pool.stat, pool.part, control=pool.control))
    return made


def drawn(rows: Rows, number: int, size: int, seed: int) -> str:
    """A query for `size` random rows of the pool of this number."""
    first, end = rows.spans[number]
    order = random_order(seed, f"{SAMPLE} - {first}")
    return (
        f"select {SAMPLE}, {SAMPLE} as place from (select {SAMPLE} from {rows.table} where {SAMPLE} >= {first} and "
        f"{SAMPLE} < {end} order by {order}, {SAMPLE} limit {size})"
    )


def _free(folder: Path, name: str, made: Sequence[Pool]) -> Path:
    """A file that no pool of this job has: a number stands behind the name of the second."""
    taken, number, path = {p.path for p in made}, 2, folder / f"{name}.jsonl"
    while str(path) in taken:
        path, number = folder / f"{name}_{number}.jsonl", number + 1
    return path
