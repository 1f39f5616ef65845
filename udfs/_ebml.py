"""The elements of Matroska and WebM files (RFC 8794, RFC 9559), as far as it must be known whether one is cut off."""

from __future__ import annotations

import os
from typing import BinaryIO

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
MOST_ELEMENTS = 2_000_000


def is_cut_off(file: BinaryIO) -> bool:
    """Whether an element goes on after the end of the file; those of live recordings are followed one by one."""
    size, at = os.fstat(file.fileno()).st_size, 0
    for _ in range(MOST_ELEMENTS):
        if at >= size:
            return at > size
        file.seek(at)
        name, length, begin = _head(file.read(12))
        if not begin:
            return size - at < 12  # nothing of Matroska is behind the last element
        if length is None and name in (SEGMENT, CLUSTER):
            at += begin  # its size was not known when it was written
        elif length is None:
            return False
        else:
            at += begin + length
    return False


def _head(data: bytes) -> tuple[int, int | None, int]:
    """The name of an element, its size (None: unknown) and the bytes of both; (0, None, 0) where there is none."""
    first = _width(data[:1], 4)
    rest = data[first:]
    second = _width(rest[:1], 8)
    if not first or not second or len(rest) < second:
        return 0, None, 0
    marker = 1 << 7 * second
    said = int.from_bytes(rest[:second], "big") & (marker - 1)
    return int.from_bytes(data[:first], "big"), None if said == marker - 1 else said, first + second


def _width(byte: bytes, most: int) -> int:
    """The bytes that a number takes: one and the zeros before the first bit."""
    width = 9 - byte[0].bit_length() if byte and byte[0] else 0
    return width if width <= most else 0
