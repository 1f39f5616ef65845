"""All frames of a video, one after the other, each with the time at which it is shown."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

REORDERED = 16  # the most frames that H.264 and its like put before one that is shown earlier


def shown_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames from where the container stands, in order of time; those without a time are left out."""
    timed = (frame for frame in container.decode(stream) if frame.pts is not None)
    return _sorted_times(timed) if container.format.name == "avi" else timed


def _sorted_times(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """AVI files number frames as they are compressed; decoded ones are in the right order with the wrong numbers."""
    waiting: deque[VideoFrame] = deque()
    times: list[int] = []
    for frame in frames:
        waiting.append(frame)
        heapq.heappush(times, frame.pts)
        if len(waiting) > REORDERED:
            yield _timed(waiting.popleft(), heapq.heappop(times))
    for frame in waiting:
        yield _timed(frame, heapq.heappop(times))


def _timed(frame: VideoFrame, time: int) -> VideoFrame:
    frame.pts = time
    return frame
