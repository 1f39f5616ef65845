"""Judging models: perplexity, accuracy and commands. In the model `chain` a word costs exactly 0 or 20, and ln 8 after
the end-of-text token, which stands before each text and knows nothing."""

import json
import os
import shutil
import sys
import time
from math import exp, log
from pathlib import Path

import pytest
from juicesql.sandbox.base import Ahead, Job
from juicesql.sandbox.components.evaluate_command import last_object
from juicesql.sandbox.hooks.evaluate_model import EvaluateModelHook
from juicesql.sandbox.inference.language_model import Span, windows

from juicesql.errors import JuiceError

CHAIN = str(Path(__file__).parents[1] / "models" / "chain")


def evaluate(make_context, tmp_path, extra, **given):
    context = make_context(tmp_path, "EvaluateModelHook", extra, **given)
    hook = EvaluateModelHook(context.job)
    return hook.run(context)


def rows(path, *given):
    path.write_text("".join(json.dumps(r) + "\n" for r in given))
    return str(path)


@pytest.mark.parametrize("window", [{}, {"max_tokens": 2}, {"max_tokens": 3, "stride": 1}])
def test_perplexity_by_hand(in_process, make_context, tmp_path, window):
    """A window does not matter to a model that looks one word back. "the cat sat down" costs ln 8 + 0 + 0 + 0 in 16
    bytes, "the dog" ln 8 + 20 in 7; the blank text has no byte."""
    pytest.importorskip("transformers")
    data = rows(tmp_path / "d.jsonl", {"text": "the cat sat down"}, {"text": "the dog"}, {"text": None}, {"text": ""})
    extra = {"type": "perplexity", "dataset_path": data, **window}
    result = evaluate(make_context, tmp_path, extra, results={"train": {"model": CHAIN}})
    nats = 2 * log(8) + 20
    assert result["loss"] == pytest.approx(nats / 6)
    assert result["perplexity"] == pytest.approx(exp(nats / 6))
    assert result["bits_per_byte"] == pytest.approx(nats / (23 * log(2)))
    assert (result["tokens"], result["bytes"], result["texts"]) == (6, 23, 2)


def test_perplexity_without_a_start(in_process, make_context, tmp_path):
    pytest.importorskip("transformers")
    data = rows(tmp_path / "d.jsonl", {"text": "the cat sat down"}, {"text": "the dog"}, {"text": "the"})
    result = evaluate(make_context, tmp_path, {"model": CHAIN, "dataset_path": data, "start_token": False})
    assert (result["loss"], result["tokens"]) == (pytest.approx(20 / 4), 4)
    data = rows(tmp_path / "d.jsonl", {"text": "the"})
    with pytest.raises(JuiceError, match="no token to predict"):
        evaluate(make_context, tmp_path, {"model": CHAIN, "dataset_path": data, "start_token": False})


def test_bits_per_byte_of_two_tokenizers(in_process, make_context, tmp_path):
    """A model that knows nothing pays log2(vocabulary) a token: by words of 3 letters and by letters its loss differs,
    and bits per byte say which of the two needs fewer bits for the same text."""
    pytest.importorskip("transformers")
    text = "abc abc abc"
    data = rows(tmp_path / "d.jsonl", {"text": text})
    for name, vocab, tokens in (("words", ["[E]", "abc", "x", "y"], 3), ("letters", ["[E]", *"abc "], 11)):
        folder = knows_nothing(tmp_path / name, vocab, letters=name == "letters")
        result = evaluate(make_context, tmp_path, {"model": str(folder), "dataset_path": data})
        assert result["loss"] == pytest.approx(log(len(vocab)), rel=1e-6)
        assert result["tokens"] == tokens
        assert result["bits_per_byte"] == pytest.approx(tokens * log(len(vocab), 2) / len(text), rel=1e-6)


