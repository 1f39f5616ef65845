"""Lines as `str.splitlines` sees them."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, utf8_buffers


def line_lengths(text: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Characters, lines, and characters of the longest line of each row."""
    data, offsets = utf8_buffers(text)
    chars, lines, longest = (np.zeros(len(text), np.int64) for _ in range(3))
    _line_lengths(data, offsets, chars, lines, longest)
    return chars, lines, longest


@kernel
def _line_lengths(data, offsets, chars, lines, longest):
    for row in range(len(chars)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        total = count = top = here = 0
        while i < stop:
            b = data[i]
            width = 0  # bytes of the line break that begins here
            marks = 1  # and its characters
            if b < 0x20:
                if 0x0A <= b <= 0x0D or 0x1C <= b <= 0x1E:
                    width = 1
                    if b == 0x0D and i + 1 < stop and data[i + 1] == 0x0A:
                        width = marks = 2
            elif b == 0xC2:
                if data[i + 1] == 0x85:
                    width = 2
            elif b == 0xE2 and data[i + 1] == 0x80 and (data[i + 2] == 0xA8 or data[i + 2] == 0xA9):
                width = 3
            if width:
                count += 1
                top = max(top, here)
                total += here + marks
                here = 0
                i += width
            else:
                here += (b & 0xC0) != 0x80  # a byte that continues a character adds none
                i += 1
        if stop > int(offsets[row]) and not _ends_line(data, int(offsets[row]), stop):
            count += 1
            top = max(top, here)
            total += here
        chars[row], lines[row], longest[row] = total, count, top


@kernel
def _ends_line(data, start, stop):
    """Whether the bytes end with a line break."""
    b = data[stop - 1]
    if b < 0x80:
        return 0x0A <= b <= 0x0D or 0x1C <= b <= 0x1E
    if stop - start >= 2 and data[stop - 2] == 0xC2:
        return b == 0x85
    return stop - start >= 3 and data[stop - 3] == 0xE2 and data[stop - 2] == 0x80 and (b == 0xA8 or b == 0xA9)
