"""Makes pools out of pools: intersections of the best, one file of several, pairs of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from juicesql.plan import SAMPLE
from juicesql.sqltext import quote

from ..errors import SandboxError
from .pool import Pool, Rows, Workshop, common_prefix, safe, stem

MOST_POOLS = 62  # bits of a mask


@dataclass(frozen=True)
class Combined:
    """The pools that have rows, and the ranks of the combinations that have none."""

    pools: tuple[Pool, ...]
    empty: tuple[str, ...]


def combine(work: Workshop, ranked: Sequence[Pool], folder: Path, most: int) -> Combined:
    """Write the intersection of every subset of ranked pools: rows whose whole content stands in all of them.

    The ranks in a name count from 0, the best. Subsets stand by their size, then by their ranks. A row that a pool has
    twice is written once. SandboxError for more than `most` subsets.
    """
    count = 2 ** len(ranked) - 1
    if not ranked:
        raise SandboxError.of("no-pools", "there are no pools to combine", "give dataset_path, or make pools before")
    if count > most or len(ranked) > MOST_POOLS:
        mend = f"combine fewer pools (top_n), or raise most_combinations to {count}"
        raise SandboxError.of("too-many-combinations", f"{len(ranked)} pools have {count} combinations", mend)
    rows = work.load([p.path for p in ranked])
    contents = _contents(work, rows)
    pools, empty = [], list[str]()
    for ranks in _subsets(len(ranked)):
        pool = _intersection(work, rows, contents, ranked, ranks, folder)
        if pool:
            pools.append(pool)
        else:
            empty.append("_".join(map(str, ranks)))
    return Combined(tuple(pools), tuple(empty))


def _subsets(pools: int) -> Iterator[tuple[int, ...]]:
    for size in range(1, pools + 1):
        yield from combinations(range(pools), size)


def _contents(work: Workshop, rows: Rows) -> str:
    """A table with a row for each content: the first sample that has it, and a bit for each pool that has it."""
    table = work.new_table()
    packed = ", ".join(f"{quote(c)} := r.{quote(c)}" for c in rows.columns)
    bits = " ".join(f"when {SAMPLE} < {end} then {1 << number}::bigint" for number, (_, end) in enumerate(rows.spans))
    work.con.execute(
        f"create table {table} as select min({SAMPLE}) as {SAMPLE}, bit_or(bit) as pools from (select {SAMPLE}, "
        f"case {bits} end as bit, md5_number(to_json(struct_pack({packed}))::varchar) as content "
        f"from {rows.table} r) group by content"
    )
    return table


def _intersection(
    work: Workshop, rows: Rows, contents: str, ranked: Sequence[Pool], ranks: tuple[int, ...], folder: Path
) -> Pool | None:
    mask = sum(1 << r for r in ranks)
    chosen = f"select {SAMPLE}, {SAMPLE} as place from {contents} where pools & {mask} = {mask}"
    count = work.number(f"select count(*) from ({chosen})")
    if not count:
        return None
    label = "_".join(map(str, ranks))
    path = folder / f"{common_prefix([p.path for p in ranked])}_top_{label}_num_{count}.jsonl"
    work.write(path, rows, chosen)
    return Pool(str(path), count, f"top_{label}", " & ".join(ranked[r].name for r in ranks))


def merge(work: Workshop, pools: Sequence[Pool], folder: Path) -> Pool:
    """Write the rows of the pools one after another to `{prefix}_merged.jsonl`."""
    rows = work.load([p.path for p in pools])
    path = folder / f"{common_prefix([p.path for p in pools])}_merged.jsonl"
    count = work.write(path, rows, f"select {SAMPLE}, {SAMPLE} as place from {rows.table}")
    return Pool(str(path), count, "merged")


def cartesian_join(work: Workshop, left: Pool, right: Pool, folder: Path, suffix: str, most: int) -> Pool:
    """Write every row of one pool beside every row of another, to `{left}_x_{right}.jsonl`.

    A column of the second whose name the first has too gets `suffix` behind its name. SandboxError for more than `most`
    pairs.
    """
    one, two = work.load([left.path]), work.load([right.path])
    pairs = _rows_of(one) * _rows_of(two)
    if pairs > most:
        mend = f"downsample the pools before, or raise most_rows to {pairs}"
        raise SandboxError.of("too-many-pairs", f"the pools have {pairs} pairs of rows", mend)
    renamed = ", ".join(f"r.{quote(c)} as {quote(n)}" for c, n in _renamed(one.columns, two.columns, suffix))
    path = folder / f"{safe(stem(left.path))}_x_{safe(stem(right.path))}.jsonl"
    step = max(1, work.step(one.row_bytes + two.row_bytes) // max(1, _rows_of(two)))  # rows of the first at a time
    queries = (
        f"select {one.shown('l')}, {renamed} from {one.table} l cross join {two.table} r "
        f"where l.{SAMPLE} >= {first} and l.{SAMPLE} < {first + step} order by l.{SAMPLE}, r.{SAMPLE}"
        for first in range(0, _rows_of(one), step)
    )
    count = work.copy(path, queries)
    return Pool(str(path), count, f"{left.name}_x_{right.name}")


def _rows_of(rows: Rows) -> int:
    return rows.spans[-1][1]


def _renamed(taken: Sequence[str], names: Sequence[str], suffix: str) -> Iterator[tuple[str, str]]:
    """Column and new name of each column of the second pool."""
    used = set(taken)
    for name in names:
        new = name
        while new in used or (new != name and new in names):
            new += suffix
        used.add(new)
        yield name, new
