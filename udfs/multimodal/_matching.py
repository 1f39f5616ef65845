"""BLIP's matching head: does a text describe a picture?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._devices import autocast, device
from .._vision import scored, vision_folder
from ..text._transformers import longest, padded
from ._rows import Flips, Rows
from ._words import PicturesAndWords


def blip_folder(hf_blip: str, trust_remote_code: bool, **_others: object) -> list[Path]:
    """For `assets`."""
    return [vision_folder(hf_blip, trust_remote_code)]


class Matcher(PicturesAndWords):
    """Scores pairs of token ids and pixels."""

    auto_class = "BlipForImageTextRetrieval"

    def probabilities(self, rows: Rows, flips: Flips) -> tuple[dict[tuple[str, str], float], dict[str, str]]:
        """The probability of each pair of a chunk's words and the path of one of its images, and what was wrong."""
        pairs = list(dict.fromkeys((said, path) for said, paths in rows for path in paths))
        if not pairs:
            return {}, {}
        limit = longest(self.model, self.tokenizer, None)
        distinct = list({said for said, _ in pairs})
        tokens = dict(
            zip(distinct, self.tokenizer(distinct, truncation=True, max_length=limit)["input_ids"], strict=True)
        )

        def read(pair: tuple[str, str]) -> list[tuple[list[int], Any]]:
            said, path = pair
            return [(tokens[said], self.prepare(flips.image(path)))]

        asked = sorted(pairs, key=lambda pair: len(tokens[pair[0]]))
        found, problems = scored(self, read, asked, file_of=lambda pair: pair[1])
        return {pair: values[0] for pair, values in found.items()}, {path: why for (_, path), why in problems.items()}

    def scores(self, inputs: Sequence[tuple[list[int], Any]]) -> list[float]:
        import torch

        words = padded(self.model, self.tokenizer, [tokens for tokens, _ in inputs])
        with autocast():
            pixels = torch.stack([pixels for _, pixels in inputs]).to(device())
            seen = self.model.vision_model(pixel_values=pixels).last_hidden_state
            whole = torch.ones(seen.shape[:2], dtype=torch.long, device=seen.device)
            read = self.model.text_encoder(**words, encoder_hidden_states=seen, encoder_attention_mask=whole)
            return self.model.itm_head(read.last_hidden_state[:, 0]).float().softmax(-1)[:, 1].tolist()
