"""Which media files a browser can play: known by their first bytes, never by their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 20  # of a file that is handed to a player
_HEAD = 4096
_VIDEO_CODECS = frozenset(("h264", "vp8", "vp9", "av1", "theora"))


def mime_of(head: bytes, kind: str) -> str:
    """The MIME type of a file by its beginning; empty when browsers do not play it. `kind`: video or audio.

    >>> mime_of(b"RIFF\\x00\\x00\\x00\\x00WAVEfmt ", "audio"), mime_of(b"#EXTM3U", "video")
    ('audio/wav', '')
    """
    if head[4:8] == b"ftyp" and head[8:12] != b"qt  ":
        return f"{kind}/mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in head[:64]:
        return f"{kind}/webm"
    if head[:4] == b"OggS":
        return f"{kind}/ogg"
    if kind != "audio":
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    return ""


def playable(path: str, kind: str, codec: str = "") -> tuple[bytes, str] | None:
    """The bytes and MIME type of a file for a player; None when browsers do not play it, or it is too large."""
    if not path or (kind == "video" and codec and codec not in _VIDEO_CODECS):
        return None
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
            return None
        with Path(path).open("rb") as file:
            mime = mime_of(head := file.read(_HEAD), kind)
            return (head + file.read(MOST_BYTES), mime) if mime else None
    except OSError:
        return None
