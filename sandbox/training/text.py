"""Texts as token numbers in a memory-mapped file, so that a dataset need not fit in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .rows import empty, plain_text, read_rows

PIECE = 1000  # texts given to the tokenizer at a time
Tally = Callable[[int, int], None]


@dataclass(frozen=True)
class TokenFile:
    """Sequences of tokens: sequence i is `tokens[starts[i]:starts[i + 1]]`."""

    tokens: Any  # numpy memmap, uint16 or uint32
    starts: Any  # numpy int64, one more than there are sequences
    rows: int
    skipped: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        import torch

        if not 0 <= index < len(self):
            raise IndexError(index)
        found = self.tokens[self.starts[index] : self.starts[index + 1]]
        return {"input_ids": torch.from_numpy(found.astype("int64"))}


def read_texts(path: Path, column: str, tally: Tally = lambda rows, skipped: None) -> Iterator[list[str]]:
    """The texts of a dataset, some at a time. Rows without text are left out; `tally` hears of each piece's rows."""
    for rows, broken in read_rows(path, {"text": column}):
        texts = [text for row in rows if (text := plain_text(row["text"])) is not None]
        tally(len(rows) + broken, len(rows) + broken - len(texts))
        yield from (texts[i : i + PIECE] for i in range(0, len(texts), PIECE))


def tokenise(path: Path, column: str, tokenizer: Any, length: int, pack: bool, file: Path) -> TokenFile:
    """Write the tokens of a dataset to `file` and map it. Every text ends with the end token.

    With `pack` texts follow one another in blocks of `length` tokens, the last block shorter (as GPT-2 and its kin are
    pretrained); without, each text is a sequence of its own, cut after `length` tokens.
    """
    import numpy as np

    kind = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
    rows = skipped = 0
    lengths = array("q")

    def tally(new_rows: int, new_skipped: int) -> None:
        nonlocal rows, skipped
        rows, skipped = rows + new_rows, skipped + new_skipped

    with open(file, "wb") as out:
        for texts in read_texts(path, column, tally):
            for found in tokenizer(texts, add_special_tokens=False)["input_ids"]:
                ids = [*found, tokenizer.eos_token_id]
                ids = ids if pack else ids[:length]
                lengths.append(len(ids))
                out.write(np.asarray(ids, dtype=kind).tobytes())
    if not lengths:
        raise empty(path, rows)
    total = sum(lengths)
    ends = [*range(length, total, length), total] if pack else np.cumsum(lengths).tolist()
    if len(ends) > 1 and ends[-1] - ends[-2] == 1:
        ends.pop()  # a single token predicts nothing
    return TokenFile(np.memmap(file, kind, "r"), np.asarray([0, *ends], "int64"), rows, skipped)


def collate(rows: list[dict[str, Any]], pad: int) -> dict[str, Any]:
    """A batch, padded at the right; padding has no part in the loss, nor has the first token, which nothing predicts
    (the Trainer counts labels to divide by)."""
    from torch.nn.utils.rnn import pad_sequence

    ids = [row["input_ids"] for row in rows]
    mask = pad_sequence([i.new_ones(len(i)) for i in ids], batch_first=True)
    padded = pad_sequence(ids, batch_first=True, padding_value=pad)
    labels = padded.masked_fill(mask == 0, -100)
    labels[:, 0] = -100
    return {"input_ids": padded, "attention_mask": mask, "labels": labels}


def steps_for(data: TokenFile, max_tokens: int, batch: int) -> int:
    """How many steps of `batch` sequences see `max_tokens` tokens, going round the data as often as needed."""
    total = int(data.starts[-1])
    rounds, rest = divmod(max_tokens, total)
    return max(1, rounds * -(-len(data) // batch) + -(-rest * len(data) // (total * batch)))
