"""Replacement by a regular expression of the `regex` module, for the patterns that users give."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import FunctionError

# A pattern that means just its characters, and what every match begins with (no alternatives, no flags).
LITERAL = re.compile(r"[^\\.^$*+?{}\[\]|()]+")
LITERAL_START = re.compile(LITERAL.pattern + "(?![*?{])")


def replace_pattern(text: pa.StringArray, pattern: str, repl: str) -> pa.StringArray:
    """Replace every match, with DOTALL; `r'...'` around a pattern is taken off. Rows that cannot match are not read."""
    if len(pattern) > 2 and pattern[:2] in ("r'", 'r"') and pattern[-1] == pattern[1]:
        pattern = pattern[2:-1]
    if LITERAL.fullmatch(pattern) and "\\" not in repl:
        return pc.replace_substring(text, pattern, repl)
    start = None if "|" in pattern or "(?" in pattern else LITERAL_START.match(pattern)
    if start is None:
        return _replaced(text, pattern, repl)
    may_match = pc.match_substring(text, start[0])
    return pc.replace_with_mask(text, may_match, _replaced(text.filter(may_match), pattern, repl))


def _replaced(text: pa.StringArray, pattern: str, repl: str) -> pa.StringArray:
    import regex

    try:
        replace = regex.compile(pattern, regex.DOTALL).subn
        found = [replace(repl, t) for t in text.to_pylist()]
    except (regex.error, IndexError) as error:
        mend = "mend the pattern or its repl; write a backslash before a sign that stands for itself"
        raise FunctionError.of("bad-parameter", f"pattern {pattern!r}, repl {repl!r}: {error}", mend) from error
    changed = np.array([count > 0 for _, count in found], np.bool_)
    if not changed.any():
        return text
    return pc.replace_with_mask(text, pa.array(changed), pa.array([t for t, count in found if count], pa.string()))


def literal_bytes(repl: str) -> np.ndarray | None:
    """The bytes of a replacement that has no escapes; None for a template, which only `replace_pattern` can fill."""
    return None if "\\" in repl else bytes_of(repl)


def bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode() + b"\0", np.uint8)[:-1].copy()


def expanded(repl: str) -> str:
    """What a template without groups puts in; FunctionError where it names a group, which only a pattern has."""
    import regex

    try:
        found = {regex.sub("(?s).", repl, char) for char in "xy"}
    except (regex.error, IndexError):
        found = set()
    if len(found) != 1:
        raise FunctionError.of("bad-parameter", f"repl {repl!r} names a group", "give a pattern with that group too")
    return found.pop()
