"""A source of which only some rows are read: those whose ids have the smallest hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.plan import SAMPLE
from juicesql.sources import Loaded, Morsel, Source

_Ids = np.ndarray[Any, np.dtype[np.int64]]


def sampled(source: Source, rows: int) -> Source:
    """The source with `rows` of its rows, the same ones in every run; more than there are is all of them.

    What is drawn depends on the ids and their number only, so a larger sample has every row of a smaller one.
    """
    chosen = choose((range(m.first_id, m.first_id + m.rows) for m in source.morsels()), rows)
    walk = partial(_walk, source, chosen)
    return replace(source, _walk=walk, fingerprint=f"{source.fingerprint}-sample-{rows}")


def choose(spans: Iterator[range], rows: int) -> _Ids:
    """The ids with the smallest hashes, ascending.

    >>> choose(iter([range(0, 6), range(6, 10)]), 3).tolist() == choose(iter([range(0, 10)]), 3).tolist()
    True
    """
    best = np.zeros(0, np.int64)
    for span in spans:
        best = np.concatenate([best, np.arange(span.start, span.stop)])
        if len(best) > max(2 * rows, 1 << 16):
            best = _smallest(best, rows)
    return np.sort(_smallest(best, rows))


def _smallest(ids: _Ids, rows: int) -> _Ids:
    return ids if len(ids) <= rows else ids[np.argpartition(_hash(ids), rows)[:rows]]


def _hash(ids: _Ids) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """splitmix64 (Steele, Lea and Flood 2014, figure 17)."""
    x = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _walk(source: Source, chosen: _Ids, max_bytes: int, max_rows: int) -> Iterator[Morsel]:
    index = 0
    for morsel in source.morsels(max_bytes, max_rows):
        low, high = np.searchsorted(chosen, [morsel.first_id, morsel.first_id + morsel.rows])
        if high > low:
            part = pa.array(chosen[low:high])
            yield replace(morsel, index=index, rows=len(part), load=partial(_load, morsel, part))
            index += 1


def _load(morsel: Morsel, ids: pa.Array) -> Loaded:
    loaded, wanted = morsel.load(), set(ids.to_pylist())
    keep = pc.is_in(loaded.table.column(SAMPLE), ids)
    errors = tuple(e for e in loaded.errors if e.sample_id in wanted)
    rows = loaded.file_rows.filter(keep.combine_chunks() if isinstance(keep, pa.ChunkedArray) else keep)
    return Loaded(loaded.table.filter(keep), rows, errors)
