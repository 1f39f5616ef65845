"""Videos in another size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from juicesql.api import media_settings

from .._produced import produced
from ._facts import video_facts
from ._shown import video_turn
from ._write import rewrite

if TYPE_CHECKING:
    from av import VideoFrame

Size = tuple[int, int]  # width and height


def resized(
    videos: Sequence[str], wanted: Callable[[int, int], Size], name: str, version: int, save_dir: str
) -> list[str]:
    """Each video in the size that is wanted for its width and height as it is shown; its own path where that is so."""
    made = {path: _resized(path, wanted, name, version, save_dir) for path in dict.fromkeys(videos)}
    return [made[path] for path in videos]


def _resized(path: str, wanted: Callable[[int, int], Size], name: str, version: int, save_dir: str) -> str:
    facts = video_facts(path)
    shown, turned = (facts.width, facts.height), video_turn(path).swapped
    width, height = wanted(*(shown[::-1] if turned else shown))
    most = media_settings().max_frame_pixels
    if width * height > most:
        raise ValueError(f"{path} would get frames of more than {most:,} pixels")
    coded = (height, width) if turned else (width, height)
    if coded == shown:
        return path

    def scaled(frame: VideoFrame) -> VideoFrame:
        return frame.reformat(*coded, interpolation="BICUBIC", threads=1)

    def write(target: str) -> None:
        rewrite(path, target, scaled)

    return produced(name, version, [path], {"width": width, "height": height}, ".mp4", write, save_dir)
