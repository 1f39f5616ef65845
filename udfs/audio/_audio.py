"""Reading sound: samples as numbers between -1 and 1, by libsndfile where it knows the format, else by FFmpeg."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from juicesql.api import media_settings

from .._media import open_file, open_streams
from .._whole import check_whole

if TYPE_CHECKING:
    from soundfile import SoundFile

BLOCK = 1 << 21  # numbers; libsndfile looks for its place anew after each block, which is slow in OGG
SLACK = 1152  # samples: some headers of MP3 count a frame more than there is
UNKNOWN = 2**63 - 1  # what libsndfile says of a length that is not told
EXACT = frozenset({"WAV", "WAVEX", "AIFF", "AU", "W64", "RF64", "CAF", "FLAC"})  # formats whose header counts samples
Value = TypeVar("Value")


class NoSound(ValueError):
    """A file of media without an audio stream."""


@dataclass(frozen=True)
class Sound:
    """An open file: `blocks` are float64 arrays (samples, channels); `frames` where the header counts them.

    `coding` is the format and the kind of samples as libsndfile calls them, empty where FFmpeg reads the file.
    """

    rate: int
    channels: int
    frames: int | None
    blocks: Iterator[np.ndarray]
    coding: tuple[str, str] = ("", "")


def each(paths: Sequence[str], measure: Callable[[str], Value]) -> list[Value]:
    """The value of each path in order; a path that is there several times is measured once."""
    values = {path: measure(path) for path in dict.fromkeys(paths)}
    return [values[path] for path in paths]


@contextmanager
def open_sound(path: str) -> Iterator[Sound]:
    """The first audio stream of a file. Raises, at the latest when the blocks are read, for one that is cut off."""
    import soundfile

    with open_file(path) as file:
        try:
            # By number: libsndfile then reads the file itself.
            opened = soundfile.SoundFile(file.fileno(), closefd=False)
        except soundfile.LibsndfileError:
            opened = None
        if opened is not None and opened.frames < UNKNOWN:
            with opened:
                yield _by_libsndfile(path, file, opened)
            return
    with open_streams(path) as container:
        if not container.streams.audio:
            raise NoSound(f"{path} has no audio stream")
        yield _by_ffmpeg(path, container)


def read_audio(
    path: str, rate: int | None = None, seconds: float | None = None, *, first_channel: bool = False
) -> tuple[np.ndarray, int]:
    """The samples as float64 and the sampling rate: the file's own, or `rate`.

    They are the mean of the channels, or those of the first channel. With `seconds`, no more than that is read.
    ValueError for a sound of more samples than the run allows, before it is held.
    """
    limit = media_settings().max_samples
    parts, count = [], 0
    with open_sound(path) as sound:
        most = limit if seconds is None else min(limit, int(seconds * sound.rate))
        if seconds is None and (sound.frames or 0) > limit:
            raise ValueError(f"{path} has more than {limit:,} samples")
        for block in sound.blocks:
            parts.append(block[:, 0].copy() if sound.channels == 1 or first_channel else block.mean(axis=1))
            count += len(block)
            if count > most:
                break
    if count > limit and seconds is None:
        raise ValueError(f"{path} has more than {limit:,} samples")
    whole = np.concatenate(parts)[:most] if parts else np.zeros(0)
    parts.clear()
    if rate is None or rate == sound.rate or not len(whole):
        return whole, rate or sound.rate
    return resampled(whole, sound.rate, rate), rate


def resampled(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """The same sound at another rate, through a linear-phase low-pass."""
    from scipy.signal import resample_poly

    common = gcd(old, new)
    if max(old, new) // common > 10_000:
        raise ValueError(f"a sampling rate of {old} Hz is not supported")
    return resample_poly(samples, new // common, old // common)


def _by_libsndfile(path: str, file: BinaryIO, opened: SoundFile) -> Sound:
    with _damage(path):
        _check_whole(path, file, opened)
    frames = opened.frames if opened.format in EXACT and opened.frames else None
    coding = (opened.format, opened.subtype)
    return Sound(opened.samplerate, opened.channels, frames, _read(path, opened), coding)


def _read(path: str, opened: SoundFile) -> Iterator[np.ndarray]:
    count, step = 0, max(1, BLOCK // opened.channels)
    while True:
        with _damage(path):
            block = opened.read(step, dtype="float64", always_2d=True)
        if not len(block):
            break
        count += len(block)
        yield block
    if opened.format == "MP3" and count + SLACK < opened.frames:
        raise ValueError(f"{path} is truncated")


@contextmanager
def _damage(path: str) -> Iterator[None]:
    """What libsndfile finds wrong on the way is a ValueError that names the file."""
    from soundfile import LibsndfileError

    try:
        yield
    except LibsndfileError as error:
        raise ValueError(f"{path} is truncated or damaged") from error


def _check_whole(path: str, file: BinaryIO, opened: SoundFile) -> None:
    """libsndfile gives what is left of a file that is cut off; its log tells of sizes that do not fit."""
    for name, said, found in re.findall(r"^\s*(.+?)\s*:\s+(\d+) \(should be (\d+)\)", opened.extra_info, re.M):
        slack = 0 if name in ("data", "SSND", "Data Size") else 1024  # some programs are a few bytes off in others
        if int(found) + slack < int(said) < 0x7FFF0000:  # more stands for a stream of unknown length
            raise ValueError(f"{path} is truncated")
    if opened.format == "OGG":
        check_whole(file, path)
    if opened.format == "FLAC" and opened.frames:
        opened.seek(opened.frames - 1)  # raises where the end is not there
    if opened.seekable():
        opened.seek(0)  # as soundfile.read does: else MP3 is rounded in another way


def _by_ffmpeg(path: str, container: Any) -> Sound:
    stream = container.streams.audio[0]
    stream.thread_type, stream.codec_context.thread_count = "NONE", 1  # the workers share the cores
    return Sound(stream.rate, stream.channels, None, _decoded(path, container, stream))


def _decoded(path: str, container: Any, stream: Any) -> Iterator[np.ndarray]:
    from av import AudioResampler

    planes = AudioResampler(format="dblp")
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise ValueError(f"{path} is truncated or damaged")
        for frame in packet.decode():
            if (frame.sample_rate, frame.layout.nb_channels) != (stream.rate, stream.channels):
                raise ValueError(f"{path} changes its format on the way")
            for out in planes.resample(frame):
                yield out.to_ndarray().T
