"""What the functions over files must know of a run: where files lie, where new ones go, which frames are wanted.

The run puts it into the environment of its workers; without a run, the defaults hold.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

VARIABLE = "JUICESQL_MEDIA"
MAX_PIXELS = 1 << 27  # of a picture: 512 MB as four bytes a pixel, which is how Pillow holds colours
MAX_FRAME_PIXELS = 1 << 25  # of a frame of a video: 7680 x 4320 fit
MAX_SAMPLES = 200_000_000  # of a sound: 75 minutes at 44.1 kHz, 1.6 GB


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video a function reads.

    `method` is 'uniform' (`frame_num` of them, the first and the last included), 'all_keyframes', or 'paced' (grey
    frames, `fps` a second, as the motion score pairs them).
    """

    method: str
    frame_num: int = 0
    fps: float = 0.0


@dataclass(frozen=True)
class MediaSettings:
    """`root` is where relative paths begin; with `confined`, no file outside it and `produced` is opened."""

    root: str = ""
    confined: bool = False
    produced: str = "produced"  # the folder of files that mappers make
    cache: str = ""  # the folder of decoded frames; none without it
    wanted: tuple[Sampling, ...] = ()  # the frames that functions of this run read of each video
    row_seconds: float = 300.0  # the most that a function may take for one row
    max_pixels: int = MAX_PIXELS  # of a picture that is decoded
    max_samples: int = MAX_SAMPLES  # of a sound that is held whole
    within: tuple[str, ...] = ()  # in restricted mode: the folders in which media may lie

    @property
    def max_frame_pixels(self) -> int:
        """Of a frame of a video: optical flow and filters take many times the memory of a picture."""
        return min(self.max_pixels, MAX_FRAME_PIXELS)

    def environment(self) -> dict[str, str]:
        """For the workers of a run."""
        return {VARIABLE: json.dumps(asdict(self))}

    def path(self, name: str) -> str:
        """The path of a file that a column names. ValueError when it may not be opened."""
        if not name:
            raise ValueError("the list has an entry without a path")
        path = os.path.join(self.root, name)
        if self.confined:
            found, allowed = Path(path).resolve(), (Path(self.root).resolve(), Path(self.produced).resolve())
            if not any(found.is_relative_to(folder) for folder in allowed):
                raise ValueError(f"{name} is outside the media root {self.root}")
        if self.within and not any(Path(path).resolve().is_relative_to(folder) for folder in self.within):
            raise ValueError(f"{name} is outside of the folders that are allowed: {', '.join(self.within)}")
        return path


def held_within(memory: int) -> int:
    """The most pixels of a picture, or samples of a sound, when a run may take so many bytes.

    Several workers hold one each, at four bytes a pixel or eight a sample, and for a moment about as much besides.
    """
    return memory // 32


def media_settings() -> MediaSettings:
    """Those of the run that this process works for."""
    return _read(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=8)
def _read(text: str) -> MediaSettings:
    if not text:
        return MediaSettings()
    given = json.loads(text)
    wanted, within = tuple(Sampling(**s) for s in given["wanted"]), tuple(given["within"])
    return MediaSettings(**{**given, "wanted": wanted, "within": within})


def file_identity(name: str, settings: MediaSettings) -> str:
    """A file's path, size and time of change: a file that changed is measured again."""
    try:
        found = os.stat(settings.path(name))
    except (OSError, ValueError):
        return name
    return f"{name}|{found.st_size}|{found.st_mtime_ns}"
