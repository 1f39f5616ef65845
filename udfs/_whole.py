"""Whether a file of sound or video ends where its own structure says, told from its heads without reading it.

A half file of these formats plays as a short one. Formats that do not say how long they are (MPEG streams, raw streams,
sound of MP3 without a table, live recordings that were cut between two pieces) cannot be told.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from ._ebml import is_cut_off as _matroska_is_cut_off

MOST_BOXES = 200_000  # of a file in fragments: a day of pieces of half a second
FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"sidx"})
WAV_SLACK = 1024  # some programs count a few bytes too many
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
TS_PACKET = 188  # bytes, the first of each a G
LAST_PAGE = 0x04  # a flag of Ogg (RFC 3533, section 6): the stream ends with this page


def check_whole(file: BinaryIO, name: str) -> None:
    """ValueError for a file that is cut off, where its format tells. The place in the file stays where it is."""
    place = file.tell()
    try:
        file.seek(0)
        head = file.read(16)
        if any(is_kind(head) and is_cut_off(file) for is_kind, is_cut_off in KINDS):
            raise ValueError(f"{name} is truncated")
    finally:
        file.seek(place)


def _boxes_are_cut_off(file: BinaryIO) -> bool:
    """Of MP4, MOV and their like: each box of the file says its size (ISO/IEC 14496-12, section 4.2)."""
    size, at = _length(file), 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if not head.strip(b"\0"):  # the end, or padding
            return False
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or (length == 1 and len(head) < 16):
            return True
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # up to the end
            return False
        if length < 8 or not head[4:8].isascii():  # something else is behind the last box
            return False
        at += length
        if at >= size:
            return at > size
    return False


def _riff_is_cut_off(file: BinaryIO) -> bool:
    """Of AVI and WAV: the size of the first list is in the head; a stream whose length was not known has no size."""
    file.seek(4)
    head = file.read(8)
    said, slack = int.from_bytes(head[:4], "little"), 8 if head[4:] == b"AVI " else WAV_SLACK
    return said < 0x7FFF0000 and said + 8 > _length(file) + slack


def ogg_is_cut_off(file: BinaryIO) -> bool:
    """The last page must lie within the file and say that it is the last of its stream."""
    size = _length(file)
    file.seek(max(0, size - (1 << 17)))  # a page has at most 65,307 bytes
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    segments = page[26] if len(page) > 26 else 255
    return 27 + segments + sum(page[27 : 27 + segments]) > len(page) or not page[5] & LAST_PAGE


def _gif_is_cut_off(file: BinaryIO) -> bool:
    """Its last byte is a semicolon; some programs put zeros behind it."""
    file.seek(max(0, _length(file) - 1024))
    return not file.read().rstrip(b"\0\r\n").endswith(b";")


def _caf_is_cut_off(file: BinaryIO) -> bool:
    """Its chunks say their sizes; the last one may go up to the end."""
    size, at = _length(file), 8
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(12)
        if not head:
            return False
        length = int.from_bytes(head[4:], "big", signed=True)
        if len(head) < 12 or length < 0:
            return len(head) < 12
        at += 12 + length
        if at > size:
            return True
    return False


def _asf_is_cut_off(file: BinaryIO) -> bool:
    """Of WMV and WMA: the file properties say the size of the file, unless it was broadcast (ASF, section 3.2)."""
    file.seek(0)
    head = file.read(1 << 16)
    at = head.find(ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return len(head) < 92
    broadcast = head[at + 88] & 1
    return not broadcast and int.from_bytes(head[at + 40 : at + 48], "little") > _length(file)


def _packets_are_cut_off(file: BinaryIO) -> bool:
    """Of MPEG transport streams: packets of 188 bytes."""
    file.seek(0)
    head = file.read(3 * TS_PACKET)
    return head[::TS_PACKET] == b"GGG" and _length(file) % TS_PACKET != 0


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO], bool]], ...] = (
    (lambda head: head[4:8] in FIRST_BOXES, _boxes_are_cut_off),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _matroska_is_cut_off),
    (lambda head: head[:4] == b"RIFF", _riff_is_cut_off),
    (lambda head: head[:4] == b"OggS", ogg_is_cut_off),
    (lambda head: head[:4] == b"GIF8", _gif_is_cut_off),
    (lambda head: head[:4] == b"caff", _caf_is_cut_off),
    (lambda head: head == ASF, _asf_is_cut_off),
    (lambda head: head[:1] == b"G", _packets_are_cut_off),
)
