"""The quality and repetition stats equal plain Python definitions, in batches and row by row."""

import re
import unicodedata
from collections import Counter
from itertools import groupby

import definitions as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text._layout import TERMINAL_RANGES, UNSPACED_RANGES

from juicesql.errors import FunctionError

TERMINAL = {chr(c) for first, last in TERMINAL_RANGES for c in range(first, last + 1)}
UNSPACED = {chr(c) for first, last in UNSPACED_RANGES for c in range(first, last + 1)}
GOPHER = ["the", "be", "to", "of", "and", "that", "have", "with"]

pieces = [
    "The cat sat. ", "the cat sat ", "a b ", "a b c ", "\n", "\n\n", "\r\n", "\r", " \n", "- ", "•", "* a", "...", "…", "#",
    "e.g. ", "U.S. ", "J. ", "3 likes", "12", "3.14", "BIG NEWS ", '."', ") ", "今天。", "你好！", "ไทย", "हाँ। ", "\x0b", "\x85",
    "\u2028", "\u3000", "\xa0", "é", "👍🏽", "\x00", "\x1c", "İ", "ΟΔΟΣ", "With", "that,", "x",
]  # fmt: skip
texts = st.one_of(st.lists(st.sampled_from(pieces), max_size=60).map("".join), plain.texts)
batches = st.lists(texts, min_size=1, max_size=5)
some = settings(max_examples=100, deadline=None)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def paragraphs(text: str) -> list[str]:
    """Runs of lines that are not blank, with the breaks between them but not the one behind."""
    found = []
    for blank, run in groupby(text.splitlines(keepends=True), key=lambda line: not line.strip()):
        if not blank:
            *before, last = run
            found.append("".join(before) + last.splitlines()[0])
    return found


def repeated(parts: list[str]) -> list[str]:
    return [part for i, part in enumerate(parts) if part in set(parts[:i])]


def top_ngram(text: str, n: int) -> float:
    words = text.split()
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    gram, count = max(counts.items(), key=lambda item: item[1], default=((), 0))
    return min(1.0, plain.share(count * len(" ".join(gram)), len(text)))


def dup_ngram(text: str, n: int) -> float:
    words, met, chars, i = text.split(), set(), 0, 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        chars += len("".join(gram)) if gram in met else 0
        i += n if gram in met else 1
        met.add(gram)
    return plain.share(chars, len(text))


def sentences(text: str) -> int:
    def is_content(c: str) -> bool:
        return c.isalnum() or c.isnumeric()

    count, start = 0, 0
    terminal = re.escape("".join(sorted(TERMINAL))) + "…"
    closing = re.escape("\"'" + "".join(c for c in set(text) if unicodedata.category(c) in ("Pe", "Pf")))
    for run in re.finditer(f"[{terminal}][{terminal}{closing}]*", text):
        if not any(map(is_content, text[start : run.start()])):
            continue
        before, after = text[: run.start()], text[run.end() :]
        wide = any(ord(c) > 127 and c in TERMINAL for c in run.group())
        initial = before[-1].isalpha() and not any(map(is_content, before[-2:-1]))
        lower = after.lstrip()[:1].islower()
        if wide or ((not after or after[0].isspace()) and not (run.group() == "." and (initial or lower))):
            count, start = count + 1, run.end()
    return count


def is_noise(line: str) -> bool:
    words = line.split()
    letters = [c for c in line if c.isalpha()]
    numbers = [c for c in line if c.isnumeric() and not c.isalpha()]
    counter = len(words) == 2 and words[0][0] in numbers and words[1].isalpha()
    upper = sum(c.isupper() for c in line)
    return len(words) == 1 or counter or 2 * upper > len(letters) or (not letters and bool(numbers))


def ends_in_ellipsis(line: str) -> bool:
    return line.rstrip().endswith(("...", "…"))


