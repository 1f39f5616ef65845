"""Makes what a training starts from: a model loaded or begun from scratch, its tokenizer, and LoRA adapters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import SandboxError
from .text import read_texts

END_TOKEN, START_TOKEN = "<|endoftext|>", "<|startoftext|>"
VOCABULARY = 8192  # tokens of a tokenizer that is trained when neither it nor the model says how many
ROWS = 100_000  # rows that a tokenizer is trained on at most
MAX_LENGTH = 512  # tokens of a block, where the model allows that many and the settings do not say


def make_tokenizer(given: Mapping[str, Any], data: Path) -> Any:
    """The tokenizer of the settings: loaded from a folder or hub id, or trained on the texts of the dataset."""
    from transformers import AutoTokenizer

    asked, model = given["tokenizer"], given["model"]
    if asked is None and isinstance(model, str):
        asked = model
    if isinstance(asked, str):
        tokenizer: Any = AutoTokenizer.from_pretrained(asked, trust_remote_code=given["trust_remote_code"])
        if tokenizer.eos_token_id is None:
            raise SandboxError.of("no-end-token", f"the tokenizer of `{asked}` has no end token", "give another")
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return tokenizer
    wanted: Mapping[str, Any] = (asked or {}).get("train") or {}
    size = wanted.get("vocab_size") or (model.get("vocab_size") if isinstance(model, Mapping) else None) or VOCABULARY
    rows = wanted.get("rows") or ROWS
    return train_tokenizer(read_texts(data, given["text_key"]), int(size), int(rows), given["task"] == "clip")


def train_tokenizer(texts: Iterator[list[str]], size: int, rows: int, ends: bool) -> Any:
    """A byte-level BPE of `size` tokens (Sennrich et al. 2016, over bytes as GPT-2 has it); it can write any text.

    The same texts give the same tokenizer. With `ends` every text is put between a start and an end token, as CLIP
    wants it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [END_TOKEN, START_TOKEN] if ends else [END_TOKEN]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    least = len(alphabet) + len(special)
    if size < least:
        raise SandboxError.of(
            "small-vocabulary", f"vocab_size is {size}", f"give {least} or more: every byte needs one"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator(itertools.islice(itertools.chain.from_iterable(texts), rows), trainer)
    if ends:
        tokens = [(token, tokenizer.token_to_id(token)) for token in special]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{START_TOKEN} $A {END_TOKEN}", special_tokens=tokens
        )
    start = START_TOKEN if ends else END_TOKEN
    made: Any = PreTrainedTokenizerFast
    return made(
        tokenizer_object=tokenizer, bos_token=start, eos_token=END_TOKEN, pad_token=END_TOKEN, unk_token=END_TOKEN
    )


def make_model(given: Mapping[str, Any], tokenizer: Any) -> Any:
    """The model of the settings, loaded or begun with random weights, in 32-bit numbers."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    model = given["model"]
    auto: Any = AutoModelForCausalLM if given["task"] == "causal-lm" else AutoModel
    if isinstance(model, Mapping):
        made: Any = auto.from_config(_config(model, tokenizer, given["task"]))
    else:
        trust = given["trust_remote_code"]
        made = auto.from_pretrained(model, trust_remote_code=trust, dtype=torch.float32)
    _check_vocabulary(made, tokenizer)
    return made


def _config(model: Mapping[str, Any], tokenizer: Any, task: str) -> Any:
    """The configuration of a model from scratch; sizes that follow from the tokenizer are filled in."""
    from transformers import AutoConfig

    from juicesql.errors import nearest

    tokens = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    wanted = dict(model)
    kind = str(wanted.pop("model_type", ""))
    if task == "clip":
        wanted["text_config"] = {**wanted.get("text_config", {}), **tokens}
    else:
        wanted |= tokens
    try:
        return AutoConfig.for_model(kind, **wanted)
    except ValueError as error:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING

        mend = nearest(kind, list(CONFIG_MAPPING.keys())) or "give a model_type of transformers, such as gpt2 or clip"
        raise SandboxError.of("bad-model", f"no model can be made of {dict(model)}: {error}"[:300], mend) from error


def _check_vocabulary(model: Any, tokenizer: Any) -> None:
    rows = _text_config(model).vocab_size
    if len(tokenizer) > rows:
        message = f"the tokenizer has {len(tokenizer)} tokens, the model {rows}"
        raise SandboxError.of("vocabulary", message, "give the tokenizer that the model was trained with")


def _text_config(model: Any) -> Any:
    """The configuration of what reads the text: a part of it for a model of images and text."""
    return getattr(model.config, "text_config", None) or model.config


def block_length(given: Mapping[str, Any], model: Any) -> int:
    """Tokens of a sequence: `max_length`, or what the model allows up to 512. SandboxError when it allows fewer."""
    config = _text_config(model)
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    asked = given["max_length"]
    if asked and most and asked > most:
        raise SandboxError.of("max-length", f"max_length is {asked}", f"the model takes {most} tokens at most")
    return int(asked or min(most or MAX_LENGTH, MAX_LENGTH))


def add_lora(model: Any, lora: Mapping[str, Any]) -> Any:
    """The model with low-rank adapters (Hu et al. 2021); only they are trained."""
    from peft import LoraConfig, get_peft_model

    target = lora["target_modules"] or "all-linear"
    config = LoraConfig(
        r=lora["r"], lora_alpha=lora["alpha"], lora_dropout=lora["dropout"], bias="none",
        target_modules=target if isinstance(target, str) else list(target),
    )  # fmt: skip
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        mend = "name modules of the model, or leave target_modules out for all linear layers"
        raise SandboxError.of("bad-lora", f"LoRA cannot be added: {error}"[:300], mend) from error


def image_processor(given: Mapping[str, Any], model: Any) -> Any:
    """What turns images into the numbers that the model takes."""
    from transformers import AutoImageProcessor, CLIPImageProcessor

    if isinstance(given["model"], str):
        auto: Any = AutoImageProcessor
        return auto.from_pretrained(given["model"], trust_remote_code=given["trust_remote_code"])
    side = model.config.vision_config.image_size
    return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def parameters(model: Any) -> tuple[int, int]:
    """How many numbers the model has, and how many of them are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)
