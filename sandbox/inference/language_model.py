"""Language models of the transformers library at work: what tokens cost, what follows a prompt, what a text scores.

Runs in a child process. Weights are read from safetensors; code of a model runs only when the settings allow it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from juicesql.api import hub_model

# Tokens of a batch, with padding: the logits take tokens x vocabulary x 4 bytes on a CPU.
CPU_TOKENS, GPU_TOKENS = 1024, 8192
CHUNK = 256  # positions whose probabilities are computed at once


@dataclass(frozen=True)
class Span:
    """Token ids, of which those from `first` on are predicted, each from all before it."""

    ids: Sequence[int]
    first: int = 1


@dataclass(frozen=True)
class Cost:
    """What a text costs: the sum of -ln p over its predicted tokens, in nats, and how many these are."""

    nats: float
    tokens: int

    @property
    def loss(self) -> float | None:
        """Nats a token; None where no token is predicted, or where the model gives no finite number."""
        return self.nats / self.tokens if self.tokens and isfinite(self.nats) else None


class Model:
    """A model with its tokenizer, on the GPU in bfloat16 when there is one, else on the CPU in float32."""

    def __init__(self, auto_class: str, name: str, code: bool = False, threads: int | None = None) -> None:
        import torch
        import transformers

        torch.set_num_threads(threads or os.cpu_count() or 1)
        logging: Any = transformers.utils.logging
        logging.disable_progress_bar()
        folder: Path | str = hub_model(name)
        given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": code}
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        kind = torch.bfloat16 if self.device == "cuda" else torch.float32
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, **given)
        made = getattr(transformers, auto_class).from_pretrained(folder, dtype=kind, use_safetensors=True, **given)
        self.model: Any = made.to(self.device).eval()
        self.tokens = GPU_TOKENS if self.device == "cuda" else CPU_TOKENS

    def longest(self, wanted: int | None = None) -> int:
        """The most tokens that an input may have: what is wanted, within what the model can take."""
        positions = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return min(limit for limit in (wanted, self.tokenizer.model_max_length, positions) if limit)

    def encode(self, texts: Sequence[str], special: bool = True) -> list[list[int]]:
        """Token ids, as many as there are."""
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=special, truncation=False, verbose=False)[
            "input_ids"
        ]
        return ids

    def span(self, text: str, query: str = "", separator: str = " ") -> Span:
        """The tokens of a text, or of a query and the text that follows, whose query costs nothing.

        A token that reaches from the query into the text counts as the text's. The first token of all has nothing
        before it to predict it from, so it costs nothing either.
        """
        if not query:
            return Span(self.encode([text])[0])
        alone, whole = self.encode([query, query + separator + text])
        shared = 0
        while shared < min(len(alone), len(whole)) and alone[shared] == whole[shared]:
            shared += 1
        return Span(whole, max(1, shared))

    def costs(self, spans: Sequence[Span], max_tokens: int | None = None) -> list[Cost]:
        """What the spans cost. Of a longer one only the last `max_tokens` tokens are read."""
        limit = self.longest(max_tokens)
        cut = [Span(s.ids[-limit:], max(1, s.first - max(0, len(s.ids) - limit))) for s in spans]
        some = [i for i, s in enumerate(cut) if len(s.ids) > s.first]
        found = self._in_batches(
            [len(cut[i].ids) for i in some], lambda rows: self._costs([cut[some[r]] for r in rows])
        )
        costs = [Cost(0.0, 0)] * len(cut)
        for i, cost in zip(some, found, strict=True):
            costs[i] = cost
        return costs

    def _costs(self, spans: Sequence[Span]) -> list[Cost]:
        inputs = self._padded([s.ids for s in spans])  # padding on the right leaves the positions as they are
        logits = self.model(**inputs, use_cache=False).logits
        return [_cost(logits[i], inputs["input_ids"][i], s.first, len(s.ids)) for i, s in enumerate(spans)]

    def outputs(self, texts: Sequence[str], max_tokens: int | None = None) -> list[list[float]]:
        """The outputs of a classifier: logits, one a label. Of a longer text the first `max_tokens` tokens count."""
        limit = self.longest(max_tokens)
        ids = self.tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]
        if self.model.config.pad_token_id is None:  # with it the model finds the last token of each text
            self.model.config.pad_token_id = self.tokenizer.pad_token_id
        alone = self.model.config.pad_token_id is None
        return self._in_batches(
            [len(i) for i in ids],
            lambda rows: self.model(**self._padded([ids[r] for r in rows])).logits.float().tolist(),
            at_once=1 if alone else None,
        )

    def generate(self, prompts: Sequence[str], params: dict[str, Any], batch: int, chat: bool = False) -> list[str]:
        """What the model writes after each prompt. Prompts of like length run together, padded on the left; of a prompt
        that leaves no room for the answer only the last tokens are read."""
        room = max(1, self.longest() - int(params.get("max_new_tokens") or 0))
        if chat:
            asked = [[{"role": "user", "content": p}] for p in prompts]
            prompts = [self.tokenizer.apply_chat_template(a, add_generation_prompt=True, tokenize=False) for a in asked]
        begin = self.start() or [self._filler()]
        ids = [(i or begin)[-room:] for i in self.encode(prompts, special=not chat)]
        return self._in_batches(
            [len(i) for i in ids], lambda rows: self._written([ids[r] for r in rows], params), at_once=batch
        )

    def _written(self, ids: Sequence[Sequence[int]], params: dict[str, Any]) -> list[str]:
        inputs = self._padded(ids, left=True)
        found = self.model.generate(**inputs, pad_token_id=self._filler(), **params)
        answers = found[:, inputs["input_ids"].shape[1] :]
        texts: list[str] = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return texts

    def start(self) -> list[int]:
        """The token that stands before a text: that of the beginning, else that of the end, if it has either."""
        ids = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        return [next(i for i in ids if i is not None)] if ids != (None, None) else []

    def _filler(self) -> int:
        ids = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(i for i in ids if i is not None)

    def _padded(self, rows: Sequence[Sequence[int]], left: bool = False) -> dict[str, Any]:
        import torch

        width, filler = max(map(len, rows)), self._filler()
        ids, mask = [], []
        for row in rows:
            gap = width - len(row)
            before, after = (gap, 0) if left else (0, gap)
            ids.append([filler] * before + list(row) + [filler] * after)
            mask.append([0] * before + [1] * len(row) + [0] * after)
        return {
            "input_ids": torch.tensor(ids, device=self.device),
            "attention_mask": torch.tensor(mask, device=self.device),
        }

    def _in_batches(
        self, lengths: Sequence[int], call: Callable[[list[int]], Iterable[Any]], at_once: int | None = None
    ) -> list[Any]:
        """One value for each row; rows of like length run together. What memory cannot hold is halved."""
        import torch

        order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
        values: list[Any] = [None] * len(order)
        most, start = self.tokens, 0
        while start < len(order):
            length = max(1, lengths[order[start]])
            rows = order[start : start + max(1, min(most // length, at_once or len(order)))]
            try:
                with torch.inference_mode():
                    found = list(call(rows))
            except torch.OutOfMemoryError:
                if len(rows) == 1:
                    raise
                most = length * (len(rows) // 2)
                torch.cuda.empty_cache()
                continue
            for row, value in zip(rows, found, strict=True):
                values[row] = value
            start += len(rows)
        return values


def _cost(logits: Any, ids: Any, first: int, end: int) -> Cost:
    from torch.nn.functional import cross_entropy

    nats = 0.0
    for start in range(first, end, CHUNK):
        stop = min(start + CHUNK, end)
        nats += float(cross_entropy(logits[start - 1 : stop - 1].float(), ids[start:stop], reduction="sum"))
    return Cost(nats, end - first)


def windows(span: Span, most: int, stride: int) -> list[Span]:
    """A long span as windows of at most `most` tokens, each `stride` tokens after the one before; every token is
    predicted once, from what stands before it in its window.

    >>> [(list(s.ids), s.first) for s in windows(Span([0, 1, 2, 3, 4, 5]), 4, 2)]
    [([0, 1, 2, 3], 1), ([2, 3, 4, 5], 2)]
    """
    found, done, begin = [], span.first, 0
    while True:
        end = min(begin + most, len(span.ids))
        if end > done:
            found.append(Span(span.ids[begin:end], done - begin))
            done = end
        if end == len(span.ids):
            return found
        begin += stride
