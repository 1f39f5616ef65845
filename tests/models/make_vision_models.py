"""Writes the models `light` and `rating` beside this file. Run it after a change here: `python make_vision_models.py`.

Both see a picture as 4 x 4 pixels, and only whether it is lighter than the middle grey (1), darker (-1), or just that
(0). `light` is a classifier whose label number 1 is all or nothing: 1.0, 0.0, or 0.5. `rating` is an aesthetics
predictor of version 1 that rates 7, 3, or 5.
"""

import re
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
SIZE = {"hidden_size": 2, "num_attention_heads": 1, "image_size": 4, "patch_size": 4, "layer_norm_eps": 1e-12}
EXACT = {"do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_center_crop": False}
SQUARE = {"height": 4, "width": 4}


def see_light(model: Any) -> None:
    """All weights are zero, but for norms and a patch embedding of (light, -light)."""
    for name, weights in model.named_parameters():
        weights.zero_()
        if re.search(r"(norm|norm\d)\.weight$", name):
            weights.fill_(1)
        elif name.endswith(("patch_embedding.weight", "patch_embeddings.projection.weight")):
            weights[0], weights[1] = 100, -100


@torch.no_grad()
def light() -> None:
    config = transformers.Dinov2Config(**SIZE, num_hidden_layers=0, id2label={0: "dark", 1: "light"})
    model = transformers.Dinov2ForImageClassification(config)
    see_light(model)
    model.classifier.weight[1, 2] = 200  # of the first number of the mean patch
    model.save_pretrained(HERE / "light")
    transformers.ViTImageProcessor(size=SQUARE, **EXACT).save_pretrained(HERE / "light")


@torch.no_grad()
def rating() -> None:
    config = transformers.CLIPVisionConfig(**SIZE, intermediate_size=2, num_hidden_layers=1, projection_dim=1)
    model = transformers.CLIPVisionModelWithProjection(config)
    see_light(model)
    for name, weights in model.named_parameters():
        if name.endswith(("v_proj.weight", "out_proj.weight")):  # attention takes the mean of all places
            weights.copy_(torch.eye(2))
    model.visual_projection.weight.copy_(torch.tensor([[1.0, 0.0]]))
    model.save_pretrained(HERE / "rating")
    head = {"predictor.weight": torch.tensor([[2.0]]), "predictor.bias": torch.tensor([5.0])}
    file = HERE / "rating" / "model.safetensors"
    save_file(load_file(file) | head, file, metadata={"format": "pt"})
    transformers.CLIPImageProcessor(size=SQUARE, **EXACT).save_pretrained(HERE / "rating")


if __name__ == "__main__":
    light()
    rating()
