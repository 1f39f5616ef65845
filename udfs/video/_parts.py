"""The parts that a video can be cut into, by the times of its frames."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ._facts import Facts


@dataclass(frozen=True)
class Part:
    """From the frame shown at `start` to the one shown at `end`, without that, in ticks; decoding begins at `seek`."""

    start: int
    end: int
    seek: int


def end_of(facts: Facts) -> int:
    """When the last frame is over, in ticks: as the file says, if that can be; its length may be that of the sound."""
    times = facts.times
    spacing = max((times[-1] - times[0]) // max(len(times) - 1, 1), 1)
    said = times[0] + round(Fraction(facts.duration) / facts.tick)
    return said if len(times) == 1 or 0 < said - times[-1] <= 2 * spacing else times[-1] + spacing


def seconds(facts: Facts, time: int) -> float:
    """Since the first frame."""
    return float((time - facts.times[0]) * facts.tick)


def frame_at(facts: Facts, after: Fraction) -> int:
    """The time of the first frame that is shown so many seconds after the first one, or later; else the end."""
    number = bisect_left(facts.times, facts.times[0] + after / facts.tick)
    return facts.times[number] if number < len(facts.times) else end_of(facts)


def part_of(facts: Facts, start: int, end: int) -> Part:
    key = bisect_right(facts.keys, (start, end)) - 1
    return Part(start, end, facts.keys[max(key, 0)][1] if facts.keys else start)


def parts_of(facts: Facts, starts: Iterable[int]) -> list[Part]:
    """The parts that begin with these frames; the first one begins with the video."""
    bounds = sorted({facts.times[0], *starts})
    return [part_of(facts, a, b) for a, b in zip(bounds, [*bounds[1:], end_of(facts)], strict=True)]


def exact(number: float) -> Fraction:
    """The number that a person wrote: 0.1 is a tenth."""
    return Fraction(repr(float(number)))
