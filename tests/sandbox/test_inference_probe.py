"""Probing data with a model. In the model `chain` a word costs exactly 0 when it is the expected one, else 20."""

import json
import sys
import types
from math import log
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from juicesql.sandbox.base import Ahead, Job
from juicesql.sandbox.hooks.probe_via_model_infer import ProbeViaModelInferHook
from juicesql.sandbox.inference.probing import Sampled, choose

from juicesql.errors import JuiceError
from juicesql.sources import SourceSpec, open_source

CHAIN = str(Path(__file__).parents[1] / "models" / "chain")
# Costs by hand: the -> cat -> sat -> down, dog -> sat are free, any other step costs 20; the first word costs nothing.
TEXTS = {
    "the cat sat down": 0.0,
    "the dog sat down": 20 / 3,
    "cat the": 20.0,
    "the": None,
    "  ": None,
    "dog sat down the cat": 20 / 4,
}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps({"text": t, "score": i % 3}) + "\n" for i, t in enumerate(TEXTS)))
    return path


def probe(make_context, tmp_path, extra, **given):
    context = make_context(tmp_path, "ProbeViaModelInferHook", extra, **given)
    hook = ProbeViaModelInferHook(context.job)
    return hook.run(context), context, hook


def values(path, column="loss"):
    read = "read_json_auto" if path.endswith(".jsonl") else "read_parquet"
    return dict(duckdb.sql(f"select sample_id, {column} from {read}('{path}')").fetchall())


def test_losses_by_hand(make_context, tmp_path, data):
    pytest.importorskip("transformers")
    extra = {"type": "transformers", "model": CHAIN, "dataset_path": str(data), "hardest": 2}
    result, context, hook = probe(make_context, tmp_path, extra)
    expected = [None if v is None else pytest.approx(v, rel=1e-6) for v in TEXTS.values()]
    assert [values(result["losses"])[i] for i in range(len(TEXTS))] == expected
    assert pq.read_schema(result["losses"]).field("sample_id").type == pa.int64()
    known = sorted(v for v in TEXTS.values() if v is not None)
    assert (result["rows"], result["measured"]) == (6, 4)
    assert result["mean_loss"] == pytest.approx(np.mean(known))
    assert result["std_loss"] == pytest.approx(np.std(known, ddof=1))
    assert result["loss_p95"] == pytest.approx(np.quantile(known, 0.95))
    assert [(h["sample_id"], h["text"]) for h in result["hardest"]] == [(2, "cat the"), (1, "the dog sat down")]
    assert "6 rows" in hook.summary(result)[0]
    assert context.progress.last == 1
    json.dumps(result)


def test_same_as_the_stat(in_process, make_context, tmp_path):
    """The loss is the logarithm of the stat `llm_perplexity`, on a model of random weights, with texts of many lengths
    in one batch and with each alone."""
    pytest.importorskip("transformers")
    model = random_model(tmp_path / "model")
    from juicesql.call import apply
    from juicesql.registry import Registry

    rng = np.random.default_rng(0)
    words = ["the", "cat", "sat", "down", "dog"]
    texts = [" ".join(rng.choice(words, n)) for n in (2, 3, 9, 40, 80)]  # the last is longer than the model takes
    pq.write_table(pa.table({"text": texts}), tmp_path / "docs.parquet")
    extra = {"model": str(model), "dataset_path": str(tmp_path / "docs.parquet")}
    found = values(probe(make_context, tmp_path, extra)[0]["losses"])
    stat = Registry().get("llm_perplexity")
    given = {"hf_model": str(model), "query_template": "", "response_template": "{text}", "max_tokens": 2048}
    alone = [apply(stat, [pa.array([t])], given)[0].as_py() for t in texts]
    assert [found[i] for i in range(len(texts))] == pytest.approx([log(p) for p in alone], rel=1e-4)


def random_model(folder):
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=None, eos_token_id=1, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(CHAIN).save_pretrained(folder)
    return folder


def test_the_query_costs_nothing(in_process, make_context, tmp_path):
    pytest.importorskip("transformers")
    rows = [
        {"q": "the", "text": "cat"},
        {"q": "cat the", "text": "dog sat"},
        {"q": "", "text": "cat the"},
        {"q": None, "text": "cat the"},
    ]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    extra = {"model": CHAIN, "dataset_path": str(tmp_path / "d.jsonl"), "query_key": "q"}
    found = values(probe(make_context, tmp_path, extra)[0]["losses"])
    assert found == pytest.approx({0: 0.0, 1: 10.0, 2: 20.0, 3: 20.0}, rel=1e-6)


