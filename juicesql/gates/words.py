"""The words of a line: names, numbers, dates, quoted texts and marks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?(?![\w.]))
    |(?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<mark>[\[\],%])
    |(?P<word>[^\s\[\],%'"]+)
    |(?P<open>['"])""",
    re.VERBOSE,
)


class GrammarError(ValueError):
    """Why a line is no expectation, and how to mend it."""

    def __init__(self, cause: str, mend: str) -> None:
        super().__init__(cause)
        self.cause, self.mend = cause, mend


@dataclass(frozen=True)
class Token:
    """`kind` is quoted, date, number, mark or word; `value` what it stands for."""

    kind: str
    text: str
    value: Any


def tokens_of(line: str) -> list[Token]:
    """The tokens of a line. GrammarError for a quote that is not closed, or a day that is none."""
    tokens = []
    for found in _TOKEN.finditer(line):
        kind, text = found.lastgroup or "", found.group()
        if kind == "space":
            continue
        if kind == "open":
            raise GrammarError(
                f"a {text} is not closed",
                "close it; YAML takes ` #` for a comment: put such a line into quotes as a whole",
            )
        tokens.append(Token(kind, text, _value(kind, text)))
    return tokens


def _value(kind: str, text: str) -> Any:
    if kind == "quoted":
        return text[1:-1].replace(text[0] * 2, text[0])
    if kind == "date":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise GrammarError(f"{text} is no date", "write a date such as 2024-01-31") from None
    if kind == "number":
        plain = text.replace("_", "")
        return float(plain) if any(c in plain for c in ".eE") else int(plain)
    return {"true": True, "false": False}.get(text, text)
