"""Opening the files that media columns name: what the image, audio and video functions share."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from juicesql.api import media_settings

from ._whole import check_whole

if TYPE_CHECKING:
    from av.container import InputContainer

# A playlist inside a file may name other files and hosts: no protocol is open to it.
NO_OTHER_FILES = {"protocol_whitelist": "none"}
# What FFmpeg reads besides: lists of other files, and text, of which it makes pictures of letters.
NO_MEDIA = frozenset({"hls", "applehttp", "dash", "concat", "sdp", "rtsp", "imf", "tty", "lavfi", "ffmetadata"})


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
        raise ValueError(f"it has {width * height:,} pixels, more than {most:,}, by max_pixels or the memory limit")


@contextmanager
def open_streams(path: str) -> Iterator[InputContainer]:
    """The audio and video streams of a file. ValueError for one that is cut off, where its format tells."""
    import av

    with open_file(path) as file:
        check_whole(file, path)
        try:
            with av.open(file, options=NO_OTHER_FILES, metadata_errors="ignore") as container:
                if any(name in NO_MEDIA for name in container.format.name.split(",")):
                    raise ValueError(f"{path} is no media but {container.format.long_name}")
                yield container
        except (av.InvalidDataError, av.EOFError) as error:
            raise ValueError(f"{path} is damaged, or of an unknown format: {error.strerror}") from error
