"""Training through transformers: real runs on models of some thousand parameters."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from juicesql.sandbox.components.train_transformers import TransformersTrainer
from juicesql.sandbox.errors import JobError, SandboxError
from juicesql.sandbox.training import run as training
from juicesql.sandbox.training.models import train_tokenizer
from juicesql.sandbox.training.rows import plain_text
from juicesql.sandbox.training.text import TokenFile, steps_for, tokenise

from .training_work import GPT2, codes, sentences, train, write_rows

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
peft = pytest.importorskip("peft")


@pytest.fixture
def here(monkeypatch):
    """Trains in this process, where the libraries are loaded already; other tests have the child of real runs."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")

    async def command(self, words, env=None, cwd=None):
        if training.run_child(training.train, words[-1]):
            raise self.failed("training failed")

    monkeypatch.setattr(TransformersTrainer, "command", command)


@pytest.fixture(scope="module")
def base(tmp_path_factory, make_context):
    """A language model trained from scratch on 200 texts, with how it went."""
    folder = tmp_path_factory.mktemp("base")
    rows = [*sentences(200), {"text": None}, {"text": " "}, "broken", {"other": 1}]
    extra = {
        "type": "transformers", "dataset_path": write_rows(folder / "texts.jsonl", rows), "model": GPT2,
        "tokenizer": {"train": {"vocab_size": 300}}, "epochs": 3, "learning_rate": 5e-3,
        "eval_dataset": write_rows(folder / "held.jsonl", sentences(20, seed=2)),
    }  # fmt: skip
    context = make_context(folder, extra=extra)
    return context, train(context)


def test_the_loss_of_a_model_from_scratch_falls(base):
    context, result = base
    losses = [loss for _, loss in context.watcher.series("job.loss")]
    assert losses[0] == pytest.approx(np.log(300), abs=0.3)  # a model that knows nothing of 300 tokens
    assert losses[-1] < losses[0] - 1
    assert result["eval_loss"] < losses[0] - 1 and result["train_loss"] == pytest.approx(np.mean(losses), rel=0.2)
    assert [step for step, _ in context.watcher.series("job.loss")][-1] == result["steps"]
    assert context.watcher.series("job.learning_rate")[-1][1] < 5e-3
    assert context.progress.last == 1.0


def test_rows_without_text_are_counted_not_trained_on(base):
    assert base[1]["skipped"] == 4


def test_the_model_is_a_folder_of_safetensors_that_loads_without_the_network(base, monkeypatch):
    folder = Path(base[1]["model"])
    assert (folder / "model.safetensors").is_file() and not list(folder.glob("*.bin"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer("the red sky.\n中")["input_ids"]) == "the red sky.\n中"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert sum(p.numel() for p in model.parameters()) == base[1]["parameters"]


def test_eval_loss_is_the_mean_cross_entropy_of_the_held_out_tokens(base):
    context, result = base
    model = transformers.AutoModelForCausalLM.from_pretrained(result["model"]).eval()
    tokens = torch.from_numpy(np.fromfile(context.folder / "eval.tokens", np.uint16).astype("int64"))
    losses = []
    with torch.no_grad():
        for block in tokens.split(64):
            logits = model(block[None]).logits[0, :-1]
            losses.append(torch.nn.functional.cross_entropy(logits, block[1:], reduction="none"))
    assert len(losses) <= 8  # one batch: the mean of its tokens
    assert result["eval_loss"] == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)


def test_lora_trains_adapters_and_leaves_the_model_as_it_was(base, here, make_context, tmp_path):
    before = (Path(base[1]["model"]) / "model.safetensors").read_bytes()
    data = base[0].job.extra["dataset_path"]
    extra = {"type": "transformers", "dataset_path": data, "lora": {"r": 4}, "max_steps": 4, "learning_rate": 1e-2}
    context = make_context(tmp_path, extra=extra, results={"earlier": base[1]})
    result = train(context)
    assert (Path(base[1]["model"]) / "model.safetensors").read_bytes() == before
    assert (Path(result["model"]) / "adapter_model.safetensors").is_file()
    assert result["base_model"] == base[1]["model"] and result["steps"] == 4
    # two layers: c_attn 32 -> 96, attention's c_proj 32 -> 32, c_fc 32 -> 128, c_proj 128 -> 32, each r x (in + out)
    assert result["trained_parameters"] == 2 * 4 * ((32 + 96) + (32 + 32) + (32 + 128) + (128 + 32))
    loaded = transformers.AutoModelForCausalLM.from_pretrained(result["model"])  # by its folder alone
    assert any("lora" in name for name, _ in loaded.named_parameters())


