"""Steps of the kernels that cut pieces out of texts.

Such a kernel copies nothing until it cuts: `kept` is the first input byte that is not written yet, and what stands
between two cuts, over whole rows too, is copied at once. A row that ends at `stop` ends in the output at
`at + stop - kept`.
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, utf8_buffers

BLOCK = 64


@lru_cache(maxsize=16)
def word_table(words: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and the offsets of the words, as `word_at` takes them."""
    return utf8_buffers(pa.array(words, pa.string()))


@kernel
def word_at(data, i, stop, words, ends):
    """Which of the words stands at byte `i`: its number and the byte after it; -1 and -1 when none does."""
    for w in range(len(ends) - 1):
        first, length = int(ends[w]), int(ends[w + 1]) - int(ends[w])
        if length <= stop - i:
            k = 0
            while k < length and data[i + k] == words[first + k]:
                k += 1
            if k == length:
                return w, i + length
    return -1, -1


@kernel
def find(data, i, stop, byte):
    """The first place of `byte` from `i` on, `stop` when there is none."""
    wanted = np.uint8(byte)
    near = min(i + BLOCK // 4, stop)
    while i < near and data[i] != wanted:
        i += 1
    if i < near:
        return i
    while i + BLOCK <= stop:  # slices and bytes alone, so that the compiler makes vector instructions of it
        block = data[i : i + BLOCK]
        found = np.uint8(0)
        for k in range(BLOCK):
            found |= np.uint8(block[k] == wanted)
        if found:
            break
        i += BLOCK
    while i < stop and data[i] != wanted:
        i += 1
    return i


@kernel
def find_last(data, start, stop, byte):
    """The last place of `byte` before `stop`, `start - 1` when there is none."""
    i = stop - 1
    while i >= start and data[i] != byte:
        i -= 1
    return i


@kernel
def copy(data, i, stop, out, at):
    """Copy the bytes from `i` to `stop`; returns where the next one goes."""
    out[at : at + stop - i] = data[i:stop]
    return at + stop - i


@kernel
def finish(data, offsets, kept, out, at):
    """Copy what stands behind the last cut; False when nothing was cut."""
    if kept == offsets[0]:
        return False
    copy(data, kept, int(offsets[len(offsets) - 1]), out, at)
    return True
