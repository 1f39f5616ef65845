"""A process of its own that makes small pictures of media files, which may be broken, hostile or endless.

It is run as a script and imports nothing of juicesql. A question is a line of JSON (kind, path, seconds); the answer is
one too: facts of the file, pictures as base64 JPEG, the outline of a sound, and what was wrong with the file.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import stat
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO

SIDE = 320  # pixels of the longer side of a picture
FRAMES = 6  # of a video
COLUMNS = 400  # of the outline of a sound
PIECE = 256  # samples, of which the least and the greatest are kept
MOST_PIXELS = 1 << 27  # as in a run
# EPS and its like are left out: they would start another program. TGA has no mark of its own: any bytes may be one.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "AVIF", "TIFF", "JPEG2000", "DIB", "ICO")
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # Pillow's modes of more than 8 bits
BITS, PHOTOMETRIC, SAMPLE_FORMAT = TAGS = 258, 262, 339  # of TIFF
ORIENTATION = 0x0112  # a tag of EXIF
NO_OTHER_FILES = {"protocol_whitelist": "none"}  # a playlist may name other files and hosts

Answer = dict[str, Any]


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is not a file")
    with open(path, "rb") as file:
        yield file


def image(path: str, until: float, answer: Answer) -> None:
    """The first picture of a file, turned as its EXIF says, transparent parts on white."""
    from PIL import Image, ImageOps

    formats = [*FORMATS, "TGA"] if path.lower().endswith((".tga", ".icb", ".vda", ".vst")) else FORMATS
    with opened(path) as file:
        check_png(file)
    with opened(path) as file, Image.open(file, formats=formats) as found:
        answer["facts"] = {"width": found.width, "height": found.height, "format": found.format}
        if found.width * found.height > MOST_PIXELS:
            raise ValueError(f"it has more than {MOST_PIXELS:,} pixels")
        found.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is then decoded at a fraction of its size
        found.load()
        small: Any = levels(found) if found.mode in DEEP else found.copy()
        small.thumbnail((2 * SIDE, 2 * SIDE))
        turned = orientation(found)
        if turned > 1:
            small.getexif()[ORIENTATION] = turned
            small = ImageOps.exif_transpose(small)
        if turned > 4:
            answer["facts"] |= {"width": answer["facts"]["height"], "height": answer["facts"]["width"]}
    if small.mode in ("RGBA", "LA", "PA") or "transparency" in small.info:
        white = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(white, small.convert("RGBA"))
    answer["pictures"] = [jpeg(small)]


def orientation(picture: Any) -> int:
    """1 to 8 as in EXIF; from 5 on, width and height change places."""
    try:
        said = int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # an EXIF block that cannot be read says nothing; the picture may be whole
        return 1
    return said if 1 <= said <= 8 else 1


def check_png(file: BinaryIO) -> None:
    """ValueError where a chunk of a PNG does not fit its checksum, or the end is lost: Pillow puts up with both."""
    name = b"" if file.read(8) == b"\x89PNG\r\n\x1a\n" else b"IEND"
    while name != b"IEND":
        size, name = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        body = file.read(size)
        if file.read(4) != struct.pack(">I", zlib.crc32(name + body)):
            raise ValueError("it is damaged or cut off")


def levels(picture: Any) -> Any:
    """Samples of 16 or 32 bits as 8: whole numbers up to the largest of their bits, fractions from 0 to 1."""
    import numpy as np
    from PIL import Image

    tags = getattr(picture, "tag_v2", {})
    first = {tag: value[0] if isinstance(value, tuple) else value for tag, value in ((t, tags.get(t)) for t in TAGS)}
    signed = first[SAMPLE_FORMAT] == 2
    bits = first[BITS] or 16
    samples = np.asarray(picture)
    if picture.mode == "I" and bits == 32 and not signed:
        samples = samples.view(np.uint32)
    shares = np.nan_to_num(samples / (1.0 if picture.mode == "F" else 2.0 ** (bits - signed) - 1)).clip(0, 1)
    return Image.fromarray(np.rint((1 - shares if first[PHOTOMETRIC] == 0 else shares) * 255).astype(np.uint8))


def jpeg(picture: Any) -> Answer:
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82, optimize=True)
    return {"width": small.width, "height": small.height, "jpeg": base64.b64encode(out.getvalue()).decode()}


@contextmanager
def streams(path: str) -> Iterator[Any]:
    import av

    with opened(path) as file, av.open(file, options=NO_OTHER_FILES, metadata_errors="ignore") as container:
        yield container


def video(path: str, until: float, answer: Answer) -> None:
    """The frames in the middle of equal parts of a video, each once."""
    with streams(path) as container:
        stream = video_stream(container)
        start, length = extent(container, stream)
        fps = float(stream.average_rate or 0)
        answer["facts"] = {"width": stream.width, "height": stream.height, "fps": fps, "seconds": float(length)}
        answer["facts"] |= {"format": container.format.name.split(",")[0], "codec": stream.codec_context.name}
        shown: set[Any] = set()
        for part in range(FRAMES):
            if time.monotonic() > until:
                raise TimeoutError("it takes too long to decode")
            wanted = start + length * (2 * part + 1) / (2 * FRAMES)
            frame = frame_at(container, stream, wanted, until)
            if frame is not None and not shown and swapped(frame):
                answer["facts"] |= {"width": stream.height, "height": stream.width}
            if frame is not None and frame.pts not in shown:
                shown.add(frame.pts)
                at = float((frame.pts or 0) * stream.time_base - start)
                answer["pictures"].append({**jpeg(upright(frame, stream)), "seconds": max(at, 0.0)})
        if not shown:
            raise ValueError("no frame of it can be decoded")


def video_stream(container: Any) -> Any:
    """The first one; the cover picture of a sound file is none."""
    found = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not found:
        raise ValueError("it has no video stream")
    if found[0].width * found[0].height > MOST_PIXELS:
        raise ValueError(f"its frames have more than {MOST_PIXELS:,} pixels")
    found[0].codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # frames may grow on the way
    found[0].thread_type = "AUTO"
    return found[0]


def extent(container: Any, stream: Any) -> tuple[Fraction, Fraction]:
    """Where a video starts and how long it is, in seconds; its packets are counted where the file does not say."""
    start = Fraction((stream.start_time or 0) * stream.time_base)
    if stream.duration:
        return start, Fraction(stream.duration * stream.time_base)
    if container.duration:
        return start, Fraction(container.duration, 1_000_000)
    last = max((p.pts + (p.duration or 0) for p in container.demux(stream) if p.pts is not None), default=0)
    container.seek(0)
    return start, Fraction(last * stream.time_base) - start


def frame_at(container: Any, stream: Any, seconds: Fraction, until: float) -> Any:
    """The frame that is shown at a time, or the last one before the end or before the time for decoding is over."""
    wanted = seconds / stream.time_base
    container.seek(max(int(wanted), 0), stream=stream)
    last = None
    for frame in container.decode(stream):
        if last is not None and frame.pts is not None and frame.pts > wanted:
            return last
        last = frame
        if time.monotonic() > until:
            break
    return last


def upright(frame: Any, stream: Any) -> Any:
    """A frame as it is seen: square pixels, turned as the file says."""
    from PIL import Image

    ratio = float(stream.sample_aspect_ratio or 1)
    width, height = (frame.width * ratio, frame.height) if ratio >= 1 else (frame.width, frame.height / ratio)
    scale = min(1.0, 2 * SIDE / max(width, height))
    small = frame.reformat(width=max(round(width * scale), 2), height=max(round(height * scale), 2), format="rgb24")
    picture = Image.fromarray(small.to_ndarray())
    a, b, c, d = matrix(frame)
    turned = swapped(frame)
    mirrored, flipped = (c < 0, b < 0) if turned else (a < 0, d < 0)
    for step, wanted in {"TRANSPOSE": turned, "FLIP_LEFT_RIGHT": mirrored, "FLIP_TOP_BOTTOM": flipped}.items():
        picture = picture.transpose(Image.Transpose[step]) if wanted else picture
    return picture


def matrix(frame: Any) -> tuple[int, int, int, int]:
    """Of how it is shown: a pixel (p, q) goes to (ap + cq, bp + dq)."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
            return a, b, c, d
    return 1, 0, 0, 1


