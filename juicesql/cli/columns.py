"""Two texts in two columns of the screen, cut down to where they differ."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from juicesql.worddiff import Stretch

CONTEXT = 8  # words shown before and after a change
LONGEST = 60  # words shown of a change
WIDEST = 300  # characters shown of a word
_BIDI = frozenset(map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


@dataclass(frozen=True)
class Marks:
    """What stands before and after changed words, and the places that both take on the screen."""

    left: tuple[str, str]
    right: tuple[str, str]
    places: int


BRACKETS = Marks(("[-", "-]"), ("{+", "+}"), 4)
COLOURS = Marks(("\x1b[1;31m", "\x1b[0m"), ("\x1b[1;32m", "\x1b[0m"), 0)


@dataclass(frozen=True)
class _Word:
    text: str
    spaced: bool  # white space stands before it
    changed: bool = False


def visible(text: str) -> str:
    r"""The text without what could steer a terminal.

    >>> visible("a\x1b[1mb")
    'a\\x1b[1mb'
    """
    shown = [repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c for c in text]
    return "".join(shown)


def cells(text: str) -> int:
    """Places that a text takes on the screen.

    >>> cells("ab"), cells("中文"), cells("e\u0301")
    (2, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum((unicodedata.east_asian_width(c) in "WF") + (not unicodedata.combining(c)) for c in text)


def side_by_side(heads: tuple[str, str], stretches: Sequence[Stretch], width: int, marks: Marks) -> list[str]:
    """Both texts in columns under their heads, each change beside its counterpart."""
    column = max(24, (width - 3) // 2)
    lines = [f"{heads[0].ljust(column)} | {heads[1]}", "-" * column + "-+-" + "-" * column]
    for hunk in _hunks(stretches):
        if isinstance(hunk, int):
            lines.append(f"... {hunk:,} words the same ...".center(2 * column + 3).rstrip())
            continue
        sides = zip(hunk, (marks.left, marks.right), strict=True)
        left, right = (_wrapped(words, column, ends, marks.places) for words, ends in sides)
        for (text, size), (other, _) in zip_longest(left, right, fillvalue=("", 0)):
            lines.append(f"{text}{' ' * (column - size)} | {other}".rstrip())
    return lines


def _hunks(stretches: Sequence[Stretch]) -> Iterator[int | tuple[list[_Word], list[_Word]]]:
    """Changes with some words around them, and between them the number of words left out."""
    left: list[_Word] = []
    right: list[_Word] = []
    for k, s in enumerate(stretches):
        if not s.same:
            left += _shortened(s.left)
            right += _shortened(s.right)
            continue
        before, after = (0 if k == 0 else CONTEXT), (0 if k == len(stretches) - 1 else CONTEXT)
        out = len(s.left) - before - after
        if out <= CONTEXT:
            left += _plain(s.left)
            right += _plain(s.right)
            continue
        if k:
            yield left + _plain(s.left[:before]), right + _plain(s.right[:before])
        yield out
        first = len(s.left) - after
        left, right = _plain(s.left[first:]), _plain(s.right[first:])
    if left or right:
        yield left, right


def _plain(words: Iterable[str], changed: bool = False) -> list[_Word]:
    return [_Word(visible(_clipped(w.strip())), w[:1].isspace(), changed) for w in words]


def _clipped(word: str) -> str:
    half = WIDEST // 2
    return word if len(word) <= WIDEST else f"{word[:half]}…{word[-half:]}"


def _shortened(words: Sequence[str]) -> list[_Word]:
    if len(words) <= LONGEST:
        return _plain(words, changed=True)
    half = LONGEST // 2
    gap = f" ... {len(words) - 2 * half:,} words ..."
    return _plain([*words[:half], gap, *words[-half:]], changed=True)


def _wrapped(words: Sequence[_Word], width: int, ends: tuple[str, str], places: int) -> list[tuple[str, int]]:
    """Lines of at most `width` places, each with the places that it takes."""
    lines: list[list[_Word]] = [[]]
    room = width
    for word in _pieces(words, width - places):
        size = cells(word.text) + word.spaced
        size += places * (word.changed and not (lines[-1] and lines[-1][-1].changed))
        if size > room and lines[-1]:
            lines.append([])
            room = width
            size = cells(word.text) + places * word.changed
        lines[-1].append(word)
        room -= size
    return [_line(line, ends, places) for line in lines if line]


def _pieces(words: Iterable[_Word], width: int) -> Iterator[_Word]:
    """The words, those that are wider than a line in pieces."""
    for word in words:
        text, spaced = word.text, word.spaced
        while cells(text) >= width:
            cut = next((k for k in range(1, len(text)) if cells(text[: k + 1]) >= width), len(text))
            yield _Word(text[:cut], spaced, word.changed)
            text, spaced = text[cut:], False
        if text or not word.text:
            yield _Word(text, spaced, word.changed)


def _line(words: Sequence[_Word], ends: tuple[str, str], places: int) -> tuple[str, int]:
    """One line: changed words that stand together are marked together."""
    out, size = "", 0
    for changed, group in groupby(words, key=lambda word: word.changed):
        text = "".join(" " * w.spaced + w.text for w in group)
        bare = text.lstrip(" ")
        out += " " * (bool(out) and text != bare) + (ends[0] + bare + ends[1] if changed and bare else bare)
        size += cells(bare) + (size > 0 and text != bare) + places * (changed and bool(bare))
    return out, size
