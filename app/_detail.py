"""One sample: what became of it, its text with the changes marked, its media, and every stat with its cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import streamlit as st
from markupsafe import Markup

from juicesql.inlinediff import MOST_WHOLE, diff_parts
from juicesql.sheet import clock, value_text
from juicesql.show import Card, MediaItem
from juicesql.trace import CutStory, Story

from . import _html as html
from ._project import FileState
from ._samples import player_of
from ._text import plain
from ._words import Words

COLOURS = {"kept": "green", "dropped": "red", "duplicate": "orange", "error": "violet"}
_FRAME_WIDTH = 150
_DECIMALS = re.compile(r"\d+\.\d+(?:e-?\d+)?")


def draw_card(card: Card, state: FileState, words: Words) -> None:
    """The whole sample below its heading."""
    st.html(html.why(card.story.verdict, _why(card.story, words)))
    _media(card, state, words)
    _texts(card, words)
    _stats(card, words)
    _errors(card.story, words)
    _others(card, words)


def badge(verdict: str, words: Words) -> None:
    st.badge(plain(verdict_name(verdict, words)), color=COLOURS.get(verdict, "gray"))  # type: ignore[arg-type]


def verdict_name(verdict: str, words: Words) -> str:
    t = words
    names = {"kept": t("kept"), "dropped": t("dropped"), "duplicate": t("duplicate"), "error": t("error")}
    return names.get(verdict, verdict)


def place_of(story: Story, words: Words) -> str:
    t = words
    if story.place.file is None:
        return t("an unknown place")
    return t("{file}, row {row} (counted from 0)", file=story.place.file, row=story.place.row)


# Why


def _why(story: Story, t: Words) -> Iterator[Markup | str]:
    if story.verdict == "kept":
        yield t("It passed every cut.") if any(s.cuts for s in story.steps) else t("Nothing took it away.")
        if twins := story.stands_for:
            ids = ", ".join(map(str, twins[:10])) + (", …" if len(twins) > 10 else "")
            yield t("Its duplicates ({n:,}): {ids}", n=len(twins), ids=ids)
    elif story.verdict == "duplicate":
        twin = story.duplicate_of
        of = t("sample {id}", id=twin.sample_id) if twin else str(story.value)
        yield Markup("{} {}").format(t("A duplicate of {what}, found by the step", what=of), html.code(story.by))
    elif story.verdict == "error":
        yield t("It could not be measured or read: {why}", why=story.value or "")
    else:
        yield Markup("{} {}").format(t("Dropped by"), html.code(story.by_sql or story.by))
        yield from _dropped(story, t)


def _dropped(story: Story, t: Words) -> Iterator[str]:
    failed = next((c for s in story.steps for c in s.cuts if c.cut == story.by), None)
    where = t("line {n} of the recipe", n=story.by_line) if story.by_line else story.by
    if failed and failed.outcome == "not measured":
        yield t("Its stat is NULL: it could not be measured ({where}).", where=where)
    elif story.value is not None:
        yield t("Its value is {value} ({where}).", value=short_value(story.value), where=where)


def short_value(text: str) -> str:
    """The value of a verdict, which is text, with as many digits as a person reads."""
    return value_text(_DECIMALS.sub(lambda m: value_text(float(m.group())), text))


# Media


def _media(card: Card, state: FileState, t: Words) -> None:
    for item in card.media:
        _item(item, state, t)
    if card.media_left:
        st.caption(t("and {n:,} more files", n=card.media_left))


def _item(item: MediaItem, state: FileState, t: Words) -> None:
    found = item.thumbnail
    name = item.path.rsplit("/", 1)[-1] or t("a file without a name")
    with st.container(border=True):
        st.markdown(f"**{plain(name)}**  \n:small[{plain(_facts(item))}]")
        if found is None:
            st.info(t("Pictures need the libraries of media: pip install 'juicesql[media]'"))
        elif found.error:
            st.warning(plain(t("This file cannot be shown: {why}", why=found.error)), icon=":material/broken_image:")
        played = item.kind != "image" and _play(item, state, t)
        if found and found.pictures:
            pictures = [p.jpeg for p in found.pictures]
            if item.kind == "video":
                times = [clock(p.seconds or 0.0) for p in found.pictures]
                alts = [t("Frame of {name} at {time}", name=name, time=time) for time in times]
                with st.container(horizontal=True, gap="small"):
                    for picture, time, alt in zip(pictures, times, alts, strict=True):
                        st.image(picture, caption=time, width=_FRAME_WIDTH, alt=alt)
            else:
                st.image(pictures[0], width=found.pictures[0].width, alt=name)
        elif item.kind == "audio" and found and found.wave and not played:
            st.caption(t("This sound cannot be played here."))
        if item.values:
            st.html(_values(item.values.items()))


def _play(item: MediaItem, state: FileState, t: Words) -> bool:
    """A player, where the file is one that browsers play."""
    facts = item.thumbnail.facts if item.thumbnail else {}
    ready = player_of(state, item.file, item.kind, str(facts.get("codec") or ""))
    if ready is None or not item.thumbnail or (item.thumbnail.error and not facts):
        return False
    data, mime = ready
    if item.kind == "video":
        st.video(data, format=mime, alt=item.path.rsplit("/", 1)[-1])
    else:
        st.audio(data, format=mime)
    return True


def _facts(item: MediaItem) -> str:
    facts = item.thumbnail.facts if item.thumbnail else {}
    told = [
        f"{facts['width']:,} × {facts['height']:,}" if facts.get("width") else "",
        clock(facts["seconds"]) if facts.get("seconds") else "",
        f"{facts['fps']:.4g} fps" if facts.get("fps") else "",
        f"{facts['rate'] / 1000:g} kHz" if facts.get("rate") else "",
        str(facts.get("codec") or facts.get("format") or ""),
    ]
    return " · ".join(x for x in [item.column, *told] if x)


def _values(values: Iterable[tuple[str, object]]) -> Markup:
    return html.table((), [html.row(html.code(sql), [value_text(value)]) for sql, value in values])


# Text


def _texts(card: Card, t: Words) -> None:
    if card.row is None and not any(f == "source" for f, _ in card.story.errors):
        st.caption(t("The row is not in the source as it is now, so its text and files are missing."))
    elif card.row is not None and not card.texts and not card.media_columns:
        st.caption(t("The source has no column of text."))
    changes = {c.column: c for c in card.changes}
    for name in dict.fromkeys([*card.texts, *changes]):
        text = str((card.row or {}).get(name) or "")
        if name not in changes:
            _heading(name, t("as in the source"))
            st.html(html.text_box(text[:MOST_WHOLE], name))
        else:
            _heading(name, t("changed by {step}", step=", ".join(changes[name].steps)))
            st.html(html.diff_box(diff_parts(changes[name].before, changes[name].after, whole=True), name))
        if len(text) > MOST_WHOLE and name not in changes:
            st.caption(t("and {n:,} characters more", n=len(text) - MOST_WHOLE))


def _heading(name: str, note: str) -> None:
    st.markdown(f"**{plain(name)}** :small[{plain(note)}]")


# Stats and cuts


def _stats(card: Card, t: Words) -> None:
    rows: list[Markup] = []
    for step in card.story.steps:
        if "__" in step.step or not (step.cuts or step.stats):  # steps that a macro makes measure for themselves
            continue
        rows.append(html.group(step.step, 3))
        rows += [_cut(cut, t) for cut in step.cuts]
        rows += [html.row(html.code(name), [value_text(value), ""]) for name, value in step.stats.items()]
    if rows:
        st.markdown(f"**{t('Stats and cuts')}**")
        st.html(html.table((t("Stat or cut"), t("Value"), t("Outcome")), rows))


def _cut(cut: CutStory, t: Words) -> Markup:
    marks = {
        "passed": "✓ " + t("passed"), "failed": "✗ " + t("failed"), "not measured": "? " + t("not measured"),
        "not reached": "– " + t("not reached"),
    }  # fmt: skip
    known = {n: v for n, v in cut.values.items() if v is not None or cut.outcome != "not reached"}
    alone = len(known) == 1 and next(iter(known)) in cut.sql
    values = ", ".join(value_text(v) if alone else f"{n} = {value_text(v)}" for n, v in known.items())
    mark = Markup('<span class="jq-mark">{}</span>').format(marks.get(cut.outcome, cut.outcome))
    return html.row(html.code(cut.sql), [values, mark], failed=cut.outcome == "failed")


def _errors(story: Story, t: Words) -> None:
    if story.errors:
        st.markdown(f"**{t('Errors')}**")
        st.html(html.table((t("Function"), t("Message")), [html.row(html.code(f), [m]) for f, m in story.errors]))


def _others(card: Card, t: Words) -> None:
    shown: Sequence[tuple[str, object]] = [
        (n, v) for n, v in (card.row or {}).items() if n not in card.texts and n not in card.media_columns
    ]
    if shown:
        with st.expander(t("Other columns: {n}", n=len(shown))):
            st.html(_values(shown))
