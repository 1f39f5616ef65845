"""Frames of videos: each video is decoded once for all functions of a run, into files that its workers share."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from juicesql.api import FunctionError, Sampling, media_settings

from .._media import open_streams
from ._decoded import shown_frames
from ._facts import Facts, video_facts, video_stream
from ._upright import turn_of, upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MOST_BYTES = 8 << 30  # of the frames that one function takes of one video
KEPT_BYTES = 4 << 30  # of the frames of all videos; the videos that were read first go first
METHODS = ("uniform", "all_keyframes")
UNFINISHED = "unfinished-"


def video_frames(path: str, method: str, frame_num: int) -> list[np.ndarray]:
    """Frames of a video as uint8 RGB arrays (height, width, 3), turned as the file says, read-only.

    'all_keyframes': every key frame, or the first frame where none is marked. 'uniform': `frame_num` frames at equal
    distances from the start to the end (one: at half), each the first that is shown at that time or later; no frame
    twice, and at most as many as there are. Raises ValueError for a file that cannot be read to its end.
    """
    if method not in METHODS:
        raise FunctionError.of("bad-parameter", f"the frames are {method!r}", f"use one of {', '.join(METHODS)}")
    if method == "uniform" and frame_num < 1:
        raise FunctionError.of("bad-parameter", f"frame_num is {frame_num}", "give at least 1")
    return sampled(path, Sampling(method, frame_num))


def sampled(path: str, sampling: Sampling) -> list[np.ndarray]:
    """The frames of a video that `sampling` means; those of other functions of the run are decoded along."""
    folder = _folder(path)
    if (folder / "error").exists():
        raise ValueError((folder / "error").read_text("utf-8"))
    with suppress(FileNotFoundError):  # not decoded yet, or gone to make room
        return _load(folder, _name(sampling))
    todo = {s: _name(s) for s in (*media_settings().wanted, sampling)}
    try:
        _decode(path, [s for s, name in todo.items() if not (folder / f"{name}.json").exists()], folder)
    except ValueError as error:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error").write_text(str(error), "utf-8")
        raise
    return _load(folder, _name(sampling))


def paced(path: str, fps: float) -> list[np.ndarray]:
    """The grey frames of the motion score, each once: where it takes every frame, it has the second one twice."""
    if fps <= 0:
        raise FunctionError.of("bad-parameter", f"sampling_fps is {fps}", "give a number above 0")
    sampling = Sampling("paced", fps=fps)
    frames = sampled(path, sampling)
    return list(dict(zip(chosen(video_facts(path), sampling), frames, strict=True)).values())


def _folder(path: str) -> Path:
    found = media_settings().path(path)
    stat = os.stat(found)
    key = f"{os.path.abspath(found)}\0{stat.st_size}\0{stat.st_mtime_ns}"
    return _cache() / hashlib.sha256(key.encode()).hexdigest()[:32]


def _cache() -> Path:
    return Path(media_settings().cache or _own_cache().name)


@lru_cache(maxsize=1)
def _own_cache() -> tempfile.TemporaryDirectory[str]:
    """Of a process that works for no run."""
    return tempfile.TemporaryDirectory(prefix="juicesql-frames-")


def _name(sampling: Sampling) -> str:
    number = {"uniform": sampling.frame_num, "middles": sampling.frame_num, "paced": sampling.fps}
    return f"{sampling.method}-{number.get(sampling.method, '')}"


# Which frames


def chosen(facts: Facts, sampling: Sampling) -> list[int]:
    """The numbers of the frames that a sampling means, in order of time."""
    count = len(facts.times)
    if sampling.method == "uniform":
        return _uniform(facts, min(sampling.frame_num, count))
    if sampling.method == "middles":
        return _middles(facts, sampling.frame_num)
    if sampling.method == "all_keyframes":
        return [bisect_left(facts.times, time) for time, _ in facts.keys] or [0]
    step = max(min(round(facts.fps / min(sampling.fps, facts.fps)), count - 1), 1) if facts.fps else 1
    return [*range(min(2, count)), *range(step, count, step)]


def _uniform(facts: Facts, number: int) -> list[int]:
    """The first frame at or after each of `number` times; a frame serves one time between two key frames."""
    duration = Fraction(facts.duration).limit_denominator(1_000_000)
    wanted = [duration * i / (number - 1) for i in range(number)] if number > 1 else [duration / 2]
    keys = sorted({0.0, *(float(time * facts.tick) for time, _ in facts.keys)})
    found: list[int] = []
    group, used, ended = -1, -1, False
    for time in wanted:
        here = bisect_right(keys, time) - 1
        if here != group:
            group, used, ended = here, -1, False
        if ended:
            continue
        at = max(bisect_left(facts.times, time / facts.tick), used + 1)
        ended = at >= len(facts.times)
        used = min(at, len(facts.times) - 1)
        found.append(used)
    return found


def _middles(facts: Facts, number: int) -> list[int]:
    """The frames that are shown in the middle of `number` equal parts of a video.

    A copy with another frame rate or other key frames shows the same pictures at these times.
    """
    times = facts.times
    start, last = times[0], times[-1]
    length = last - start + (last - start) // max(len(times) - 1, 1)  # the last frame is shown for a while
    wanted = [start + length * (2 * part + 1) // (2 * number) for part in range(number)]
    return [bisect_right(times, time) - 1 for time in wanted]


# Decoding


def _decode(path: str, samplings: Sequence[Sampling], folder: Path) -> None:
    """Decode the frames of some samplings in one pass, each sampling into a file of raw pixels and one of shapes."""
    import av

    facts = video_facts(path)
    numbers = {s: chosen(facts, s) for s in samplings}
    for sampling, asked in numbers.items():
        if len(asked) * facts.width * facts.height * (1 if sampling.method == "paced" else 3) > MOST_BYTES:
            raise ValueError(f"{path} has too many frames for {sampling.method}: {len(asked):,}")
    _make_room()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        writers = {s: stack.enter_context(_Writer(folder, _name(s), asked)) for s, asked in numbers.items()}
        try:
            with open_streams(path) as container:
                wanted = sorted({n for asked in numbers.values() for n in asked})
                for number, frame in _shown(container, video_stream(container, path), facts, wanted, path):
                    for writer in writers.values():
                        writer.offer(number, frame)
        except av.FFmpegError as error:
            raise ValueError(f"{path} cannot be decoded: {error.strerror}") from error
        for writer in writers.values():
            writer.finish()


def _shown(
    container: InputContainer, stream: VideoStream, facts: Facts, wanted: list[int], path: str
) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames; between two of them, all frames are decoded unless a key frame is nearer."""
    keys = [bisect_left(facts.times, time) for time, _ in facts.keys]
    if set(wanted) <= set(keys):
        stream.codec_context.skip_frame = "NONKEY"
    at, frames, frame = None, iter(()), None
    for number in wanted:
        time = facts.times[number]
        key = bisect_right(keys, number) - 1
        if at is None or key > at:
            if at is not None or key > 0:
                container.seek(facts.keys[max(key, 0)][1] if keys else time, stream=stream)
            at, frames, frame = key, shown_frames(container, stream), None
        while frame is None or frame.pts < time:
            following = next(frames, None)
            if following is None:
                break
            frame = following
        if frame is None:
            raise ValueError(f"no frame of {path} can be decoded at {float(time * facts.tick):.2f} s")
        yield number, frame


