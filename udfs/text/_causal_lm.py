"""How well a causal language model predicts a response."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from juicesql.api import FunctionError

from ._transformers import Batches, load, longest, model_folder, padded

# The logits of a batch take tokens x vocabulary x 4 bytes on a CPU: 0.6 GB for 1,024 tokens of Qwen2.5.
CPU_TOKENS, GPU_TOKENS = 1024, 8192
CHUNK = 256  # positions whose probabilities are computed at once


class CausalLM:
    """A causal language model that is loaded when it is first needed."""

    def __init__(self, name: str, max_tokens: int) -> None:
        if max_tokens < 2:
            raise FunctionError.of("bad-parameter", f"max_tokens is {max_tokens}", "give 2 or more")
        self.name, self.max_tokens = name, max_tokens

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Batches]:
        model, tokenizer = load("AutoModelForCausalLM", model_folder(self.name), half=True)
        tokenizer.truncation_side = "left"
        return model, tokenizer, Batches(model, CPU_TOKENS, GPU_TOKENS)

    def losses(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Mean negative log-likelihood (nats a token) of each response after its query.

        None where there is no token to predict: a blank response, or a single token with nothing before it.
        """
        losses: list[float | None] = [None] * len(pairs)
        asked = [row for row, (_, response) in enumerate(pairs) if response.strip()]
        if not asked:
            return losses
        tokens, firsts = self._encoded([pairs[row] for row in asked])
        some = [i for i in range(len(asked)) if firsts[i] < len(tokens[i])]
        found = self._loaded[2].run(
            [len(tokens[i]) for i in some],
            lambda rows: self._batch([tokens[some[r]] for r in rows], [firsts[some[r]] for r in rows]),
        )
        for i, loss in zip(some, found, strict=True):
            losses[asked[i]] = loss
        return losses

    def _encoded(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[list[int]], list[int]]:
        """The tokens of query and response, and the position of the first token whose probability counts."""
        model, tokenizer, _ = self._loaded
        limit = longest(model, tokenizer, self.max_tokens)
        whole = tokenizer([f"{q} {r}".strip() for q, r in pairs], truncation=True, max_length=limit)["input_ids"]
        responses = tokenizer([r.strip() for _, r in pairs], add_special_tokens=False)["input_ids"]
        # The first token of all has nothing before it that could predict it.
        firsts = [max(1, len(w) - len(r)) for w, r in zip(whole, responses, strict=True)]
        return whole, firsts

    def _batch(self, rows: list[list[int]], firsts: list[int]) -> list[float]:
        model, tokenizer, _ = self._loaded
        inputs = padded(model, tokenizer, rows)  # padding on the right leaves the positions as they are
        logits = model(**inputs, use_cache=False).logits
        return [_loss(logits[i], inputs["input_ids"][i], firsts[i], len(row)) for i, row in enumerate(rows)]


def _loss(logits: Any, ids: Any, first: int, end: int) -> float:
    """Mean cross-entropy of the tokens from `first` to `end`, each predicted from the position before it."""
    from torch.nn.functional import cross_entropy

    total = 0.0
    for start in range(first, end, CHUNK):
        stop = min(start + CHUNK, end)
        total += float(cross_entropy(logits[start - 1 : stop - 1].float(), ids[start:stop], reduction="sum"))
    return total / (end - first)


def perplexities(losses: Sequence[float | None]) -> list[float | None]:
    """The exponential of each loss; a loss beyond the range of a double gives infinity."""
    import numpy as np

    with np.errstate(over="ignore"):
        return [None if loss is None else float(np.exp(loss)) for loss in losses]
