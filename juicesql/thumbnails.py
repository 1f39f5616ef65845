"""Small pictures of media files for people: of images, of frames of videos, and the outline of sounds.

Files are opened in a child process that one of them may kill: it then costs only its own picture.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from juicesql import children
from juicesql.media import MediaSettings

KINDS = {"images": "image", "videos": "video", "audios": "audio"}  # column of a function -> what its files are
LIBRARIES = ("PIL", "av")
MEND = "pip install 'juicesql[media]'"
MAX_SECONDS = 20.0  # for one file
MAX_MEMORY = 4 << 30


@dataclass(frozen=True)
class Picture:
    """A JPEG of at most 320 pixels a side; `seconds` is its place in a video."""

    width: int
    height: int
    jpeg: bytes
    seconds: float | None = None

    @property
    def uri(self) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode()


@dataclass(frozen=True)
class Thumbnail:
    """What can be seen of a file: up to 6 frames of a video; `wave` of a sound, the least and the greatest sample
    (within -1 and 1) of up to 400 equal parts.

    `facts`: width, height, seconds, fps, rate, channels, format, codec, as far as they apply. With an `error` the rest
    may be there in part.
    """

    kind: str  # image, video, audio
    facts: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    wave: tuple[tuple[float, float], ...] = ()
    error: str = ""

    @property
    def bytes(self) -> int:
        """About what it adds to a page."""
        return sum(len(p.jpeg) for p in self.pictures) * 4 // 3 + 16 * len(self.wave)


def can_make() -> bool:
    """Whether the libraries are installed; otherwise `MEND` says how to install them."""
    return all(find_spec(name) is not None for name in LIBRARIES)


class Thumbnailer:
    """Makes thumbnails one after the other, in a child that starts with the first. For one thread."""

    def __init__(self, media: MediaSettings, seconds: float = MAX_SECONDS, memory: int = MAX_MEMORY) -> None:
        self.media, self.seconds, self.memory = media, seconds, memory
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Thumbnailer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._child:
            self._child.kill()
            self._child.communicate()

    def __call__(self, kind: str, name: str) -> Thumbnail:
        """The thumbnail of a file. Names begin at the media root; nothing is ever raised for what a file is."""
        try:
            path = self.media.path(name)
        except (OSError, ValueError) as error:
            return Thumbnail(kind, error=str(error))
        answer = self._asked(kind, path)
        pictures = [Picture(**{**p, "jpeg": base64.b64decode(p["jpeg"])}) for p in answer["pictures"]]
        wave = tuple((low, high) for low, high in answer["wave"])
        return Thumbnail(kind, answer["facts"], tuple(pictures), wave, answer["error"])

    def _asked(self, kind: str, path: str) -> dict[str, Any]:
        child = self._running()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps([kind, path]).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except OSError:
            line = b""
        if line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        return {"facts": {}, "pictures": [], "wave": [], "error": self._died(child)}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            script = Path(__file__).with_name("_thumbnail_child.py")
            # -P: no module beside the script, or where the user stands, goes before a library.
            command = [sys.executable, "-P", str(script), str(self.seconds), str(self.memory)]
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            self._child = children.start(command, stdin=pipe, stdout=pipe, stderr=nowhere)
        return self._child

    def _died(self, child: subprocess.Popen[bytes]) -> str:
        child.communicate()
        self._child, code = None, child.returncode
        if code == -signal.SIGINT:
            raise KeyboardInterrupt
        if code == -signal.SIGALRM:
            return f"it takes more than {2 * self.seconds:g} seconds to read"
        return f"it ends its reader with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
