"""The size of a video as it is shown: turned by its display matrix, and with pixels that need not be square."""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from juicesql.api import media_settings

from .._media import open_file, open_streams
from ._facts import Facts, video_facts, video_stream
from ._upright import Turn, turn_of

MOST_INDEX = 1 << 26  # bytes of the index of an MP4 file that is looked through
HEAD = 1 << 20
ROLL = b"\x76\x75"  # ProjectionPoseRoll of Matroska
# Where the matrix stands behind the names of these boxes, by their version (ISO/IEC 14496-12, sections 8.2.2, 8.3.2).
PLACES = {b"tkhd": (40, 52), b"mvhd": (36, 48)}


def shown_size(path: str, coded: bool = False) -> tuple[int, int]:
    """Width and height in pixels: turned as the file says, or as they are `coded`."""
    facts = video_facts(path)
    swapped = not coded and video_turn(path).swapped
    return (facts.height, facts.width) if swapped else (facts.width, facts.height)


def shown_ratio(path: str, coded: bool = False) -> float:
    """Width by height of the picture as it is shown, or of its `coded` pixels."""
    facts = video_facts(path)
    if coded:
        return facts.width / facts.height
    ratio = facts.width / facts.height * _pixel(facts)
    return 1 / ratio if video_turn(path).swapped else ratio


def _pixel(facts: Facts) -> float:
    width, height = facts.pixel
    return width / height


def video_turn(path: str) -> Turn:
    """How the frames of a video are turned; the first one is decoded only where the file may say so."""
    found = media_settings().path(path)
    stat = Path(found).stat()
    return _turn(path, found, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _turn(path: str, found: str, size: int, changed: int) -> Turn:
    with open_file(path) as file:
        if not _may_turn(file):
            return Turn()
    with open_streams(path) as container:
        first = next(container.decode(video_stream(container, path)), None)
        return turn_of(first) if first is not None else Turn()


def _may_turn(file: BinaryIO) -> bool:
    head = file.read(12)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return ROLL in file.read(HEAD)
    if head[4:8] != b"ftyp":
        return True
    index = _index(file)
    return index is None or any(_turns(index, name, places) for name, places in PLACES.items())


def _index(file: BinaryIO) -> bytes | None:
    """The body of the box moov; None where there is none of a usual size."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:], "big") if size == 1 else size
        if len(head) < 8 or size < 8:
            return None
        if head[4:8] == b"moov":
            file.seek(at)
            return file.read(size) if size <= MOST_INDEX else None
        at += size


def _turns(index: bytes, name: bytes, places: tuple[int, int]) -> bool:
    at = index.find(name)
    while at >= 0:
        version = index[at + 4] if at + 4 < len(index) else 0
        begin = at + 4 + places[version == 1]
        if len(index) >= begin + 20:
            a, b, _, c, d = struct.unpack(">5i", index[begin : begin + 20])
            if b or c or a < 0 or d < 0:
                return True
        at = index.find(name, at + 4)
    return False
