"""Where the tokens of a text end, counted in its characters."""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import numpy as np

from ._tokens import TEXTS_AT_ONCE, TIKTOKEN, sentencepiece, tiktoken_encoding, tokenizer_file, tokenizer_of

TokenEnds = Callable[[list[str]], list[list[int]]]


def token_ends(name: str) -> TokenEnds:
    """A function that gives where each token of each text ends; one that ends within a character ends behind it."""
    if name.startswith(TIKTOKEN):
        return _tiktoken_ends(name.removeprefix(TIKTOKEN))
    file = tokenizer_file(name)
    return _tokenizers_ends(file) if file.suffix == ".json" else _sentencepiece_ends(file)


def _tokenizers_ends(file: Path) -> TokenEnds:
    tokenizer = tokenizer_of(file)

    def ends(texts: list[str]) -> list[list[int]]:
        rows: list[list[int]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found = tokenizer.encode_batch(texts[start : start + TEXTS_AT_ONCE], add_special_tokens=False)
            rows += [list(accumulate((end for _, end in one.offsets), max)) for one in found]
        return rows

    return ends


def _sentencepiece_ends(file: Path) -> TokenEnds:
    processor = sentencepiece(file)

    def ends(texts: list[str]) -> list[list[int]]:
        protos = (processor.encode(text, out_type="proto") for text in texts)
        return [list(accumulate(len(piece.surface) for piece in proto.pieces)) for proto in protos]

    return ends


def _tiktoken_ends(name: str) -> TokenEnds:
    encoding = tiktoken_encoding(name)

    def ends(texts: list[str]) -> list[list[int]]:
        return [_char_ends(text, [len(t) for t in encoding.decode_tokens_bytes(tokens)])
                for text, tokens in zip(texts, encoding.encode_ordinary_batch(texts), strict=True)]  # fmt: skip

    return ends


def _char_ends(text: str, lengths: list[int]) -> list[int]:
    """The characters that have begun by the end of each token; `lengths` are the bytes of the tokens."""
    if text.isascii() or not lengths:
        return list(accumulate(lengths))
    begins = (np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80
    return np.cumsum(begins)[np.cumsum(lengths) - 1].tolist()
