"""Mapper `replace_content`."""

import pyarrow as pa

from juicesql.api import FunctionError, mapper

from ._pattern import replace_pattern


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

    Source: Data-Juicer's replace_content_mapper. That one raises when the list of replacements is shorter than that of
    patterns and ignores what is too much; here both are errors, but a list of one stands for every pattern.
    """
    if not pattern:
        return text
    if len(repl) == 1:
        repl = repl * len(pattern)
    if len(repl) != len(pattern):
        message = f"there are {len(pattern)} patterns and {len(repl)} replacements"
        raise FunctionError.of("bad-parameter", message, "give one repl for each pattern, or one for all")
    for one, put in zip(pattern, repl, strict=True):
        text = replace_pattern(text, one, put)
    return text
