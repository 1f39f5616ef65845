"""OWL-ViT finds what phrases name in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._devices import autocast, device
from .._vision import scored
from ..text._transformers import longest, padded
from ._rows import Flips, Rows
from ._words import PicturesAndWords

Box = Sequence[float]  # left, top, right, bottom, as shares of the picture


@dataclass(frozen=True)
class Limits:
    """Which boxes count."""

    iou: float
    area: float
    confidence: float


class Grounder(PicturesAndWords):
    """A scorer of phrases and the pixels of a picture: the boxes that are likeliest for any of the phrases."""

    auto_class = "OwlViTForObjectDetection"

    def recalls(
        self, rows: Rows, phrases: Mapping[str, list[str]], flips: Flips, limits: Limits
    ) -> tuple[dict[tuple[str, str], float], dict[str, str]]:
        """Of each pair of a chunk's words and the path of an image, the share of phrases found, and what was wrong."""
        pairs = dict.fromkeys((said, path) for said, paths in rows for path in paths)
        if not pairs:
            return {}, {}

        def read(pair: tuple[str, str]) -> list[tuple[list[str], Any]]:
            return [(phrases[pair[0]], self.prepare(flips.image(pair[1])))]

        asked = sorted(pairs, key=lambda pair: len(phrases[pair[0]]))  # as many phrases go together
        found, problems = scored(self, read, asked, file_of=lambda pair: pair[1])
        wrong = {path: why for (_, path), why in problems.items()}
        return {p: recall(v[0], len(phrases[p[0]]), limits) for p, v in found.items() if p not in problems}, wrong

    def scores(self, inputs: Sequence[tuple[list[str], Any]]) -> list[list[tuple[float, int, Box]]]:
        import torch

        most = max(1, *(len(phrases) for phrases, _ in inputs))
        texts = [(phrases + [""] * most)[:most] for phrases, _ in inputs]
        limit = longest(self.model, self.tokenizer, None)
        tokens = self.tokenizer([t for row in texts for t in row], truncation=True, max_length=limit)["input_ids"]
        with autocast():
            pixels = torch.stack([pixels for _, pixels in inputs]).to(device())
            found = self.model(pixel_values=pixels, **padded(self.model, self.tokenizer, tokens))
        logits, boxes = found.logits.float().cpu(), found.pred_boxes.float().cpu()
        return [
            self._likeliest(logits[row, :, : len(phrases)], boxes[row], len(phrases))
            for row, (phrases, _) in enumerate(inputs)
        ]

    def _likeliest(self, logits: Any, boxes: Any, count: int) -> list[tuple[float, int, Box]]:
        """Of all places the `count` likeliest: probability, number of the phrase, box."""
        if not count:
            return []
        best, phrase = logits.max(dim=1)
        order = best.argsort(descending=True, stable=True)[:count]
        centre, size = boxes[order, :2], boxes[order, 2:]
        corners = [*(centre - size / 2).T.tolist(), *(centre + size / 2).T.tolist()]
        return list(
            zip(best[order].sigmoid().tolist(), phrase[order].tolist(), zip(*corners, strict=True), strict=True)
        )


def recall(likeliest: Sequence[tuple[float, int, Box]], count: int, limits: Limits) -> float:
    """The share of the phrases that have a box of their own, the likeliest boxes first; 1 when there are no phrases."""
    accepted: dict[int, Box] = {}
    for probability, phrase, box in likeliest:
        good = probability > limits.confidence and phrase not in accepted and area(box) <= limits.area
        if good and all(overlap(box, other) <= limits.iou for other in accepted.values()):
            accepted[phrase] = box
    return len(accepted) / count if count else 1.0


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one: Box, other: Box) -> float:
    """Intersection over union.

    >>> overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1))
    0.3333333333333333
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    union = area(one) + area(other) - shared
    return shared / union if union else 0.0
