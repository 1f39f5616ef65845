"""Models of the CLIP family: pictures and texts as vectors of one space, where what belongs together is near."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import Partly

from .._devices import autocast, batched
from .._vision import scored, vision_folder
from ..text._transformers import longest, padded
from ._rows import Rows, reduction
from ._words import PicturesAndWords

if TYPE_CHECKING:
    from PIL.Image import Image

TEXTS = 128  # of a batch, unless memory holds fewer


def clip_folder(hf_clip: str, trust_remote_code: bool = False, **_others: object) -> list[Path]:
    """For `assets`."""
    return [vision_folder(hf_clip, trust_remote_code)]


class Clip(PicturesAndWords):
    """The vectors of pictures, as `scored` asks for them, and of texts. All have length 1."""

    def values(self, pixels: Any) -> np.ndarray:
        return _unit(self.model.get_image_features(pixel_values=pixels))

    def similarities(self, rows: Rows, read: Callable[[str], Sequence[Image]], reduce_mode: str) -> Partly:
        """A list with `logits_per_text` / 100 of each chunk, reduced over the pictures that `read` finds in a file."""
        reduce = reduction(reduce_mode)
        vectors, problems = self.pictures(rows.paths(), read)
        words = self.texts(said for said, _ in rows)

        def score(said: str, paths: Sequence[str]) -> float:
            pictures = np.stack([vector for path in paths for vector in vectors[path]])
            return float(reduce(self.logits(words[said], pictures).tolist()) / 100)

        return rows.scored(score, problems)

    def pictures(
        self, paths: Sequence[str], read: Callable[[str], Sequence[Image]]
    ) -> tuple[dict[str, list[np.ndarray]], dict[str, str]]:
        """The vectors of the pictures in each file, and what was wrong with files."""
        if not paths:
            return {}, {}
        return scored(self, lambda path: [self.prepare(picture) for picture in read(path)], paths)

    def logits(self, text: np.ndarray, images: np.ndarray) -> np.ndarray:
        """The model's `logits_per_text` of a text and each of the images, whose vectors are the rows."""
        scale, bias = self.model.logit_scale.exp().item(), getattr(self.model, "logit_bias", None)  # SigLIP has one
        return images @ text * scale + (0.0 if bias is None else bias.item())

    def texts(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """The vector of each distinct text, which is read up to the model's limit."""
        distinct = sorted(set(texts), key=len)  # texts of like length need little padding
        if not distinct:
            return {}
        limit = longest(self.model, self.tokenizer, None)
        tokens = self.tokenizer(distinct, truncation=True, max_length=limit)["input_ids"]
        vectors, _ = batched(self.of_tokens, tokens, TEXTS)
        return dict(zip(distinct, vectors, strict=True))

    def of_tokens(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
        with autocast():
            return _unit(self.model.get_text_features(**padded(self.model, self.tokenizer, rows)))


def _unit(found: Any) -> np.ndarray:
    from torch.nn.functional import normalize

    vectors = getattr(found, "pooler_output", found)
    return normalize(vectors.double(), dim=1).cpu().numpy()
