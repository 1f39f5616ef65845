"""Small films whose frames tell their number and whose sound tells the second, to see what mappers make of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

SIZE = (96, 64)
SCENES = np.array([(200, 60, 40), (40, 170, 70), (50, 70, 210), (190, 180, 60)])  # colours with hard cuts between them


def picture(number: int, scene: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """RGB: the upper rows have the bits of the number as black or white blocks, below them a square moves."""
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = SCENES[scene % len(SCENES)]
    pixels[: height // 8] = (number >> np.arange(width) * 8 // width & 1)[None, :, None] * 255
    left = number * 3 % (width - 16)
    pixels[height // 2 : height // 2 + 16, left : left + 16] = 255 - SCENES[scene % len(SCENES)]
    return pixels


def number_of(pixels: np.ndarray) -> int:
    """The number that a picture tells."""
    height, width, _ = pixels.shape
    rows = pixels[height // 32 : height // 12 + 1].mean(axis=(0, 2))
    block = width / 8
    blocks = [rows[int(block * (bit + 0.3)) : int(block * (bit + 0.7))] for bit in range(8)]
    return sum(int(part.mean() > 128) << bit for bit, part in enumerate(blocks))


def film(
    path: Path,
    frames: int = 96,
    rate: int = 24,
    cuts: tuple[int, ...] = (),
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    sound: str | None = "aac",
    times: list[int] | None = None,
    rotation: int = 0,
    pixels: str = "yuv420p",
    **options: str,
) -> Path:
    """A film; `times` are those of its frames in 1/1000 s, if they are not shown at equal distances."""
    import av

    given = {"g": "24", "sc_threshold": "0", "threads": "1"} | options
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, options=given)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        base = Fraction(1, 1000) if times else Fraction(1, rate)
        stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        voice = out.add_stream(sound, rate=16000, layout="mono") if sound else None
        for number in range(frames):
            scene = sum(number >= cut for cut in cuts)
            frame = av.VideoFrame.from_ndarray(picture(number, scene, size), format="rgb24")
            frame.pts, frame.time_base = times[number] if times else number, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if voice:
            for block in tones(frames / rate):
                out.mux(voice.encode(block))
            out.mux(voice.encode(None))
    return path


def tones(seconds: float, rate: int = 16000) -> list[object]:
    """Blocks of sound: 400 Hz in the first second, 800 in the second, and so on."""
    import av

    at = np.arange(int(seconds * rate)) / rate
    wave = (np.sin(2 * np.pi * 400 * (1 + at.astype(int)) * at) * 12000).astype(np.int16)
    blocks = []
    for start in range(0, len(wave), 1024):
        block = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
        blocks.append(block)
    return blocks


def numbers_in(path: str | Path) -> list[int]:
    """The numbers of the frames of a video, as they are stored."""
    import av

    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def rotation_of(path: str | Path) -> int:
    import av

    with av.open(str(path)) as container:
        return next(container.decode(video=0)).rotation


def second_heard(path: str | Path, at: float) -> int:
    """Which second of a film is heard in a file at a time."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        start = float((stream.start_time or 0) * stream.time_base)
        resampler = av.AudioResampler("s16", "mono", 16000)
        blocks = [part.to_ndarray()[0] for frame in container.decode(stream) for part in resampler.resample(frame)]
    wave = np.concatenate(blocks)
    first = int((at - start) * 16000)
    spectrum = np.abs(np.fft.rfft(wave[first : first + 1600] * np.hanning(1600)))
    return round(int(spectrum.argmax()) * 10 / 400) - 1
