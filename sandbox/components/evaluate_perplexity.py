"""The model evaluator `perplexity`: how well a language model predicts held-out texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead
from ..errors import SandboxError
from ..inference.held_out import HeldOutSettings, ModelEvaluator
from ..registry import component

LARGEST = 700.0  # nats whose exponential a double can hold


@dataclass(frozen=True)
class PerplexitySettings(HeldOutSettings):
    """What the evaluator may be told."""

    text_key: str = "text"  # the column of the texts
    max_tokens: int = 2048  # the window in which a token is predicted; fewer when the model takes fewer
    stride: int | None = None  # tokens from one window to the next; by default one less than a window
    start_token: bool = True  # put the beginning-of-text token (else the end-of-text token) before each text


@component("ModelEvaluator", "perplexity")
class Perplexity(ModelEvaluator):
    """Loss, perplexity and bits per byte of held-out texts under a causal language model.

    `loss` is the mean of -ln p over all predicted tokens of all texts, in nats a token; `perplexity` = exp(loss).
    `bits_per_byte` = loss x tokens / (bytes x ln 2), over the UTF-8 bytes of the texts: it compares models whose
    tokenizers differ. A text that is longer than a window is read in several; every token is predicted once, from what
    stands before it in its window. With a start token the first token of a text is predicted too (as the rolling
    log-likelihood of EleutherAI's lm-evaluation-harness does it); without one it costs nothing.
    """

    Settings = PerplexitySettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(settings, ahead)
        if settings.max_tokens < 2 or (settings.stride is not None and not 0 < settings.stride < settings.max_tokens):
            mend = "give max_tokens of 2 or more, and a stride of at least 1 and below max_tokens"
            yield Problem("bad-setting", f"max_tokens {settings.max_tokens}, stride {settings.stride}", mend)

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        model = self.context.model(eval_obj or self.settings.model)
        found = self.show("held_out", model, {"text": self.settings.text_key})
        nats, tokens = found["nats"], found["tokens"]
        if not tokens:
            mend = "give texts of two tokens or more"
            raise SandboxError.of("no-tokens", f"{self.settings.dataset_path} has no token to predict", mend)
        if not isfinite(nats):
            mend = "its training has diverged: lower the learning rate"
            raise SandboxError.of("no-loss", f"the loss of {model} is {nats}", mend)
        loss = nats / tokens
        return {
            "loss": loss,
            "perplexity": exp(min(loss, LARGEST)),
            "bits_per_byte": nats / (found["bytes"] * log(2)),
            "tokens": tokens,
            "bytes": found["bytes"],
            "texts": found["texts"],
        }