def swapped(frame: Any) -> bool:
    a, b, c, d = matrix(frame)
    return abs(b) + abs(c) > abs(a) + abs(d)


def audio(path: str, until: float, answer: Answer) -> None:
    """The least and the greatest sample of equal parts of the first sound of a file, as the mean of its channels."""
    import numpy as np
    from av import AudioResampler

    with streams(path) as container:
        if not container.streams.audio:
            raise ValueError("it has no audio stream")
        stream = container.streams.audio[0]
        rate = stream.rate
        answer["facts"] = {"rate": rate, "channels": stream.channels, "codec": stream.codec_context.name}
        flat = AudioResampler(format="dblp")
        lows, highs, count = [], [], 0
        try:
            for frame in container.decode(stream):
                if time.monotonic() > until:
                    raise TimeoutError("it takes too long to decode; this is its beginning")
                for part in flat.resample(frame):
                    samples = np.nan_to_num(part.to_ndarray().mean(axis=0))
                    places = np.arange(0, len(samples), PIECE)
                    lows.append(np.minimum.reduceat(samples, places))
                    highs.append(np.maximum.reduceat(samples, places))
                    count += len(samples)
        finally:
            answer["facts"]["seconds"] = count / rate if rate else 0.0
            answer["wave"] = outline(lows, highs)


def outline(lows: list[Any], highs: list[Any]) -> list[tuple[float, float]]:
    import numpy as np

    if not lows:
        return []
    low, high = np.concatenate(lows), np.concatenate(highs)
    places = np.unique(np.linspace(0, len(low), min(COLUMNS, len(low)), endpoint=False).astype(int))
    pairs = zip(np.minimum.reduceat(low, places), np.maximum.reduceat(high, places), strict=True)
    return [(round(float(a), 4), round(float(b), 4)) for a, b in pairs]


MAKERS: dict[str, Callable[[str, float, Answer], None]] = {"image": image, "video": video, "audio": audio}


def make(kind: str, path: str, seconds: float) -> Answer:
    answer: Answer = {"facts": {}, "pictures": [], "wave": [], "error": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MAKERS[kind](path, time.monotonic() + seconds, answer)
    except MemoryError:
        answer["error"] = "it needs too much memory"
    except Exception as error:  # whatever a broken file makes of the libraries
        answer["error"] = told(error)
    return answer


def told(error: Exception) -> str:
    if strerror := getattr(error, "strerror", None):  # without the path
        return str(strerror)
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is not a picture of a known format"
    return re.sub(r"\s+", " ", str(error) or type(error).__name__)[:300]


def main(seconds: float, memory: int) -> None:
    """Answer until the questions end. A file that takes much more time ends the process, by the signal SIGALRM."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or memory < hard:
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    for line in sys.stdin.buffer:
        kind, path = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, 2 * seconds)
        answer = make(kind, path, seconds)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    main(float(sys.argv[1]), int(sys.argv[2]))
