"""Mapper `text_chunk`."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, mapper

from ._chunks import chunks_by_literal, chunks_by_pattern
from ._token_ends import token_ends
from ._tokens import counter_assets

# A pattern without any operator: plain characters, and those that a backslash makes plain.
LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[nrtfv]|\\[^\w\s])+")
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}


def tokenizer_assets(tokenizer: str | None, **_others: object) -> Iterable[Path | str]:
    """The tokenizer that lengths are measured with."""
    return [] if tokenizer is None else counter_assets(tokenizer)


@mapper(
    r"text_chunk(text VARCHAR, max_len INTEGER := NULL, split_pattern VARCHAR := '\n\n', overlap_len INTEGER := 0, "
    "tokenizer VARCHAR := NULL) -> VARCHAR[]",
    assets=tokenizer_assets,
)
def text_chunk(
    text: pa.StringArray, max_len: int | None, split_pattern: str | None, overlap_len: int, tokenizer: str | None
) -> pa.ListArray:
    r"""Cut the text into chunks: a list, which `unnest` turns into rows.

    - `split_pattern` alone (a pattern of Python's `re`): what stands between its matches; a chunk of blanks only is
      dropped, so empty text gives an empty list. The text of a group `(..)` in the pattern is a chunk of its own.
    - `max_len` alone (`split_pattern := NULL`): windows of `max_len` characters that begin every
      `max_len - overlap_len`. Text of up to `max_len`, and empty text, is one chunk; the last window may lie within the
      one before.
    - Both: while more than `max_len` is left, cut it at the last match within the first `max_len` characters, where the
      match itself goes, or without a match behind them, then going on `overlap_len` before the cut. Chunks of blanks
      only are dropped, except the last.

    `tokenizer` measures `max_len` and `overlap_len` in tokens: `tiktoken:` and the name of an encoding, or the folder,
    file or hub name of a tokenizer, as for `num_token` (the extra "tokenizers"). A cut within a character is made
    behind it.

    A pattern with operators is matched by Python, which holds the GIL.

    Source: Data-Juicer's text_chunk_mapper. Chunks are always pieces of the text here; that one decodes tokens instead,
    which brings special tokens and the lower case of some tokenizers into the text, and tokenizes the rest anew after
    each cut of "both"; there it also fails on texts of a thousand chunks, and on a pattern whose only match is empty at
    the start, which counts as none here.
    """
    _check(max_len, split_pattern, overlap_len)
    literal = _literal(split_pattern)
    if literal is not None and (tokenizer is None or max_len is None):
        return chunks_by_literal(text, literal, max_len or 0, overlap_len)
    try:
        pattern = None if split_pattern is None else re.compile(split_pattern)
    except re.error as error:
        raise FunctionError.of("bad-parameter", f"split_pattern: {error}", "give a pattern of Python's `re`") from error
    ends = None if tokenizer is None or max_len is None else token_ends(tokenizer)
    return chunks_by_pattern(text.to_pylist(), pattern, max_len, overlap_len, ends)


def _check(max_len: int | None, split_pattern: str | None, overlap_len: int) -> None:
    if max_len is None and split_pattern is None:
        raise FunctionError.of("bad-parameter", "neither max_len nor split_pattern", "give one of them, or both")
    if max_len is not None and not 0 <= overlap_len < max_len:
        message = f"max_len is {max_len} and overlap_len {overlap_len}"
        raise FunctionError.of("bad-parameter", message, "give 0 <= overlap_len < max_len")


def _literal(pattern: str | None) -> np.ndarray | None:
    """The bytes that the pattern stands for, none for no pattern; None when it has operators."""
    if pattern is None:
        return np.zeros(0, np.uint8)
    if not LITERAL.fullmatch(pattern):
        return None
    plain = re.sub(r"\\(.)", lambda escape: ESCAPED.get(escape[1], escape[1]), pattern)
    return np.frombuffer(plain.encode(), np.uint8)
