"""Tags of your own choice, by how well CLIP matches a sentence about each with a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.api import FunctionError

from ._clip import Clip, clip_folder


def tagger_folder(hf_clip: str, tags: Sequence[str] | None, template: str, **others: Any) -> list[Path]:
    """For `assets`."""
    sentences(tags, template)
    return clip_folder(hf_clip, **others)


def sentences(tags: Sequence[str] | None, template: str) -> list[str]:
    """The sentence about each tag. FunctionError when there are none to choose from."""
    if not tags or len(set(tags)) < len(tags) or None in tags:
        message = "tags is not given" if not tags else "tags has an entry twice or a NULL"
        raise FunctionError.of("bad-parameter", message, "give the tags to choose from: tags := ['cat', 'dog']")
    if "{tag}" not in template:
        raise FunctionError.of("bad-parameter", f"template is {template!r}", "put {tag} where the tag belongs")
    return [template.replace("{tag}", tag) for tag in tags]


class Tagger(Clip):
    """A scorer of pictures: the probability of each tag, which together are 1."""

    def __init__(self, name: str, trust_remote_code: bool, tags: Sequence[str] | None, template: str) -> None:
        super().__init__(name, trust_remote_code)
        self.sentences, self.tags = sentences(tags, template), list(tags or ())

    @cached_property
    def words(self) -> np.ndarray:
        vectors = self.texts(self.sentences)
        return np.stack([vectors[sentence] for sentence in self.sentences])

    def values(self, pixels: Any) -> np.ndarray:
        logits = np.stack([self.logits(picture, self.words) for picture in super().values(pixels)])
        likely = np.exp(logits - logits.max(1, keepdims=True))
        return likely / likely.sum(1, keepdims=True)

    def chosen(self, probabilities: np.ndarray, least: float) -> list[str]:
        """The tags of at least this probability, the likeliest first."""
        return [self.tags[tag] for tag in np.argsort(-probabilities, kind="stable") if probabilities[tag] >= least]
