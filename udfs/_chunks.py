"""Which media belong to which part of a text: special tokens, and chunks that they share."""

from __future__ import annotations

from collections.abc import Sequence

IMAGE, AUDIO, VIDEO, EOC = "<__dj__image>", "<__dj__audio>", "<__dj__video>", "<|__dj__eoc|>"
TOKENS = (IMAGE, AUDIO, VIDEO, EOC)


def chunks(text: str, media: Sequence[str], token: str, eoc: str = EOC) -> list[tuple[str, list[str]]]:
    """The chunks of a text that have media: what each says without special tokens, and its media.

    A text is cut at every `eoc`; each `token` in a chunk stands for the next item of `media`. Raises where there are
    more tokens than media, or fewer.

    >>> chunks("<__dj__image> a cat <|__dj__eoc|> none <|__dj__eoc|> two <__dj__image><__dj__image>", "abc", IMAGE)
    [('a cat', ['a']), ('two', ['b', 'c'])]
    """
    if not token or not eoc:
        raise ValueError("a special token is empty")
    parts = text.split(eoc)
    counts = [part.count(token) for part in parts]
    if sum(counts) != len(media):
        raise ValueError(f"the text has {sum(counts)} of the token {token}, but there are {len(media)} media")
    found, start = [], 0
    for part, count in zip(parts, counts, strict=True):
        if count:
            found.append((without_tokens(part, token), list(media[start : start + count])))
        start += count
    return found


def without_tokens(text: str, *more: str) -> str:
    """The text without special tokens, and without whitespace at its ends.

    >>> without_tokens(" <__dj__video> a dog <|__dj__eoc|>")
    'a dog'
    """
    for token in dict.fromkeys((*TOKENS, *more)):  # each once, as the peer does
        text = text.replace(token, "")
    return text.strip()
