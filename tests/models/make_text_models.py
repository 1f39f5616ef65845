"""Writes the models `chain` and `clip` beside this file. Run it after a change here: `python make_text_models.py`.

`chain` is a language model of no layers that knows one next word for each word, with a logit of 20 against 0: the
cross-entropy of the word that it expects is 0, of any other it is 20, both exactly. Its hidden state is 4 at the place
of the token and 0 elsewhere, so its mean embedding counts the words. `clip` has random weights.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).parent
WORDS = ["[PAD]", "[EOS]", "the", "cat", "sat", "down", "dog", "[UNK]"]
NEXT = {"the": "cat", "cat": "sat", "sat": "down", "down": "[EOS]", "dog": "sat", "[UNK]": "the"}
SIZE = 16  # the root of it, 4, is what normalisation makes of a single 1


def tokenizer(**special: str) -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    if "bos_token" in special:
        inner.post_processor = processors.TemplateProcessing(
            single="[PAD] $A [EOS]", special_tokens=[("[PAD]", 0), ("[EOS]", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", eos_token="[EOS]", **special)


def chain() -> None:
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=SIZE, intermediate_size=4, num_hidden_layers=0, num_attention_heads=1,
        max_position_embeddings=512, rms_norm_eps=0.0, bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(len(WORDS), SIZE))
        model.lm_head.weight.zero_()
        for word, following in NEXT.items():
            model.lm_head.weight[WORDS.index(following), WORDS.index(word)] = 5.0
    model.save_pretrained(HERE / "chain")
    tokenizer(pad_token="[PAD]").save_pretrained(HERE / "chain")


def clip() -> None:
    torch.manual_seed(0)
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 8, "bos_token_id": 0, "eos_token_id": 1, **size}
    config = CLIPConfig(
        text_config=text, vision_config={"image_size": 4, "patch_size": 4, **size}, projection_dim=4
    )  # fmt: skip
    CLIPModel(config).save_pretrained(HERE / "clip")
    tokenizer(bos_token="[PAD]", pad_token="[EOS]").save_pretrained(HERE / "clip")


if __name__ == "__main__":
    chain()
    clip()
