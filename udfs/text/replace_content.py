"""Mapper `replace_content`."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import FunctionError, mapper

from ._pattern import replace_pattern

# A pattern that means just its characters, and is not wrapped as r'..'.
LITERAL = re.compile(r"(?!r['\"])[^\\.^$*+?{}\[\]|()]+")
# What every match begins with, where the pattern has no alternatives and no flags.
LITERAL_START = re.compile(LITERAL.pattern + "(?![*?{])")


@mapper(
    "replace_content(text VARCHAR, pattern VARCHAR[] := NULL, repl VARCHAR[] := ['']) -> VARCHAR",
    runs_on="process",
    extra="text",
)
def replace_content(text: pa.StringArray, pattern: list[str] | None, repl: list[str]) -> pa.StringArray:
    r"""Replace what regular expressions match, one after another.

    `pattern` is a pattern of the `regex` module or a list of them, each applied to what the one before left, with
    DOTALL; `r'..'` around a pattern is taken off. `repl` is what is put there (`\1` is a group): one string for all
    patterns, or a list with one for each. Without a pattern the text stays as it is, and patterns without special
    signs are replaced much faster. Empty text becomes what the patterns make of it.

    Data-Juicer raises when the list of replacements is shorter than that of patterns and ignores what is too much;
    here both are errors, but a list of one stands for every pattern. Source: the `regex` module of Python.
    """
    if not pattern:
        return text
    if len(repl) == 1:
        repl = repl * len(pattern)
    if len(repl) != len(pattern):
        message = f"there are {len(pattern)} patterns and {len(repl)} replacements"
        raise FunctionError.of("bad-parameter", message, "give one repl for each pattern, or one for all")
    for one, put in zip(pattern, repl, strict=True):
        text = _replaced(text, one, put)
    return text


def _replaced(text: pa.StringArray, pattern: str, repl: str) -> pa.StringArray:
    if LITERAL.fullmatch(pattern) and "\\" not in repl:
        return pc.replace_substring(text, pattern, repl)
    start = None if "|" in pattern or "(?" in pattern else LITERAL_START.match(pattern)
    if start is None:
        return _explained(text, pattern, repl)
    may_match = pc.match_substring_regex(text, start[0])
    return pc.replace_with_mask(text, may_match, _explained(text.filter(may_match), pattern, repl))


def _explained(text: pa.StringArray, pattern: str, repl: str) -> pa.StringArray:
    """`replace_pattern`, with an error that says which pattern is wrong."""
    import regex

    try:
        return replace_pattern(text, pattern, repl)
    except (regex.error, IndexError) as error:
        mend = "mend the pattern or its repl; write a backslash before a sign that stands for itself"
        raise FunctionError.of("bad-parameter", f"pattern {pattern!r}, repl {repl!r}: {error}", mend) from error
