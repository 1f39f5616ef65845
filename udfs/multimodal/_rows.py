"""The chunks of rows with text and media: what all functions do before and after they ask a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from juicesql.api import FunctionError, Partly

from .._chunks import chunks
from .._vision import REDUCE
from ..image._images import open_image

if TYPE_CHECKING:
    from PIL import Image

Chunk = tuple[str, list[str]]  # what it says, and the paths of its media


@dataclass
class Rows:
    """The chunks of each row; a row whose text and media do not fit together has none and a message."""

    chunks: list[list[Chunk]] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Chunk]:
        return (chunk for row in self.chunks for chunk in row)

    def paths(self) -> list[str]:
        """The distinct paths of all media."""
        return list(dict.fromkeys(path for _, paths in self for path in paths))

    def scored(self, score: Callable[[str, list[str]], float], problems: Mapping[Hashable, str]) -> Partly:
        """A list with the score of each chunk; rows with a medium that has a problem fail."""
        values: list[Any] = []
        for row, found in enumerate(self.chunks):
            wrong = next((problems[p] for _, paths in found for p in paths if p in problems), None)
            if wrong is not None:
                self.failures[row] = wrong
            values.append(None if row in self.failures else [score(text, paths) for text, paths in found])
        return Partly(pa.array(values, pa.list_(pa.float64())), self.failures)


def chunked(text: pa.StringArray, media: pa.ListArray, token: str, eoc: str) -> Rows:
    """A row without media has no chunks, whatever its text is."""
    rows = Rows()
    for row, (one, paths) in enumerate(zip(text.to_pylist(), media.to_pylist(), strict=True)):
        found: list[Chunk] = []
        try:
            found = chunks(one, paths, token, eoc) if paths else []
        except ValueError as error:
            rows.failures[row] = str(error)
        rows.chunks.append(found)
    return rows


def reduction(mode: str) -> Callable[[Sequence[float]], float]:
    if mode not in REDUCE:
        raise FunctionError.of("bad-parameter", f"reduce_mode is {mode!r}", f"use one of {', '.join(REDUCE)}")
    return REDUCE[mode]


@dataclass(frozen=True)
class Flips:
    """Whether pictures are mirrored before a model sees them, left to right and top to bottom."""

    horizontal: bool
    vertical: bool

    def image(self, path: str) -> Image.Image:
        return self._of(open_image(path))

    def frames(self, path: str, method: str, count: int) -> list[Image.Image]:
        from PIL.Image import fromarray

        from ..video._frames import video_frames

        if found := [self._of(fromarray(frame)) for frame in video_frames(path, method, count)]:
            return found
        raise ValueError(f"{path} has no frames")

    def _of(self, picture: Image.Image) -> Image.Image:
        from PIL import ImageOps

        if self.horizontal:
            picture = ImageOps.mirror(picture)
        return ImageOps.flip(picture) if self.vertical else picture
