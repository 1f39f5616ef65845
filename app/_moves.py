"""Thresholds as a person moves them: kept in the session for each run, carried in the URL, set by two widgets each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import streamlit as st

from juicesql.whatif import Bins, Handle
from juicesql.whatif.recipe import shorten

from ._shell import remember
from ._text import pretty

Number = float | int
POINTS = 200  # on a slider


@dataclass(frozen=True)
class Scale:
    """Where a slider can stand, and the step of the number beside it."""

    points: tuple[Number, ...]
    step: Number
    whole: bool


class Moves:
    """The moved thresholds of one run. Values are kept beside the widgets, which lose theirs on another page."""

    def __init__(self, run_id: str, handles: tuple[Handle, ...]) -> None:
        self.run_id, self.handles = run_id, {h.key: h for h in handles}
        self.moved: dict[str, Number] = st.session_state.setdefault(f"moves {run_id}", {})
        if not st.session_state.get(f"read {run_id}"):
            st.session_state[f"read {run_id}"] = True
            self.moved.update(self._from_url())

    def _from_url(self) -> dict[str, Number]:
        found: dict[str, Number] = {}
        if st.query_params.get("run", self.run_id) != self.run_id:
            return found
        for pair in st.query_params.get("moves", "").split(";"):
            key, _, text = pair.rpartition("=")
            if key in self.handles and (number := _number(text)) is not None:
                found[key] = number
        return found

    def note(self) -> None:
        """Put the moves into the URL, each time anew: Streamlit may drop what the first of two quick moves sent."""
        if self.moved:
            pairs = sorted(self.moved.items())
            st.query_params["moves"] = ";".join(f"{key}={shorten(number)}" for key, number in pairs)
        else:
            remember(moves=None)

    def value(self, handle: Handle) -> Number:
        return self.moved.get(handle.key, handle.number)

    def set(self, handle: Handle, number: Number) -> None:
        if number == handle.number:
            self.moved.pop(handle.key, None)
        else:
            self.moved[handle.key] = number

    def reset(self) -> None:
        self.moved.clear()

    def widgets(self, handle: Handle, label: str, scale: Scale) -> None:
        """A slider, and a number beside it for what lies between its points or beyond its ends."""
        slider, number = (f"{kind} {self.run_id} {handle.key}" for kind in ("slider", "number"))
        points = _with(scale.points, handle.number)
        value = self.value(handle)
        st.session_state[slider] = min(points, key=lambda p: abs(p - value))
        st.session_state[number] = value if scale.whole else float(value)
        left, right = st.columns([3, 1.25], vertical_alignment="bottom")
        left.select_slider(
            label, points, key=slider, format_func=pretty,
            on_change=lambda: self.set(handle, st.session_state[slider]),
        )  # fmt: skip
        right.number_input(
            f"{label} ", key=number, step=scale.step, format="%d" if scale.whole else "%.6g",
            label_visibility="collapsed", on_change=lambda: self.set(handle, st.session_state[number]),
        )  # fmt: skip


def _number(text: str) -> Number | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and "." not in text and "e" not in text.lower() else value


def _with(points: tuple[Number, ...], number: Number) -> list[Number]:
    return sorted({*points, number})


def scale_of(handle: Handle, bins: Bins | None) -> Scale:
    """Round numbers between the least and the most of a stat: evenly spread, or ever wider apart where its bars are."""
    whole = isinstance(handle.number, int) and (bins is None or bins.whole)
    number = handle.number
    if bins is None or bins.low is None or bins.high is None:
        low, high = sorted((0, 2 * number or 1))
        return Scale(_even(low, high, whole), _step(low, high, whole), whole)
    low, high = (bins.low, bins.high) if bins.logarithmic else (bins.edges[0], bins.edges[-1])
    low, high = min(max(low, bins.low), number), max(min(high, bins.high), number)
    points = _growing(low, high, whole) if bins.logarithmic else _even(low, high, whole)
    return Scale(points, _step(low, min(high, 100 * (abs(number) or 1)), whole), whole)


def _step(low: float, high: float, whole: bool) -> Number:
    """A power of ten about a hundredth of the way."""
    size = (high - low) / 100
    step = 10.0 ** math.floor(math.log10(size)) if size > 0 else 0.1
    return max(1, round(step)) if whole else step


def _even(low: float, high: float, whole: bool) -> tuple[Number, ...]:
    size = (high - low) / POINTS
    if size <= 0:
        return (round(low),) if whole else (low,)
    base = 10.0 ** math.floor(math.log10(size))
    step = next(base * m for m in (1, 2, 5, 10) if base * m >= size)
    step = max(1, round(step)) if whole else step
    first, last = math.floor(low / step), math.ceil(high / step)
    digits = max(0, -math.floor(math.log10(step)))
    return tuple(round(i * step) if whole else round(i * step, digits) for i in range(first, last + 1))


def _growing(low: float, high: float, whole: bool) -> tuple[Number, ...]:
    """0 and numbers of two digits, each about a fiftieth greater than the one before."""
    points: dict[Number, None] = {0 if whole else 0.0: None} if low <= 0 else {}
    value = max(low, 1.0 if whole else 0.1)
    while value < high * 1.02:
        digits = 1 - math.floor(math.log10(value))
        rounded = round(value, digits)
        points[int(rounded) if whole else rounded] = None
        value = max(value * 1.035, value + (1 if whole else 0))
    return tuple(points)
