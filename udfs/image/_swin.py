"""The Swin transformer (Liu and others 2021) as it sees a picture, from weights with the published names."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import TYPE_CHECKING

from juicesql.api import FunctionError

if TYPE_CHECKING:
    from torch import Tensor

Weights = Mapping[str, "Tensor"]


def places_seen(weights: Weights, pixels: Tensor) -> Tensor:
    """What the last layer sees at each place of each picture: (picture, place, channel)."""
    from torch.nn.functional import conv2d

    patches = weights["patch_embed.proj.weight"]
    seen = conv2d(pixels, patches, weights["patch_embed.proj.bias"], stride=patches.shape[-1]).permute(0, 2, 3, 1)
    seen = normed(weights, "patch_embed.norm", seen)
    stage = 0
    while f"layers.{stage}.blocks.0.norm1.weight" in weights:
        seen = _stage(weights, f"layers.{stage}", seen)
        stage += 1
    return normed(weights, "norm", seen).flatten(1, 2)


def linear(weights: Weights, name: str, values: Tensor) -> Tensor:
    from torch.nn.functional import linear

    return linear(values, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def normed(weights: Weights, name: str, values: Tensor, epsilon: float = 1e-5) -> Tensor:
    from torch.nn.functional import layer_norm

    return layer_norm(values, values.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)


def _stage(weights: Weights, name: str, seen: Tensor) -> Tensor:
    """Blocks over windows, of which every second has them shifted by half; then four places become one."""
    import torch
    from torch.nn.functional import gelu

    number = 0
    while f"{name}.blocks.{number}.norm1.weight" in weights:
        block = f"{name}.blocks.{number}"
        seen = seen + _attended(weights, f"{block}.attn", normed(weights, f"{block}.norm1", seen), number % 2 == 1)
        inner = gelu(linear(weights, f"{block}.mlp.fc1", normed(weights, f"{block}.norm2", seen)))
        seen = seen + linear(weights, f"{block}.mlp.fc2", inner)
        number += 1
    if f"{name}.downsample.reduction.weight" not in weights:
        return seen
    quarters = [seen[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    joined = normed(weights, f"{name}.downsample.norm", torch.cat(quarters, dim=-1))
    return linear(weights, f"{name}.downsample.reduction", joined)


def _attended(weights: Weights, name: str, seen: Tensor, shifted: bool) -> Tensor:
    """Attention within square windows of the places."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    table = weights[f"{name}.relative_position_bias_table"]
    side = (isqrt(len(table)) + 1) // 2
    count, height, width, channels = seen.shape
    if height % side or width % side:
        message = f"a map of {height} x {width} places has no windows of {side} x {side}"
        raise FunctionError.of("bad-parameter", message, "give the input size of the model")
    shift = side // 2 if shifted and min(height, width) > side else 0
    bias = _bias(table, side) + _apart(height, width, side, shift, seen)
    rolled = torch.roll(seen, (-shift, -shift), (1, 2))
    windows = rolled.reshape(count, height // side, side, width // side, side, channels).transpose(2, 3)
    three = linear(weights, f"{name}.qkv", windows.reshape(count, -1, side * side, channels))
    query, key, value = three.unflatten(-1, (3, table.shape[1], -1)).permute(3, 0, 1, 4, 2, 5)
    found = scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype)).transpose(2, 3).flatten(3)
    found = linear(weights, f"{name}.proj", found)
    found = found.reshape(count, height // side, width // side, side, side, channels).transpose(2, 3)
    return torch.roll(found.reshape(seen.shape), (shift, shift), (1, 2))


def _bias(table: Tensor, side: int) -> Tensor:
    """What a window's place adds to its attention to another, by how far apart they are: (head, place, place)."""
    import torch

    across = torch.arange(side, device=table.device)
    apart = across[:, None] - across[None, :] + side - 1
    both = apart[:, None, :, None] * (2 * side - 1) + apart[None, :, None, :]  # rows, columns, rows, columns
    return table[both.reshape(side * side, side * side)].permute(2, 0, 1)


def _apart(height: int, width: int, side: int, shift: int, like: Tensor) -> Tensor:
    """-100 between places that the shift put into one window from opposite edges: (window, 1, place, place)."""
    import torch

    def part(length: int) -> Tensor:
        places = torch.arange(length, device=like.device)
        return (places >= length - side).long() + (places >= length - shift).long()

    parts = part(height)[:, None] * 3 + part(width)[None, :]
    if not shift:
        parts = torch.zeros_like(parts)
    windows = parts.reshape(height // side, side, width // side, side).transpose(1, 2).reshape(-1, side * side)
    return -100.0 * (windows[:, :, None] != windows[:, None, :]).float()[:, None]
