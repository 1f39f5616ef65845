"""Packed lines of the rows that a chain left, by sample: set aside in the scratch folder, found again by the export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from juicesql.plan import SAMPLE
from juicesql.segments import write_parquet
from juicesql.sources import Loaded
from juicesql.sources.carried import LINE


def take_lines(loaded: Loaded) -> tuple[Loaded, pa.Table | None]:
    """The rows of a morsel without their lines, and the lines with their `sample_id`."""
    if LINE not in loaded.table.column_names:
        return loaded, None
    return replace(loaded, table=loaded.table.drop_columns([LINE])), loaded.table.select([SAMPLE, LINE])


def keep_lines(lines: pa.Table, rows: pa.Table, folder: Path, chain: int, packing: str) -> None:
    """Write the lines of the samples that `rows` still has, as CHAIN-FIRST-LAST.parquet (ids of samples)."""
    left = lines.filter(pc.is_in(lines[SAMPLE], pc.unique(rows[SAMPLE])))
    if left.num_rows:
        folder.mkdir(exist_ok=True)
        first, last = left[SAMPLE][0].as_py(), left[SAMPLE][-1].as_py()
        write_parquet(left, folder / f"{chain:03d}-{first:015d}-{last:015d}.parquet", packing)


@dataclass(frozen=True)
class _File:
    path: Path
    first: int
    last: int


class Lines:
    """The lines of samples that are asked for in ascending order; each file is read once."""

    def __init__(self, folder: Path) -> None:
        files = [_file(p) for p in sorted(folder.glob("*.parquet"))]
        self.waiting = sorted(files, key=lambda f: (f.first, f.last))
        self.open: list[tuple[_File, pa.Table]] = []

    def of(self, sample_ids: pa.Array) -> pa.Array:
        """The line of each sample; NULL where there is none."""
        if not len(sample_ids):
            return pa.array([], pa.binary())
        least, most = pc.min(sample_ids).as_py(), pc.max(sample_ids).as_py()
        self.open = [(f, t) for f, t in self.open if f.last >= least]
        while self.waiting and self.waiting[0].first <= most:
            file = self.waiting.pop(0)
            if file.last >= least:
                self.open.append((file, pq.read_table(file.path, use_threads=False)))
        if not self.open:
            return pa.nulls(len(sample_ids), pa.binary())
        table = pa.concat_tables([t for _, t in self.open])
        return look_up(table, sample_ids)


def look_up(table: pa.Table, sample_ids: pa.Array) -> pa.Array:
    """The line of each sample out of a table of lines in any order; NULL where there is none."""
    ids, wanted = table[SAMPLE].to_numpy(), sample_ids.to_numpy(zero_copy_only=False)
    order = None if np.all(ids[1:] >= ids[:-1]) else np.argsort(ids, kind="stable")
    ordered = ids if order is None else ids[order]
    places = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    found = ordered[places] == wanted
    places = places if order is None else order[places]
    return table[LINE].take(pa.array(places, mask=~found)).combine_chunks()


def in_order(sample_ids: Iterator[pa.Array]) -> bool:
    """Whether ids never fall."""
    before = -1
    for ids in sample_ids:
        values = ids.to_numpy(zero_copy_only=False)
        if len(values) and (values[0] < before or np.any(values[1:] < values[:-1])):
            return False
        before = int(values[-1]) if len(values) else before
    return True


def _file(path: Path) -> _File:
    _, first, last = path.stem.split("-")
    return _File(path, int(first), int(last))
