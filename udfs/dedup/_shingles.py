"""Shingles: 64-bit hashes of the windows of tokens that stand for a text wherever texts are compared."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, char_table, kernel, nearest

from ..text._chars import decode, lowered
from ..text._grams import UNSPACED_RANGES
from ..text._tokens import library, sentencepiece, tokenizer_file, tokenizer_of

TOKENIZATIONS = ("auto", "space", "punctuation", "character", "sentencepiece")
APART, IN_WORD, ALONE = 0, 1, 2  # a character parts tokens, belongs to one, or is one
CHAR_BITS = 21
CHAR = (1 << CHAR_BITS) - 1
PIECE_END = "\U0010ffff"  # parts the pieces of a tokenizer: no text may hold this code point

_SEED, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_BASE = np.uint64(0x5851F42D4C957F2D)


def check_shingles(tokenization: str, window_size: int, tokenizer_model: str | None = None) -> None:
    """FunctionError unless shingles can be made with these."""
    if tokenization not in TOKENIZATIONS:
        mend = nearest(tokenization, TOKENIZATIONS) or f"use one of {', '.join(TOKENIZATIONS)}"
        raise FunctionError.of("bad-parameter", f"tokenization is {tokenization!r}", mend)
    if window_size < 1:
        raise FunctionError.of("bad-parameter", f"the window has {window_size} tokens", "give 1 or more")
    if tokenization == "sentencepiece" and not tokenizer_model:
        mend = "give tokenizer_model := the path of a SentencePiece model or tokenizer.json, or a name on the hub"
        raise FunctionError.of("bad-parameter", "tokenization 'sentencepiece' needs a model", mend)


def tokenizer_assets(tokenization: str, tokenizer_model: str | None, **_others: Any) -> list[Path | str]:
    """What shingles depend on besides the text: the file of the tokenizer, when there is one."""
    if tokenization != "sentencepiece":
        return []
    check_shingles(tokenization, 1, tokenizer_model)
    return [tokenizer_file(str(tokenizer_model))]


def prepared(
    text: pa.StringArray,
    tokenization: str,
    lowercase: bool,
    ignore_pattern: str | None,
    tokenizer_model: str | None = None,
    exact: bool = False,
) -> pa.StringArray:
    """The rows lowered, without the matches of the pattern, and cut into pieces, where that is asked for.

    Lower case is left to the kernel when nothing else has to be done, unless it is to be exactly `str.lower`.
    """
    if not ignore_pattern and tokenization != "sentencepiece" and not (exact and lowercase):
        return text
    rows = text.to_pylist()
    if lowercase:
        rows = [row.lower() for row in rows]
    if ignore_pattern:
        compiled = library("regex", "text").compile(ignore_pattern)
        rows = [compiled.sub("", row) for row in rows]
    if tokenization == "sentencepiece":
        rows = [PIECE_END.join(pieces) for pieces in _pieces(rows, tokenizer_file(str(tokenizer_model)))]
    return pa.array(rows, pa.string())


def _pieces(rows: list[str], file: Path) -> list[list[str]]:
    if file.suffix != ".json":
        return sentencepiece(file).encode(rows, out_type=str, num_threads=1)
    # encode_batch_fast leaves the tokens empty.
    return [found.tokens for found in tokenizer_of(file).encode_batch(rows, add_special_tokens=False)]


@lru_cache(maxsize=16)
def token_table(tokenization: str, lowercase: bool) -> np.ndarray:
    """For each code point the one it is hashed as, and above it (`>> CHAR_BITS`) what it does to tokens.

    Lower case is taken character by character: the final sigma is a sigma, and U+0130 is an i.
    """
    if tokenization in ("auto", "punctuation"):
        build = _auto_kinds if tokenization == "auto" else _punctuation_kinds
        kinds = char_table(f"{tokenization}-tokens-1", build)
    else:
        kinds = np.full(0x110000, ALONE if tokenization == "character" else IN_WORD, np.uint8)
        if tokenization != "character":
            kinds[ord(" " if tokenization == "space" else PIECE_END)] = APART
    chars = lowered().copy() if lowercase else np.arange(0x110000, dtype=np.int32)
    if lowercase:
        chars[0x3C2], chars[0x130] = 0x3C3, 0x69
    return (kinds.astype(np.int32) << CHAR_BITS) | chars


def _auto_kinds() -> np.ndarray:
    """Letters, digits and marks make words; each of them is a token by itself in scripts without spaces."""
    import unicodedata

    kinds = np.array([IN_WORD * (unicodedata.category(chr(c))[0] in "LNM") for c in range(0x110000)], np.uint8)
    for first, last in UNSPACED_RANGES:
        part = kinds[first : last + 1]
        part[part == IN_WORD] = ALONE
    return kinds


def _punctuation_kinds() -> np.ndarray:
    import unicodedata

    return np.array([unicodedata.category(chr(c))[0] != "P" for c in range(0x110000)], np.uint8)


@kernel
def mix(h):
    """A 64-bit number whose every bit depends on every bit of `h`."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@kernel
def row_tokens(data, i, stop, table, keep_empty, tokens):
    """Hash the tokens of one row, in order; returns their number. `tokens` needs a place for each byte and one more.

    With `keep_empty` each character that parts makes a token, be it empty, unless all of them are.
    """
    n = 0
    h = _SEED
    begun = filled = False
    while i < stop:
        c = int(data[i])
        if c < 0x80:
            i += 1
        else:
            c, i = decode(data, i)
        char = int(table[c])
        kind = char >> CHAR_BITS
        if kind == IN_WORD:
            h = (h ^ np.uint64(char & CHAR)) * _PRIME
            begun = filled = True
            continue
        if begun or keep_empty:
            tokens[n] = mix(h)
            n += 1
            h = _SEED
            begun = False
        if kind == ALONE:
            tokens[n] = mix((_SEED ^ np.uint64(char & CHAR)) * _PRIME)
            n += 1
    if begun or (keep_empty and filled):
        tokens[n] = mix(h)
        n += 1
    return 0 if keep_empty and not filled else n


@kernel
def row_shingles(data, start, stop, table, keep_empty, window, tokens, hashes):
    """Hash each window of tokens of one row; returns the number of windows.

    A row of fewer tokens than the window has one shingle, of all its tokens. `hashes` is as long as `tokens`.
    """
    n = row_tokens(data, start, stop, table, keep_empty, tokens)
    if n == 0:
        return 0
    window = min(window, n)
    h, top = np.uint64(0), np.uint64(1)
    for k in range(window):
        h = h * _BASE + tokens[k]
        if k:
            top *= _BASE
    hashes[0] = mix(h)
    for s in range(1, n - window + 1):
        h = (h - tokens[s - 1] * top) * _BASE + tokens[s + window - 1]
        hashes[s] = mix(h)
    return n - window + 1
