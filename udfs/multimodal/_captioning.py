"""New texts for rows: captions of their media in place of what was said, as lists to UNNEST."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from juicesql.api import FunctionError, Partly

from .._chunks import TOKENS
from .._vision import scored
from ..dedup.simhash import simhash
from ._captions import Captioner, Wanted
from ._rows import Rows, chunked

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = ("random_any", "similar_one_simhash", "all")


@dataclass(frozen=True)
class Task:
    """What the parameters of a captioning mapper ask for."""

    caption_num: int
    keep_candidate_mode: str
    keep_original_sample: bool
    max_new_tokens: int
    seed: int
    token: str
    eoc: str

    def __post_init__(self) -> None:
        if self.keep_candidate_mode not in MODES:
            message = f"keep_candidate_mode is {self.keep_candidate_mode!r}"
            raise FunctionError.of("bad-parameter", message, f"use one of {', '.join(MODES)}")
        for name in ("caption_num", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise FunctionError.of("bad-parameter", f"{name} is {getattr(self, name)}", "give at least 1")

    def candidates(self, text: str, place: int) -> Sequence[int]:
        """The numbers of the candidates to write for a medium of a text. Of a random one, the others are not needed."""
        if self.keep_candidate_mode == "random_any":
            return [Random(f"{self.seed}\0{text}\0{place}").randrange(self.caption_num)]
        return range(self.caption_num)

    def draws(self, text: str, *numbers: int) -> tuple[float, ...]:
        stream = Random("\0".join(map(str, (self.seed, text, *numbers))))
        return tuple(stream.random() for _ in range(self.max_new_tokens))

    def kept(self, said: str, captions: Sequence[str]) -> Sequence[str]:
        return [_nearest(said, captions)] if self.keep_candidate_mode == "similar_one_simhash" else captions

    def rewritten(self, text: str, captions: Iterator[str]) -> str:
        """The special tokens of each chunk, with the next caption after each that stands for one of the media."""
        kinds = re.compile("|".join(map(re.escape, dict.fromkeys((self.token, *TOKENS)))))
        chunks = [kinds.findall(chunk) for chunk in text.split(self.eoc)]
        written = ["".join(f"{t} {next(captions)} " if t == self.token else t for t in chunk) for chunk in chunks]
        return "".join(chunk + self.eoc for chunk in written if chunk)


def captioned(
    text: pa.StringArray,
    media: pa.ListArray,
    captioner: Captioner,
    read: Callable[[str], Sequence[Image]],
    task: Task,
) -> Partly:
    """The list of texts of each row. `read` gives the pictures of a file; the captions of several become one."""
    rows = chunked(text, media, task.token, task.eoc)
    texts = text.to_pylist()
    captions, problems = _written(rows, texts, captioner, read, task)
    values: list[Any] = []
    for row, (one, found) in enumerate(zip(texts, rows.chunks, strict=True)):
        said = [said for said, paths in found for _ in paths]
        places = [(row, place) for place in range(len(said))]
        if wrong := next((problems[place] for place in places if place in problems), None):
            rows.failures[row] = wrong
        new: list[str] = []
        if places and row not in rows.failures:
            kept = [task.kept(words, captions[place]) for words, place in zip(said, places, strict=True)]
            new = [task.rewritten(one, iter(version)) for version in zip(*kept, strict=True)]
        values.append([one] * task.keep_original_sample + new)
    return Partly(pa.array(values, pa.list_(pa.string())), rows.failures)


def _written(
    rows: Rows, texts: Sequence[str], captioner: Captioner, read: Callable[[str], Sequence[Image]], task: Task
) -> tuple[Mapping[tuple[int, int], Sequence[str]], Mapping[Hashable, str]]:
    """The candidates for each medium, by the number of its row and its place there, and what was wrong with media."""
    paths = {
        (row, place): path
        for row, found in enumerate(rows.chunks)
        for place, path in enumerate(path for _, paths in found for path in paths)
    }
    if not paths:
        return {}, {}

    def wanted(at: tuple[int, int]) -> list[Wanted]:
        text, place = texts[at[0]], at[1]
        pictures = captioner.together([captioner.prepare(picture) for picture in read(paths[at])])
        return [
            Wanted(pixels, task.draws(text, place, candidate, number))
            for candidate in task.candidates(text, place)
            for number, pixels in enumerate(pictures)
        ]

    found, problems = scored(captioner, wanted, paths, file_of=paths.__getitem__)
    joined = {}
    for at, said in found.items():
        if at in problems:
            continue
        count = len(said) // len(task.candidates(texts[at[0]], at[1]))  # of the pictures of the file
        joined[at] = [". ".join(said[first : first + count]) for first in range(0, len(said), count)]
    return joined, problems


def _nearest(said: str, captions: Sequence[str]) -> str:
    """The caption whose SimHash differs from that of the words in the fewest bits, the first of several."""
    own, *others = simhash(pa.array([said, *captions]), "space", 2, True, None).to_pylist()
    return min(zip(captions, others, strict=True), key=lambda pair: (own ^ pair[1]).bit_count())[0]
