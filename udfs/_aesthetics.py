"""Predictors of how people rate a picture: CLIP's image embedding and a small head, as LAION trained them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from juicesql.api import FunctionError

from ._devices import device
from ._vision import TransformersModel, vision_folder

DEFAULT = "shunk031/aesthetics-predictor-v2-sac-logos-ava1-l14-linearMSE"
# The places of the linear layers in a head of version 2: with dropouts between them, and with activations too.
LINEAR, RELU = [0, 2, 4, 6, 7], [0, 3, 6, 9, 11]


class AestheticsPredictor(TransformersModel):
    """Ratings between 0 and 1; `name` is a model of simple-aesthetics-predictor, whose ratings go from 1 to 10."""

    auto_class = "CLIPVisionModelWithProjection"

    def __init__(self, name: str) -> None:
        super().__init__(name or DEFAULT)

    @cached_property
    def head(self) -> Any:
        folder = vision_folder(self.name)
        return _head(_head_weights(folder), folder).to(device()).eval()

    def load(self) -> None:
        _ = self.loaded, self.head

    def values(self, pixels: Any) -> list[float]:
        import torch

        embeddings = self.loaded[0](pixel_values=pixels).image_embeds.float()
        with torch.autocast(embeddings.device.type, enabled=False):
            ratings = self.head(torch.nn.functional.normalize(embeddings, dim=-1))
        return (ratings[:, 0].double() / 10).tolist()


def aesthetics_assets(hf_scorer_model: str, **_: object) -> list[Path]:
    return [vision_folder(hf_scorer_model or DEFAULT)]


def _head_weights(folder: Path) -> dict[str, Any]:
    """The weights of a model folder that do not belong to CLIP."""
    import torch
    from safetensors import safe_open

    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            found |= {name: weights.get_tensor(name) for name in weights.keys() if _of_head(name)}  # noqa: SIM118
    file = folder / "pytorch_model.bin"
    if not found and file.is_file():
        state = torch.load(file, map_location="cpu", weights_only=True)
        found = {name: tensor for name, tensor in state.items() if _of_head(name)}
    return found


def _of_head(name: str) -> bool:
    return name.startswith(("predictor.", "layers."))


def _head(weights: dict[str, Any], folder: Path) -> Any:
    """Version 1 is a single layer; one of version 2 has five, and where they stand tells whether it has activations."""
    import torch

    places = sorted({int(name.split(".")[1]) for name in weights if name.startswith("layers.")})
    names = ["predictor"] if "predictor.weight" in weights else [f"layers.{place}" for place in places]
    if names != ["predictor"] and places not in (LINEAR, RELU):
        message = f"{folder} has no head of an aesthetics predictor"
        raise FunctionError.of("bad-model", message, f"give a model such as {DEFAULT}")
    head = torch.nn.Sequential()
    for name in names:
        weight, bias = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float()
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        head.append(layer)
        if places == RELU and name != names[-1]:
            head.append(torch.nn.ReLU())
    return head
