"""Stat `minhash_bands`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, stat

from ._minhash import bands_and_rows, fast_signatures, field_bits, peer_signatures
from ._shingles import check_shingles, mix, prepared, tokenizer_assets

HASHES = ("fast", "peer")


@stat(
    "minhash_bands(text VARCHAR, jaccard_threshold DOUBLE := 0.7, tokenization VARCHAR := 'auto', "
    "window_size INTEGER := 5, num_permutations INTEGER := 256, num_bands INTEGER := NULL, "
    "num_rows_per_band INTEGER := NULL, lowercase BOOLEAN := true, ignore_pattern VARCHAR := NULL, "
    "hash VARCHAR := 'fast', tokenizer_model VARCHAR := NULL) -> UBIGINT[]",
    assets=tokenizer_assets,
)
def minhash_bands(
    text: pa.StringArray,
    jaccard_threshold: float,
    tokenization: str,
    window_size: int,
    num_permutations: int,
    num_bands: int | None,
    num_rows_per_band: int | None,
    lowercase: bool,
    ignore_pattern: str | None,
    hash: str,
    tokenizer_model: str | None,
) -> pa.ListArray:
    """Keys of near-duplicates: texts that share a key of the list are candidates for being the same.

    The text becomes the set of its shingles, the runs of `window_size` tokens; the Jaccard similarity of two sets is
    the size of their intersection over that of their union. A MinHash signature holds, for each of many permutations
    of the shingles, the least one of the set; two signatures agree in a row with a probability equal to the Jaccard
    similarity (Broder 1997). The rows are cut into bands, and a key is a 64-bit hash of one band and its number. With
    b bands of r rows, a pair of similarity s shares a key with probability 1 - (1 - s^r)^b. Each row has 64 // r bits
    of the key (at most 32) to itself, so that `minhash_similarity` can count the rows in which two lists of keys agree.

    b is the least that finds 90 % of the pairs at `jaccard_threshold`, with r = 6, or less where b r would exceed
    `num_permutations`. At the default of 0.7 that is b = 19, r = 6: found are 91 % of the pairs at 0.7, 97.6 % at 0.75,
    99.7 % at 0.8, and 26 % at 0.5, 1.4 % at 0.3, 0.1 % at 0.2. Few bands are cheap, and their false candidates are to
    be sorted out by `shingle_jaccard`; `num_bands` and `num_rows_per_band`, given together, choose another curve, such
    as 25 and 10 to go without that. Only b r permutations are computed.

    Tokens by `tokenization`: 'auto', runs of letters, digits and marks, where each letter of a script without spaces
    (Han, kana, Thai, Lao, Khmer, Myanmar) is a token by itself; 'space', what stands between spaces (newlines do not
    separate); 'punctuation', what stands between punctuation marks, empty or not; 'character'; 'sentencepiece', the
    pieces of `tokenizer_model` (a SentencePiece model, a tokenizer.json or a name on the hub). `lowercase` comes first,
    then the matches of the regular expression `ignore_pattern` are removed. A text of fewer tokens than the window has
    one shingle, of all its tokens, so it matches only a text of equal tokens. Without tokens: an empty list.

    hash 'fast': 64-bit hashes of the shingles, whose lower halves x are permuted as a x + b modulo 2^32; lower case is
    taken character by character. 'peer': the values of Data-Juicer's document_minhash_deduplicator, SHA-1 with
    permutations modulo 2^61 - 1 and its (b, r), at 0.7 and 256 (25, 10), which finds 51 % of the pairs at 0.7 and 94 %
    at 0.8; its tokenizations do not include 'auto' and its default is 'space'. Data-Juicer stops at a text shorter than
    the window, and earlier versions hold all of them for the same.

    Usual cut: none; texts that share a key are compared by `shingle_jaccard`, as `near_dedup` does. Source: Broder 1997
    (MinHash), and Data-Juicer's document_minhash_deduplicator.
    """
    _check(tokenization, window_size, hash, tokenizer_model)
    peer = hash == "peer"
    bands, rows = bands_and_rows(jaccard_threshold, num_permutations, num_bands, num_rows_per_band, peer)
    ready = prepared(text, tokenization, lowercase, ignore_pattern, tokenizer_model, exact=peer)
    if peer:
        signatures, counts = peer_signatures(ready, tokenization, window_size, bands * rows)
    else:
        signatures, counts = fast_signatures(ready, tokenization, lowercase, window_size, bands * rows)
    keys, ends = np.empty(len(text) * bands, np.uint64), np.zeros(len(text) + 1, np.int32)
    _band_keys(signatures, counts, rows, keys, ends)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(keys[: ends[-1]]))


def _check(tokenization: str, window_size: int, hash_: str, tokenizer_model: str | None) -> None:
    check_shingles(tokenization, window_size, tokenizer_model)
    if hash_ not in HASHES:
        raise FunctionError.of("bad-parameter", f"hash is {hash_!r}", f"use one of {', '.join(HASHES)}")
    if hash_ == "peer" and tokenization == "auto":
        mend = "give tokenization := 'space', 'punctuation', 'character' or 'sentencepiece'"
        raise FunctionError.of("bad-parameter", "hash 'peer' has no tokenization 'auto'", mend)


@kernel
def _band_keys(signatures, counts, rows, keys, ends):
    """One key for each band of the rows that have shingles; equal keys of two bands are chance.

    A key is a hash of the band, of which the lowest bits are replaced by some bits of each row; all that, by exclusive
    or, with a number of the band.
    """
    size = signatures.shape[1]
    width = np.uint64(field_bits(rows))
    at = 0
    for row in range(len(counts)):
        if counts[row]:
            for first in range(0, size, rows):
                h, fields, shift = np.uint64(first + 1), np.uint64(0), np.uint64(0)
                for p in range(first, first + rows):
                    value = np.uint64(signatures[row, p])
                    h = mix(h ^ value) + np.uint64(0x9E3779B97F4A7C15)
                    if width:
                        spread = (value * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)
                        fields |= (spread >> (np.uint64(32) - width)) << shift
                        shift += width
                if shift < 64:
                    fields |= (h >> shift) << shift
                keys[at] = fields ^ mix(np.uint64(first + 1))
                at += 1
        ends[row + 1] = at
