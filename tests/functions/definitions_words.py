"""Plain Python definitions of the mappers of words, sentences and chunks."""

from __future__ import annotations

import re
import unicodedata


def filtered(text: str, keep) -> str:
    """Split on newline, tab and space, and join what stays and is not empty."""
    lines = [[[w for w in cell.split(" ") if w and keep(w)] for cell in line.split("\t")] for line in text.split("\n")]
    cells = [[" ".join(words) for words in line if words] for line in lines]
    return "\n".join("\t".join(line) for line in cells if line)


def _is_of_a_word(char: str) -> bool:
    if char in "\n\t \u200c\u200d" or "a" <= char.lower() <= "z" or "0" <= char <= "9":
        return True
    return char > "\x7f" and (char.isalnum() or unicodedata.category(char) in ("Mn", "Mc"))


def without_repeats(
    text: str, lowercase: bool = False, ignore: bool = True, shortest: int = 2, peer: bool = True
) -> str:
    seen, lines = set(), []
    for line in text.split("\n"):
        kept = ""
        for sentence in split(line) if line else []:
            key = sentence.strip()
            key = key.lower() if lowercase else key
            if ignore and peer:
                key = re.sub("[^a-zA-Z0-9\u4e00-\u9fa5\n\t ]", "", key)
            elif ignore:
                key = "".join(c for c in key if _is_of_a_word(c))
            if len(key) < shortest or key not in seen:
                kept += sentence
            if len(key) >= shortest:
                seen.add(key)
        lines.append(kept)
    return "\n".join(lines)


def split(line: str) -> list[str]:
    for end in ("[.。!！?？]", r"\.{6}", "…{2}", "[.。!！?？{}62…][’”]"):
        line = re.sub(f"({end})([^’”])", r"\1\n\2", line)
    return line.split("\n")


def chunks(text: str, max_len: int | None = None, pattern: str | None = r"\n\n", overlap: int = 0) -> list[str]:
    if max_len is None:
        return [c for c in re.split(pattern, text) if c is not None and c.strip()]
    if len(text) <= max_len:
        return [text]
    if pattern is None:
        return [text[i : i + max_len] for i in range(0, len(text), max_len - overlap)]
    matches = list(re.finditer(pattern, text[:max_len]))
    cut, rest = max_len, max_len - overlap
    if matches and matches[-1].end():
        cut, rest = matches[-1].span()
    head = [text[:cut]] if text[:cut].strip() else []
    return head + chunks(text[rest:], max_len, pattern, overlap)