share = plain.share
DEFINITIONS = {
    "word_count": lambda t: len(t.split()),
    "mean_word_length": lambda t: share(sum(map(len, t.split())), len(t.split())),
    "max_word_length": lambda t: max(map(len, t.split()), default=0),
    "alpha_word_ratio": lambda t: share(sum(any(map(str.isalpha, w)) for w in t.split()), len(t.split())),
    "stopword_count": lambda t: len(set(GOPHER) & set(plain.refined(t))),
    "symbol_word_ratio": lambda t: share(t.count("#") if t.split() else 0, len(t.split())),
    "newline_word_ratio": lambda t: share(t.count("\n") if t.split() else 0, len(t.split())),
    "bullet_line_ratio": lambda t: share(
        sum(line.lstrip().startswith(("•", "-")) for line in t.splitlines()), len(t.splitlines())
    ),
    "ellipsis_line_ratio": lambda t: share(sum(map(ends_in_ellipsis, t.splitlines())), len(t.splitlines())),
    "terminal_punct_line_ratio": lambda t: share(
        sum(line.rstrip()[-1] in TERMINAL for line in lines(t)), len(lines(t))
    ),
    "short_line_ratio": lambda t: share(sum(len(line) <= 30 for line in lines(t)), len(lines(t))),
    "num_lines": lambda t: len(lines(t)),
    "num_paragraphs": lambda t: len(paragraphs(t)),
    "num_sentences": sentences,
    "unspaced_ratio": lambda t: share(
        sum(c in UNSPACED for c in t if c.isalpha()), sum(c.isalpha() for c in t)
    ),
    "noise_line_word_ratio": lambda t: share(
        sum(len(line.split()) for line in lines(t) if is_noise(line)), len(t.split())
    ),
    "dup_line_ratio": lambda t: share(len(repeated(lines(t))), len(lines(t))),
    "dup_line_char_ratio": lambda t: share(len("".join(repeated(lines(t)))), len(t)),
    "dup_para_ratio": lambda t: share(len(repeated(paragraphs(t))), len(paragraphs(t))),
    "dup_para_char_ratio": lambda t: share(len("".join(repeated(paragraphs(t)))), len(t)),
    "top_ngram_char_ratio": lambda t: top_ngram(t, 2),
    "dup_ngram_char_ratio": lambda t: dup_ngram(t, 5),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
@some
@given(batches)
def test_equals_its_definition(name: str, batch: list[str]) -> None:
    expected = [DEFINITIONS[name](t) for t in batch]
    assert plain.call(name, batch) == expected
    assert [plain.call(name, [t])[0] for t in batch] == expected


@pytest.mark.parametrize(("name", "define"), [("top_ngram_char_ratio", top_ngram), ("dup_ngram_char_ratio", dup_ngram)])
@some
@given(st.lists(st.sampled_from(["a", "ab", "b", "é", "aé"]), max_size=200), st.sampled_from([1, 2, 3, 5]))
def test_ngrams_of_long_text_over_a_small_alphabet(name: str, define, words: list[str], n: int) -> None:
    text = " ".join(words)
    assert plain.call(name, [text], n=n) == [define(text, n)]


@some
@given(batches)
def test_parameters(batch: list[str]) -> None:
    def check(name: str, expected: list[float], **options: object) -> None:
        assert plain.call(name, batch, **options) == expected

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
        assert plain.call(name, batch) == [DEFINITIONS[name](t) for t in batch]


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
        assert len(plain.call(name, hostile)) == len(hostile)


def test_mistakes_in_parameters_are_explained() -> None:
    for name, options in [
        ("top_ngram_char_ratio", {"n": 0}),
        ("dup_ngram_char_ratio", {"n": -1}),
        ("symbol_word_ratio", {"symbols": []}),
        ("symbol_word_ratio", {"symbols": ["#", ""]}),
    ]:
        with pytest.raises(FunctionError) as caught:
            plain.call(name, ["a b"], **options)
        assert caught.value.problems[0].code == "bad-parameter"
