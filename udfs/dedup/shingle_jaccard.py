"""Stat `shingle_jaccard`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, stat, utf8_buffers

from ..text._chars import longest_row
from ..text._words import same_bytes, table_bits
from ._shingles import check_shingles, prepared, row_shingles, token_table, tokenizer_assets


@stat(
    "shingle_jaccard(text VARCHAR, text2 VARCHAR, tokenization VARCHAR := 'auto', window_size INTEGER := 5, "
    "lowercase BOOLEAN := true, ignore_pattern VARCHAR := NULL, tokenizer_model VARCHAR := NULL) -> DOUBLE",
    assets=tokenizer_assets,
)
def shingle_jaccard(
    text: pa.StringArray,
    text2: pa.StringArray,
    tokenization: str,
    window_size: int,
    lowercase: bool,
    ignore_pattern: str | None,
    tokenizer_model: str | None,
) -> pa.DoubleArray:
    """Jaccard similarity of the sets of shingles of two texts: what both have over what either has.

    Shingles and parameters are those of `minhash_bands` with hash 'fast': runs of `window_size` tokens, or all tokens
    of a text that has fewer, so such a text is similar (1) only to one of equal tokens. Exact, up to a collision of
    64-bit hashes. 0 when either text has no token, also when both have none.
    Usual cut: >= 0.7 for duplicates. Source: Broder 1997 (resemblance of shingled documents).
    Rows in a row that have the same first text are cheaper: sort by it.
    """
    check_shingles(tokenization, window_size, tokenizer_model)
    # One array of both columns: row `i` is to be compared with row `len(text) + i`.
    both = pa.concat_arrays([text, text2])
    data, offsets = utf8_buffers(prepared(both, tokenization, lowercase, ignore_pattern, tokenizer_model))
    out = np.zeros(len(text), np.float64)
    table = token_table(tokenization, lowercase)
    _shingle_jaccard(data, offsets, out, table, tokenization == "punctuation", window_size)
    return pa.array(out)


@kernel
def _shingle_jaccard(data, offsets, out, table, keep_empty, window):
    most = longest_row(offsets) + 1
    tokens, hashes, hashes2 = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(2 * most), np.uint64)
    met = np.empty(len(slots), np.int32)  # the last row that met the shingle of a slot
    added = np.empty(most, np.int64)
    bits = count = distinct = 0
    rows = len(out)
    for row in range(rows):
        start, stop, other = int(offsets[row]), int(offsets[row + 1]), rows + row
        size = stop - start
        again = row > 0 and start - int(offsets[row - 1]) == size and same_bytes(data, start, data, start - size, size)
        if not again:
            bits = 0
            count = row_shingles(data, start, stop, table, keep_empty, window, tokens, hashes)
        start, stop = int(offsets[other]), int(offsets[other + 1])
        count2 = row_shingles(data, start, stop, table, keep_empty, window, tokens, hashes2)
        needed = table_bits(count + count2)
        if needed > bits:
            bits = needed
            distinct = _fill(hashes, count, slots, met, bits)
        shared, more = _compare(hashes2, count2, slots, met, bits, row, added)
        out[row] = shared / (distinct + more) if shared else 0.0


@kernel
def _fill(hashes, count, slots, met, bits):
    """Put the set of the first text into the table; returns its size."""
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots[: mask + 1] = 0
    distinct = 0
    for s in range(count):
        h = max(hashes[s], np.uint64(1))  # 0 is an empty slot
        slot = np.int64(h >> shift)
        while slots[slot] != 0 and slots[slot] != h:
            slot = (slot + 1) & mask
        if slots[slot] == 0:
            slots[slot], met[slot] = h, -1
            distinct += 1
    return distinct


@kernel
def _compare(hashes, count, slots, met, bits, row, added):
    """How many shingles of the second text are in the table, and how many are not; the table stays as it is."""
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    shared = more = 0
    for s in range(count):
        h = max(hashes[s], np.uint64(1))
        slot = np.int64(h >> shift)
        while slots[slot] != 0 and slots[slot] != h:
            slot = (slot + 1) & mask
        if slots[slot] == 0:
            slots[slot] = h
            added[more] = slot
            more += 1
        elif met[slot] != row:
            shared += 1
        met[slot] = row
    for k in range(more):
        slots[added[k]] = 0
    return shared, more
