"""Mapper `ngram_hashes`: a text in, hashes out; the lists are as large as the text, so they are not stored."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, mapper, utf8_buffers

from ..text._chars import longest_row
from ..text._words import table_bits
from ._shingles import check_shingles, row_shingles, token_table


@mapper("ngram_hashes(text VARCHAR, n INTEGER := 13, tokenization VARCHAR := 'auto') -> UBIGINT[]")
def ngram_hashes(text: pa.StringArray, n: int, tokenization: str) -> pa.ListArray:
    """64-bit hashes of the runs of `n` tokens in the lower-cased text, each once, in the order of the text.

    For decontamination: a text that shares a hash with a test set shares `n` tokens in a row with it. Tokens are those
    of `minhash_bands` ('auto', 'space', 'punctuation' or 'character'). A text of fewer tokens has one hash, of all of
    them, which only a text of equal tokens shares: give a smaller `n` where test items are short. Without tokens: an
    empty list.

    Source: GPT-3 (Brown and others 2020,
    appendix C), which takes 13 words.
    """
    check_shingles(tokenization, n)
    if tokenization == "sentencepiece":
        raise FunctionError.of("bad-parameter", "ngram_hashes has no tokenization 'sentencepiece'", "use 'auto'")
    data, offsets = utf8_buffers(text)
    room = int(offsets[-1]) - int(offsets[0]) + len(text)  # a byte begins at most one n-gram
    hashes, ends = np.empty(room, np.uint64), np.zeros(len(text) + 1, np.int32)
    _ngram_hashes(data, offsets, hashes, ends, n, token_table(tokenization, True), tokenization == "punctuation")
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(hashes[: ends[-1]].copy()))


@kernel
def _ngram_hashes(data, offsets, out, ends, n, table, keep_empty):
    most = longest_row(offsets) + 1
    tokens, hashes = np.empty(most, np.uint64), np.empty(most, np.uint64)
    slots = np.empty(1 << table_bits(most), np.uint64)
    at = 0
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = row_shingles(data, start, stop, table, keep_empty, n, tokens, hashes)
        bits = table_bits(count)
        shift, mask = np.uint64(64 - bits), (1 << bits) - 1
        slots[: mask + 1] = 0
        for s in range(count):
            h = max(hashes[s], np.uint64(1))  # 0 is an empty slot
            slot = np.int64(h >> shift)
            while slots[slot] != 0 and slots[slot] != h:
                slot = (slot + 1) & mask
            if slots[slot] == 0:
                slots[slot] = out[at] = h
                at += 1
        ends[row + 1] = at
