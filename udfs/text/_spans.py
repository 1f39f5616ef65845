"""Steps of the kernels that cut pieces out of a text: find where a piece begins and copy what stands around it."""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, utf8_buffers


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
    while i < stop and data[i] != byte:
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