def knows_nothing(folder, vocab, letters):
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocab)}, unk_token="[E]"))
    split = pre_tokenizers.Split(Regex("."), "isolated") if letters else pre_tokenizers.Whitespace()
    inner.pre_tokenizer = split
    PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[E]", eos_token="[E]").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocab), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        bos_token_id=None, eos_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("length", "most", "stride"), [(10, 4, 3), (10, 4, 1), (9, 4, 2), (4, 4, 3), (1, 4, 3), (5, 2, 1)]
)
def test_windows_predict_each_token_once(length, most, stride):
    found = windows(Span(range(100, 100 + length)), most, stride)
    predicted = [token for s in found for token in list(s.ids)[s.first :]]
    assert predicted == list(range(101, 100 + length))
    assert all(len(s.ids) <= most and s.first >= 1 for s in found)


def test_multiple_choice_by_hand(in_process, make_context, tmp_path):
    """Costs of the choices, by hand. The third: "cat sat" is free. The fourth: both cost 20, in 3 and in 7 bytes, so the
    first is the likelier (places decide) but the longer one is the likelier a byte."""
    pytest.importorskip("transformers")
    data = rows(
        tmp_path / "d.jsonl",
        {"query": "the", "choices": ["dog", "cat"], "answer": 1},  # 20, 0: right
        {"query": "the cat", "choices": ["sat", "down"], "answer": 1},  # 0, 20: wrong
        {"query": "the", "choices": ["cat sat", "dog sat"], "answer": 0},  # 0, 20: right
        {"query": "the", "choices": ["dog", "dog sat"], "answer": 1},  # 20/3 and 20/7 a byte: right by the byte
    )
    result = evaluate(make_context, tmp_path, {"type": "accuracy", "model": CHAIN, "dataset_path": data})
    assert (result["accuracy"], result["accuracy_norm"], result["rows"]) == (2 / 4, 3 / 4, 4)
    told = [json.loads(line) for line in Path(result["outputs"]).read_text().splitlines()]
    assert [t["nats"] for t in told] == [pytest.approx(n) for n in ([20, 0], [0, 20], [0, 20], [20, 20])]


def test_answers_as_text(in_process, make_context, tmp_path):
    pytest.importorskip("transformers")
    data = rows(tmp_path / "d.jsonl", {"q": "the", "options": ["dog", "cat"], "a": "cat"})
    keys = {"query_key": "q", "choices_key": "options", "answer_key": "a"}
    extra = {"type": "accuracy", "model": CHAIN, "dataset_path": data, **keys}
    assert evaluate(make_context, tmp_path, extra)["accuracy"] == 1
    extra["dataset_path"] = rows(tmp_path / "d.jsonl", {"q": "the", "options": ["dog", "cat"], "a": "bird"})
    with pytest.raises(JuiceError, match="'bird' is none of 2 choices"):
        evaluate(make_context, tmp_path, extra)


def test_exact_match_by_hand(in_process, make_context, tmp_path):
    """After "the" the model writes "cat sat down" and ends; after "dog", "sat down"."""
    pytest.importorskip("transformers")
    data = rows(
        tmp_path / "d.jsonl",
        {"query": "the", "answer": "cat sat down"},
        {"query": "dog", "answer": "Sat,  down."},
        {"query": "the cat", "answer": "sat"},
        {"query": "cat", "answer": None},
    )
    extra = {"type": "accuracy", "task": "exact_match", "model": CHAIN, "dataset_path": data}
    assert evaluate(make_context, tmp_path, extra)["accuracy"] == 1 / 4
    assert evaluate(make_context, tmp_path, {**extra, "normalize": True})["accuracy"] == 2 / 4
    assert evaluate(make_context, tmp_path, {**extra, "stop": [" down"]})["accuracy"] == 1 / 4  # the third alone


