"""Trains a model in a process of its own: `python -m juicesql.sandbox.training.run SETTINGS.json`.

Prints one JSON line an event behind `juicesql: `: `data` (what was read), `log` (numbers of a step), `done` (result).
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError

from ..errors import SandboxError

PREFIX = "juicesql: "
POINTS = 50  # of a loss curve, when the settings do not say how often to log
RATES = {"scratch": 1e-3, "full": 5e-5, "lora": 2e-4}  # learning rates, when the settings do not say one


def tell(event: str, **numbers: Any) -> None:
    """Print an event for the process that watches."""
    print(PREFIX + json.dumps({"event": event, **numbers}), flush=True)


def train(given: Mapping[str, Any]) -> None:
    """Read the data, train, evaluate and save. `given` are the fields of `TransformersTraining`, filled in."""
    import torch
    from transformers import set_seed

    from . import models

    torch.set_num_threads(given["threads"])
    set_seed(given["seed"])
    data, work = Path(given["dataset"]), Path(given["work"])
    tokenizer = models.make_tokenizer(given, data)
    model = models.make_model(given, tokenizer)
    read, collator = _text(given, model, tokenizer) if given["task"] == "causal-lm" else _pairs(given, model, tokenizer)
    found = read(data, work / "train.tokens")
    held = read(Path(given["eval_dataset"]), work / "eval.tokens") if given["eval_dataset"] else None
    tell("data", rows=found.rows, skipped=found.skipped, sequences=len(found))
    if given["lora"]:
        model = models.add_lora(model, given["lora"])
    result = _fit(given, model, found, held, collator)
    total, trained = models.parameters(model)
    _save(given, model, tokenizer)
    tell("done", **result, skipped=found.skipped, parameters=total, trained_parameters=trained)


def _text(given: Mapping[str, Any], model: Any, tokenizer: Any) -> tuple[Any, Any]:
    from . import models, text

    length = models.block_length(given, model)

    def read(path: Path, file: Path) -> Any:
        return text.tokenise(path, given["text_key"], tokenizer, length, given["pack"], file)

    return read, functools.partial(text.collate, pad=tokenizer.pad_token_id)


def _pairs(given: Mapping[str, Any], model: Any, tokenizer: Any) -> tuple[Any, Any]:
    from . import models, pairs

    length = models.block_length(given, model)
    images = models.image_processor(given, model)

    def read(path: Path, file: Path) -> Any:
        return pairs.read_pairs(path, given["image_key"], given["text_key"])

    return read, functools.partial(pairs.collate, tokenizer=tokenizer, images=images, length=length)


def _fit(given: Mapping[str, Any], model: Any, found: Any, held: Any, collator: Any) -> dict[str, Any]:
    from transformers import PrinterCallback, Trainer

    batch = given["batch_size"] * given["gradient_accumulation"]
    steps = _steps(given, found, batch)
    arguments = _arguments(given, steps, len(found) >= given["batch_size"])
    trainer: Any = Trainer(
        model=model, args=arguments, train_dataset=found, eval_dataset=held, data_collator=collator,
        callbacks=[_teller(steps)],
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    numbers = trainer.train().metrics
    seen = int(trainer.state.num_input_tokens_seen)
    result = {
        "train_loss": numbers["train_loss"],
        "steps": trainer.state.global_step,
        "samples": len(found),
        "epochs": trainer.state.epoch,
        "seconds": numbers["train_runtime"],
    }
    if seen:
        result |= {"tokens": seen, "tokens_per_second": seen / numbers["train_runtime"]}
    if held is not None:
        result["eval_loss"] = trainer.evaluate()["eval_loss"]
    return result


def _steps(given: Mapping[str, Any], found: Any, batch: int) -> int:
    """How many steps to take: `max_steps`, or the token budget, or `epochs`."""
    from .text import steps_for

    if given["max_steps"]:
        return int(given["max_steps"])
    if given["max_tokens"]:
        return steps_for(found, given["max_tokens"], batch)
    whole = given["task"] == "clip" and len(found) >= given["batch_size"]  # a last batch that is short is left out
    pieces = len(found) // given["batch_size"] if whole else -(-len(found) // given["batch_size"])
    return max(1, int(given["epochs"] * -(-pieces // given["gradient_accumulation"])))


def _arguments(given: Mapping[str, Any], steps: int, whole: bool) -> Any:
    import torch
    from transformers import TrainingArguments

    clip = given["task"] == "clip"
    started = "lora" if given["lora"] else "full" if isinstance(given["model"], str) else "scratch"
    use_cpu = given["device"] == "cpu" or (given["device"] == "auto" and not torch.cuda.is_available())
    bf16 = not use_cpu and torch.cuda.is_bf16_supported() if given["bf16"] is None else given["bf16"]
    return TrainingArguments(
        output_dir=given["work"],
        max_steps=steps,
        per_device_train_batch_size=given["batch_size"],
        per_device_eval_batch_size=given["batch_size"],
        gradient_accumulation_steps=given["gradient_accumulation"],
        learning_rate=given["learning_rate"] or RATES[started],
        lr_scheduler_type=given["lr_scheduler"],
        warmup_steps=given["warmup"] if given["warmup"] < 1 else int(given["warmup"]),
        weight_decay=given["weight_decay"],
        optim="adamw_torch",
        seed=given["seed"],
        use_cpu=use_cpu,
        bf16=bf16,
        logging_steps=given["logging_steps"] or max(1, steps // POINTS),
        logging_first_step=True,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if given["eval_dataset"] and given["eval_steps"] else "no",
        eval_steps=given["eval_steps"],
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_drop_last=clip and whole,  # the loss of a batch depends on its size
        dataloader_pin_memory=not use_cpu,
        prediction_loss_only=True,
        include_num_input_tokens_seen="no" if clip else "non_padding",
    )


def _teller(steps: int) -> Any:
    """Prints the numbers of a step as the Trainer logs them."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            kept = {key: logs[key] for key in ("loss", "learning_rate", "grad_norm", "eval_loss") if key in logs}
            if not all(map(math.isfinite, kept.values())):
                message = f"at step {state.global_step} the loss is no longer a number"
                raise SandboxError.of("diverged", message, "give a lower learning_rate or a longer warmup")
            if kept:
                tell("log", step=state.global_step, of=steps, **kept)

    return Teller()


def _save(given: Mapping[str, Any], model: Any, tokenizer: Any) -> None:
    """Write the model as safetensors with all that is needed to load it by its folder."""
    if given["lora"] and given["lora"]["merge"]:
        model = model.merge_and_unload()
    folder = given["output_dir"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if given["task"] == "clip":
        from .models import image_processor

        image_processor(given, model).save_pretrained(folder)


def run_child(work: Callable[[Mapping[str, Any]], None], path: str) -> int:
    """Do the work of a child process on the settings in a file. What fails is said in a line or two."""
    given = json.loads(Path(path).read_text("utf-8"))
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if given["offline"]:
        os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    try:
        work(given)
    except JuiceError as error:
        print(error, flush=True)
        return 1
    except Exception as error:
        kept = Path(given["work"]) / "traceback.txt"
        kept.write_text(traceback.format_exc(), "utf-8")
        print(f"error: {type(error).__name__}: {error}\n  the traceback: {kept}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_child(train, sys.argv[1]))
