"""Replacement by a regular expression of the `regex` module, for the patterns that users give."""

import numpy as np
import pyarrow as pa


def replace_pattern(text: pa.StringArray, pattern: str, repl: str) -> pa.StringArray:
    """Replace every match, with DOTALL; `r'...'` around a pattern is taken off."""
    import regex

    if len(pattern) > 2 and pattern[:2] in ("r'", 'r"') and pattern[-1] == pattern[1]:
        pattern = pattern[2:-1]
    compiled = regex.compile(pattern, regex.DOTALL)
    return pa.array([compiled.sub(repl, t) for t in text.to_pylist()], pa.string())


def literal_bytes(repl: str) -> np.ndarray | None:
    """The bytes of a replacement that has no escapes; None for a template, which only `replace_pattern` can fill."""
    return None if "\\" in repl else np.frombuffer(repl.encode() + b"\0", np.uint8)[:-1].copy()
