"""Stat `simhash`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, map_utf8, stat

from ..text._chars import longest_row
from ._digests import lay_out, row_buffer, row_digests, workspace
from ._shingles import check_shingles, prepared, row_shingles, token_table


@stat(
    "simhash(text VARCHAR, tokenization VARCHAR := 'space', window_size INTEGER := 6, lowercase BOOLEAN := true, "
    "ignore_pattern VARCHAR := NULL) -> UBIGINT"
)
def simhash(
    text: pa.StringArray, tokenization: str, window_size: int, lowercase: bool, ignore_pattern: str | None
) -> pa.UInt64Array:
    """SimHash of 64 bits: the more shingles two texts have in common, the fewer bits differ.

    A bit is 1 when more than half of the shingles, counted as often as they occur, have it in their hash: the first 8
    bytes of MD5, read as a big-endian number. Shingles are the runs of `window_size` tokens; tokens and parameters are
    those of `minhash_bands` (without 'sentencepiece'), with 'space' by default. With 'auto' the shingles' own 64-bit
    hashes take the place of MD5. Without tokens: 0.

    Usual cut: <= 4 bits that differ, for duplicates: `bit_count(xor(a, b)) <= 4`. Source: Charikar 2002, and
    Data-Juicer's document_simhash_deduplicator, whose value this is for texts of at least `window_size` tokens. It
    gives 0 to all shorter ones and so holds them for the same; here their one shingle is all their tokens.
    """
    check_shingles(tokenization, window_size)
    if tokenization == "sentencepiece":
        raise FunctionError.of("bad-parameter", "simhash has no tokenization 'sentencepiece'", "use 'auto'")
    fast = tokenization == "auto"
    ready = prepared(text, tokenization, lowercase, ignore_pattern, exact=not fast)
    table, keep_empty = token_table(tokenization, lowercase), tokenization == "punctuation"
    if fast:
        return map_utf8(_fast_simhash, ready, np.uint64, table, window_size)
    joint = tokenization != "character"
    return map_utf8(_md5_simhash, ready, np.uint64, table, keep_empty, joint, window_size, workspace())


@kernel
def _fast_simhash(data, offsets, out, table, window):
    most = longest_row(offsets) + 1
    tokens, hashes = np.empty(most, np.uint64), np.empty(most, np.uint64)
    sums = np.empty(32, np.uint64)
    for row in range(len(out)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = row_shingles(data, start, stop, table, False, window, tokens, hashes)
        out[row] = _majority(hashes, count, sums)


@kernel
def _md5_simhash(data, offsets, out, table, keep_empty, joint, window, work):
    most = longest_row(offsets) + 1
    buffer, hashes = row_buffer(offsets), np.empty(most, np.uint64)
    starts, ends = np.empty(most, np.int32), np.empty(most, np.int32)
    sums = np.empty(32, np.uint64)
    for row in range(len(out)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        n = lay_out(data, start, stop, table, keep_empty, joint, buffer, starts, ends)
        count = row_digests(buffer, starts, ends, n, window, False, work, hashes)
        out[row] = _majority(hashes, count, sums)


@kernel
def _majority(hashes, count, sums):
    """The bits that more than half of the hashes have.

    64 sums are kept at once: digit `p` of the sum of a bit, in binary, is that bit of `sums[p]`.
    """
    sums[:] = 0
    digits = 0
    for s in range(count):
        carry = hashes[s]
        p = 0
        while carry != 0:
            before = sums[p]
            sums[p] = before ^ carry
            carry &= before
            p += 1
        digits = max(digits, p)
    value = np.uint64(0)
    for bit in range(64):
        total = 0
        for p in range(digits):
            total |= int((sums[p] >> np.uint64(bit)) & np.uint64(1)) << p
        if 2 * total > count:
            value |= np.uint64(1) << np.uint64(bit)
    return value
