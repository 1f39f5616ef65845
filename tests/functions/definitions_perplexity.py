"""Plain Python definition of `perplexity`: Katz's back-off over the n-grams of an ARPA file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

Grams = dict[tuple[str, ...], tuple[float, float]]  # log10 probabilities and back-off weights


@lru_cache
def processor(file: str) -> Any:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=file)


def write_arpa(file: Path, grams: Grams) -> Path:
    orders = [[g for g in grams if len(g) == n] for n in range(1, max(map(len, grams)) + 1)]
    lines = ["\\data\\", *(f"ngram {n}={len(found)}" for n, found in enumerate(orders, 1)), ""]
    for n, found in enumerate(orders, 1):
        tail = {g: f"\t{grams[g][1]}" if n < len(orders) else "" for g in found}
        lines += [f"\\{n}-grams:", *(f"{grams[g][0]}\t{' '.join(g)}{tail[g]}" for g in found), ""]
    file.write_text("\n".join([*lines, "\\end\\", ""]), "utf-8")
    return file


def log10_probability(grams: Grams, words: list[str]) -> float:
    """Of a sentence with its begin and end, by Katz's back-off."""

    def conditional(history: tuple[str, ...], word: str) -> float:
        if (*history, word) in grams:
            return grams[*history, word][0]
        return grams.get(history, (0.0, 0.0))[1] + conditional(history[1:], word)

    known = ["<s>", *(w if (w,) in grams else "<unk>" for w in words), "</s>"]
    return sum(conditional(tuple(known[max(0, i - 2) : i]), known[i]) for i in range(1, len(known)))


def perplexity(text: str, file: str, grams: Grams) -> float:
    lines = " ".join(processor(file).encode_as_pieces(text)).splitlines()
    length = sum(len(line.split()) + 1 for line in lines)
    # KenLM takes a line apart at ASCII whitespace only.
    total = sum(log10_probability(grams, [w.decode() for w in line.encode().split()]) for line in lines)
    return 10 ** (-total / length) if length else 0.0
