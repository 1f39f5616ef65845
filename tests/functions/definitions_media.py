"""Plain definitions of the media hashes, and small pictures and videos that the tests make."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image


def grey(image: Image.Image, width: int, height: int) -> np.ndarray:
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS).convert("L"), float)


def cosines(image: Image.Image) -> tuple[np.ndarray, float]:
    """The lowest 8 x 8 coefficients of the cosine transform, and the median of all but the first."""
    basis = np.array([[2 * math.cos(math.pi * k * (2 * n + 1) / 64) for n in range(32)] for k in range(8)])
    low = basis @ grey(image, 32, 32) @ basis.T
    return low, float(np.median(low.ravel()[1:]))


def averages(image: Image.Image) -> tuple[np.ndarray, float]:
    """Five steps of the Haar wavelet leave sums of squares of 32 x 32 pixels."""
    low = grey(image, 256, 256).reshape(8, 32, 8, 32).sum(axis=(1, 3))
    return low, float(np.median(low))


def hamming(a: str | int, b: str | int) -> int:
    x, y = (int(v, 16) if isinstance(v, str) else v for v in (a, b))
    return (x ^ y).bit_count()


def picture(seed: int, width: int = 240, height: int = 180) -> Image.Image:
    """Soft blobs of random colours, and some noise: as smooth as a photo, and another one for each seed."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3)).astype("uint8"))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
    noisy = smooth + random.normal(0, 4, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype("uint8"))


def write_video(
    path: Path, pictures: list[Image.Image], size: tuple[int, int], rate: int = 10, rotation: int = 0, **options: str
) -> Path:
    """A video of pictures; options are those of the encoder, such as `g` (frames between key frames)."""
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if rotation:  # to be turned by so many degrees to the left when it is shown
            stream.set_display_rotation(rotation)
        for number, shown in enumerate(pictures):
            frame = av.VideoFrame.from_image(shown.resize(size))
            frame.pts, frame.time_base = number, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def scenes(seed: int, frames: int = 40) -> list[Image.Image]:
    """The pictures of a video: one fades into the next."""
    stills = [picture(100 * seed + i, 160, 120) for i in range(frames // 10 + 1)]
    return [Image.blend(stills[i // 10], stills[i // 10 + 1], i % 10 / 10) for i in range(frames)]


def copy_streams(source: Path, target: Path) -> Path:
    """The same packets in another container."""
    import av

    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {s.index: new.add_stream_from_template(s) for s in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target
