"""Small datasets and a way to train on them, for the tests of training."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from juicesql.sandbox.base import Ahead, Context
from juicesql.sandbox.registry import find_hook

WORDS = ["the", "cat", "dog", "sat", "on", "a", "mat", "and", "red", "blue", "sky", "runs", "over", "green", "hill"]
GPT2 = {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 64}


def write_rows(path: Path, rows: Sequence[Any]) -> str:
    """A jsonl file; a row that is text is written as it is."""
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), "utf-8")
    return str(path)


def sentences(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Rows of twelve words each."""
    draw = random.Random(seed)
    return [{"text": " ".join(draw.choices(WORDS, k=12)) + "."} for _ in range(count)]


def train(context: Context) -> dict[str, Any]:
    """What the hook of the context's job gives."""
    return find_hook("TrainModelHook")(context.job).run(context)


def codes(context: Context, keys: Mapping[str, set[str]] | None = None) -> list[str]:
    """Codes of the problems of the context's job, after jobs that give these keys."""
    hook = find_hook("TrainModelHook")(context.job)
    return [p.code for p in hook.problems(Ahead(keys=dict(keys or {})))]
