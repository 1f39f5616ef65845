"""Texts that come from data, made fit to be shown: Streamlit reads most of what it is given as Markdown."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

_MARKS = re.compile(r"(?:(?<![^\W_])_|_(?![^\W_])|[\\`*{}\[\]()<>#+\-.!|~$:&/])")


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line. Names stay as they are, as screen readers read the marks.

    >>> print(plain("![x](http://a.b)"), plain("text_len"), plain("_x_"))
    \\!\\[x\\]\\(http\\:\\/\\/a\\.b\\) text_len \\_x\\_
    """
    return _MARKS.sub(lambda m: "\\" + m.group(), " ".join(text.split()))


def distinct(names: Mapping[Key, str]) -> dict[Key, str]:
    """Names with a number behind those that others have too: a list of choices knows its items by their names.

    >>> distinct({1: "a", 2: "b", 3: "a"})
    {1: 'a', 2: 'b', 3: 'a (2)'}
    """
    seen: dict[str, int] = {}
    out: dict[Key, str] = {}
    for key, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        out[key] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return out


def short(text: str, most: int = 60) -> str:
    """The beginning of a text, in one line.

    >>> short("a  long story", 6)
    'a lon…'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def pretty(number: float) -> str:
    """A number as a person would write it.

    >>> [pretty(n) for n in (20.0, 50000, 0.30000000000000004, 1234567.5)]
    ['20', '50,000', '0.3', '1,234,567.5']
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.12g}"


def share(part: int, whole: int) -> str:
    """A percentage.

    >>> [share(*pair) for pair in ((1, 3), (0, 0), (1, 100_000), (5, 5), (14, 4280))]
    ['33.3%', '0%', '<0.1%', '100%', '0.3%']
    """
    if not part or not whole:
        return "0%"
    value = 100 * part / whole
    return "<0.1%" if value < 0.1 else f"{value:.1f}%".replace(".0%", "%")


def seconds(value: float | None) -> str:
    """A duration.

    >>> [seconds(s) for s in (0.0321, 4.2, 75, 7300, None)]
    ['32 ms', '4.2 s', '1 min 15 s', '2 h 1 min', '–']
    """
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
