"""BLIP-2 writes captions of pictures, and Video-BLIP of the frames of a video together."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._devices import autocast, device
from ..text._generation import choice
from ._words import PicturesAndWords

DEFAULT_TOP_K = 50  # of transformers


@dataclass(frozen=True)
class Wanted:
    """One caption to write: of the pictures `pixels`, with a draw between 0 and 1 for each token."""

    pixels: Any
    draws: tuple[float, ...]


@dataclass(frozen=True)
class Style:
    """How tokens are chosen."""

    temperature: float = 1.0
    top_p: float | None = None
    repetition_penalty: float | None = None


class Captioner(PicturesAndWords):
    """Continues `prompt` after each picture."""

    auto_class = "Blip2ForConditionalGeneration"
    half = True
    weights = ""
    style = Style()

    def __init__(self, name: str, trust_remote_code: bool, prompt: str | None = None) -> None:
        super().__init__(name, trust_remote_code)
        self.prompt = prompt

    @cached_property
    def beginning(self) -> list[int]:
        """The tokens that stand for the picture, and the prompt."""
        config = self.model.config
        if config.image_token_index is None:  # of models that were saved before 2025
            self.tokenizer.add_tokens(["<image>"], special_tokens=True)
            config.image_token_index = self.tokenizer.convert_tokens_to_ids("<image>")
        prompt = self.tokenizer(self.prompt)["input_ids"] if self.prompt else [config.text_config.bos_token_id]
        return [config.image_token_index] * config.num_query_tokens + prompt

    def together(self, pictures: Sequence[Any]) -> Sequence[Any]:
        """What gets a caption each: every picture of a file."""
        return pictures

    def scores(self, inputs: Sequence[Wanted]) -> list[str]:
        import torch
        from transformers import LogitsProcessorList

        ids = torch.tensor([self.beginning] * len(inputs), device=device())
        language = self.model.language_model
        width = 1 if language.config.is_encoder_decoder else ids.shape[1]
        settings = copy.deepcopy(language.generation_config)
        top_k = settings.top_k or DEFAULT_TOP_K
        settings.update(
            do_sample=False, temperature=None, top_p=None, top_k=None, num_beams=1, max_length=None,
            max_new_tokens=len(inputs[0].draws), repetition_penalty=self.style.repetition_penalty,
        )  # fmt: skip
        chosen = choice([one.draws for one in inputs], width, self.style.temperature, top_k, self.style.top_p)
        with autocast():
            found = self.model.generate(
                pixel_values=torch.stack([one.pixels for one in inputs]).to(device()), input_ids=ids,
                generation_config=settings, logits_processor=LogitsProcessorList([chosen]),
            )  # fmt: skip
        return [said.strip() for said in self.tokenizer.batch_decode(found[:, width:], skip_special_tokens=True)]


class VideoCaptioner(Captioner):
    """Video-BLIP: BLIP-2 whose query tokens look at all frames of a video at once."""

    weights = "pytorch_model-*.bin"
    style = Style(temperature=0.7, top_p=0.9, repetition_penalty=1.5)

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        model, processor = super().loaded
        model.vision_model = _over_frames(model.vision_model)
        return model, processor

    def together(self, pictures: Sequence[Any]) -> Sequence[Any]:
        import torch

        return [torch.stack(list(pictures))]

    def scores(self, inputs: Sequence[Wanted]) -> list[str]:
        counts = sorted({len(one.pixels) for one in inputs})
        said = {}
        for count in counts:  # videos of as many frames go together
            places = [place for place, one in enumerate(inputs) if len(one.pixels) == count]
            said |= dict(zip(places, super().scores([inputs[place] for place in places]), strict=True))
        return [said[place] for place in range(len(inputs))]


def _over_frames(encoder: Any) -> Any:
    """The encoder of pictures, for tensors (video, frame, ...): what it sees of the frames, one behind the other."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    class OverFrames(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, pixel_values: Any, **given: Any) -> Any:
            seen = self.encoder(pixel_values.flatten(0, 1), **given).last_hidden_state
            return BaseModelOutputWithPooling(seen.reshape(len(pixel_values), -1, seen.shape[-1]))

    return OverFrames()
