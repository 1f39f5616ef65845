"""Tiny vision models with random weights, in folders as the hub has them, and pictures to score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

VISION = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
    "patch_size": 8, "initializer_range": 0.3,
}  # fmt: skip
SQUARE = {"height": 32, "width": 32}


def saved(folder: Path, model: Any, processor: Any) -> str:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def clip_processor() -> Any:
    return transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE)


def vit(folder: Path, *labels: str, seed: int = 0) -> str:
    """An image classifier."""
    torch.manual_seed(seed)
    config = transformers.ViTConfig(**VISION, id2label=dict(enumerate(labels)))
    return saved(folder, transformers.ViTForImageClassification(config), transformers.ViTImageProcessor(size=SQUARE))


def clip_vision(folder: Path) -> str:
    torch.manual_seed(1)
    model = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**VISION, projection_dim=16))
    return saved(folder, model, clip_processor())


def aesthetics(folder: Path, kind: str) -> str:
    """A predictor of ratings: the encoder of `clip_vision` with a head of the kind "v1", "linear" or "relu"."""
    clip_vision(folder)
    sizes = [16, 1] if kind == "v1" else [16, 1024, 128, 64, 16, 1]
    places = {"v1": ["predictor"], "linear": [f"layers.{i}" for i in (0, 2, 4, 6, 7)]}.get(
        kind, [f"layers.{i}" for i in (0, 3, 6, 9, 11)]
    )
    torch.manual_seed(2)
    head = {}
    for place, width, height in zip(places, sizes[:-1], sizes[1:], strict=True):
        layer = torch.nn.Linear(width, height)
        head |= {f"{place}.weight": layer.weight.detach() * 3, f"{place}.bias": layer.bias.detach()}
    file = folder / "model.safetensors"
    save_file(load_file(file) | head, file, metadata={"format": "pt"})
    return str(folder)


def dino(folder: Path) -> str:
    torch.manual_seed(3)
    model = transformers.Dinov2Model(transformers.Dinov2Config(**{k: v for k, v in VISION.items() if "inter" not in k}))
    return saved(folder, model, transformers.BitImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE))


def pictures(folder: Path, count: int = 12) -> list[str]:
    """Pictures of several sizes and formats, light and dark."""
    folder.mkdir(exist_ok=True)
    paths = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        width, height = map(int, random.integers(20, 90, 2))
        coarse = Image.fromarray(random.integers(0, 40 + 18 * seed % 216, (4, 5, 3), dtype=np.uint8))
        mode = ("RGB", "L", "RGBA", "P")[seed % 4]
        path = folder / f"{seed}.{'png' if mode != 'RGB' else ('jpg', 'webp')[seed // 4 % 2]}"
        coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(path)
        paths.append(str(path))
    return paths
