"""The quality and repetition stats equal plain Python definitions, in batches and row by row."""

import re

import definitions as plain
import pytest
from definitions import share
from definitions_quality import DEFINITIONS, dup_ngram, lines, repeated, top_ngram
from hypothesis import given, settings
from hypothesis import strategies as st

from juicesql.errors import FunctionError

pieces = [
    "The cat sat. ", "the cat sat ", "a b ", "a b c ", "\n", "\n\n", "\r\n", "\r", " \n", "- ", "•", "* a", "...", "…", "#",
    "e.g. ", "U.S. ", "J. ", "3 likes", "12", "3.14", "BIG NEWS ", '."', ") ", "今天。", "你好！", "ไทย", "हाँ। ", "\x0b", "\x85",
    "\u2028", "\u3000", "\xa0", "é", "👍🏽", "\x00", "\x1c", "İ", "ΟΔΟΣ", "With", "that,", "x",
]  # fmt: skip
texts = st.one_of(st.lists(st.sampled_from(pieces), max_size=60).map("".join), plain.texts)
batches = st.lists(texts, min_size=1, max_size=5)
some = settings(max_examples=100, deadline=None)


def call(name: str, texts: list[str], **options: object) -> list[object]:
    """The function with words between white space only, as the definitions have them."""
    takes = {a.name for a in plain.REGISTRY.get(name).signature.arguments}
    return plain.call(name, texts, **options, **({"splitter": "none"} if "splitter" in takes else {}))


@pytest.mark.parametrize("name", DEFINITIONS)
@some
@given(batches)
def test_equals_its_definition(name: str, batch: list[str]) -> None:
    expected = [DEFINITIONS[name](t) for t in batch]
    assert call(name, batch) == expected
    assert [call(name, [t])[0] for t in batch] == expected


@pytest.mark.parametrize(("name", "define"), [("top_ngram_char_ratio", top_ngram), ("dup_ngram_char_ratio", dup_ngram)])
@some
@given(st.lists(st.sampled_from(["a", "ab", "b", "é", "aé"]), max_size=200), st.sampled_from([1, 2, 3, 5]))
def test_ngrams_of_long_text_over_a_small_alphabet(name: str, define, words: list[str], n: int) -> None:
    text = " ".join(words)
    assert call(name, [text], n=n) == [define(text, n)]


@some
@given(batches)
def test_parameters(batch: list[str]) -> None:
    def check(name: str, expected: list[float], **options: object) -> None:
        assert call(name, batch, **options) == expected

    ellipses = [len(re.findall(r"\.\.\.|…", t)) if t.split() else 0 for t in batch]
    check(
        "symbol_word_ratio",
        [share(e, len(t.split())) for e, t in zip(ellipses, batch, strict=True)],
        symbols=["…", "..."],
    )
    check("num_lines", [sum(len(line) >= 5 for line in lines(t)) for t in batch], min_len=5)
    check("short_line_ratio", [share(sum(len(x) <= 5 for x in lines(t)), len(lines(t))) for t in batch], max_len=5)
    marks = '.?!"'
    check(
        "terminal_punct_line_ratio",
        [share(sum(x.rstrip()[-1] in marks for x in lines(t)), len(lines(t))) for t in batch],
        marks=marks,
    )
    unbroken = [sum(map(len, t.splitlines())) for t in batch]
    chars = [len("".join(repeated(lines(t)))) for t in batch]
    check("dup_line_char_ratio", [share(c, u) for c, u in zip(chars, unbroken, strict=True)], breaks=False)
    check("stopword_count", [len({"cat", "ΣΑΣ".lower()} & set(plain.refined(t))) for t in batch], words=["Cat", "ΣΑΣ"])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_character_and_a_long_text(name: str) -> None:
    chars = [chr(c) for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    batch = ["".join(f"a{c} b{c}" for c in chars[i : i + 64]) for i in range(0, len(chars), 64)]
    batch.append("Ab. c\n" * 15_000)
    if name not in ("dup_line_ratio", "dup_line_char_ratio"):  # whose definition is quadratic
        assert call(name, batch) == [DEFINITIONS[name](t) for t in batch]


def test_the_time_of_hostile_texts_is_linear() -> None:
    """Each of these would take minutes if a stat looked at a character more than a few times."""
    hostile = [
        "a. " * 100_000,
        "." * 300_000,
        "a" + " " * 300_000 + ".",
        "\n" * 300_000,
        "a.\n" * 100_000,
        "J." * 150_000,
    ]
    hostile += ["a " * 150_000, "#" * 300_000, " \n" * 150_000, "A " + '."' * 150_000, ("a." + " " * 3000) * 100]
    for name in DEFINITIONS:
        assert len(call(name, hostile)) == len(hostile)


def test_mistakes_in_parameters_are_explained() -> None:
    for name, options in [
        ("top_ngram_char_ratio", {"n": 0}),
        ("dup_ngram_char_ratio", {"n": -1}),
        ("symbol_word_ratio", {"symbols": []}),
        ("symbol_word_ratio", {"symbols": ["#", ""]}),
    ]:
        with pytest.raises(FunctionError) as caught:
            call(name, ["a b"], **options)
        assert caught.value.problems[0].code == "bad-parameter"
