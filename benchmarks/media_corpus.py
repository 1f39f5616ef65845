"""Synthetic videos and images to measure on; file number N is the same for the same number, however many there are.

Videos show textures of several scales that move in curves, with a patch that moves on its own and a cut every few
seconds. Sizes are those of captioned web clips, a tenth upright; 24, 25 or 30 frames a second; 4 to 15 seconds. Of
twelve, eight are H.264 in MP4 or QuickTime (one turned, one with a key frame every 2 seconds), two MPEG-4 in MP4 and
AVI, one H.264 in Matroska and one VP8 in WebM. Images are JPEG and PNG, one JPEG in three turned by its EXIF block, one
in three with drawn faces.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEED = 7
SIZES = (((320, 240), 0.4), ((480, 270), 0.2), ((640, 360), 0.2), ((360, 640), 0.1), ((1280, 720), 0.1))
RATES = (24, 25, 30)
SECONDS = (4.0, 15.0)
CUT_EVERY = (3.0, 6.0)  # seconds
UNTIMED = (".mkv", ".webm")  # they say how long they are as a whole, and not how long their video is
X264 = {"preset": "veryfast", "crf": "27"}
VP8 = {"deadline": "realtime", "cpu-used": "8", "crf": "20"}
EXIF_TURNS = (1, 6, 1, 8, 3, 1)
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Kind:
    """A container, an encoder and its options."""

    suffix: str
    encoder: str
    options: dict[str, str]
    rotation: int = 0


H264 = Kind(".mp4", "libx264", X264)
KINDS = (
    *(H264, H264, H264, H264),
    Kind(".mov", "libx264", X264),
    Kind(".avi", "mpeg4", {"qscale": "5"}),
    Kind(".mkv", "libx264", X264),
    Kind(".webm", "libvpx", VP8),
    Kind(".mp4", "mpeg4", {"qscale": "5"}),
    Kind(".mp4", "libx264", X264, rotation=90),
    Kind(".mp4", "libx264", {**X264, "g": "50"}),
    H264,
)


def build(work: Path, videos: int, images: int) -> dict[str, Path]:
    """The files below `work`/media that are not there yet, and lists of them; returns the lists by name."""
    folder = work / "media"
    for name in ("videos", "images"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    found = [_there(folder / "videos", n, KINDS[n % len(KINDS)].suffix, write_video) for n in range(videos)]
    seen = [_there(folder / "images", n, ".png" if n % 3 == 2 else ".jpg", write_image) for n in range(images)]
    shown = [{"id": n, "text": "", "videos": [str(path)]} for n, path in enumerate(found)]
    for row, path in zip(shown, found, strict=True):
        row["timed"] = row["videos"] if path.suffix not in UNTIMED else []
    pictures = [{"id": n, "text": "", "images": [str(path)]} for n, path in enumerate(seen)]
    return {
        "videos": _list(folder / f"videos-{videos}.jsonl", shown),
        "timed videos": _list(folder / f"timed-{videos}.jsonl", [row for row in shown if row["timed"]]),
        "images": _list(folder / f"images-{images}.jsonl", pictures),
    }


def _there(folder: Path, number: int, suffix: str, write: Callable[[int, Path], None]) -> Path:
    path = folder / f"{number:05}{suffix}"
    if not path.exists():
        if number % 25 == 0:
            print(f"  making {path.parent.name} from {number}", file=sys.stderr, flush=True)
        unfinished = path.with_name(f"unfinished-{path.name}")
        write(number, unfinished)
        os.replace(unfinished, path)
    return path


def _list(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


# Videos


def write_video(number: int, path: Path) -> None:
    kind = KINDS[number % len(KINDS)]
    rng = np.random.default_rng([SEED, number])
    width, height = SIZES[rng.choice(len(SIZES), p=[share for _, share in SIZES])][0]
    rate, seconds = int(rng.choice(RATES)), float(rng.uniform(*SECONDS))
    with av.open(str(path), "w") as out:
        stream = out.add_stream(kind.encoder, rate=rate, options=kind.options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        if kind.rotation:
            stream.set_display_rotation(kind.rotation)
        for at, pixels in enumerate(_frames(rng, width, height, rate, round(seconds * rate))):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _frames(rng: np.random.Generator, width: int, height: int, rate: int, count: int) -> Iterator[np.ndarray]:
    """A window that wanders over a texture, and a patch of another one that wanders over the window."""
    room, side = min(width, height) // 4, min(width, height) // 3
    left = 0
    for at in range(count):
        if left == 0:
            left = round(rng.uniform(*CUT_EVERY) * rate)
            ground, patch = _texture(rng, width + room, height + room), _texture(rng, side, side)
            speeds, phases = rng.uniform(0.2, 1.5, 4), rng.uniform(0, 2 * np.pi, 4)
        left -= 1
        where = (np.sin(speeds * at / rate + phases) + 1) / 2
        y, x = int(where[0] * room), int(where[1] * room)
        picture = ground[y : y + height, x : x + width].copy()
        top, start = int(where[2] * (height - side)), int(where[3] * (width - side))
        picture[top : top + side, start : start + side] = patch
        yield picture


def _texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Random colours of three scales, coarse ones stronger."""
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((6, 0.6), (24, 0.28), (90, 0.12)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += weight * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return ((total - 128) * 1.6 + 128).clip(0, 255).astype(np.uint8)


# Images


def write_image(number: int, path: Path) -> None:
    rng = np.random.default_rng([SEED + 1, number])
    width, height = (int(side) for side in rng.integers((320, 240), (1600, 1200)))
    image = Image.fromarray(_texture(rng, width, height)).filter(ImageFilter.GaussianBlur(1))
    for _ in range(int(rng.integers(1, 4)) if number % 3 == 0 else 0):
        size = int(rng.integers(60, min(width, height) // 2))
        image.paste(drawn_face(size), (int(rng.integers(0, width - size)), int(rng.integers(0, height - size))))
    exif = Image.Exif()
    exif[0x0112] = EXIF_TURNS[number % len(EXIF_TURNS)]
    if path.suffix == ".png":
        image.save(path)
    else:
        image.save(path, quality=JPEG_QUALITY, exif=exif)


def drawn_face(size: int) -> Image.Image:
    """What OpenCV's cascade takes for a frontal face."""
    image = Image.new("L", (size, size), 120)
    draw, unit = ImageDraw.Draw(image), size / 100

    def oval(x: int, y: int, half_width: int, half_height: int, grey: int) -> None:
        corners = (x - half_width, y - half_height, x + half_width, y + half_height)
        draw.ellipse([at * unit for at in corners], fill=grey)

    oval(50, 52, 34, 44, 200)
    for x in (35, 65):
        draw.rectangle([at * unit for at in (x - 11, 31, x + 10, 35)], fill=80)
        oval(x, 42, 10, 5, 70)
    oval(50, 56, 5, 10, 220)
    oval(50, 76, 14, 5, 100)
    return image.filter(ImageFilter.GaussianBlur(size / 60)).convert("RGB")
