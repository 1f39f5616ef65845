"""Draws a sheet of samples as one HTML file that runs nothing and loads nothing: its text and pictures are hostile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from juicesql.inlinediff import diff_parts
from juicesql.pages import asset, is_page, render_page, write_text
from juicesql.show import Card, MediaItem, Sheet
from juicesql.thumbnails import Thumbnail
from juicesql.trace import CutStory, Place, StepStory, Story

MOST_TEXT = 20_000  # characters of a text
MOST_NAMES = 6  # of samples in the name of a file
_MARKS = {"passed": "✓ passed", "failed": "✗ failed", "not measured": "? not measured", "not reached": "– not reached"}
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def render(sheet: Sheet) -> str:
    """The page. Every value is escaped; its policy lets no script run and nothing be loaded."""
    return render_page(
        asset("sheet.html.j2"), asset("sheet.css"), {"shown": shown, "clock": clock, "plural": _plural},
        sheet=sheet, parts=_parts(sheet),
        cards=[_card(card, {c.story.place.sample_id for c in sheet.cards}) for card in sheet.cards],
    )  # fmt: skip


def write(sheet: Sheet, path: Path) -> Path:
    """Write the page whole or not at all. ExportError where another file stands there, or the disk says no."""
    return write_text(path, render(sheet), is_page, "sheet", "--output")


def file_name(sheet: Sheet) -> str:
    """Such as `prose-3-17.html`."""
    ids = [str(card.story.place.sample_id) for card in sheet.cards]
    more = [f"and-{len(ids) - MOST_NAMES}-more"] if len(ids) > MOST_NAMES else []
    return re.sub(r"[^\w.-]+", "-", "-".join([sheet.recipe, *ids[:MOST_NAMES], *more])) + ".html"


# Words and numbers


def shown(text: object) -> str:
    r"""A text without what browsers hide or obey: controls, marks of direction and letters without width are named.

    >>> shown("a\x00b\u202ec")
    'a␀b[U+202E]c'
    """
    return _UNSEEN.sub(_name, str(text).replace("\r\n", "\n"))


def _name(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"


def clock(seconds: float) -> str:
    """
    >>> clock(4.125), clock(75), clock(3725)
    ('0:04.1', '1:15', '1:02:05')
    """
    if seconds < 60:
        return f"0:{int(seconds * 10) / 10:04.1f}"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def value_text(value: Any, size: int = 400) -> str:
    """A value of a stat or column; long ones are cut.

    >>> value_text([0.12345678, None]), value_text(12000)
    ('[0.123457, NULL]', '12,000')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        more = f", and {len(value) - 20:,} more" if len(value) > 20 else ""
        return "[" + ", ".join(value_text(v, 80) for v in value[:20]) + more + "]"
    text = str(value)
    return text if len(text) <= size else text[:size] + "…"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


# The whole


def _parts(sheet: Sheet) -> list[dict[str, Any]]:
    """The stripe under the title: how many rows of the run came to which end."""
    ends = [
        ("kept", "kept", sheet.kept), ("dropped", "dropped", sheet.dropped),
        ("duplicate", "duplicate" + "s" * (sheet.duplicates != 1), sheet.duplicates),
        ("error", "error" + "s" * (sheet.errors != 1), sheet.errors),
    ]  # fmt: skip
    parts, x = [], 0.0
    for verdict, name, count in ends:
        width = 1000 * count / sheet.rows_in if sheet.rows_in else 0.0
        parts.append({"verdict": verdict, "name": name, "count": count, "x": round(x, 2), "width": round(width, 2)})
        x += width
    return parts


def _card(card: Card, on_sheet: set[int]) -> dict[str, Any]:
    story, row = card.story, card.row or {}
    texts = [{"column": c, "value": row[c][:MOST_TEXT], "left": max(len(row[c]) - MOST_TEXT, 0)} for c in card.texts]
    others = [(n, value_text(v)) for n, v in row.items() if n not in card.texts and n not in card.media_columns]
    changes = [
        {"step": ", ".join(c.steps), "column": c.column, "parts": diff_parts(c.before, c.after)} for c in card.changes
    ]
    counted = " (counted from 0)" if story.place.row is not None else ""
    return {
        "id": story.place.sample_id, "verdict": story.verdict, "place": _place(story.place) + counted,
        "why": list(_why(story, on_sheet)), "texts": texts, "others": others, "errors": story.errors,
        "media": [{"column": c, "items": [_item(i) for i in g]} for c, g in groupby(card.media, lambda m: m.column)],
        "media_left": card.media_left, "changes": changes,
        "seen": bool(texts or card.media or card.media_left or changes),
        "steps": [_step(s) for s in story.steps if s.cuts or s.stats],
    }  # fmt: skip


def _place(place: Place) -> str:
    return f"{place.file}, row {place.row}" if place.file is not None else "an unknown place"


# The verdict


