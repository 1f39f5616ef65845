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
    return saved(folder, transformers.OwlViTForObjectDetection(config), processor)


def saved(folder: Path, *parts: Any) -> str:
    for part in parts:
        part.save_pretrained(folder)
    return str(folder)
