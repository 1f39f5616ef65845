"""Clips: the files of the parts that a video is cut into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._produced import produced
from ._facts import Facts, video_facts
from ._parts import Part, end_of, seconds
from ._write import cut_out

CLIPS = "STRUCT(source VARCHAR, video VARCHAR, start_seconds DOUBLE, end_seconds DOUBLE)[]"
MOST_CLIPS = 100_000  # of a video


def clips(
    videos: Sequence[str], cut: Callable[[str, Facts], Sequence[Part]], name: str, version: int, save_dir: str
) -> list[dict[str, Any]]:
    """The clips of all videos, in order; `cut` says the parts of one. A video that is one part is its own clip."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in dict.fromkeys(videos):
        facts = video_facts(path)
        parts = cut(path, facts)
        if len(parts) > MOST_CLIPS:
            raise ValueError(f"{path} would give more than {MOST_CLIPS:,} clips")
        found[path] = [_clip(path, facts, part, name, version, save_dir) for part in parts]
    return [clip for path in videos for clip in found[path]]


def _clip(path: str, facts: Facts, part: Part, name: str, version: int, save_dir: str) -> dict[str, Any]:
    whole = (part.start, part.end) == (facts.times[0], end_of(facts))
    return {
        "source": path,
        "video": path if whole else _file(path, facts, part, name, version, save_dir),
        "start_seconds": seconds(facts, part.start),
        "end_seconds": seconds(facts, part.end),
    }


def _file(path: str, facts: Facts, part: Part, name: str, version: int, save_dir: str) -> str:
    keys = {key for key, _ in facts.keys} | {end_of(facts)}
    at_keys = part.start in keys and part.end in keys
    made_of = {"start": part.start, "end": part.end}
    return produced(
        name, version, [path], made_of, ".mp4", lambda target: cut_out(path, target, part, at_keys), save_dir
    )
