"""Where our values differ from the peer's on purpose. Each rule is narrow: it says how both values come about."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import models  # noqa: F401 - says where the plain definitions are
from parity_checks import Check


@dataclass(frozen=True)
class Rule:
    """`explains(text, peers, ours)` whether this is why the values differ."""

    functions: tuple[str, ...]
    why: str
    explains: Callable[[str, Any, Any], bool]


def reason(check: Check, text: str, peers: object, ours: object) -> str:
    """Why the values differ; empty when no rule explains it."""
    for rule in RULES:
        if check.function in rule.functions and rule.explains(text, peers, ours):
            return rule.why
    return ""


def head_comes_first(text: str, peers: str, ours: str) -> bool:
    in_head = re.search(r"<(title|script|style)\b", text, re.IGNORECASE)
    return in_head is not None and len(peers) > len(ours) and peers.endswith(ours)


def turkish_i_in_first_comment(text: str, peers: str, ours: str) -> bool:
    comment = re.search(r"/\*.*?\*/", text, re.DOTALL)
    if comment is None or ours != text:
        return False
    notice = re.search("copyr[İı]ght", comment.group(), re.IGNORECASE)
    return notice is not None and peers == text[: comment.start()] + text[comment.end() :]


def character_after_a_macro_is_taken_up(text: str, peers: str, ours: str) -> bool:
    """Ours is as defined, and a macro is followed by another one or by nothing."""
    from definitions_cleaning import expanded

    heads = r"\\newcommand\*?\{\\([a-zA-Z0-9]+)\}|\\def\s*\\([a-zA-Z0-9]+)"
    name = "|".join(re.escape(a or b) for a, b in re.findall(heads, text))
    alone = re.search(rf"\\(?:{name})(?:\\(?:{name})(?![a-zA-Z0-9])|\Z)", text)
    return expanded(text) == ours and alone is not None


def dropped_from_a_nul_on(text: str, peers: str, ours: str) -> bool:
    """Only a beginning of each part behind a NUL is missing."""
    first, *parts = ours.split("\0")
    left = peers.removeprefix(first)
    for part in parts:
        kept = next((part[i:] for i in range(len(part) + 1) if left.startswith(part[i:])), "")
        left = left.removeprefix(kept)
    return len(parts) > 0 and peers.startswith(first) and not left


def holds_nul(text: str, peers: float, ours: float) -> bool:
    return "\0" in text and peers < ours


def words_glued(text: str, peers: str, ours: str) -> bool:
    return " " not in peers and peers == ours.replace(" ", "")


def nothing_to_predict(text: str, peers: float, ours: float | None) -> bool:
    return ours is None and math.isnan(peers)


def blank(text: str, peers: Any, ours: Any) -> bool:
    return ours is None and not text.strip()


RULES = (
    Rule(("clean_html",), "the peer puts the text of the head first: title, scripts, styles", head_comes_first),
    Rule(("clean_copyright",), "the peer takes the Turkish İ and ı for the i of copyright", turkish_i_in_first_comment),
    Rule(
        ("expand_macro",),
        "the peer overlooks macros that touch others, or the end of the text",
        character_after_a_macro_is_taken_up,
    ),
    Rule(
        ("chinese_convert",),
        "OpenCC drops a NUL and what follows it, up to the end of a word or the text, in some modes",
        dropped_from_a_nul_on,
    ),
    Rule(("perplexity",), "the peer scores a text only up to a NUL", holds_nul),
    Rule(
        ("remove_words_with_incorrect_substrings",),
        "the peer glues the words of a text that loses a piece",
        words_glued,
    ),
    Rule(("llm_perplexity",), "where no token follows another the peer has NaN, we NULL", nothing_to_predict),
    Rule(("text_embd_similarity",), "a blank text has no embedding, the peer takes that of no words", blank),
)
