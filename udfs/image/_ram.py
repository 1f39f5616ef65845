"""RAM++, the Recognize Anything Plus Model: which of 4,585 tags a picture has.

A Swin transformer sees the picture. Each tag is known by the vectors of its descriptions (51), which the picture as a
whole weighs; the tag's vector that results asks the places of the picture, in a small decoder, whether it is there.
Sizes are read off the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError, models_home

from .._devices import autocast, device
from ._swin import Weights, linear, normed, places_seen

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

TAGS, THRESHOLDS = "ram_tag_list.txt", "ram_tag_list_threshold.txt"
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])  # of ImageNet
HEADS = 4  # of the decoder's attention
# The parts of the checkpoint that tagging needs.
PARTS = ("visual_encoder.", "image_proj.", "label_embed", "wordvec_proj.", "tagging_head.", "fc.", "reweight_scale")


def ram_files(model: str, **_others: object) -> list[Path]:
    """The weights, the tags and their thresholds, for `assets`. FunctionError when one of them is missing."""
    if find_spec("torch") is None:
        raise FunctionError.of("no-library", "torch is not installed", "pip install 'juicesql[models]'")
    weights = next((p for p in (Path(model).expanduser(), models_home() / model) if p.is_file()), None)
    if weights is None:
        mend = f"`juicesql models pull {model}`, or give the path of the file"
        raise FunctionError.of("no-model", f"there is no file {model} with weights of RAM++", mend)
    return [weights, *(_beside(weights, name) for name in (TAGS, THRESHOLDS))]


def _beside(weights: Path, name: str) -> Path:
    for place in (weights.parent, models_home()):
        if (place / name).is_file():
            return place / name
    message = f"{weights} is here, but not {name}, which belongs to it"
    raise FunctionError.of("no-model", message, f"`juicesql models pull {name}`, or put it beside the weights")


class Ram:
    """A scorer of pictures: the tags of each, in the order of the list of tags."""

    def __init__(self, model: str, input_size: int) -> None:
        self.model, self.size = model, input_size

    @cached_property
    def loaded(self) -> tuple[Weights, list[str], Any]:
        """Weights, tags, and the least probability of each."""
        import torch

        file, tags, thresholds = ram_files(self.model)
        names = tags.read_text("utf-8").splitlines()
        try:
            least = torch.tensor([float(line) for line in thresholds.read_text("utf-8").split()], device=device())
            weights = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            weights = {k.replace("vision_multi", "tagging_head"): v for k, v in weights.get("model", weights).items()}
            kept = {k: v.to(device(), torch.float32) for k, v in weights.items() if k.startswith(PARTS)}
            if len(least) != len(names) or not names or len(kept["label_embed"]) % len(names):
                raise ValueError(f"{len(names)} tags, {len(least)} thresholds, {len(kept['label_embed'])} vectors")
        except Exception as error:  # many kinds: not a torch file, other objects inside, other layers
            cause = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            mend = "give ram_plus_swin_large_14m.pth and the lists that belong to it"
            raise FunctionError.of("bad-model", f"{file} is not RAM++ with its tags: {cause}", mend) from error
        return kept, names, least

    def load(self) -> None:
        _ = self.loaded

    def prepare(self, image: Image) -> np.ndarray:
        from PIL.Image import Resampling

        small = np.asarray(image.resize((self.size, self.size), Resampling.BILINEAR), np.float32) / 255
        return ((small - MEAN) / DEVIATION).transpose(2, 0, 1)

    def scores(self, inputs: Sequence[np.ndarray]) -> list[list[str]]:
        import torch

        weights, names, least = self.loaded
        with autocast():
            logits = tag_logits(weights, torch.from_numpy(np.stack(inputs)).to(device()), len(names))
        found = (logits.float().sigmoid() > least).cpu().numpy()
        return [[names[tag] for tag in np.flatnonzero(row)] for row in found]


def tag_logits(weights: Weights, pixels: Tensor, tags: int) -> Tensor:
    """How likely each picture has each tag, as a logit: (picture, tag)."""
    import torch
    from torch.nn.functional import normalize

    encoder = {k.removeprefix("visual_encoder."): v for k, v in weights.items() if k.startswith("visual_encoder.")}
    places = places_seen(encoder, pixels)
    seen = linear(weights, "image_proj", torch.cat([places.mean(1, keepdim=True), places], dim=1))
    described = weights["label_embed"]
    fit = weights["reweight_scale"].exp() * normalize(seen[:, 0], dim=-1) @ described.T
    shares = fit.unflatten(1, (tags, -1)).softmax(-1)
    asked = torch.einsum("ptd,tdc->ptc", shares.to(described.dtype), described.unflatten(0, (tags, -1)))
    asked = linear(weights, "wordvec_proj", asked).relu() if "wordvec_proj.weight" in weights else asked.relu()
    layer = 0
    while f"tagging_head.encoder.layer.{layer}.output.dense.weight" in weights:
        asked = _answered(weights, f"tagging_head.encoder.layer.{layer}", asked, seen)
        layer += 1
    return linear(weights, "fc", asked).squeeze(-1)


def _answered(weights: Weights, name: str, asked: Tensor, seen: Tensor) -> Tensor:
    """A layer of the decoder: attention of the tags to the places, then a feed-forward step."""
    from torch.nn.functional import gelu, scaled_dot_product_attention

    query, key, value = (
        linear(weights, f"{name}.crossattention.self.{part}", source).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for part, source in (("query", asked), ("key", seen), ("value", seen))
    )
    found = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    found = linear(weights, f"{name}.crossattention.output.dense", found) + asked
    found = normed(weights, f"{name}.crossattention.output.LayerNorm", found, 1e-12)
    inner = gelu(linear(weights, f"{name}.intermediate.dense", found))
    return normed(weights, f"{name}.output.LayerNorm", linear(weights, f"{name}.output.dense", inner) + found, 1e-12)