def test_merged_lora_is_a_whole_model_and_the_same_seed_gives_the_same_loss(base, here, make_context, tmp_path):
    data = base[0].job.extra["dataset_path"]
    lora = {"r": 4, "merge": True, "dropout": 0.1, "target_modules": ["c_attn"]}
    extra = {"type": "transformers", "dataset_path": data, "model": base[1]["model"], "lora": lora, "max_tokens": 2000}
    contexts = [make_context(tmp_path, extra=extra, meta_name=name) for name in ("one", "two")]
    first, second = map(train, contexts)
    series = [c.watcher.series(f"{c.job.meta_name}.loss") for c in contexts]
    assert series[0] == series[1] and first["train_loss"] == second["train_loss"]
    assert first["tokens"] >= 2000 > first["tokens"] - 8 * 64  # the budget, to a batch
    merged = transformers.AutoModelForCausalLM.from_pretrained(first["model"])
    old = transformers.AutoModelForCausalLM.from_pretrained(base[1]["model"])
    assert not any("lora" in name for name, _ in merged.named_parameters())
    assert not torch.equal(merged.transformer.h[0].attn.c_attn.weight, old.transformer.h[0].attn.c_attn.weight)
    assert torch.equal(merged.transformer.h[0].mlp.c_fc.weight, old.transformer.h[0].mlp.c_fc.weight)


def test_numbers_arrive_while_it_trains_and_a_killed_child_fails_the_job(base, make_context, tmp_path):
    extra = {
        "type": "transformers", "dataset_path": base[0].job.extra["dataset_path"], "model": base[1]["model"],
        "max_steps": 1_000_000, "logging_steps": 5,
    }  # fmt: skip
    context = make_context(tmp_path, extra=extra)
    alive: list[bool] = []

    def kill_after_the_first_number() -> None:
        while not context.watcher.series("job.loss"):
            time.sleep(0.05)
        child = child_of(os.getpid(), "juicesql.sandbox.training.run")
        alive.append(child is not None)
        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill_after_the_first_number, daemon=True)
    killer.start()
    with pytest.raises(JobError, match="SIGKILL") as caught:
        train(context)
    assert alive == [True]
    assert any('"event": "log"' in line for line in caught.value.tail) and "Traceback" not in str(caught.value)


