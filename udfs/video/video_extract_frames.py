"""Mapper `video_extract_frames`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count, pairwise, takewhile
from typing import TYPE_CHECKING

import numpy as np

from juicesql.api import FunctionError, Sampling, mapper

from .._media import open_streams
from .._produced import produced
from ._decoded import shown_frames
from ._facts import Facts, video_facts, video_stream
from ._frames import chosen
from ._parts import end_of, exact
from ._upright import turn_of, upright

if TYPE_CHECKING:
    from av import VideoFrame

METHODS = ("all_keyframes", "all_frames", "uniform")


@mapper(
    "video_extract_frames(videos VARCHAR[], frame_sampling_method VARCHAR := 'all_keyframes', "
    "frame_num INTEGER := 3, duration DOUBLE := 0, save_dir VARCHAR := '') -> VARCHAR[][]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_extract_frames(
    videos: list[str], frame_sampling_method: str, frame_num: int, duration: float, save_dir: str
) -> list[list[str]]:
    """Writes frames of each video as JPEG files and gives their paths, a list for each video, in order of time.

    Which frames, by `frame_sampling_method`:
    - 'all_keyframes': every key frame, or the first frame where none is marked;
    - 'uniform': `frame_num` frames at equal distances from the start to the end (one: at half), each the first that is
      shown at that time or later; no frame twice, and at most as many as there are;
    - 'all_frames': every frame.
    With a `duration` above 0, that holds for each segment of so many seconds; a segment without a key frame gives its
    first frame. `flatten(video_extract_frames(videos))` is a column of images.

    Frames are turned as the file says, in RGB, JPEG with quality 75. Files have names that are made of the content of
    the source and the time of the frame, and lie in `save_dir`, or in the run's folder of produced media; a file that
    is there is not made again. No videos: an empty list. A file that is missing, broken, cut off, without video, of
    more than 2,000,000 frames or 33,554,432 pixels is an error of its row.

    Source: Data-Juicer's video_extract_frames_mapper, whose `frame_dir` is `save_dir` here. That one names files by the
    name of the video, so that two videos of one name share theirs; with a duration it compresses each segment anew
    before it takes frames of it, and leaves the last segment out.
    """
    if frame_sampling_method not in METHODS:
        message = f"frame_sampling_method is {frame_sampling_method!r}"
        raise FunctionError.of("bad-parameter", message, f"use one of {', '.join(METHODS)}")
    if frame_num < 1 or not 0 <= duration < float("inf"):
        message = f"frame_num is {frame_num}, duration {duration:g}"
        raise FunctionError.of("bad-parameter", message, "give at least one frame, and 0 seconds or more")

    def made(path: str) -> list[str]:
        facts = video_facts(path)
        parts = _segments(facts, duration) if duration else [(0, len(facts.times))]
        wanted = [n for first, last in parts for n in _chosen(facts, first, last, frame_sampling_method, frame_num)]
        return _files(path, facts, wanted, save_dir)

    paths = {path: made(path) for path in dict.fromkeys(videos)}
    return [paths[path] for path in videos]


def _segments(facts: Facts, duration: float) -> list[tuple[int, int]]:
    """The numbers of the first frame of each segment and of the first after it; segments without frames left out."""
    step, end = exact(duration) / facts.tick, end_of(facts)
    starts = takewhile(lambda time: time < end, (facts.times[0] + n * step for n in count()))
    numbers = [*dict.fromkeys(bisect_left(facts.times, start) for start in starts), len(facts.times)]
    return [(a, b) for a, b in pairwise(numbers) if a < b]


def _chosen(facts: Facts, first: int, last: int, method: str, frame_num: int) -> list[int]:
    if method == "all_frames":
        return list(range(first, last))
    whole = (first, last) == (0, len(facts.times))
    if whole:
        return chosen(facts, Sampling(method, frame_num))
    start = facts.times[first]
    over = facts.times[last] if last < len(facts.times) else end_of(facts)
    part = replace(
        facts,
        times=tuple(time - start for time in facts.times[first:last]),
        keys=tuple((time - start, seek) for time, seek in facts.keys if start <= time < over),
        duration=float((over - start) * facts.tick),
    )
    return [first + number for number in chosen(part, Sampling(method, frame_num))]


def _files(path: str, facts: Facts, wanted: list[int], save_dir: str) -> list[str]:
    times = [facts.times[number] for number in wanted]
    made: dict[int, str] = {}
    for frame in _decoded(path, facts, set(times)):
        write = partial(_save, frame)
        made[frame.pts] = produced("video_extract_frames", 2, [path], {"time": frame.pts}, ".jpg", write, save_dir)
    if missing := [time for time in times if time not in made]:
        raise ValueError(f"a frame of {path} cannot be decoded at {float(missing[0] * facts.tick):.2f} s")
    return [made[time] for time in times]


def _decoded(path: str, facts: Facts, times: set[int]) -> Iterator[VideoFrame]:
    with open_streams(path) as container:
        stream = video_stream(container, path)
        if times <= {time for time, _ in facts.keys}:
            stream.codec_context.skip_frame = "NONKEY"
        last = max(times)
        for frame in shown_frames(container, stream):
            if frame.pts in times:
                yield frame
            if frame.pts >= last:
                return


def _save(frame: VideoFrame, path: str) -> None:
    from PIL import Image

    pixels = upright(frame.to_ndarray(format="rgb24"), turn_of(frame))
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, "JPEG")
