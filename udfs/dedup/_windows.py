"""Windows of bytes: what spans that stand in several places are found by, and the cuts that take them out."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel

from ._shingles import mix

GRAM = 32  # bytes whose hash decides which windows are anchors
_BASE = np.uint64(0x5851F42D4C957F2D)
_BYTES = np.random.RandomState(42).randint(0, 1 << 64, 256, np.uint64)  # a frozen generator: the same in every version


def check_windows(length: int, slack: int = 0) -> None:
    """FunctionError unless there are windows of these sizes; a slack up to the length leaves no hole between them."""
    if length < 1:
        raise FunctionError.of("bad-parameter", f"length is {length}", "give the bytes of the shortest span, 1 or more")
    if not 0 <= slack < length:
        raise FunctionError.of("bad-parameter", f"slack is {slack}", f"give 0 to {length - 1}, less than the length")


def lists_of_int(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column of lists and where each list begins (rows + 1); no number may be NULL."""
    return np.asarray(column.values, np.int32), np.asarray(column.offsets)


def window_rows(ends: np.ndarray, **columns: np.ndarray) -> pa.ListArray:
    """A list of structs for each row, of which `ends` says where it stops."""
    arrays = [pa.array(values[: ends[-1]]) for values in columns.values()]
    return pa.ListArray.from_arrays(pa.array(ends), pa.StructArray.from_arrays(arrays, list(columns)))


@kernel
def power_of_base(size):
    """What the hash of a byte is multiplied by when `size` bytes follow it."""
    power = np.uint64(1)
    for _ in range(size):
        power *= _BASE
    return power


@kernel
def sum_bytes(data, start, stop, sums):
    """Hash every prefix of a row, so that the hash of any window is a difference: polynomials modulo 2^64."""
    h = np.uint64(0)
    sums[0] = h
    for i in range(stop - start):
        h = h * _BASE + _BYTES[data[start + i]]
        sums[i + 1] = h


@kernel
def window_hash(sums, place, size, power):
    """The hash of the `size` bytes from `place` on; `power` is `power_of_base(size)`."""
    return mix(sums[place + size] - sums[place] * power)


@kernel
def choose_anchors(sums, count, gram, gram_power, reach, ranks, chosen):
    """Choose among the first `count` places those that any text with the same bytes around them chooses too.

    Of each `reach` places in a row the one whose gram has the least hash, the last of equal ones (winnowing, Schleimer
    and others 2003); besides them the first and the last place. Writes them in order; returns their number.
    """
    for i in range(count):
        ranks[i] = sums[i + gram] - sums[i] * gram_power
    n = 1 if count else 0
    if n:
        chosen[0] = 0
    best = 0
    for i in range(count):
        if best > i - reach:
            if ranks[i] <= ranks[best]:
                best = i
        else:
            best += 1
            for j in range(best + 1, i + 1):
                if ranks[j] <= ranks[best]:
                    best = j
        if i >= reach - 1 and best != chosen[n - 1]:
            chosen[n] = best
            n += 1
    if n and chosen[n - 1] != count - 1:
        chosen[n] = count - 1
        n += 1
    return n
