"""What a video file says without decoding a frame: size, length, the times of its frames, and whether it is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from juicesql.api import media_settings

from .._media import open_streams

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

MOST_FRAMES = 2_000_000  # of a video: 18 hours at 30 a second
PICTURES = ("image2", "_pipe", "ico")  # formats of single pictures, which a wrong suffix may hide
MOVING = ("gif", "apng", "webp", "jpegxl", "mjpeg")  # formats of pictures that are videos when they have several
STILL = frozenset({"avif", "heic", "heix", "heim", "heis", "mif1", "avis", "msf1"})  # pictures in boxes as of MP4


@dataclass(frozen=True)
class Facts:
    """Of the first video stream. `times` are those of its frames in order, in units of `time_base` seconds."""

    width: int  # as coded: before it is turned, and in pixels that need not be square
    height: int
    duration: float  # seconds, as the file says; counted where it does not
    fps: float
    time_base: tuple[int, int]
    times: tuple[int, ...]
    keys: tuple[tuple[int, int], ...]  # of each key frame the time, and the time to seek to
    pixel: tuple[int, int] = (1, 1)  # width and height of a pixel, as coded
    length: float = 0.0  # seconds from the first frame to the end of the last

    @property
    def tick(self) -> Fraction:
        return Fraction(*self.time_base)


def video_facts(path: str) -> Facts:
    """The facts of a video. ValueError for a file that is no video, has no frames, is too large or cut off."""
    found = media_settings().path(path)
    stat = Path(found).stat()
    return _facts(path, found, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _facts(path: str, found: str, size: int, changed: int) -> Facts:
    return read_facts(path)


def read_facts(path: str, seen: Callable[[Packet], None] | None = None) -> Facts:
    """As `video_facts`; `seen` gets the packets of all video streams, in order."""
    with open_streams(path) as container:
        _refuse_picture(container, path, None)
        stream = video_stream(container, path)
        times, keys, end = _timeline(container, stream, path, seen)
        if not times:
            raise ValueError(f"{path} has no frames")
        _refuse_picture(container, path, len(times))
        tick = Fraction(stream.time_base or 1)
        length = (times[-1] - times[0]) * len(times) / max(len(times) - 1, 1) * tick
        duration = stream.duration * tick if stream.duration else Fraction(container.duration or 0, 1_000_000) or length
        return Facts(
            stream.width,
            stream.height,
            float(duration),
            float(stream.average_rate or (len(times) / length if length else 0)),
            (tick.numerator, tick.denominator),
            tuple(times),
            tuple(keys),
            _pixel(stream),
            float(_length(container, stream, end - times[0] if end > times[-1] else 0, length)),
        )


def _pixel(stream: VideoStream) -> tuple[int, int]:
    ratio = stream.sample_aspect_ratio or 1
    return (ratio.numerator, ratio.denominator) if ratio > 0 else (1, 1)


def _length(container: InputContainer, stream: VideoStream, counted: int, spaced: Fraction) -> Fraction:
    """Seconds. An index of frames is exact; other formats only say about how long all tracks together are."""
    tick = Fraction(stream.time_base or 1)
    exact = (stream.frames and "mp4" in container.format.name) or container.format.name == "avi"
    if exact and stream.duration:
        return stream.duration * tick
    if counted > 0:
        return counted * tick
    return spaced or Fraction(container.duration or 0, 1_000_000)


def _refuse_picture(container: InputContainer, path: str, frames: int | None) -> None:
    """ValueError for a picture whatever it is called. A container of videos that holds one frame is a video."""
    name = container.format.name
    still = container.metadata.get("major_brand", "").strip() in STILL
    single = frames == 1 and (still or any(kind in name for kind in MOVING))
    if single or any(kind in name for kind in PICTURES):
        raise ValueError(f"{path} is a picture, not a video")


def most_decoded() -> str:
    """For decoders: frames may grow on the way, but not much; what is put around them counts, too."""
    most = media_settings().max_frame_pixels
    return str(most + most // 8 + (1 << 20))


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """The first video stream, ready to decode within limits; a cover picture of a sound file is none."""
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise ValueError(f"{path} has no video stream")
    stream = streams[0]
    if stream.codec_context is None:
        raise ValueError(f"the video stream of {path} is damaged, or of an unknown kind")
    if not stream.width * stream.height:
        raise ValueError(f"{path} does not say how large its frames are")
    most = media_settings().max_frame_pixels
    if stream.width * stream.height > most:
        raise ValueError(f"{path} has frames of more than {most:,} pixels")
    stream.codec_context.options = {"max_pixels": most_decoded()}
    stream.thread_type, stream.codec_context.thread_count = "NONE", 1  # the workers share the cores
    return stream


def _timeline(
    container: InputContainer, stream: VideoStream, path: str, seen: Callable[[Packet], None] | None
) -> tuple[list[int], list[tuple[int, int]], int]:
    """The times of all frames, of the key frames the time and where to seek, and when the last frame is over."""
    times, keys, end, over = [], [], 0.0, 0
    for packet in container.demux():
        if packet.is_corrupt:
            raise ValueError(f"{path} is truncated or damaged")
        if seen and packet.stream.type == "video":
            seen(packet)
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and time is not None:
            end = max(end, float((time + (packet.duration or 0)) * packet.stream.time_base))
        if not packet.size or packet.stream.index != stream.index:
            continue
        if time is None:
            raise ValueError(f"the frames of {path} have no times")
        times.append(time)
        over = max(over, time + (packet.duration or 0))
        if packet.is_keyframe:
            keys.append((time, time if packet.dts is None else min(time, packet.dts)))
        if len(times) > MOST_FRAMES:
            raise ValueError(f"{path} has more than {MOST_FRAMES:,} frames")
    if _is_cut_off(container, stream, len(times), end):
        raise ValueError(f"{path} is truncated: {end:.1f} s of it are there")
    return sorted(times), sorted(keys), over


def _is_cut_off(container: InputContainer, stream: VideoStream, frames: int, end: float) -> bool:
    """Whether the packets end before the file says. An index of frames is exact; a length in a header is not quite."""
    if "mp4" in container.format.name and stream.frames:
        return frames < stream.frames
    start = float(container.start_time or 0) / 1e6
    missing = float(container.duration or 0) / 1e6 - (end - start)
    return missing > 1 and missing > 0.02 * (end - start)
