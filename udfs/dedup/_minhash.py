"""MinHash: signatures of sets of shingles, and how many bands of how many rows they are cut into."""

import math
from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, utf8_buffers

from ..text._chars import longest_row
from ._digests import lay_out, row_buffer, row_digests, workspace
from ._shingles import row_shingles, token_table

RECALL = 0.9  # of the pairs at the threshold
MOST_ROWS = 6  # keeps pairs of half the threshold to about one candidate in 28
MOST_NODES = 513

_MERSENNE = np.uint64((1 << 61) - 1)
_NONE = np.uint32(0xFFFFFFFF)


def bands_and_rows(
    threshold: float, num_permutations: int, num_bands: int | None, num_rows_per_band: int | None, peer: bool
) -> tuple[int, int]:
    """The number of bands and the rows of each, as given or by the rule of the hash."""
    if not 0 < threshold <= 1:
        raise FunctionError.of("bad-parameter", f"jaccard_threshold is {threshold}", "give a number above 0, up to 1")
    if num_permutations < 1:
        raise FunctionError.of("bad-parameter", f"num_permutations is {num_permutations}", "give 1 or more")
    if num_bands is None and num_rows_per_band is None:
        return (_peer_rule if peer else _recall_rule)(threshold, num_permutations)
    if num_bands is None or num_rows_per_band is None:
        mend = "give both num_bands and num_rows_per_band, or none"
        raise FunctionError.of("bad-parameter", "only one of num_bands and num_rows_per_band is given", mend)
    if num_bands < 1 or num_rows_per_band < 1 or num_bands * num_rows_per_band > num_permutations:
        message = f"{num_bands} bands of {num_rows_per_band} rows do not fit into {num_permutations} permutations"
        raise FunctionError.of("bad-parameter", message, f"give num_permutations := {num_bands * num_rows_per_band}")
    return num_bands, num_rows_per_band


def _recall_rule(threshold: float, num_permutations: int) -> tuple[int, int]:
    """The fewest bands that find a pair at the threshold with probability RECALL, of as many rows as fit, up to 6."""
    for rows in range(MOST_ROWS, 0, -1):
        missed = 1 - threshold**rows  # by one band
        bands = math.ceil(math.log(1 - RECALL) / math.log(missed)) if missed > 0 else 1
        if bands * rows <= num_permutations:
            return bands, rows
    message = f"{num_permutations} permutations cannot find {RECALL:.0%} of the pairs at Jaccard {threshold}"
    raise FunctionError.of("bad-parameter", message, f"give num_permutations := {bands} or more")


@lru_cache(maxsize=64)
def _peer_rule(threshold: float, num_permutations: int) -> tuple[int, int]:
    """Data-Juicer's: the first (b, r) with the least sum of the areas of false positives and false negatives.

    Gauss-Legendre quadrature is exact for the polynomials 1 - (1 - s^r)^b of a degree up to twice the nodes.
    """
    nodes, weights = np.polynomial.legendre.leggauss(min(num_permutations // 2 + 1, MOST_NODES))
    below, above = (nodes + 1) / 2 * threshold, threshold + (nodes + 1) / 2 * (1 - threshold)
    best, found = math.inf, (1, 1)
    for b in range(1, num_permutations + 1):
        for r in range(1, num_permutations // b + 1):
            false_positive = weights @ (1 - (1 - below**r) ** b) * threshold
            false_negative = weights @ ((1 - above**r) ** b) * (1 - threshold)
            if false_positive + false_negative < best:
                best, found = false_positive + false_negative, (b, r)
    return found


@kernel
def field_bits(rows):
    """Bits that each row of a band has to itself in the band's key."""
    return min(64 // rows, 32)


def fast_signatures(
    text: pa.StringArray, tokenization: str, lowercase: bool, window: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The signature of each row (rows x size, uint32) and its number of shingles; a row without any has no signature.

    Value p is the least (a_p x + b_p) mod 2^32 over the lower halves x of the shingle hashes, a_p odd.
    """
    data, offsets = utf8_buffers(text)
    signatures, counts = np.empty((len(text), size), np.uint32), np.zeros(len(text), np.int32)
    table = token_table(tokenization, lowercase)
    a, b = _fast_permutations(size)
    _fast_signatures(data, offsets, table, tokenization == "punctuation", window, a, b, signatures, counts)
    return signatures, counts


def peer_signatures(text: pa.StringArray, tokenization: str, window: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """As `fast_signatures`, with Data-Juicer's values: SHA-1 and permutations modulo 2^61 - 1. `text` is lowered."""
    data, offsets = utf8_buffers(text)
    signatures, counts = np.empty((len(text), size), np.uint32), np.zeros(len(text), np.int32)
    joint = tokenization in ("space", "punctuation")
    table = token_table(tokenization, False)
    a, b = _peer_permutations(size)
    keep_empty = tokenization == "punctuation"
    _peer_signatures(data, offsets, table, keep_empty, joint, window, a, b, workspace(), signatures, counts)
    return signatures, counts


@lru_cache(maxsize=4)
def _fast_permutations(size: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.RandomState(42)  # a frozen generator: the same numbers in every version of numpy
    pairs = draw.randint(0, 1 << 32, (size, 2), np.uint32)
    return pairs[:, 0] | np.uint32(1), pairs[:, 1].copy()


@lru_cache(maxsize=4)
def _peer_permutations(size: int) -> tuple[np.ndarray, np.ndarray]:
    draw, prime = np.random.RandomState(42), int(_MERSENNE)
    pairs = [(draw.randint(1, prime, dtype=np.uint64), draw.randint(0, prime, dtype=np.uint64)) for _ in range(size)]
    a, b = np.array(pairs, np.uint64).T
    return a.copy(), b.copy()


@kernel
def _fast_signatures(data, offsets, table, keep_empty, window, a, b, signatures, counts):
    most = longest_row(offsets) + 1
    tokens, hashes = np.empty(most, np.uint64), np.empty(most, np.uint64)
    for row in range(len(counts)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = row_shingles(data, start, stop, table, keep_empty, window, tokens, hashes)
        counts[row] = count
        signature = signatures[row]
        signature[:] = _NONE
        for s in range(count):
            x = np.uint32(hashes[s] & np.uint64(0xFFFFFFFF))
            for p in range(len(a)):
                signature[p] = min(signature[p], np.uint32(a[p] * x + b[p]))


@kernel
def _peer_signatures(data, offsets, table, keep_empty, joint, window, a, b, work, signatures, counts):
    most = longest_row(offsets) + 1
    buffer, hashes = row_buffer(offsets), np.empty(most, np.uint64)
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    for row in range(len(counts)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        n = lay_out(data, start, stop, table, keep_empty, joint, buffer, starts, ends)
        count = row_digests(buffer, starts, ends, n, window, True, work, hashes)
        counts[row] = count
        signature = signatures[row]
        signature[:] = _NONE
        for s in range(count):
            h = hashes[s]
            for p in range(len(a)):
                v = h * a[p] + b[p]  # modulo 2^64 first, as numpy has it
                v = (v & _MERSENNE) + (v >> np.uint64(61))
                v = v - _MERSENNE if v >= _MERSENNE else v
                signature[p] = min(signature[p], np.uint32(v & np.uint64(0xFFFFFFFF)))
