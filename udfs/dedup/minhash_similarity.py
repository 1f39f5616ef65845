"""Mapper `minhash_similarity`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper

from ._minhash import bands_and_rows, field_bits


@mapper(
    "minhash_similarity(bands UBIGINT[], bands2 UBIGINT[], jaccard_threshold DOUBLE := 0.7, "
    "num_permutations INTEGER := 256, num_bands INTEGER := NULL, num_rows_per_band INTEGER := NULL, "
    "hash VARCHAR := 'fast') -> DOUBLE"
)
def minhash_similarity(
    bands: pa.ListArray,
    bands2: pa.ListArray,
    jaccard_threshold: float,
    num_permutations: int,
    num_bands: int | None,
    num_rows_per_band: int | None,
    hash: str,
) -> pa.DoubleArray:
    """Estimates the Jaccard similarity of two texts from their `minhash_bands`; the texts are not needed.

    Give the parameters with which both lists were measured. Each of the n = b r rows of the signatures has w = 64 // r
    bits (at most 32) in the key of its band; m is the share of the rows in which these bits are equal, which rows that
    differ are with probability c = 2^-w. The estimate is (m - c) / (1 - c), not below 0: that of b-bit minwise hashing.
    Its standard error is about sqrt(s (1 - s) / n): at the keys of `near_dedup` (0.65: 19 bands of 6 rows) 0.045 at
    0.65, 0.037 at 0.8 and 0.028 at 0.9. 0 when neither text had a token; NULL for lists of different lengths, and for
    lists with a NULL. Usual cut: >= 0.65. Source: Li and Koenig 2010, b-Bit Minwise Hashing; Broder 1997.
    """
    _, rows = bands_and_rows(jaccard_threshold, num_permutations, num_bands, num_rows_per_band, hash == "peer")
    if rows > 64:
        message = f"bands of {rows} rows keep no bits of each row"
        raise FunctionError.of("bad-parameter", message, "measure minhash_bands with num_rows_per_band of 64 or less")
    size = np.asarray(bands.value_lengths())
    known = (size == np.asarray(bands2.value_lengths())) & _without_nulls(bands) & _without_nulls(bands2)
    out = np.zeros(len(bands))
    left, right = (np.asarray(b.values.fill_null(0)) for b in (bands, bands2))
    _agreement(left, np.asarray(bands.offsets), right, np.asarray(bands2.offsets), known, rows, out)
    return pa.array(out, mask=~known)


def _without_nulls(lists: pa.ListArray) -> np.ndarray:
    """Which lists hold no NULL."""
    if not lists.values.null_count:
        return np.ones(len(lists), bool)
    before = np.concatenate([[0], np.cumsum(np.asarray(lists.values.is_null()))])
    offsets = np.asarray(lists.offsets)
    return before[offsets[1:]] == before[offsets[:-1]]


@kernel
def _agreement(left, left_offsets, right, right_offsets, known, rows, out):
    """The share of the rows whose bits agree, less what chance alone makes agree."""
    width = np.uint64(field_bits(rows))
    mask = (np.uint64(1) << width) - np.uint64(1)
    chance = 1.0 / (1 << field_bits(rows))
    for row in range(len(out)):
        start, start2 = int(left_offsets[row]), int(right_offsets[row])
        size = int(left_offsets[row + 1]) - start
        if not known[row] or not size:
            continue
        equal = 0
        for k in range(size):
            differing = left[start + k] ^ right[start2 + k]
            for _ in range(rows):
                equal += (differing & mask) == 0
                differing >>= width
        out[row] = max(0.0, (equal / (size * rows) - chance) / (1.0 - chance))
