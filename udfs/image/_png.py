"""Whether a PNG file is whole. Pillow does not look at the checksums of the pixels, and puts up with a lost end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 1 << 20
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the type of its colour
# Of each pass of an interlaced picture the first column and row, and the steps between them (PNG, section 8.2).
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True)
class Head:
    """What the first chunk says (PNG, section 11.2.1)."""

    width: int
    height: int
    bits: int  # of a sample
    kind: int  # of colour
    interlaced: bool

    @property
    def data(self) -> int:
        """The bytes of all rows when nothing is compressed, each row with the number of its filter."""
        passes = PASSES if self.interlaced else ((0, 0, 1, 1),)
        sizes = ((-((left - self.width) // dx), -((top - self.height) // dy)) for left, top, dx, dy in passes)
        return sum(rows * (1 + -(-columns * self.bits * SAMPLES[self.kind] // 8)) for columns, rows in sizes if columns)


def checked_png(file: BinaryIO) -> Head:
    """Reads all chunks of a PNG file up to its end. OSError where one is cut off or does not fit its checksum."""
    file.seek(len(SIGNATURE))
    found = None
    while len(begin := file.read(8)) == 8:
        length, name = int.from_bytes(begin[:4], "big"), begin[4:]
        body, checksum, left = b"", zlib.crc32(name), length
        while left and (body := file.read(min(left, BLOCK))):
            left, checksum = left - len(body), zlib.crc32(body, checksum)
        said = file.read(4)
        if left or len(said) < 4:
            break
        if int.from_bytes(said, "big") != checksum:
            raise OSError(f"it is damaged: the checksum of its chunk {_shown(name)} is wrong")
        if name == b"IHDR" and found is None and length == 13:
            found = Head(*struct.unpack(">IIBBxx?", body))
        if name == b"IEND" and found is not None:
            return found
    raise OSError("it is cut off")


def check_rows(file: BinaryIO, head: Head) -> None:
    """OSError where the data of the pixels end before the last row; Pillow then leaves the rest black."""
    stream, size = zlib.decompressobj(), 0
    try:
        for part in _pixels(file):
            while part and not stream.eof:
                size += len(stream.decompress(part, BLOCK))
                part = stream.unconsumed_tail
    except zlib.error as error:
        raise OSError(f"it is damaged: {error}") from error
    if size < head.data:
        raise OSError(f"it is cut off: {size:,} of {head.data:,} bytes of its rows are there")


def _pixels(file: BinaryIO) -> Iterator[bytes]:
    """The bodies of the chunks with the pixels of the first picture."""
    file.seek(len(SIGNATURE))
    while len(begin := file.read(8)) == 8 and begin[4:] != b"IEND":
        left = int.from_bytes(begin[:4], "big")
        while begin[4:] == b"IDAT" and left and (body := file.read(min(left, BLOCK))):
            left -= len(body)
            yield body
        file.seek(left + 4, 1)


def _shown(name: bytes) -> str:
    return name.decode("ascii") if name.isalpha() else name.hex()
