"""Pairs of image and text for contrastive training, decoded when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .rows import empty, first_path, plain_text, read_rows


@dataclass(frozen=True)
class Pairs:
    """Paths of images and their texts."""

    pairs: list[tuple[str, str]]
    rows: int
    skipped: int

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[str, str]:
        return self.pairs[index]


def read_pairs(path: Path, image_column: str, text_column: str) -> Pairs:
    """The pairs of a dataset: the first image of each row with its text. Rows whose image cannot be decoded, and those
    without text, are left out and counted."""
    pairs: list[tuple[str, str]] = []
    total = 0
    for rows, broken in read_rows(path, {"image": image_column, "text": text_column}):
        total += len(rows) + broken
        for row in rows:
            image, text = first_path(row["image"]), plain_text(row["text"])
            if image and text and _decodes(image):
                pairs.append((image, text))
    if not pairs:
        raise empty(path, total)
    return Pairs(pairs, total, total - len(pairs))


def collate(rows: list[tuple[str, str]], tokenizer: Any, images: Any, length: int) -> dict[str, Any]:
    """A batch for a model with `return_loss`, such as CLIP."""
    tokens = tokenizer([t for _, t in rows], padding=True, truncation=True, max_length=length, return_tensors="pt")
    pixels = images([_image(path) for path, _ in rows], return_tensors="pt")["pixel_values"]
    kept = {key: tokens[key] for key in ("input_ids", "attention_mask")}
    return {**kept, "pixel_values": pixels, "return_loss": True}


def _image(path: str) -> Any:
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB")


def _decodes(path: str) -> bool:
    from PIL import Image

    try:
        _image(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # missing, cut off, no image, too large
        return False
    return True