def _why(story: Story, on_sheet: set[int]) -> Iterator[dict[str, Any]]:
    if story.verdict == "kept":
        yield _line("It passed every cut." if any(s.cuts for s in story.steps) else "Nothing took it away.")
        if twins := story.stands_for:
            ids = ", ".join(map(str, twins[:10])) + (", …" if len(twins) > 10 else "")
            yield _line(f"It stands for {_plural(len(twins), 'duplicate')}: {ids}")
    elif story.verdict == "duplicate" and story.duplicate_of:
        twin = story.duplicate_of
        link = twin.sample_id if twin.sample_id in on_sheet else None
        name = "" if link is not None else f" sample {twin.sample_id}"
        yield _line("A duplicate of", link=link, after=f"{name} ({_place(twin)}), by the step {story.by}")
    elif story.verdict == "duplicate":
        yield _line("A duplicate of", after=f" {story.value}, by the step {story.by}")
    elif story.verdict == "error":
        yield _line("It could not be measured or read:", after=f" {story.value or 'see its errors'}")
    else:
        yield _dropped(story)


def _dropped(story: Story) -> dict[str, Any]:
    failed = next((c for s in story.steps for c in s.cuts if c.cut == story.by), None)
    if failed and failed.outcome == "not measured":
        value = ": its stat is NULL, it could not be measured"
    else:
        value = f", its value is {_number(story.value)}" if story.value is not None else ""
    where = f" ({story.by}, line {story.by_line})" if story.by_line else f" ({story.by})"
    return _line("Dropped by", code=story.by_sql or story.by, after=where + value)


def _number(text: str) -> str:
    """A value that the verdict holds as text, as the table shows it."""
    try:
        return value_text(float(text)) if re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", text) else value_text(text)
    except ValueError:
        return text


def _line(before: str, code: str = "", link: int | None = None, after: str = "") -> dict[str, Any]:
    return {"before": before, "code": code, "link": link, "after": after}


# Stats and cuts


def _step(step: StepStory) -> dict[str, Any]:
    rows = [_cut(c) for c in step.cuts]
    rows += [
        {"sql": name, "line": None, "values": [("", value_text(value))], "outcome": "", "mark": ""}
        for name, value in step.stats.items()
    ]
    return {"name": step.step, "rows": rows}


def _cut(cut: CutStory) -> dict[str, Any]:
    known = {n: v for n, v in cut.values.items() if v is not None or cut.outcome != "not reached"}
    # The cut's own SQL says what the value is of, unless it has several or calls it by another name.
    alone = len(known) == 1 and next(iter(known)) in cut.sql
    values = [("" if alone else name, value_text(value)) for name, value in known.items()]
    mark = _MARKS.get(cut.outcome, cut.outcome)
    return {"sql": cut.sql, "line": cut.line, "values": values, "outcome": cut.outcome, "mark": mark}


# Media


def _item(item: MediaItem) -> dict[str, Any]:
    found = item.thumbnail
    seen = bool(found and (found.pictures or found.wave))
    name = item.path.rsplit("/", 1)[-1] or "a file without a name"
    trouble = f"This {item.kind} cannot be shown" if found else f"Not shown: {item.kind}"
    return {
        "kind": item.kind, "path": item.path or "(no path)", "shape": item.kind if seen else "none",
        "trouble": trouble, "error": found.error if found else "", "label": name,
        "pictures": found.pictures if found else (), "facts": _facts(found) if found else "",
        "width": len(found.wave) if found else 0, "outline": _outline(found.wave) if found else "",
        "values": [(sql, value_text(value)) for sql, value in item.values.items()],
    }  # fmt: skip


def _facts(found: Thumbnail) -> str:
    """Such as `640 × 360, 24 fps, 0:11.7, mov h264`."""
    facts = found.facts
    told: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        ("width", lambda f: f"{f['width']:,} × {f['height']:,}"), ("seconds", lambda f: clock(f["seconds"])),
        ("fps", lambda f: f"{f['fps']:.4g} fps"), ("rate", lambda f: f"{f['rate'] / 1000:g} kHz"),
        ("channels", lambda f: {1: "mono", 2: "stereo"}.get(f["channels"], f"{f['channels']} channels")),
        ("format", lambda f: str(f["format"])), ("codec", lambda f: str(f["codec"])),
    ]  # fmt: skip
    return ", ".join(text(facts) for name, text in told if facts.get(name))


def _outline(wave: Iterable[tuple[float, float]]) -> str:
    """The path of a waveform, 72 high, with silence as a thin line."""
    pairs = [(min(max(low, -1.0), 1.0), min(max(high, -1.0), 1.0)) for low, high in wave]
    bars = [(36 - 35 * high, max(35 * (high - low), 0.6)) for low, high in pairs]
    return "".join(f"M{x} {top:.1f}h.8v{height:.1f}h-.8z" for x, (top, height) in enumerate(bars))
