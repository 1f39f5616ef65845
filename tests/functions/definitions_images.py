"""Pictures that the tests of image functions make, and how they call them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from PIL import Image, ImageDraw, ImageFilter

from juicesql.call import apply
from juicesql.registry import Registry

REGISTRY = Registry()


def measured(function: str, *paths: Path | str, **parameters: object) -> list:
    """The value of a row of these images."""
    found = REGISTRY.get(function)
    given = {
        a.name: a.fitted(parameters[a.name]) if a.name in parameters else a.value(a.default)
        for a in found.signature.parameters
    }
    column = pa.array([[str(p) for p in paths]], pa.list_(pa.string()))
    return apply(found, [column], given)[0].as_py()


def drawn_face(size: int = 100) -> Image.Image:
    """What OpenCV's cascade takes for a frontal face."""
    image = Image.new("L", (size, size), 120)
    draw, unit = ImageDraw.Draw(image), size / 100

    def oval(x: int, y: int, half_width: int, half_height: int, grey: int) -> None:
        corners = (x - half_width, y - half_height, x + half_width, y + half_height)
        draw.ellipse([at * unit for at in corners], fill=grey)

    oval(50, 52, 34, 44, 200)
    for x in (35, 65):
        draw.rectangle([at * unit for at in (x - 11, 31, x + 10, 35)], fill=80)
        oval(x, 42, 10, 5, 70)
    oval(50, 56, 5, 10, 220)
    oval(50, 76, 14, 5, 100)
    return image.filter(ImageFilter.GaussianBlur(size / 60)).convert("RGB")


def faces(*places: tuple[int, int], size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture with faces of 100 pixels at these places."""
    image = Image.new("RGB", size, (90, 120, 150))
    for place in places:
        image.paste(drawn_face(), place)
    return image
