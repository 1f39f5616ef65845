"""HTML of what Streamlit has no element for: highlighted text and tables of stats. Every value is escaped here.

Pages give what these functions return to `st.html`, which cleans it once more and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st
from markupsafe import Markup, escape

from juicesql.sheet import shown

_CSS = """<style>
.jq-text, .jq-diff { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 26rem; overflow: auto;
  border: 1px solid rgba(128,128,128,.35); border-radius: .5rem; padding: .75rem .9rem;
  font-size: .92rem; line-height: 1.55 }
.jq-text.low, .jq-diff.low { max-height: 18rem }
.jq-diff ins, .jq-text ins { text-decoration: none; border-radius: .2rem; background: rgba(34,160,90,.24);
  box-shadow: inset 0 -2px 0 rgba(34,160,90,.75) }
.jq-diff del, .jq-text del { border-radius: .2rem; background: rgba(220,60,60,.20); text-decoration-thickness: 1px }
.jq-gap { opacity: .75; font-style: italic }
.jq-scroll { overflow-x: auto }
.jq-table { border-collapse: collapse; width: 100%; font-size: .88rem }
.jq-table th, .jq-table td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid rgba(128,128,128,.25) }
.jq-table thead th { font-weight: 600; opacity: .8; white-space: nowrap }
.jq-table tbody th { font-weight: 400 }
.jq-table tbody th.group { font-weight: 600; padding-top: .8rem }
.jq-table tbody th[scope=row]:has(code) { min-width: 11rem }
.jq-table code { font-size: .84rem; overflow-wrap: break-word; white-space: normal;
  background: none; padding: 0; color: inherit }
.jq-table thead th.number, .jq-table .number { text-align: right }
.jq-table .number { font-variant-numeric: tabular-nums; white-space: nowrap }
.jq-table .value { font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.jq-table tr.failed { background: rgba(220,60,60,.12) }
.jq-mark { white-space: nowrap; font-weight: 600 }
.jq-why { border-left: 4px solid gray; border-radius: .3rem; padding: .55rem .9rem; background: rgba(128,128,128,.10) }
.jq-why.kept { border-color: #16a34a } .jq-why.dropped, .jq-why.error { border-color: #dc2626 }
.jq-why.duplicate { border-color: #d97706 }
.jq-why p { margin: .1rem 0 } .jq-why code { overflow-wrap: anywhere }
</style>"""


__all__ = ["code", "diff_box", "escape", "group", "row", "style", "table", "text_box", "why"]


def style() -> None:
    """The look of all that this module makes. Once a page."""
    st.html(_CSS)


def text_box(text: str, label: str, low: bool = False) -> Markup:
    """A text as it stands, in a box that scrolls."""
    return _box("jq-text", Markup("{}").format(shown(text)), label, low)


def diff_box(parts: Iterable[tuple[str, str]], label: str, low: bool = False) -> Markup:
    """What `diff_parts` gives (same, del, ins, gap), with its changes marked."""
    return _box("jq-diff", Markup("").join(_part(mark, text) for mark, text in parts), label, low)


def _part(mark: str, text: str) -> Markup:
    forms = {"del": "<del>{}</del>", "ins": "<ins>{}</ins>", "gap": '<span class="jq-gap">{}</span>'}
    return Markup(forms.get(mark, "{}")).format(shown(text))


def _box(name: str, inside: Markup, label: str, low: bool) -> Markup:
    return Markup('<div class="{}" role="region" tabindex="0" aria-label="{}" dir="auto">{}</div>').format(
        name + (" low" if low else ""), label, inside
    )


def table(head: Sequence[str], rows: Iterable[Markup], kind: str = "value") -> Markup:
    """A table of rows that `row` and `group` made. `kind` is that of all columns but the first, as in `row`."""
    kinds = ["value", *[kind] * len(head)]
    cell = Markup('<th scope="col" class="{}">{}</th>')
    cells = Markup("").join(cell.format(k, h) for k, h in zip(kinds, head, strict=False))
    form = '<div class="jq-scroll"><table class="jq-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    return Markup(form).format(cells, Markup("").join(rows))


def row(name: Markup | str, cells: Iterable[Markup | str], failed: bool = False, kind: str = "value") -> Markup:
    """A row: its name, and cells of the class `kind`, `value` or `number`."""
    inside = Markup("").join(Markup('<td class="{}">{}</td>').format(kind, c) for c in cells)
    start = Markup('<tr class="failed">' if failed else "<tr>")
    return start + Markup('<th scope="row">{}</th>{}</tr>').format(name, inside)


def group(name: str, columns: int) -> Markup:
    """A heading between rows."""
    form = '<tr><th class="group" scope="rowgroup" colspan="{}">{}</th></tr>'
    return Markup(form).format(columns, name)


def code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(shown(text))


def why(verdict: str, lines: Iterable[Markup | str]) -> Markup:
    """The sentence on what became of a sample, in the colour of its verdict."""
    inside = Markup("").join(Markup("<p>{}</p>").format(line) for line in lines)
    return Markup('<div class="jq-why {}">{}</div>').format(verdict, inside)