def test_labels_by_hand(in_process, make_context, tmp_path):
    """A classifier whose output for `cat` is the first unit vector, for `dog` the second."""
    pytest.importorskip("transformers")
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=0, num_attention_heads=1, rms_norm_eps=0.0,
        pad_token_id=0, bos_token_id=None, eos_token_id=1, id2label={0: "feline", 1: "canine"},
    )  # fmt: skip
    model = LlamaForSequenceClassification(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(8))
        model.score.weight.zero_()
        model.score.weight[0, 3], model.score.weight[1, 6] = 1.0, 1.0  # the words cat and dog
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(CHAIN).save_pretrained(folder)
    data = rows(
        tmp_path / "d.jsonl",
        {"text": "the cat", "label": "feline"},
        {"text": "sat down the dog", "label": "canine"},
        {"text": "dog", "label": "feline"},
    )
    keys = {"query_key": "text", "answer_key": "label", "task": "label"}
    extra = {"type": "accuracy", "model": str(folder), "dataset_path": data, **keys}
    assert evaluate(make_context, tmp_path, extra)["accuracy"] == 2 / 3
    data = rows(tmp_path / "d.jsonl", {"text": "cat", "label": 0}, {"text": "dog", "label": 1})
    assert evaluate(make_context, tmp_path, extra)["accuracy"] == 1


def command(make_context, tmp_path, code, **more):
    words = [sys.executable, "-c", code, "{model}", "{dataset}", "{folder}"]
    results = {"a": {"model": "/models/m", "dataset": "/data/d"}}
    return evaluate(make_context, tmp_path, {"type": "command", "command": words, **more}, results=results)


def test_command(make_context, tmp_path):
    code = (
        "import sys, json, os; print('noise'); print(json.dumps({'old': 1}));"
        "print(json.dumps({'args': sys.argv[1:3], 'f1': {'macro': 0.5}, 'n': 3, 'home': os.environ['MY']}));"
        "print('[1, 2]'); print('done'); open(sys.argv[3] + '/made', 'w').close(); print('seen', file=sys.stderr)"
    )
    result = command(make_context, tmp_path, code, env={"MY": "mine; rm -rf x"})
    assert result["args"] == ["/models/m", "/data/d"]
    assert (result["f1.macro"], result["n"], result["home"]) == (0.5, 3, "mine; rm -rf x")
    folder = tmp_path / "jobs" / "job"
    assert (folder / "made").exists()
    assert "seen" in (folder / "job.log").read_text()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('accuracy: 0.5')", "no line that is a JSON object"),
        ("print('{\"a\": NaN}')", "the metric a is nan"),
        ("import sys; print('no such benchmark', file=sys.stderr); sys.exit(3)", "code 3(.|\n)*no such benchmark"),
        ("import os; os.kill(os.getpid(), 9)", "signal SIGKILL"),
    ],
)
def test_command_that_fails(make_context, tmp_path, code, said):
    with pytest.raises(JuiceError, match=said):
        command(make_context, tmp_path, code)


