"""Writes the models `shade*` beside this file. Run it after a change here: `python make_multimodal_models.py`.

All see a picture as 4 x 4 pixels, and only whether it is lighter than the middle grey, darker, or just that. `shade` is
a CLIP of scale 1 for which texts with more "light" than "dark" point where light pictures point, those with more "dark"
the other way, and others nowhere. `shade-match` is a BLIP that finds every text right for light pictures (1.0), wrong
for dark ones (0.0), and undecided for others (0.5). `shade-caption` is a BLIP-2 that says "light picture" of all.
`shade-ram` is a RAM++ with the tags "light" and "dark". `shade-ground` is an OWL-ViT that knows nothing: it offers one
box around the whole picture, with a probability of 0.5.
"""

import re
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

HERE = Path(__file__).parent
WORDS = ["[PAD]", "[BOS]", "light", "[EOS]", "dark", "picture", "[UNK]", "<image>"]  # CLIP takes 2 for another EOS
PAD, BOS, LIGHT, EOS, DARK, PICTURE = range(6)
SIZE = {
    "hidden_size": 2,
    "intermediate_size": 2,
    "num_attention_heads": 1,
    "num_hidden_layers": 1,
    "layer_norm_eps": 1e-12,
}
VISION = SIZE | {"image_size": 4, "patch_size": 4}
PIXELS = {"size": {"height": 4, "width": 4}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
# Attention to all places alike, whose mean it takes.
MEAN = re.compile(r"(v_proj|out_proj|attention\.self\.value|attention\.output\.dense)\.weight$")


def tokenizer(*, closed: bool) -> transformers.PreTrainedTokenizerFast:
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]" if closed else "[BOS] $A", special_tokens=[("[BOS]", BOS), ("[EOS]", EOS)]
    )
    names = {"unk_token": "[UNK]", "bos_token": "[BOS]", "eos_token": "[EOS]", "pad_token": "[PAD]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=16, additional_special_tokens=["<image>"], **names
    )


def see_light(model: Any) -> None:
    """All weights are zero, but for norms, attention, and patches of (light, -light)."""
    for name, weights in model.named_parameters():
        weights.zero_()
        if re.search(r"(norm|norm\d|LayerNorm)\.weight$", name):
            weights.fill_(1)
        elif name.endswith("patch_embedding.weight"):
            weights[0], weights[1] = 100, -100
        elif MEAN.search(name) and weights.shape == (2, 2):
            weights.copy_(torch.eye(2))


def saved(name: str, model: Any, processor: Any) -> None:
    model.save_pretrained(HERE / name)
    processor.save_pretrained(HERE / name)


@torch.no_grad()
def shade() -> None:
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 16, "bos_token_id": BOS, "eos_token_id": EOS}
    config = transformers.CLIPConfig(text_config=SIZE | text, vision_config=VISION, projection_dim=2)
    model = transformers.CLIPModel(config)
    see_light(model)
    words = model.text_model.embeddings.token_embedding.weight
    words[LIGHT], words[DARK] = torch.tensor([100.0, -100.0]), torch.tensor([-100.0, 100.0])
    model.text_projection.weight.copy_(torch.eye(2))
    model.visual_projection.weight.copy_(torch.eye(2))
    pixels = transformers.CLIPImageProcessor(**PIXELS, do_center_crop=False)
    saved("shade", model, transformers.CLIPProcessor(pixels, tokenizer(closed=True)))


@torch.no_grad()
def shade_match() -> None:
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 16, "encoder_hidden_size": 2, "projection_dim": 2}
    special = {"bos_token_id": BOS, "sep_token_id": EOS, "pad_token_id": PAD}
    config = transformers.BlipConfig(
        text_config=SIZE | text | special, vision_config=VISION | {"projection_dim": 2}, image_text_hidden_size=2
    )
    model = transformers.BlipForImageTextRetrieval(config)
    see_light(model)
    model.itm_head.weight[1] = torch.tensor([200.0, -200.0])
    pixels = transformers.BlipImageProcessor(**PIXELS)
    saved("shade-match", model, transformers.BlipProcessor(pixels, tokenizer(closed=True)))


@torch.no_grad()
def shade_caption() -> None:
    wide = 16
    language = transformers.OPTConfig(
        vocab_size=len(WORDS), hidden_size=wide, word_embed_proj_dim=wide, ffn_dim=2, num_hidden_layers=0,
        num_attention_heads=1, max_position_embeddings=64, bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD,
        tie_word_embeddings=False,
    )  # fmt: skip
    config = transformers.Blip2Config(
        vision_config=VISION, qformer_config=SIZE | {"vocab_size": 1, "encoder_hidden_size": 2},
        text_config=language.to_dict(), num_query_tokens=1, image_token_index=WORDS.index("<image>"),
    )  # fmt: skip
    model = transformers.Blip2ForConditionalGeneration(config)
    see_light(model)
    decoder, head = model.language_model.model.decoder, model.language_model.lm_head.weight
    decoder.embed_tokens.weight.copy_(torch.eye(len(WORDS), wide))
    for word, following in ((BOS, LIGHT), (LIGHT, PICTURE), (PICTURE, EOS)):
        head[following, word] = 100.0
    pixels = transformers.BlipImageProcessor(**PIXELS)
    saved("shade-caption", model, transformers.Blip2Processor(pixels, tokenizer(closed=False), num_query_tokens=1))


def shade_ram() -> None:
    """Of the two descriptions of a tag, the picture takes one; the tag is there when it ends with 1."""
    light = torch.ones(1, 3, 4, 4)
    weights = {
        "visual_encoder.patch_embed.proj.weight": torch.cat([light, -light]),
        "visual_encoder.patch_embed.proj.bias": torch.zeros(2),
        "image_proj.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        "image_proj.bias": torch.zeros(3),
        "reweight_scale": torch.tensor(7.0),
        "label_embed": torch.tensor([[1.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [-1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
        "fc.weight": torch.tensor([[0.0, 0.0, 200.0]]),
        "fc.bias": torch.tensor([-100.0]),
    }
    for norm in ("patch_embed.norm", "norm"):
        weights |= {f"visual_encoder.{norm}.weight": torch.ones(2), f"visual_encoder.{norm}.bias": torch.zeros(2)}
    folder = HERE / "shade-ram"
    folder.mkdir(exist_ok=True)
    torch.save({"model": weights}, folder / "ram.pth")
    (folder / "ram_tag_list.txt").write_text("light\ndark\n")
    (folder / "ram_tag_list_threshold.txt").write_text("0.65\n0.65\n")


@torch.no_grad()
def shade_ground() -> None:
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 16, "bos_token_id": BOS, "eos_token_id": EOS}
    config = transformers.OwlViTConfig(text_config=SIZE | text, vision_config=VISION, projection_dim=2)
    model = transformers.OwlViTForObjectDetection(config)
    see_light(model)
    model.owlvit.text_model.final_layer_norm.bias.fill_(1)  # texts have a length
    model.owlvit.text_projection.weight.copy_(torch.eye(2))
    pixels = transformers.OwlViTImageProcessor(**PIXELS, crop_size=PIXELS["size"])
    saved("shade-ground", model, transformers.OwlViTProcessor(pixels, tokenizer(closed=True)))


if __name__ == "__main__":
    shade_ground()
    shade_ram()
    shade()
    shade_match()
    shade_caption()
