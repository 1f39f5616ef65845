"""Stat `bullet_line_ratio`."""

import pyarrow as pa

from juicesql.api import stat

from ._line_marks import FIRST, marked_line_ratio


@stat("bullet_line_ratio(text VARCHAR, bullets VARCHAR := '•-') -> DOUBLE")
def bullet_line_ratio(text: pa.StringArray, bullets: str) -> pa.DoubleArray:
    """Share of the lines that begin with a bullet point, after any white space.

    bullet_line_ratio = lines whose first character is one of those in `bullets` / lines. Lines are those of
    `str.splitlines`; blank lines count. No lines, or empty: 0. Good for every script.

    Usual cut: <= 0.9. Source: Gopher (Rae and others 2021, section A.1.1), which names no characters. Equals datatrove
    0.10. Other projects take '*-' (Dolma) or '•‣▶◀◦■□▪▫–' (RedPajama).
    """
    return marked_line_ratio(text, FIRST, bullets, blank_lines=True)
