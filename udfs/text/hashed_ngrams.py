"""Stat `hashed_ngrams`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, stat, utf8_buffers

from ._chars import lowered
from ._grams import check_grams, row_grams, token_kinds


@stat("hashed_ngrams(text VARCHAR, ngrams INTEGER := 2, dims INTEGER := 262144) -> INTEGER[]")
def hashed_ngrams(text: pa.StringArray, ngrams: int, dims: int) -> pa.ListArray:
    """Word n-grams of the text as numbers from 0 to `dims` - 1, each once: features for classifiers of your own.

    They are the features of `quality_score`, in the order in which the n-grams end, longer ones first. A token is a run
    of letters, digits and marks, lowered one by one (a capital sigma is `σ`); a letter of a script without spaces (Han,
    kana, Thai, Lao, Khmer, Myanmar) and any other visible character is a token by itself, so Chinese gives character
    n-grams. All runs of 1 to `ngrams` tokens count; `dims` is a power of two. A token's hash is FNV-1a (64 bits)
    over its code points; n tokens hash to `hash(first n - 1) * 0x5851F42D4C957F2D xor hash(last)`; the number is
    bits 40 and up of `(h xor h >> 32) * 0x9E3779B97F4A7C15`, modulo `dims`. Empty text: an empty list.

    Usual cut: none; it feeds `quality_score`. Source: the hashing trick (Weinberger and others 2009), which GPT-3's
    quality classifier uses too (Brown and others 2020, appendix A).
    """
    check_grams(ngrams, dims)
    data, offsets = utf8_buffers(text)
    # A byte begins at most one token, and a token ends at most `ngrams` n-grams.
    ids = np.empty((int(offsets[-1]) - int(offsets[0])) * ngrams, np.int32)
    ends = np.zeros(len(text) + 1, np.int32)
    _hashed_ngrams(data, offsets, ids, ends, ngrams, dims, token_kinds(), lowered())
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(ids[: ends[-1]].copy()))


@kernel
def _hashed_ngrams(data, offsets, ids, ends, ngrams, dims, kinds, lower):
    last = np.zeros(ngrams, np.uint64)
    seen = np.zeros(dims // 8 + 1, np.uint8)
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        ends[row + 1] = row_grams(data, start, stop, dims, kinds, lower, last, seen, ids, int(ends[row]))
