"""Media files through filters of FFmpeg, inside this process: no shell, no program, no file but the source."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juicesql.api import FunctionError, media_settings, nearest

from ._encoding import CONTAINER, X264, repeatable
from ._filter_names import AUDIO, FILE_OPTIONS, VIDEO
from ._media import open_streams
from ._produced import produced
from .audio._audio import open_sound
from .video._facts import MOST_FRAMES, most_decoded, video_facts
from .video._upright import turn_of

if TYPE_CHECKING:
    from av import AudioFrame, Codec, Packet, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.filter import Graph
    from av.stream import Stream

Filters = Sequence[tuple[str, Mapping[str, object]]]  # names of filters and their options, in order

VERSION = 3  # of what the encoders are told: a new one makes files anew
MOST_SAMPLES = 2_000_000_000  # of a sound: 12 hours at 44.1 kHz
MOST_TRACKS = 16
FRACTIONAL = frozenset({"mp4", "mov", "ipod", "matroska", "webm", "3gp"})  # formats with any time for any frame
GOOD = frozenset({"h264", "vp9", "av1", "rawvideo", "ffv1"})  # encoders that are good when nothing is said
UNNAMED = {"1 channels": "mono", "2 channels": "stereo", "6 channels": "5.1", "8 channels": "7.1"}  # of WAV files
BETTER = {"flags": "+qscale", "global_quality": str(3 * 118)}  # 3 on the scale of the older ones, from 1 to 31


def check_filters(filters: Filters, kind: str) -> None:
    """Raises a FunctionError for a filter or an option that is not allowed."""
    allowed = {"video": VIDEO, "audio": AUDIO}[kind]
    for name, options in filters:
        if name not in allowed:
            mend = nearest(name, sorted(allowed)) or "the manual says which are left out"
            raise FunctionError.of("bad-parameter", f"{name!r} is no {kind} filter that may be used here", mend)
        if odd := sorted(FILE_OPTIONS & options.keys()):
            raise FunctionError.of("bad-parameter", f"{name} may not use a file: {', '.join(odd)}", "leave it out")


def wrapped(
    function: str, paths: Sequence[str], kind: str, filter_name: str | None, filter_kwargs: str | None, save_dir: str
) -> list[str]:
    """The files of a mapper that puts each of `paths` through one filter, made where they are not there yet."""
    if filter_name is None:
        return list(paths)
    filters = [(filter_name, _options(filter_kwargs))]
    check_filters(filters, kind)
    made = {}
    for path in dict.fromkeys(paths):
        _check_source(path, kind)
        write = partial(filtered, path, **{f"{kind}_filters": filters})
        suffix = Path(path).suffix.lower()
        made[path] = produced(function, VERSION, [path], {"filters": filters}, suffix, write, save_dir)
    return [made[path] for path in paths]


def _check_source(path: str, kind: str) -> None:
    """A file that is cut off is told before anything is made of it."""
    if kind == "video":
        video_facts(path)
    else:
        with open_sound(path):
            pass


def _options(text: str | None) -> dict[str, object]:
    try:
        options = json.loads(text or "{}")
    except ValueError:
        options = None
    plain = isinstance(options, dict) and all(isinstance(v, str | int | float) for v in options.values())
    if not plain:
        mend = "give a JSON object of numbers and strings, such as '{\"tempo\": 1.5}'"
        raise FunctionError.of("bad-parameter", f"filter_kwargs is {text!r}", mend)
    return options


def filtered(source: str, target: str, video_filters: Filters = (), audio_filters: Filters = ()) -> None:
    """Writes `source` to `target`, whose suffix says the format, with its tracks put through filters.

    Tracks of a kind without filters are copied as they are, where the format can hold them; subtitles, data and cover
    pictures are left out. Pictures are turned as the file says before they are filtered. They are encoded as is usual
    for the format (H.264 in MP4), sound as in the source where it can be. Times of frames are kept.
    """
    import av

    given = {"video": video_filters, "audio": audio_filters}
    for kind, filters in given.items():
        check_filters(filters, kind)
    with ExitStack() as files:
        out = files.enter_context(av.open(target, "w", options=CONTAINER))
        with open_streams(source) as container:
            kept = _kept(container, given)
        tracks = [_track(files.enter_context(open_streams(source)), index, given, out) for index in kept]
        for packet in heapq.merge(*tracks, key=_seconds):
            out.mux(packet)


def _kept(container: InputContainer, given: Mapping[str, Filters]) -> list[int]:
    from av.stream import Disposition

    streams = [s for s in container.streams if s.type in given and not s.disposition & Disposition.attached_pic]
    for kind, filters in given.items():
        if filters and not any(s.type == kind for s in streams):
            raise ValueError(f"{container.name} has no {kind} stream")
    if len(streams) > MOST_TRACKS:
        raise ValueError(f"{container.name} has more than {MOST_TRACKS} tracks")
    return [s.index for s in streams]


def _seconds(packet: Packet) -> Fraction:
    return packet.dts * packet.time_base


def _track(
    container: InputContainer, index: int, given: Mapping[str, Filters], out: OutputContainer
) -> Iterator[Packet]:
    """The packets of one track of the target. The first frame is made at once: it says what the encoder gets."""
    source = container.streams[index]
    filters = given[source.type]
    if not filters and source.codec_context.codec.canonical_name in out.supported_codecs:
        return _copied(container, source, out.add_stream_from_template(source))
    frames = _filtered_frames(container, source, filters)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"nothing is left of the {source.type} of {container.name}")
    encoder = _video_encoder if source.type == "video" else _audio_encoder
    return _encoded(encoder(out, source, first), chain([first], frames))


def _packets(container: InputContainer, source: Stream) -> Iterator[Packet]:
    for packet in container.demux(source):
        if packet.is_corrupt:
            raise ValueError(f"{container.name} is truncated or damaged")
        yield packet


def _copied(container: InputContainer, source: Stream, target: Stream) -> Iterator[Packet]:
    for packet in _packets(container, source):
        if packet.dts is not None:
            packet.stream = target
            yield packet


def _encoded(target: Stream, frames: Iterator[Any]) -> Iterator[Packet]:
    for frame in chain(frames, [None]):
        if frame is not None and target.type == "video":
            frame.pict_type = 0  # else the encoder makes key frames where the source has them
        yield from target.encode(frame)


def _filtered_frames(container: InputContainer, source: Stream, filters: Filters) -> Iterator[Any]:
    source.thread_type, source.codec_context.thread_count = "NONE", 1  # the workers share the cores
    if source.type == "video":
        source.codec_context.options = {"max_pixels": most_decoded()}
    graph, shape, made = None, None, 0
    for frame in chain((f for p in _packets(container, source) for f in p.decode()), [None]):
        if frame is None and graph is None:
            return
        if graph is None:
            graph, shape = _graph(source, frame, filters), _shape(frame)
        if frame is not None and _shape(frame) != shape:
            raise ValueError(f"the {source.type} of {container.name} changes its format on the way")
        try:
            graph.push(frame)
        except EOFError:  # a filter such as trim wants no more
            return
        for out in _pulled(graph):
            made += _counted(out)
            if made > (MOST_FRAMES if source.type == "video" else MOST_SAMPLES):
                raise ValueError(f"the filters make too much {source.type} of {container.name}")
            yield out


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):
            return


def _shape(frame: Any) -> tuple[Any, ...]:
    if hasattr(frame, "width"):
        return frame.width, frame.height, frame.format.name
    return frame.sample_rate, frame.layout.name, frame.format.name


def _counted(frame: Any) -> int:
    """How many frames (of pictures) or samples (of sound) it is."""
    if not hasattr(frame, "width"):
        return int(frame.samples)
    most = media_settings().max_frame_pixels
    if frame.width * frame.height > most:
        raise ValueError(f"a filter makes frames of more than {most:,} pixels")
    return 1


def _graph(source: Stream, frame: Any, filters: Filters) -> Graph:
    """The filters between a source and a sink for frames like `frame`."""
    import av

    graph = av.filter.Graph()
    graph.threads = 1
    if source.type == "video":
        nodes = [_picture_source(graph, source, frame), *(graph.add(*f) for f in turn_of(frame).filters)]
    else:
        rate, layout = frame.sample_rate, frame.layout.name
        nodes = [graph.add_abuffer(None, rate, frame.format.name, layout, time_base=source.time_base)]
        if layout in UNNAMED:
            nodes.append(graph.add("aformat", channel_layouts=UNNAMED[layout]))
    nodes += [_node(graph, name, options) for name, options in filters]
    nodes.append(graph.add("buffersink" if source.type == "video" else "abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def _picture_source(graph: Graph, source: Stream, frame: VideoFrame) -> Any:
    return graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(source.time_base),
        pixel_aspect=str(source.sample_aspect_ratio or 1),
        frame_rate=str(source.average_rate or 25),
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )


def _node(graph: Graph, name: str, options: Mapping[str, object]) -> Any:
    given = {key: str(int(v) if isinstance(v, bool) else v) for key, v in options.items()}
    try:
        return graph.add(name, None, **given)
    except (ValueError, OSError, LookupError, TypeError, NotImplementedError) as error:
        mend = "ffmpeg -h filter=" + name + " lists its options"
        raise FunctionError.of("bad-parameter", f"the filter {name} does not take {given}: {error}", mend) from error


def _video_encoder(out: OutputContainer, source: Stream, frame: VideoFrame) -> Stream:
    codec = {"wrapped_avframe": "rawvideo"}.get(out.default_video_codec, out.default_video_codec)
    own_clock = frame.time_base == source.time_base  # no filter has set another rate
    rate = (source.average_rate if own_clock else 1 / frame.time_base) or Fraction(25)
    target = out.add_stream(codec, rate=rate, options=X264 if codec == "h264" else {} if codec in GOOD else BETTER)
    target.width, target.height = frame.width, frame.height
    context = target.codec_context
    formats = [f.name for f in context.codec.video_formats or ()]
    target.pix_fmt = frame.format.name if not formats or frame.format.name in formats else formats[0]
    context.time_base = frame.time_base if out.format.name in FRACTIONAL else 1 / rate
    if source.sample_aspect_ratio:
        context.sample_aspect_ratio = source.sample_aspect_ratio
    for name in ("color_range", "colorspace"):
        setattr(context, name, getattr(frame, name))
    repeatable(context)
    return target


def _audio_encoder(out: OutputContainer, source: Stream, frame: AudioFrame) -> Stream:
    codec = _audio_codec(out, source.codec_context.codec.canonical_name)
    rates = sorted(codec.audio_rates or [frame.sample_rate])
    rate = next((r for r in rates if r >= frame.sample_rate), rates[-1])
    target = out.add_stream(codec.name, rate=rate, layout=frame.layout.name)
    formats = [f.name for f in codec.audio_formats or ()]
    target.codec_context.format = frame.format.name if not formats or frame.format.name in formats else formats[0]
    repeatable(target.codec_context)
    return target


def _audio_codec(out: OutputContainer, own: str) -> Codec:
    """The encoder of the codec that the sound has, else the usual one of the format."""
    from av import Codec
    from av.codec.codec import UnknownCodecError

    usual = "opus" if out.format.name == "ogg" else out.default_audio_codec  # libsndfile cannot read FLAC in Ogg
    try:
        return Codec(own if own in out.supported_codecs else usual, "w")
    except UnknownCodecError:
        return Codec(usual, "w")
