"""Opening the files that media columns name: what the image, audio and video functions share."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from juicesql.api import media_settings

if TYPE_CHECKING:
    from av.container import InputContainer

# A playlist inside a file may name other files and hosts: no protocol is open to it.
NO_OTHER_FILES = {"protocol_whitelist": "none"}


def open_file(name: str) -> BinaryIO:
    """A regular file for reading; a pipe or a device could keep a worker for ever.

    Relative names begin at the run's media root, which is the folder of its source.
    """
    path = media_settings().path(name)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{name} is not a file")
    return open(path, "rb")


def check_pixels(width: int, height: int, depth: int = 1) -> None:
    """ValueError for a picture, or a frame of a video, of more pixels than the run allows.

    Pixels of `depth` times four bytes count so many times.
    """
    most = media_settings().max_pixels // depth
    if width * height > most:
        raise ValueError(f"it has {width * height:,} pixels, more than {most:,} (see config(max_pixels=...))")


@contextmanager
def open_streams(path: str) -> Iterator[InputContainer]:
    """The audio and video streams of a file."""
    import av

    with open_file(path) as file, av.open(file, options=NO_OTHER_FILES, metadata_errors="ignore") as container:
        yield container


def stream_md5(paths: Sequence[str], kind: str) -> str | None:
    """MD5 over the packets of all streams of a kind ("audio", "video") of the files, each file once, in order."""
    digest = hashlib.md5(usedforsecurity=False)
    for path in dict.fromkeys(paths):
        with open_streams(path) as container:
            if not any(s.type == kind for s in container.streams):
                raise ValueError(f"{path} has no {kind} stream")
            for packet in container.demux():
                if packet.is_corrupt:
                    raise ValueError(f"{path} is truncated or damaged")
                if packet.stream.type == kind:
                    digest.update(bytes(packet))
    return digest.hexdigest() if paths else None