def test_last_tokens_of_a_long_text(in_process, make_context, tmp_path):
    """Of "cat the cat sat down" the last three tokens are free, the last five cost 20."""
    pytest.importorskip("transformers")
    (tmp_path / "d.jsonl").write_text(json.dumps({"text": "cat the cat sat down"}) + "\n")
    for most, loss in ((3, 0.0), (5, 20 / 4)):
        extra = {"model": CHAIN, "dataset_path": str(tmp_path / "d.jsonl"), "max_tokens": most}
        found = values(probe(make_context, tmp_path, extra)[0]["losses"])
        assert found == pytest.approx({0: loss}, rel=1e-6)


def test_sample_ids_are_those_of_a_run(in_process, make_context, tmp_path, data):
    """The ids of a source of two files, one of them with a row that cannot be read, and with a weight."""
    pytest.importorskip("transformers")
    import juicesql

    second = tmp_path / "more.jsonl"
    second.write_text('{"text": "the cat"}\nbroken\n{"text": "cat the"}\n')
    recipe = tmp_path / "all.sql.j2"
    recipe.write_text("{{ config(keep_sample_id=true) }}\nselect text from source where word_count(text) >= 0")
    source = [str(data), f"2 {second}"]
    given = {"recipe": {"recipe": str(recipe), "source": source}}
    result, context, _ = probe(make_context, tmp_path, {"model": CHAIN}, **given)
    export = tmp_path / "out.parquet"
    juicesql.run(recipe, source=source, project=context.project, export=export, max_error_rate=1.0)
    ids = dict(duckdb.sql(f"select sample_id, text from read_parquet('{export}')").fetchall())
    found = values(result["losses"])
    assert found.keys() == ids.keys() == {*range(8), 10, 11}
    assert {i for i, v in found.items() if v == 0} == {
        i for i, t in ids.items() if t in ("the cat", "the cat sat down")
    }


