"""Two texts written as one: what went and what came, in place, for a page or an app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from juicesql.worddiff import Stretch, compare_words

CONTEXT = 12  # words before and after a change
MOST_CHANGED = 400  # words shown of one change
MOST_CHARACTERS = 40_000  # shown of both texts
MOST_WHOLE = 400_000  # where they are wanted whole


def diff_parts(before: str, after: str, whole: bool = False) -> list[tuple[str, str]]:
    """Both texts as one: ("same" | "del" | "ins" | "gap", text). Changed white space is made visible. What is equal
    over many words is left out, unless the texts are wanted `whole`.

    >>> diff_parts("one  two three", "one two 3")
    [('same', 'one'), ('del', '␣␣'), ('ins', '␣'), ('same', 'two'), ('del', ' three'), ('ins', ' 3')]
    """
    stretches = compare_words(before, after)
    parts: list[tuple[str, str]] = [] if stretches else list(_blanks(before, after))
    for k, stretch in enumerate(stretches):
        if stretch.same:
            parts += _same(stretch, k == 0, k == len(stretches) - 1, whole)
        else:
            left, right = (words if whole else _cut_down(words) for words in (stretch.left, stretch.right))
            parts += [("del", "".join(left))] if left else []
            parts += [("ins", "".join(right))] if right else []
    joined = [(mark, "".join(text for _, text in group)) for mark, group in groupby(parts, lambda part: part[0])]
    return list(_within_limit(joined, MOST_WHOLE if whole else MOST_CHARACTERS))


def _within_limit(parts: Iterable[tuple[str, str]], room: int) -> Iterator[tuple[str, str]]:
    for mark, text in parts:
        if room <= 0:
            yield "gap", " … the rest is not shown"
            return
        if text:
            yield mark, text[:room]
        room -= len(text)


def _same(stretch: Stretch, first: bool, last: bool, whole: bool) -> Iterator[tuple[str, str]]:
    """Equal words; a long run of words without any change is left out."""
    pairs = list(zip(stretch.left, stretch.right, strict=True))
    for is_equal, group in groupby(pairs, lambda pair: pair[0] == pair[1]):
        words = list(group)
        if is_equal:
            at_start, at_end = first and words[0] is pairs[0], last and words[-1] is pairs[-1]
            kept = [right for _, right in words]
            yield from [("same", "".join(kept))] if whole else _shortened(kept, at_start, at_end)
            continue
        for left, right in words:
            yield from _respaced(left, right)


def _shortened(words: Sequence[str], first: bool, last: bool) -> Iterator[tuple[str, str]]:
    before, after = 0 if first else CONTEXT, 0 if last else CONTEXT
    out = len(words) - before - after
    if out <= CONTEXT:
        yield "same", "".join(words)
        return
    yield "same", "".join(words[:before])
    yield "gap", f" … {out:,} words the same … "
    yield "same", "".join(words[len(words) - after :])


def _respaced(left: str, right: str) -> Iterator[tuple[str, str]]:
    word = right.strip()
    heads = [text[: len(text) - len(text.lstrip())] for text in (left, right)]
    tails = [text[len(text.rstrip()) :] for text in (left, right)]
    yield from _blanks(*heads)
    yield "same", word
    yield from _blanks(*tails)


def _blanks(left: str, right: str) -> Iterator[tuple[str, str]]:
    if left == right:
        yield "same", left
        return
    yield "del", _visible(left)
    yield "ins", _visible(right)


def _visible(blanks: str) -> str:
    return "".join({" ": "␣", "\n": "↵\n", "\t": "→"}.get(c, f"[U+{ord(c):04X}]") for c in blanks)


def _cut_down(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= MOST_CHANGED:
        return words
    half = MOST_CHANGED // 2
    return [*words[:half], f" … {len(words) - 2 * half:,} words … ", *words[-half:]]