def test_command_that_hangs(make_context, tmp_path):
    """It is ended with what it started."""
    code = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']);"
        "open(sys.argv[3] + '/pid', 'w').write(str(p.pid)); time.sleep(60)"
    )
    with pytest.raises(JuiceError, match=r"more than 1\.5 seconds"):
        command(make_context, tmp_path, code, timeout=1.5)
    pid = int((tmp_path / "jobs" / "job" / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, 9)
        pytest.fail("what the command started still runs")


def test_command_without_a_model(make_context, tmp_path):
    extra = {"type": "command", "command": [sys.executable, "-c", "print('{\"a\": 1}')"]}
    assert evaluate(make_context, tmp_path, extra)["a"] == 1


def test_last_object(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b'{"a": 1}\n' + b"x" * (2 << 20) + b"\n")
    assert last_object(path) is None  # only the last megabyte is looked at
    path.write_bytes(b'{"a": 1}\n{"b": 2}\n{"c": \n\xff\n')
    assert last_object(path) == {"b": 2}


def test_what_is_wrong_beforehand(tmp_path):
    def codes(extra):
        return [p.code for p in EvaluateModelHook(Job("E", "m", None, extra, "evaluation", "p", 0)).problems(Ahead())]

    assert codes({}) == ["missing-setting"]
    gone = {"dataset_path": str(tmp_path / "none.jsonl"), "model": str(tmp_path / "none")}
    assert codes(gone) == ["missing-file", "missing-file"]
    assert codes({**gone, "max_tokens": 4, "stride": 4})[-1] == "bad-setting"
    assert codes({"type": "command", "command": ["no-such-program", "{model}"]}) == ["no-program", "no-model"]
    assert codes({"type": "command", "command": []}) == ["bad-setting"]
    assert codes({"type": "perplexities"}) == ["unknown-type"]


def test_the_examples_of_the_docs_run(in_process, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    from juicesql.sandbox.pipeline import run_sandbox

    monkeypatch.chdir(tmp_path)
    shutil.copytree(CHAIN, tmp_path / "models" / "chain")
    rows(tmp_path / "heldout.jsonl", {"text": "the cat sat down"})
    rows(tmp_path / "questions.jsonl", {"query": "the", "choices": ["dog", "cat"], "answer": 1})
    rows(tmp_path / "docs.jsonl", *({"text": "the cat"} for _ in range(10)))
    (tmp_path / "prompts.txt").write_text("the\ndog\n")
    (tmp_path / "score.py").write_text("import json, sys\nprint(json.dumps({'bleu': 0.25, 'of': sys.argv[1]}))\n")
    (tmp_path / "clean.sql.j2").write_text("{{ config(source='docs.jsonl') }}\nselect * from source\n")
    results = {}
    for page in ("inference", "model-evaluation"):
        text = (Path(__file__).parents[2] / "docs" / "sandbox" / f"{page}.md").read_text("utf-8")
        (tmp_path / f"{page}.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
        report = run_sandbox(tmp_path / f"{page}.yaml", project=tmp_path)
        results |= {done.job.meta_name: done.result for done in report.jobs}
    assert (results["hard"]["rows"], results["hard"]["mean_loss"]) == (5, 0)
    answers = [json.loads(line)["output"] for line in Path(results["answers"]["outputs"]).read_text().splitlines()]
    assert answers == ["cat sat down", "sat down"]
    assert results["fluent"]["loss"] == pytest.approx(log(8) / 4)
    assert results["right"]["accuracy"] == 1
    assert (results["own"]["bleu"], results["own"]["of"]) == (0.25, "models/chain")


def test_adapters(in_process, make_context, tmp_path):
    """A folder of LoRA adapters is judged with the model that it names, against the loss that peft gives itself."""
    peft = pytest.importorskip("peft")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tests.sandbox.test_inference_probe import random_model

    base, folder = random_model(tmp_path / "base"), tmp_path / "lora"
    torch.manual_seed(0)
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).eval()
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.save_pretrained(folder)
    text = "the cat sat down dog dog the"
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        expected = float(model(input_ids=ids, labels=ids).loss)
    extra = {"dataset_path": rows(tmp_path / "d.jsonl", {"text": text}), "start_token": False}
    adapted, plain = (evaluate(make_context, tmp_path, {**extra, "model": str(m)})["loss"] for m in (folder, base))
    assert adapted == pytest.approx(expected, rel=1e-5)
    assert abs(plain - expected) > 0.01


def test_a_model_that_has_diverged(in_process, make_context, tmp_path):
    """Weights that are no numbers: no perplexity, and no loss of any row."""
    pytest.importorskip("transformers")
    from juicesql.sandbox.hooks.probe_via_model_infer import ProbeViaModelInferHook
    from transformers import AutoModelForCausalLM

    from tests.sandbox.test_inference_probe import random_model

    folder = random_model(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.lm_head.weight.data.fill_(float("nan"))
    model.save_pretrained(folder)
    extra = {"model": str(folder), "dataset_path": rows(tmp_path / "d.jsonl", {"text": "the cat"})}
    with pytest.raises(JuiceError, match=r"the loss of .* is nan"):
        evaluate(make_context, tmp_path, extra)
    context = make_context(tmp_path, "ProbeViaModelInferHook", extra)
    hook = ProbeViaModelInferHook(context.job)
    result = hook.run(context)
    assert (result["rows"], result["measured"], result["mean_loss"]) == (1, 0, None)
    assert hook.summary(result) == ["1 rows"]