def child_of(parent: int, module: str) -> int | None:
    """The process that a process started for a module."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                if module in words and int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1]) == parent:
                    return int(entry.name)
            except (OSError, IndexError):
                continue
    return None


def test_an_empty_dataset_is_told_plainly(base, here, make_context, tmp_path):
    data = write_rows(tmp_path / "empty.jsonl", [{"text": None}, {"text": "  "}])
    context = make_context(tmp_path, extra={"type": "transformers", "dataset_path": data, "model": base[1]["model"]})
    with pytest.raises(JobError) as caught:
        train(context)
    assert "none of its 2 rows can be used" in "\n".join(caught.value.tail)


def test_clip_learns_which_caption_belongs_to_which_picture(here, make_context, tmp_path):
    image = pytest.importorskip("PIL.Image")
    colours = {"red": (220, 20, 20), "blue": (20, 20, 220), "green": (20, 200, 20), "white": (240, 240, 240)}
    places = {"left": (0, 0, 8, 16), "right": (8, 0, 16, 16), "top": (0, 0, 16, 8), "bottom": (0, 8, 16, 16)}
    places |= {"all": (0, 0, 16, 16), "middle": (4, 4, 12, 12), "corner": (0, 0, 6, 6), "dot": (7, 7, 9, 9)}
    rows: list[Any] = []
    for colour, value in colours.items():
        for place, box in places.items():
            picture = image.new("RGB", (16, 16), (60, 60, 60))
            picture.paste(value, box)
            picture.save(tmp_path / f"{colour}_{place}.png")
            rows.append(
                {"images": [str(tmp_path / f"{colour}_{place}.png")], "text": f"<__dj__image> {colour} {place}"}
            )
    (tmp_path / "cut.png").write_bytes((tmp_path / "red_left.png").read_bytes()[:40])
    more = [{"images": [str(tmp_path / "cut.png")], "text": "cut"}, {"images": ["/missing.png"], "text": "missing"}]
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = {
        "model_type": "clip", "projection_dim": 32, "vision_config": small | {"image_size": 16, "patch_size": 4},
        "text_config": small | {"max_position_embeddings": 16},
    }  # fmt: skip
    extra = {
        "type": "transformers", "task": "clip", "dataset_path": write_rows(tmp_path / "pairs.jsonl", rows + more),
        "model": model, "tokenizer": {"train": {"vocab_size": 300}}, "epochs": 60, "batch_size": 16,
        "learning_rate": 3e-3,
    }  # fmt: skip
    context = make_context(tmp_path, extra=extra)
    result = train(context)
    losses = [loss for _, loss in context.watcher.series("job.loss")]
    assert losses[0] == pytest.approx(np.log(16), abs=0.5) and np.mean(losses[-5:]) < 1
    assert result["skipped"] == 2 and result["samples"] == 32
    found = transformers.AutoModel.from_pretrained(result["model"]).eval()
    processor = transformers.AutoProcessor.from_pretrained(result["model"])
    pictures = [image.open(row["images"][0]).convert("RGB") for row in rows]
    inputs = processor(
        images=pictures, text=[r["text"].split("> ")[1] for r in rows], return_tensors="pt", padding=True
    )
    scores = found(**{k: inputs[k] for k in ("input_ids", "attention_mask", "pixel_values")}).logits_per_image
    assert float((scores.argmax(1) == torch.arange(32)).float().mean()) > 0.5  # by chance 1 of 32


WRONG = {
    "two budgets": ({"model": "gpt2", "max_steps": 1, "max_tokens": 1}, ["no-dataset", "bad-setting"]),
    "clip alone": ({"model": "a/b", "task": "clip", "batch_size": 1}, ["no-dataset", "bad-setting"]),
    "no model": ({}, ["no-dataset", "no-model"]),
    "missing folder": ({"model": "./nowhere", "dataset_path": "./none.jsonl"}, ["missing-file", "missing-file"]),
    "adapters of nothing": ({"model": {"model_type": "gpt2"}, "lora": {}}, ["no-dataset", "lora-from-scratch"]),
    "no kind of model": ({"model": {"n_layer": 2}}, ["no-dataset", "missing-setting"]),
    "nothing above 0": ({"model": "gpt2", "epochs": 0}, ["no-dataset", "bad-setting"]),
    "a setting misspelt": ({"modell": "gpt2"}, ["unknown-setting"]),
    "lora misspelt": ({"model": "gpt2", "lora": {"rank": 4}}, ["unknown-setting"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_found_before_anything_runs(name, make_context, tmp_path):
    extra, expected = WRONG[name]
    assert codes(make_context(tmp_path, extra={"type": "transformers", **extra})) == expected


def test_what_earlier_jobs_give_is_not_missing(make_context, tmp_path):
    context = make_context(tmp_path, extra={"type": "transformers"})
    assert codes(context, {"a": {"dataset"}, "b": {"model"}}) == []


def test_a_tokenizer_is_trained_the_same_twice_and_writes_any_text():
    texts = [row["text"] for row in sentences(100)]
    made = [train_tokenizer(iter([texts]), 300, 1000, ends=False) for _ in range(2)]
    assert made[0].get_vocab() == made[1].get_vocab() and len(made[0]) == 300
    for text in ("the cat", " a  b\n", "日本語 🙂", "\x00"):
        assert made[0].decode(made[0](text)["input_ids"]) == text
    with pytest.raises(SandboxError, match="257"):
        train_tokenizer(iter([texts]), 100, 1000, ends=False)


@pytest.fixture(scope="module")
def letters():
    """A tokenizer with a token for each byte and none besides."""
    return train_tokenizer(iter([["ab"]]), 257, 10, ends=False)


def test_texts_are_packed_into_full_blocks(letters, tmp_path):
    path = write_rows(tmp_path / "a.jsonl", [{"text": "abcd"}, {"text": "ef"}, {"text": ""}, {"text": "ghi"}])
    found = tokenise(Path(path), "text", letters, 5, True, tmp_path / "tokens")
    assert (found.rows, found.skipped) == (4, 1)
    shown = [letters.decode(found[i]["input_ids"]) for i in range(len(found))]
    assert shown == ["abcd<|endoftext|>", "ef<|endoftext|>gh", "i<|endoftext|>"]


def test_texts_are_cut_one_by_one_without_packing(letters, tmp_path):
    path = write_rows(tmp_path / "a.jsonl", [{"text": "abcdef"}, {"text": "gh"}])
    found = tokenise(Path(path), "text", letters, 5, False, tmp_path / "tokens")
    assert [letters.decode(found[i]["input_ids"]) for i in range(2)] == ["abcde", "gh<|endoftext|>"]


def test_a_token_budget_in_steps():
    blocks = TokenFile(np.zeros(100), np.asarray([0, 30, 60, 90, 100]), 4, 0)  # four blocks, two steps a round
    assert steps_for(blocks, 100, 2) == 2
    assert steps_for(blocks, 250, 2) == 2 * 2 + 1
    assert steps_for(blocks, 251, 2) == 2 * 2 + 2
    assert steps_for(blocks, 1, 2) == 1


def test_marks_of_media_are_no_text():
    assert plain_text("<__dj__image> a cat <|__dj__eoc|>") == "a cat"
    assert plain_text("<__dj__video><|__dj__eoc|>") is None
    assert plain_text(" kept as it is\n") == " kept as it is\n"
    assert plain_text(3) is None
