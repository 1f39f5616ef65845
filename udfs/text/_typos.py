"""Slips of English text: whole words lost, exchanged, misspelt or split, and wrong characters inside words."""

import math
import re
from collections.abc import Callable
from functools import cache
from random import Random

from ._augment import package_file

WORD = re.compile(r"(\w+(?:['’]\w+)*)")
SHARE, MOST = 0.3, 10  # of the words of a text, and of the characters of a word
LONG = 4  # shorter words keep their characters, except for OCR errors
INSERTED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*()_+"

_KEYS = ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_SHIFTED = dict(zip("1234567890-=[];',./", '!@#$%^&*()_+{}:"<>?', strict=True))
_LOOK_ALIKE = "08 09 0o 0O 0D 14 17 1l 1I 2z 2Z 58 6b 8s 8S 8@ 8& 9g 9q ou rk CG OD OU EB"

# The text in pieces: every second one, from 1, is a word. A change works on them in place.
Pieces = list[str]


def delete_random_word(pieces: Pieces, draw: Random) -> None:
    words = _words(pieces)
    if len(words) < 2:
        return
    first = pieces[1]
    for i in _some(words, _tokens(pieces), draw):
        pieces[i] = ""
        if pieces[i + 1].startswith(" "):
            pieces[i + 1] = pieces[i + 1][1:]
        else:
            pieces[i - 1] = pieces[i - 1].removesuffix(" ")
    left = next((i for i in words if pieces[i]), None)
    if left and not pieces[1]:
        pieces[left] = _cased(pieces[left], first)


def swap_random_word(pieces: Pieces, draw: Random) -> None:
    words = _words(pieces)
    if len(words) < 2:
        return
    first = pieces[1]
    for i in _some(words, _tokens(pieces), draw):
        j = _beside(i, 2, words[0], words[-1], draw)
        pieces[i], pieces[j] = pieces[j], pieces[i]
    if pieces[1] != first and first.istitle():
        moved = pieces.index(first)
        pieces[moved] = first if first == "I" else first.lower()
        pieces[1] = _cased(pieces[1], first)


def spelling_error_word(pieces: Pieces, draw: Random) -> None:
    misspelt = misspellings()
    known = [i for i in _words(pieces) if pieces[i] in misspelt]
    for i in _some(known, _tokens(pieces), draw):
        wrong = draw.choice(misspelt[pieces[i]])
        pieces[i] = _cased(wrong, pieces[i]) if i == 1 else wrong


def split_random_word(pieces: Pieces, draw: Random) -> None:
    for i in _some(_words(pieces, LONG), _tokens(pieces), draw):
        at = draw.randrange(1, len(pieces[i]))
        pieces[i] = f"{pieces[i][:at]} {pieces[i][at:]}"


def keyboard_error_char(pieces: Pieces, draw: Random) -> None:
    _replace_chars(pieces, draw, keyboard(), LONG, 1)


def ocr_error_char(pieces: Pieces, draw: Random) -> None:
    _replace_chars(pieces, draw, look_alikes(), 1, 2)


def delete_random_char(pieces: Pieces, draw: Random) -> None:
    for i, chars, chosen in _chosen_chars(pieces, draw):
        lost = set(chosen)
        pieces[i] = "".join(c for k, c in enumerate(chars) if k not in lost)


def swap_random_char(pieces: Pieces, draw: Random) -> None:
    for i, chars, chosen in _chosen_chars(pieces, draw):
        for k in chosen:
            j = _beside(k, 1, 0, len(chars) - 1, draw)
            chars[k], chars[j] = _like(chars[j], chars[k]), _like(chars[k], chars[j])
        pieces[i] = "".join(chars)


def insert_random_char(pieces: Pieces, draw: Random) -> None:
    for i, chars, chosen in _chosen_chars(pieces, draw):
        for k in sorted(chosen, reverse=True):
            chars.insert(k, draw.choice(INSERTED))
        pieces[i] = "".join(chars)


def on_text(change: Callable[[Pieces, Random], None]) -> Callable[[str, Random], str]:
    """The change for a whole text; nothing but the words drawn and the spaces of deleted ones is touched."""

    def changed(text: str, draw: Random) -> str:
        pieces = WORD.split(text)
        change(pieces, draw)
        return "".join(pieces)

    return changed


@cache
def misspellings() -> dict[str, list[str]]:
    """Words and their common misspellings, both ways, from the data of nlpaug."""
    found: dict[str, dict[str, None]] = {}
    for line in spelling_file().read_text("utf-8").splitlines():
        right, *wrong = line.split()
        for other in wrong:
            found.setdefault(right, {})[other] = None
            found.setdefault(other, {})[right] = None
    return {word: [o for o in others if o != word] for word, others in found.items() if others.keys() - {word}}


def spelling_file():
    return package_file("nlpaug", "res", "word", "spelling", "spelling_en.txt")


@cache
def keyboard() -> dict[str, list[str]]:
    """The characters on the keys around each key of an English keyboard, with and without shift."""
    found: dict[str, list[str]] = {}
    for r, row in enumerate(_KEYS):
        for c, key in enumerate(row):
            places = [(r, c - 1), (r, c + 1), (r - 1, c), (r - 1, c + 1), (r + 1, c - 1), (r + 1, c)]
            around = [_KEYS[y][x] for y, x in places if 0 <= y < len(_KEYS) and 0 <= x < len(_KEYS[y])]
            near = around + [_SHIFTED.get(k, k.upper()) for k in around]
            found[key] = found[_SHIFTED.get(key, key.upper())] = near
    return found


@cache
def look_alikes() -> dict[str, list[str]]:
    """Characters that an OCR engine takes for one another."""
    found: dict[str, list[str]] = {}
    for a, b in _LOOK_ALIKE.split():
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found


def _words(pieces: Pieces, least: int = 1) -> list[int]:
    return [i for i in range(1, len(pieces), 2) if len(pieces[i]) >= least]


def _tokens(pieces: Pieces) -> int:
    """Words and punctuation marks."""
    return len(pieces) // 2 + len("".join("".join(pieces[::2]).split()))


def _some(candidates: list[int], size: int, draw: Random, least: int = 1) -> list[int]:
    return draw.sample(candidates, min(len(candidates), MOST, max(least, math.ceil(SHARE * size))))


def _beside(place: int, step: int, first: int, last: int, draw: Random) -> int:
    """The place before or after; at an end the only one."""
    if place == first:
        return place + step
    return place - step if place == last else place + draw.choice((-step, step))


def _cased(word: str, model: str) -> str:
    """The word with a capital where the word that it stands for has one."""
    return word[0].upper() + word[1:] if model[0].isupper() and word.islower() else word


def _like(char: str, model: str) -> str:
    return char.upper() if model.isupper() else char.lower()


def _chosen_chars(pieces: Pieces, draw: Random) -> list[tuple[int, list[str], list[int]]]:
    """(place, characters, chosen places of characters) of the chosen words."""
    chosen = _some(_words(pieces, LONG), _tokens(pieces), draw)
    return [(i, list(pieces[i]), _some([*range(len(pieces[i]))], len(pieces[i]), draw)) for i in chosen]


def _replace_chars(pieces: Pieces, draw: Random, table: dict[str, list[str]], least: int, least_chars: int) -> None:
    for i in _some(_words(pieces, least), _tokens(pieces), draw):
        chars = list(pieces[i])
        places = [k for k, c in enumerate(chars) if c in table]
        for k in _some(places, len(chars), draw, least_chars):
            chars[k] = draw.choice(table[chars[k]])
        pieces[i] = "".join(chars)