class _Writer:
    """Frames of one sampling on their way to the disk: they get their names when all are there."""

    def __init__(self, folder: Path, name: str, numbers: Sequence[int]) -> None:
        self.folder, self.name, self.numbers = folder, name, numbers
        self.grey = name.startswith("paced")
        self.times = {n: numbers.count(n) for n in set(numbers)} if len(set(numbers)) < len(numbers) else {}
        self.asked = set(numbers)
        self.shapes: list[tuple[int, ...]] = []
        self.file: BinaryIO | None = None

    def __enter__(self) -> _Writer:
        self.file = tempfile.NamedTemporaryFile(dir=self.folder, delete=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()
            with suppress(FileNotFoundError):
                os.unlink(self.file.name)

    def offer(self, number: int, frame: VideoFrame) -> None:
        if number in self.asked and self.file is not None:
            pixels = _pixels(frame, self.grey)
            for _ in range(self.times.get(number, 1)):
                self.file.write(pixels.data)
                self.shapes.append(pixels.shape)

    def finish(self) -> None:
        assert self.file is not None
        self.file.close()
        os.replace(self.file.name, self.folder / f"{self.name}.raw")
        temporary = f"{self.file.name}.json"
        Path(temporary).write_text(json.dumps(self.shapes))
        os.replace(temporary, self.folder / f"{self.name}.json")
        self.file = None


def _pixels(frame: VideoFrame, grey: bool) -> np.ndarray:
    import cv2

    pixels = frame.to_ndarray(format="rgb24")
    if grey:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(upright(pixels, turn_of(frame)))


def _load(folder: Path, name: str) -> list[np.ndarray]:
    shapes = json.loads((folder / f"{name}.json").read_text())
    if not shapes:
        return []
    raw: Any = np.memmap(folder / f"{name}.raw", np.uint8, "r")
    out, at = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        out.append(raw[at : at + size].reshape(shape))
        at += size
    return out


def _make_room() -> None:
    """Let go of the frames of the videos that were read first."""
    folders = []
    for folder in _cache().iterdir() if _cache().exists() else ():
        with suppress(FileNotFoundError):  # another worker makes room as well
            if any(f.name.startswith(UNFINISHED) for f in folder.iterdir()):
                continue
            files = [f.stat() for f in folder.iterdir()]
            folders.append((max((f.st_mtime_ns for f in files), default=0), sum(f.st_size for f in files), folder))
    total = sum(size for _, size, _ in folders)
    for _, size, folder in sorted(folders):
        if total <= KEPT_BYTES:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= size
