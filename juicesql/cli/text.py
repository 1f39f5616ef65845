"""Plain text for people: aligned tables, shortened SQL, readable numbers."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: str = "", width: int = 0) -> list[str]:
    """Aligned lines, two spaces between columns. `right` has an `r` for each column that is set to the right, `w` for
    the one that is shortened until a line fits into `width`.

    >>> table(["step", "rows"], [["kept", "12"]], "lr")
    ['step  rows', 'kept    12']
    """
    lines = [list(head), *map(list, rows)] if any(head) else [list(r) for r in rows]
    sizes = [max((len(line[i]) for line in lines), default=0) for i in range(len(head))]
    place = right.find("w")
    if width and place >= 0:
        sizes[place] = min(sizes[place], max(12, width - sum(sizes) - 2 * (len(sizes) - 1) + sizes[place]))
    out = []
    for line in lines:
        cells = [
            cell.rjust(size) if mark == "r" else shorten(cell, size).ljust(size)
            for cell, size, mark in zip(line, sizes, right.ljust(len(sizes)), strict=False)
        ]
        out.append("  ".join(cells).rstrip())
    return out


def shorten(text: str, size: int) -> str:
    """One line of at most `size` characters.

    >>> shorten("a long line", 7)
    'a long…'
    """
    text = " ".join(text.split())
    return text if len(text) <= size else text[: max(size - 1, 0)] + "…"


def where_they_differ(before: str, after: str, size: int) -> tuple[str, str]:
    """Both texts from a little before their first difference, with their blanks to be seen.

    >>> where_they_differ("one two  three", "one two three", 99)
    ("'one two  three'", "'one two three'")
    >>> where_they_differ("x" * 50 + " a", "x" * 50 + "a", 10)[0]
    "…'xxxxxxxxxx a'"
    """
    same = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = same - size if same > size + 10 else 0
    first, second = (_quoted(text, start, same + size) for text in (before, after))
    return first, second


def _quoted(text: str, start: int, end: int) -> str:
    return "…" * (start > 0) + repr(text[start:end]) + "…" * (len(text) > end)


def percent(part: float, whole: float) -> str:
    """A share such as `12.5%`; empty when there is no whole.

    >>> percent(1, 8), percent(1, 0)
    ('12.5%', '')
    """
    return f"{100 * part / whole:.1f}%" if whole else ""


def plural(count: int, noun: str) -> str:
    """
    >>> plural(1, "row"), plural(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def size_of(count: int) -> str:
    """Bytes for people.

    >>> size_of(0), size_of(2048), size_of(5 << 20)
    ('0 B', '2.0 KB', '5.0 MB')
    """
    amount, unit = float(count), "B"
    for bigger in ("KB", "MB", "GB", "TB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, bigger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def value_text(value: object, size: int = 60) -> str:
    """A measured value for people.

    >>> value_text(0.123456789), value_text(None), value_text(12)
    ('0.123457', 'NULL', '12')
    """
    if value is None:
        return "NULL"
    return f"{value:.6g}" if isinstance(value, float) else shorten(str(value), size)
