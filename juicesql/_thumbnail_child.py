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
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO

SIDE = 320  # pixels of the longer side of a picture
FRAMES = 6  # of a video
COLUMNS = 400  # of the outline of a sound
PIECE = 256  # samples, of which the least and the greatest are kept
MOST_PIXELS = 178_956_970  # Pillow's limit
# EPS and its like are left out: they would start another program.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "AVIF", "TIFF", "JPEG2000", "DIB", "ICO", "TGA")
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

    with opened(path) as file, Image.open(file, formats=FORMATS) as found:
        answer["facts"] = {"width": found.width, "height": found.height, "format": found.format}
        found.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is then decoded at a fraction of its size
        found.load()
        small: Any = found.copy()
        small.thumbnail((2 * SIDE, 2 * SIDE))
        turned = orientation(found)
        if turned > 1:
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
        said = int(picture.getexif().get(0x0112, 1))
    except Exception:  # an EXIF block that cannot be read says nothing; the picture may be whole
        return 1
    return said if 1 <= said <= 8 else 1


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
        shown = set()
        for part in range(FRAMES):
            if time.monotonic() > until:
                raise TimeoutError("it takes too long to decode")
            wanted = start + length * (2 * part + 1) / (2 * FRAMES)
            frame = frame_at(container, stream, wanted, until)
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
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


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
