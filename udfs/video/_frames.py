"""Frames of a video at chosen times, decoding no more than it takes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._media import open_streams

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MOST_PIXELS = 178_956_970  # of a frame: Pillow's limit of an image
MOST_FRAMES = 2_000_000  # of a video: 18 hours at 30 a second


def sampled_frames(path: str, count: int) -> Iterator[VideoFrame]:
    """The frames that are shown in the middle of `count` equal parts of the first video stream.

    A copy with another frame rate or other key frames shows the same pictures at these times.
    """
    with open_streams(path) as container:
        if not container.streams.video:
            raise ValueError(f"{path} has no video stream")
        stream = container.streams.video[0]
        if stream.width * stream.height > MOST_PIXELS:
            raise ValueError(f"{path} has frames of more than {MOST_PIXELS:,} pixels")
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # frames may grow on the way
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1  # the workers share the cores
        times, keys = _timeline(container, stream)
        if not times:
            raise ValueError(f"{path} has no frames")
        yield from _shown(container, stream, _middles(times, count), keys)


def _timeline(container: InputContainer, stream: VideoStream) -> tuple[list[int], list[tuple[int, int]]]:
    """The times of all frames, and of the key frames the time and where to seek; all in order."""
    times, keys = [], []
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise ValueError(f"{container.name} is truncated or damaged")
        if packet.size:
            time = packet.pts if packet.pts is not None else packet.dts
            if time is None:
                raise ValueError(f"the frames of {container.name} have no times")
            times.append(time)
            if packet.is_keyframe:
                keys.append((time, time if packet.dts is None else min(time, packet.dts)))
        if len(times) > MOST_FRAMES:
            raise ValueError(f"more than {MOST_FRAMES:,} frames")
    return sorted(times), sorted(keys)


def _middles(times: list[int], count: int) -> list[int]:
    start, last = times[0], times[-1]
    length = last - start + (last - start) // max(len(times) - 1, 1)  # the last frame is shown for a while
    wanted = [start + length * (2 * part + 1) // (2 * count) for part in range(count)]
    return [times[bisect_right(times, time) - 1] for time in wanted]


def _shown(
    container: InputContainer, stream: VideoStream, wanted: list[int], keys: list[tuple[int, int]]
) -> Iterator[VideoFrame]:
    """The frames of the wanted times; between two of them, all frames are decoded unless a key frame is nearer."""
    at, frames, frame = None, iter(()), None
    for time in wanted:
        key = bisect_right(keys, (time, time)) - 1
        if at is None or key > at:
            container.seek(keys[max(key, 0)][1] if keys else time, stream=stream)
            at, frames, frame = key, container.decode(stream), None
        while frame is None or (frame.pts is not None and frame.pts < time):
            following = next(frames, None)
            if following is None:
                break
            frame = following
        if frame is None:
            raise ValueError(f"no frame can be decoded at {float(time * stream.time_base):.2f} s")
        yield frame