def test_rewards(in_process, make_context, tmp_path):
    """A reward model of one output, and the chance of a label of another, against its own arithmetic."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    texts = ["the cat", "dog", "the dog sat down", ""]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    for labels in (1, 3):
        folder = classifier(tmp_path / str(labels), labels)
        extra = {"measure": "reward", "model": str(folder), "dataset_path": str(tmp_path / "d.jsonl")}
        if labels == 3:
            with pytest.raises(JuiceError, match="3 outputs"):
                probe(make_context, tmp_path, extra)
            extra["label"] = "LABEL_2"
        result, *_ = probe(make_context, tmp_path, extra)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        with torch.no_grad():
            logits = [model(**tokenizer(t, return_tensors="pt")).logits[0] for t in texts[:3]]
        expected = [float(x[0] if labels == 1 else x.softmax(0)[2]) for x in logits]
        found = values(result["losses"], "reward")
        assert [found[i] for i in range(3)] == pytest.approx(expected, rel=1e-4)
        assert found[3] is None
        assert result["hardest"][0]["sample_id"] == int(np.argmin(expected))


def classifier(folder, labels):
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(labels)
    config = LlamaConfig(
        vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=None, eos_token_id=1, pad_token_id=0, num_labels=labels,
        initializer_range=0.5,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(CHAIN).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, None),
        ({"data_probe_algo": "topk_specified_field_selector", "field_key": "n", "sample_num": 2}, [1, 4]),
        ({"data_probe_algo": "topk_specified_field_selector", "field_key": "n", "data_probe_ratio": 0.2}, [4]),
        (
            {"data_probe_algo": "topk_specified_field_selector", "field_key": "n", "sample_num": 2, "reverse": False},
            [0, 3],
        ),
        ({"data_probe_algo": "topk_specified_field_selector", "field_key": "m.x", "sample_num": 1}, [3]),
        # b stands in three rows, a in two, c in one
        ({"data_probe_algo": "frequency_specified_field_selector", "field_key": "k", "sample_num": 1}, [1, 2, 5]),
        ({"data_probe_algo": "frequency_specified_field_selector", "field_key": "k", "sample_num": 2}, [0, 1, 2, 3, 5]),
        (
            {
                "data_probe_algo": "frequency_specified_field_selector", "field_key": "k", "sample_num": 1,
                "reverse": False,
            },
            [4],
        ),
    ],
)  # fmt: skip
def test_choosing_rows(tmp_path, how, expected):
    rows = [("a", 1, 0), ("b", 5, 1), ("b", 3, 2), ("a", 2, 9), ("c", 7, 3), ("b", None, 4)]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps({"k": k, "n": n, "m": {"x": x}}) + "\n" for k, n, x in rows))
    found = choose(open_source(SourceSpec((str(path),))), Sampled(**how), 42)
    assert found is None if expected is None else found.tolist() == expected


def test_choosing_at_random(tmp_path):
    pq.write_table(pa.table({"text": ["x"] * 1000}), tmp_path / "d.parquet")
    source = open_source(SourceSpec((str(tmp_path / "d.parquet"),)))
    found = choose(source, Sampled(data_probe_ratio=0.25), 1)
    assert len(found) == len(set(found.tolist())) == 250 and (np.diff(found) > 0).all()
    assert (choose(source, Sampled(data_probe_ratio=0.25), 1) == found).all()
    assert (choose(source, Sampled(sample_num=250), 2) != found).any()
    assert abs(found.mean() - 499.5) < 4 * 288.7 / 250**0.5  # four standard errors of a uniform choice


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"data_probe_ratio": 0.0}, "above 0"),
        ({"sample_num": 0}, "1 or more"),
        ({"data_probe_algo": "topk_specified_field_selector"}, "field_key"),
        ({"data_probe_algo": "topk_specified_field_selector", "field_key": "score2"}, "did you mean `score`"),
    ],
)
def test_wrong_choices(data, how, said):
    with pytest.raises(JuiceError, match=said):
        choose(open_source(SourceSpec((str(data),))), Sampled(**how), 42)


def test_what_is_wrong_beforehand(tmp_path):
    extra = {"model": str(tmp_path / "none"), "dataset_path": str(tmp_path / "none.jsonl"), "max_tokens": 1}
    hook = ProbeViaModelInferHook(Job("ProbeViaModelInferHook", "m", None, extra, "probe", "p", 0))
    assert [p.code for p in hook.problems(Ahead())] == ["missing-file", "missing-file", "bad-setting"]
    bare = ProbeViaModelInferHook(Job("ProbeViaModelInferHook", "m", None, {}, "probe", "p", 0))
    assert [p.code for p in bare.problems(Ahead())] == ["no-dataset", "no-model"]
    assert not list(bare.problems(Ahead(keys={"t": {"model", "dataset"}})))


def test_missing_column_and_broken_model(in_process, make_context, tmp_path, data):
    pytest.importorskip("transformers")
    with pytest.raises(JuiceError, match="did you mean `text`"):
        probe(make_context, tmp_path, {"model": CHAIN, "dataset_path": str(data), "text_key": "texts"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(JuiceError) as caught:
        probe(make_context, tmp_path, {"model": str(tmp_path / "empty"), "dataset_path": str(data)})
    assert "Traceback" not in str(caught.value) and "ended with code 1" in str(caught.value)


def test_modelscope(in_process, make_context, tmp_path, monkeypatch):
    """With a stand-in for `modelscope.pipelines.pipeline`, not the package itself: it takes what the documentation of
    ModelScope says, a task and a model, then a list of texts, and gives a list of outputs."""
    made = types.ModuleType("modelscope.pipelines")

    def pipeline(task, model, device):
        asked = (task, model, device)
        return lambda texts, batch_size: [
            {"labels": ["pos"], "scores": np.array([len(t) / 10]), "asked": [*asked, batch_size]} for t in texts
        ]

    made.pipeline = pipeline
    monkeypatch.setitem(sys.modules, "modelscope", types.ModuleType("modelscope"))
    monkeypatch.setitem(sys.modules, "modelscope.pipelines", made)
    (tmp_path / "d.jsonl").write_text('{"text": "good"}\n{"text": null}\n{"text": "a bad film"}\n')
    extra = {
        "type": "modelscope", "task": "text-classification", "model": "damo/some", "pipeline_params": {"device": "cpu"},
        "sampling_params": {"batch_size": 2}, "reward_path": "scores.0", "dataset_path": str(tmp_path / "d.jsonl"),
    }  # fmt: skip
    result, *_ = probe(make_context, tmp_path, extra)
    assert values(result["losses"], "reward") == {0: 0.4, 1: None, 2: 1.0}
    assert result["mean_reward"] == pytest.approx(0.7)
    output = json.loads(Path(result["losses"]).read_text().splitlines()[0])["output"]
    assert output["asked"] == ["text-classification", "damo/some", "cpu", 2] and output["scores"] == [0.4]
    with pytest.raises(JuiceError, match=r"an output has no scores\.1"):
        probe(make_context, tmp_path, {**extra, "loss_path": "scores.1"})
