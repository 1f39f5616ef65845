"""The page of docs/ that functions.py writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

import function_jobs
from report import number, table


@dataclass(frozen=True)
class Speed:
    """MB/s; None where there is nothing to measure."""

    function: str
    runs_on: str
    one_core: float
    gain: float
    plain: float | None
    peer: float | None
    note: str

    @property
    def all_cores(self) -> float:
        return self.one_core * self.gain

    @property
    def over_peer(self) -> float | None:
        return self.one_core / self.peer if self.peer else None


def page(speeds: Sequence[Speed], facts: dict[str, Any], megabytes: float) -> str:
    """The page in docs/."""
    rows = []
    for s in sorted(speeds, key=lambda s: s.function):
        cells = [
            s.one_core,
            s.all_cores,
            s.gain,
            s.plain,
            s.peer,
            s.one_core / s.plain if s.plain else None,
            s.over_peer,
        ]
        rows.append([f"`{s.function}`", s.runs_on, *map(number, cells)])
    ratios = sorted(s.over_peer for s in speeds if s.over_peer)
    slower = [s.function for s in speeds if s.over_peer and s.over_peer < 1]
    head = ["function", "runs as", "one core", "all cores", "gain", "plain Python", "peer", "x plain", "x peer"]
    versions = ", ".join(f"{k} {v}" for k, v in {**facts["versions"], **facts["peer_versions"]}.items())
    notes = [f"- `{s.function}`: {s.note}" for s in speeds if s.note]
    left_out = [f"- `{name}`: {why}" for name, why in sorted(function_jobs.NOT_MEASURED.items())]
    middle = (
        f"Over the {len(ratios)} functions that the peer has too: median {number(median(ratios))} times its speed on "
        f"one core, lowest {number(ratios[0])}, highest {number(ratios[-1])}. "
        f"Slower than the peer: {', '.join(f'`{n}`' for n in slower) or 'none'}."
        if ratios
        else ""
    )
    return "\n".join(
        [
            "<!-- Written by `python benchmarks/functions.py --publish`. -->",
            "# Speed of the text functions\n",
            f"MB/s of UTF-8 text, {date.today()}, {facts['processor']}, {facts['cores']} cores, "
            f"Python {facts['python']}, {megabytes:g} MB of text a function. "
            "How it is measured: [benchmarks/README.md](../benchmarks/README.md).\n",
            middle + "\n",
            table(head, rows) + "\n",
            *notes,
            "",
            "Not measured:",
            *left_out,
            "",
            f"Versions: {versions}.",
            "",
        ]
    )
