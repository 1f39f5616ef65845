"""Chunks of texts with special tokens own their media in order."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from juicesql.udfs import _chunks
from juicesql.udfs._chunks import AUDIO, EOC, IMAGE, TOKENS, VIDEO, chunks, without_tokens

PIECES = st.sampled_from([*TOKENS, " ", "\n", "\u3000", "a cat", "<__dj__", "image>", "<|", "中", ""])
TEXTS = st.lists(PIECES, max_size=20).map("".join)


def defined(text: str, media: list[str], token: str) -> list[tuple[str, list[str]]]:
    """As Data-Juicer aligns them, where the tokens and the media agree in number."""
    found, offset = [], 0
    for chunk in text.split(EOC):
        count = chunk.count(token)
        if count == 0:
            continue
        words = chunk
        for each in (IMAGE, AUDIO, VIDEO, EOC):
            words = words.replace(each, "").strip()
        found.append((words, media[offset : offset + count]))
        offset += count
    return found


@given(TEXTS, st.sampled_from([IMAGE, AUDIO, VIDEO]))
@example("<__dj__<__dj__image>image>", IMAGE)
def test_chunks_are_those_of_the_definition(text: str, token: str) -> None:
    media = [f"{number}.jpg" for number in range(text.count(token))]
    assert chunks(text, media, token) == defined(text, media, token)
    with pytest.raises(ValueError, match=rf"has {len(media)} of the token .* there are {len(media) + 1} media"):
        chunks(text, [*media, "more.jpg"], token)


def test_own_tokens() -> None:
    text = "[img] one [end] <__dj__image> two [img][img]"
    assert chunks(text, ["a", "b", "c"], "[img]", "[end]") == [("one", ["a"]), ("two", ["b", "c"])]
    assert without_tokens(text, "[img]", "[end]") == "one   two"
    with pytest.raises(ValueError, match="empty"):
        chunks(text, [], "")


def test_examples() -> None:
    result = doctest.testmod(_chunks)
    assert result.attempted and not result.failed
