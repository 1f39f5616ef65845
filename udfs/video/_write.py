"""Writing MP4 files: a video with changed frames, or a part of it; the sound comes along."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from .._encoding import CONTAINER, X264, repeatable
from .._media import open_streams
from ._decoded import shown_frames
from ._facts import video_stream
from ._parts import Part
from ._upright import Turn, matrix_of, turn_of
from ._upright import upright as turned

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer

Change = Callable[["VideoFrame"], "VideoFrame"]
Repaint = Callable[[np.ndarray], "np.ndarray | None"]  # of RGB pixels, upright; None where nothing changes
Span = tuple[Fraction, Fraction]  # seconds

ENCODER = {"preset": "veryfast", "crf": "18", **X264}  # of libx264: hardly to be told from the source
PIXELS = frozenset(f"yuv{chroma}p{depth}" for chroma in (420, 422, 444) for depth in ("", "10le"))
COPIED_FROM = ("mov", "matroska")  # containers that keep all times and headers that MP4 needs
VIDEO_COPIED = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
AUDIO_COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})  # what MP4 can hold
LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # of sound that is compressed anew; others become stereo
AUDIO_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)  # of AAC


class _Open(Exception):
    """The packets between two key frames do not stand for themselves."""


def cut_out(source: str, target: str, part: Part, at_keys: bool) -> None:
    """Write a part of a video; one between key frames is copied as it is compressed, where that can be done."""
    if at_keys:
        try:
            return _write(source, target, part, _copied)
        except _Open:
            pass
    return _write(source, target, part, _encoded)


def rewrite(source: str, target: str, change: Change, upright: bool = False) -> None:
    """Write a video with changed frames; `upright` says that `change` turns them as the file says."""
    _write(source, target, None, partial(_encoded, change=change, upright=upright))


def repainted(repaint: Repaint) -> Change:
    """A change of the pixels of frames, which are turned as the file says."""
    from av import VideoFrame

    def change(frame: VideoFrame) -> VideoFrame:
        turn = turn_of(frame)
        pixels = np.ascontiguousarray(turned(frame.to_ndarray(format="rgb24"), turn))
        after = repaint(pixels)
        if after is None and turn == Turn():
            return frame
        made = VideoFrame.from_ndarray(pixels if after is None else after, format="rgb24")
        made = made.reformat(format=frame.format.name, dst_colorspace=frame.colorspace, threads=1)
        made.pts, made.time_base = frame.pts, frame.time_base
        return made

    return change


def _write(source: str, target: str, part: Part | None, video: Callable[..., Iterator[Packet]]) -> None:
    import av

    with ExitStack() as stack:
        new = stack.enter_context(av.open(target, "w", format="mp4", options=CONTAINER))
        old = stack.enter_context(open_streams(source))
        stream = video_stream(old, source)
        span = (part.start * stream.time_base, part.end * stream.time_base) if part else None
        tracks = [video(new, old, stream, part)]
        for number in range(len(old.streams.audio)):
            # Each track reads the file by itself: tracks may lie far apart in it.
            sound = stack.enter_context(open_streams(source))
            tracks.append(_sound(new, sound, sound.streams.audio[number], span))
        for packet in heapq.merge(*tracks, key=lambda p: p.dts * p.time_base):
            new.mux(packet)


def _copied(new: OutputContainer, old: InputContainer, stream: VideoStream, part: Part) -> Iterator[Packet]:
    fits = any(name in old.format.name for name in COPIED_FROM)
    if not fits or stream.codec_context.codec.canonical_name not in VIDEO_COPIED:
        raise _Open
    out = new.add_stream_from_template(stream)
    old.seek(part.seek, stream=stream)

    def packets() -> Iterator[Packet]:
        begun = over = False
        for packet in old.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None or packet.dts is None:
                raise _Open
            if packet.dts >= part.end:
                break
            begun = begun or (packet.is_keyframe and packet.pts == part.start)
            over = over or (begun and packet.pts >= part.end)
            inside = part.start <= packet.pts < part.end
            if begun and (packet.is_discard or inside == over):
                raise _Open
            if begun and inside:
                yield _moved(packet, out, part.start)
        if not begun:
            raise _Open

    return packets()


def _moved(packet: Packet, out: Any, start: int) -> Packet:
    packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, out
    return packet


def _encoded(
    new: OutputContainer,
    old: InputContainer,
    stream: VideoStream,
    part: Part | None,
    change: Change | None = None,
    upright: bool = False,
) -> Iterator[Packet]:
    frames = _decoded(old, stream, part)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"no frame of {old.name} can be decoded here")
    changed = map(change or (lambda frame: frame), chain([first], frames))
    shown = next(changed)
    out = _video_stream(new, stream, shown)
    if not upright and (matrix := matrix_of(first)):
        out.set_display_matrix(matrix)

    def packets() -> Iterator[Packet]:
        for frame in chain([shown], changed):
            frame.pts -= part.start if part else 0
            frame.pict_type = 0  # the encoder chooses key frames anew
            yield from out.encode(frame)
        yield from out.encode(None)

    return packets()


def _decoded(old: InputContainer, stream: VideoStream, part: Part | None) -> Iterator[VideoFrame]:
    if part:
        old.seek(part.seek, stream=stream)
    for frame in shown_frames(old, stream):
        if part and frame.pts < part.start:
            continue
        if part and frame.pts >= part.end:
            break
        yield frame


def _video_stream(new: OutputContainer, old: VideoStream, first: VideoFrame) -> VideoStream:
    out = new.add_stream("libx264", rate=old.average_rate or 25, options=ENCODER)
    context = out.codec_context
    context.width, context.height = first.width, first.height
    context.pix_fmt = _pixel_format(first)
    context.time_base = old.time_base
    repeatable(context)
    if old.sample_aspect_ratio:
        context.sample_aspect_ratio = old.sample_aspect_ratio
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        setattr(context, name, getattr(old.codec_context, name))
    return out


def _pixel_format(frame: VideoFrame) -> str:
    """That of the frame where H.264 has it; colours of half the size need even sizes."""
    if frame.width % 2 or frame.height % 2:
        return "yuv444p"
    name = frame.format.name.replace("yuvj", "yuv")
    return name if name in PIXELS else "yuv420p"


def _sound(new: OutputContainer, old: InputContainer, stream: AudioStream, span: Span | None) -> Iterator[Packet]:
    if span:
        old.seek(int(span[0] / stream.time_base), stream=stream)
    if stream.codec_context.codec.canonical_name in AUDIO_COPIED:
        return _copied_sound(old, stream, new.add_stream_from_template(stream), span)
    rate = stream.codec_context.sample_rate
    layout = LAYOUTS.get(stream.layout.nb_channels, "stereo")
    out = new.add_stream("aac", rate=rate if rate in AUDIO_RATES else 48000, layout=layout)
    return _encoded_sound(old, stream, out, span)


def _copied_sound(old: InputContainer, stream: AudioStream, out: AudioStream, span: Span | None) -> Iterator[Packet]:
    """A packet that begins before the span is taken too: players leave out what comes before the time 0."""
    start = int(span[0] / stream.time_base) if span else 0
    for packet in old.demux(stream):
        if packet.is_corrupt:
            raise ValueError(f"{old.name} is truncated or damaged")
        if packet.dts is None or packet.pts is None:
            continue
        if span and packet.pts * stream.time_base >= span[1]:
            break
        if not span or (packet.pts + packet.duration) * stream.time_base > span[0]:
            yield _moved(packet, out, start)


def _encoded_sound(old: InputContainer, stream: AudioStream, out: AudioStream, span: Span | None) -> Iterator[Packet]:
    from av import AudioResampler

    resampler = AudioResampler("fltp", out.layout, out.codec_context.sample_rate, frame_size=1024)
    for frame in chain(_heard(old, stream, span), [None]):
        for part in resampler.resample(frame):
            yield from out.encode(part)
    yield from out.encode(None)


def _heard(old: InputContainer, stream: AudioStream, span: Span | None) -> Iterator[AudioFrame]:
    for frame in old.decode(stream):
        time = frame.pts * frame.time_base
        if span and time >= span[1]:
            break
        if span and time < span[0]:
            continue
        if span:
            frame.pts -= int(span[0] / frame.time_base)
        yield frame
