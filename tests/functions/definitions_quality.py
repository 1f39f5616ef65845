"""Plain Python definitions of the stats of quality and repetition, and of the features of the quality classifier."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import groupby

from definitions import refined, share
from juicesql.udfs.text._grams import UNSPACED_RANGES as GRAM_UNSPACED
from juicesql.udfs.text._layout import TERMINAL_RANGES, UNSPACED_RANGES

TERMINAL = {chr(c) for first, last in TERMINAL_RANGES for c in range(first, last + 1)}
UNSPACED = {chr(c) for first, last in UNSPACED_RANGES for c in range(first, last + 1)}
MASK = (1 << 64) - 1
GOPHER = ["the", "be", "to", "of", "and", "that", "have", "with"]


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
    return min(1.0, share(count * len(" ".join(gram)), len(text)))


def dup_ngram(text: str, n: int) -> float:
    words, met, chars, i = text.split(), set(), 0, 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        chars += len("".join(gram)) if gram in met else 0
        i += n if gram in met else 1
        met.add(gram)
    return share(chars, len(text))


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


DEFINITIONS = {
    "word_count": lambda t: len(t.split()),
    "mean_word_length": lambda t: share(sum(map(len, t.split())), len(t.split())),
    "max_word_length": lambda t: max(map(len, t.split()), default=0),
    "alpha_word_ratio": lambda t: share(sum(any(map(str.isalpha, w)) for w in t.split()), len(t.split())),
    "stopword_count": lambda t: len(set(GOPHER) & set(refined(t))),
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


def tokens(text: str) -> list[str]:
    found, word = [], ""
    for char in text:
        group = unicodedata.category(char)[0]
        unspaced = any(first <= ord(char) <= last for first, last in GRAM_UNSPACED)
        if group in "LNM" and not unspaced:
            word += char
            continue
        found += [word, "" if group in "ZC" else char]
        word = ""
    lowered = [[c.lower() if len(c.lower()) == 1 else c for c in t] for t in [*found, word] if t]
    return ["".join(t) for t in lowered]


def hashed_ngrams(text: str, ngrams: int = 2, dims: int = 1 << 18) -> list[int]:
    hashes, out = [], []
    for token in tokens(text):
        h = 14695981039346656037
        for char in token:
            h = (h ^ ord(char)) * 1099511628211 & MASK
        hashes.append(h)
    for end in range(1, len(hashes) + 1):
        for n in range(min(ngrams, end), 0, -1):
            gram = hashes[end - n]
            for h in hashes[end - n + 1 : end]:
                gram = (gram * 0x5851F42D4C957F2D & MASK) ^ h
            out.append((((gram ^ gram >> 32) * 0x9E3779B97F4A7C15 & MASK) >> 40) % dims)
    return list(dict.fromkeys(out))
