"""Answers of a chat model, drawn with randomness that belongs to each row."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from juicesql.api import FunctionError

from ._transformers import Batches, load, model_folder, padded

CPU_TOKENS, GPU_TOKENS = 2048, 16384


@dataclass(frozen=True)
class Drawing:
    """How the tokens of an answer are chosen."""

    max_new_tokens: int
    temperature: float
    top_p: float | None
    num_beams: int
    seed: int

    def __post_init__(self) -> None:
        for name, good in (
            ("max_new_tokens", self.max_new_tokens >= 1),
            ("temperature", self.temperature >= 0),
            ("top_p", self.top_p is None or 0 < self.top_p <= 1),
            ("num_beams", self.num_beams >= 1),
        ):
            if not good:
                message = f"{name} is {getattr(self, name)}"
                raise FunctionError.of("bad-parameter", message, "see the manual: `juicesql functions`")


class ChatModel:
    """A model that answers; it is loaded when it is first needed."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Batches]:
        model, tokenizer = load("AutoModelForCausalLM", model_folder(self.name), half=True)
        return model, tokenizer, Batches(model, CPU_TOKENS, GPU_TOKENS)

    def answers(self, system: str, messages: Sequence[str], drawing: Drawing) -> list[str]:
        """The answer to each message, after the system prompt."""
        _, tokenizer, batches = self._loaded
        templated = bool(tokenizer.chat_template)
        prompts = [self._prompt(system, message) for message in messages]
        tokens = tokenizer(prompts, add_special_tokens=not templated)["input_ids"]  # a template writes its own
        lengths = [len(row) + drawing.max_new_tokens for row in tokens]
        streams = [Random(f"{drawing.seed}\0{message}") for message in messages]
        draws = [[stream.random() for _ in range(drawing.max_new_tokens)] for stream in streams]
        return batches.run(
            lengths, lambda rows: self._batch([tokens[r] for r in rows], [draws[r] for r in rows], drawing)
        )

    def _prompt(self, system: str, message: str) -> str:
        tokenizer = self._loaded[1]
        if not tokenizer.chat_template:
            return f"{system} USER: {message} ASSISTANT:"
        chat = [{"role": "system", "content": system}, {"role": "user", "content": message}]
        return tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)

    def _batch(self, rows: list[list[int]], draws: list[list[float]], drawing: Drawing) -> list[str]:
        from transformers import LogitsProcessorList

        model, tokenizer, _ = self._loaded
        settings = copy.deepcopy(model.generation_config)
        top_k = settings.top_k
        settings.update(
            do_sample=False, temperature=None, top_p=None, top_k=None, num_beams=drawing.num_beams,
            max_new_tokens=drawing.max_new_tokens, max_length=None,
            pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
        )  # fmt: skip
        inputs = padded(model, tokenizer, rows, left=True)
        width = inputs["input_ids"].shape[1]
        drawn = drawing.num_beams == 1 and drawing.temperature > 0
        rules = [choice(draws, width, drawing.temperature, top_k, drawing.top_p)] if drawn else []
        found = model.generate(**inputs, generation_config=settings, logits_processor=LogitsProcessorList(rules))
        return tokenizer.batch_decode(found[:, width:], skip_special_tokens=True)


def choice(draws: list[list[float]], width: int, temperature: float, top_k: int | None, top_p: float | None) -> Any:
    """A logits processor that leaves one token a row: the one where the row's draw falls among the probabilities."""
    import torch
    from transformers import LogitsProcessor

    class Choice(LogitsProcessor):
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            ordered, tokens = torch.sort(scores.double() / temperature, descending=True, stable=True)
            shares = torch.softmax(ordered[:, : top_k or None], dim=1)
            reached = shares.cumsum(1)
            if top_p is not None:  # a token counts as long as those before it have not reached top_p
                shares = shares.masked_fill(reached - shares >= top_p, 0.0)
                reached = shares.cumsum(1)
            step = input_ids.shape[1] - width
            mark = torch.tensor([[row[step]] for row in draws], dtype=reached.dtype, device=reached.device)
            place = (reached <= mark * reached[:, -1:]).sum(1, keepdim=True).clamp(max=shares.shape[1] - 1)
            return torch.full_like(scores, -torch.inf).scatter(1, tokens.gather(1, place), 0.0)

    return Choice()
