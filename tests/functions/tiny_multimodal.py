"""Tiny models with random weights, of the architectures that relate pictures and words, in folders as the hub has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

VISION = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
    "patch_size": 8,
}  # fmt: skip
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
BEGIN, END = 256, 257
SQUARE = {"height": 32, "width": 32}


def byte_tokenizer(begin: str, end: str, longest: int, *, closed: bool = True) -> transformers.PreTrainedTokenizerFast:
    """A token for each byte, 0 to 255; `begin` (256) comes first and, if `closed`, `end` (257) last."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*letters, begin, end])}, merges=[]))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    inner.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}" if closed else f"{begin} $A", special_tokens=[(begin, BEGIN), (end, END)]
    )
    names = {"bos_token": begin, "eos_token": end, "pad_token": end}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=longest, **names)


def clip(folder: Path) -> str:
    torch.manual_seed(0)
    tokenizer = byte_tokenizer("<|startoftext|>", "<|endoftext|>", 77)
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 77,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
    }
    model = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16))
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE)
    return saved(folder, model, transformers.CLIPProcessor(image_processor=pictures, tokenizer=tokenizer))


def blip(folder: Path) -> str:
    """Of the kind that says whether a text belongs to a picture."""
    torch.manual_seed(1)
    tokenizer = byte_tokenizer("[CLS]", "[SEP]", 64)
    text = TEXT | {
        "vocab_size": len(tokenizer) + 2, "encoder_hidden_size": 32, "max_position_embeddings": 64, "bos_token_id": BEGIN,
        "sep_token_id": END, "pad_token_id": END, "projection_dim": 16, "initializer_range": 0.3,
    }  # fmt: skip
    config = transformers.BlipConfig(
        text_config=text,
        vision_config=VISION | {"initializer_range": 0.3},
        projection_dim=16,
        image_text_hidden_size=16,
    )
    model = transformers.BlipForImageTextRetrieval(config)
    return saved(folder, model, transformers.BlipProcessor(transformers.BlipImageProcessor(size=SQUARE), tokenizer))


def blip2(folder: Path, frames: int = 1) -> str:
    torch.manual_seed(2)
    tokenizer = byte_tokenizer("</s>", "<pad>", 128, closed=False)
    processor = transformers.Blip2Processor(transformers.BlipImageProcessor(size=SQUARE), tokenizer, num_query_tokens=4)
    language = transformers.OPTConfig(
        vocab_size=len(tokenizer), hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=256, word_embed_proj_dim=32, init_std=0.4, bos_token_id=BEGIN,
        eos_token_id=BEGIN, pad_token_id=END,
    )  # fmt: skip
    queries = TEXT | {"vocab_size": 10, "encoder_hidden_size": 32, "initializer_range": 0.3}
    config = transformers.Blip2Config(
        vision_config=VISION | {"initializer_range": 0.3}, qformer_config=queries, text_config=language.to_dict(),
        num_query_tokens=4, image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return saved(folder, transformers.Blip2ForConditionalGeneration(config), processor)


def owlvit(folder: Path) -> str:
    torch.manual_seed(3)
    tokenizer = byte_tokenizer("<|startoftext|>", "<|endoftext|>", 16)
    text = TEXT | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 16,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
    }
    config = transformers.OwlViTConfig(text_config=text, vision_config=VISION, projection_dim=32)
    processor = transformers.OwlViTProcessor(transformers.OwlViTImageProcessor(size=SQUARE), tokenizer)
    model = transformers.OwlViTForObjectDetection(config)
    with torch.no_grad():
        for weights in (*model.box_head.parameters(), *model.class_head.parameters()):
            weights *= 0.1  # else all probabilities are 0 or 1
    return saved(folder, model, processor)


def saved(folder: Path, *parts: Any) -> str:
    for part in parts:
        part.save_pretrained(folder)
    return str(folder)


RAM_TAGS = ["cat", "dog", "red car", "people", "sky"]


def ram(folder: Path) -> str:
    """RAM++ of two stages over 64 x 64 pixels, with 3 descriptions of each tag; thresholds that half of the pictures reach."""
    torch.manual_seed(4)
    weights = swin_weights() | head_weights(16, len(RAM_TAGS) * 3)
    torch.save({"model": weights | {"other.weight": torch.zeros(1)}}, folder / "ram.pth")
    (folder / "ram_tag_list.txt").write_text("\n".join(RAM_TAGS) + "\n")
    (folder / "ram_tag_list_threshold.txt").write_text("".join("0.5\n" for _ in RAM_TAGS))
    return str(folder / "ram.pth")


def swin() -> transformers.SwinModel:
    torch.manual_seed(5)
    config = transformers.SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[2, 2], num_heads=[2, 4], window_size=4, layer_norm_eps=1e-5,
        initializer_range=0.3,
    )  # fmt: skip
    return transformers.SwinModel(config).eval()


def swin_weights() -> dict[str, torch.Tensor]:
    """Those of `swin` under the names that its authors published: one matrix for query, key and value."""
    own = swin().state_dict()
    names = {
        "embeddings.patch_embeddings.projection": "patch_embed.proj", "embeddings.norm": "patch_embed.norm",
        "encoder.layers.": "layers.", "layernorm_before": "norm1", "layernorm_after": "norm2", "layernorm": "norm",
        "attention.o_proj": "attn.proj", "attention.relative_position_bias.": "attn.",
    }  # fmt: skip
    found: dict[str, torch.Tensor] = {}
    for name, value in own.items():
        for old, new in names.items():
            name = name.replace(old, new)
        found[f"visual_encoder.{name}"] = value
    for query in [name for name in found if ".attention.q_proj." in name]:
        parts = [found.pop(query.replace("q_proj", f"{letter}_proj")) for letter in "qkv"]
        found[query.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
    return found


def head_weights(channels: int, descriptions: int, width: int = 24) -> dict[str, torch.Tensor]:
    layer = "tagging_head.encoder.layer"
    linears = {"image_proj": (512, channels), "wordvec_proj": (width, 512), "fc": (1, width)}
    for number in (0, 1):
        attention = f"{layer}.{number}.crossattention"
        linears |= {f"{attention}.self.{part}": (width, 512) for part in ("key", "value")}
        linears |= {f"{attention}.self.query": (width, width), f"{attention}.output.dense": (width, width)}
        linears |= {f"{layer}.{number}.intermediate.dense": (48, width), f"{layer}.{number}.output.dense": (width, 48)}
    found = {f"{name}.weight": torch.randn(shape) * shape[1] ** -0.5 for name, shape in linears.items()}
    found |= {f"{name}.bias": torch.randn(shape[0]) * 0.1 for name, shape in linears.items()}
    for number in (0, 1):
        for norm in ("crossattention.output.LayerNorm", "output.LayerNorm"):
            found |= {f"{layer}.{number}.{norm}.weight": torch.rand(width) + 0.5}
            found |= {f"{layer}.{number}.{norm}.bias": torch.randn(width) * 0.1}
    return found | {"label_embed": torch.randn(descriptions, 512), "reweight_scale": torch.tensor(2.659)}
