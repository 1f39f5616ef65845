"""Mapper `image_remove_background`."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError, mapper

from .._onnx import model_file, session
from .._produced import produced
from ._images import open_image
from ._matting import need_pymatting, with_matted_edges

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 320  # pixels of what U2-Net sees
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def _assets(model: str, alpha_matting: bool, **_: object) -> list[Path]:
    if alpha_matting:
        need_pymatting()
    return [model_file(model)]


@mapper(
    "image_remove_background(images VARCHAR[], alpha_matting BOOLEAN := false, "
    "alpha_matting_foreground_threshold INTEGER := 240, alpha_matting_background_threshold INTEGER := 10, "
    "alpha_matting_erode_size INTEGER := 10, bgcolor INTEGER[] := NULL, model VARCHAR := 'u2net.onnx', "
    "save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="device",
    rowwise=True,
    extra="media",
    assets=_assets,
)
class ImageRemoveBackground:
    """Cuts out what stands in front in each image and gives the paths of the new files, PNG with transparency.

    U2-Net sees the image as 320 x 320 pixels; its map, stretched to 0 to 1, is the mask. `bgcolor`, [red, green, blue,
    alpha] from 0 to 255, is put behind. With `alpha_matting` the edges are computed anew between what is surely in
    front (mask above `alpha_matting_foreground_threshold` of 255) and surely behind (below
    `alpha_matting_background_threshold`), both shrunk by `alpha_matting_erode_size` pixels; it needs the package
    pymatting, and much time and memory for large images. `model` is an ONNX file of U2-Net or a network like it
    (u2netp, silueta), or its name in the folder of models: `juicesql models pull u2net.onnx`.

    The image is turned as its EXIF orientation says. The name of a new file comes from the content of the old one; it
    is put into `save_dir`, or the run's folder of produced media, and made once. A file that is missing, broken, cut
    off or not a picture is an error of its row. No images: an empty list.

    Source: Data-Juicer's image_remove_background_mapper, which leaves the model to the package rembg: U2-Net (Qin and
    others 2020) in its versions before 2.0.80, with the same pixels.
    """

    def __init__(self, model: str) -> None:
        self.file = model_file(model)

    @cached_property
    def session(self) -> Any:
        return session(self.file)

    @cached_property
    def digest(self) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __call__(
        self,
        images: list[str],
        alpha_matting: bool,
        alpha_matting_foreground_threshold: int,
        alpha_matting_background_threshold: int,
        alpha_matting_erode_size: int,
        bgcolor: list[int] | None,
        save_dir: str,
    ) -> list[str]:
        colour = _colour(bgcolor)
        matting = alpha_matting_foreground_threshold, alpha_matting_background_threshold, alpha_matting_erode_size
        parameters = {"matting": matting if alpha_matting else None, "colour": colour, "model": self.digest}

        def made(path: str) -> str:
            def write(to: str) -> None:
                image = open_image(path)
                mask = self.mask(image)
                cut = with_matted_edges(image, mask, *matting) if alpha_matting else None
                _on(colour, cut or _cut_out(image, mask)).save(to, "PNG")

            return produced("image_remove_background", 2, [path], parameters, ".png", write, save_dir)

        paths = {path: made(path) for path in dict.fromkeys(images)}
        return [paths[path] for path in images]

    def mask(self, image: Image) -> Image:
        """How much each pixel is in front, 0 to 255."""
        from PIL.Image import Resampling, fromarray

        seen = np.asarray(image.resize((SIDE, SIDE), Resampling.LANCZOS), np.float64)
        planes = (seen / max(seen.max(), 1e-6) - MEAN) / DEVIATION
        inputs = {self.session.get_inputs()[0].name: planes.transpose(2, 0, 1)[np.newaxis].astype(np.float32)}
        front = self.session.run(None, inputs)[0][0, 0]
        if np.ptp(front) > 0:
            front = (front - front.min()) / np.ptp(front)
        return fromarray((front.clip(0, 1) * 255).astype(np.uint8)).resize(image.size, Resampling.LANCZOS)


def _colour(bgcolor: list[int] | None) -> tuple[int, ...] | None:
    if bgcolor is None:
        return None
    if len(bgcolor) != 4 or not all(0 <= part <= 255 for part in bgcolor):
        raise FunctionError.of(
            "bad-parameter", f"bgcolor is {bgcolor}", "give [red, green, blue, alpha], each 0 to 255"
        )
    return tuple(bgcolor)


def _cut_out(image: Image, mask: Image) -> Image:
    from PIL import Image as base

    return base.composite(image, base.new("RGBA", image.size, 0), mask)


def _on(colour: tuple[int, ...] | None, image: Image) -> Image:
    from PIL import Image as base

    return image if colour is None else base.alpha_composite(base.new("RGBA", image.size, colour), image)
