"""Ranges of bytes without the characters of a class at their ends."""

from juicesql.api import kernel

from ._chars import decode


@kernel
def trim(data, i, stop, table, flag):
    """The part of the bytes from `i` to `stop` between the first and the last character outside the class `flag`."""
    while i < stop:
        c, after = decode(data, i)
        if not table[c] & flag:
            break
        i = after
    while stop > i:
        last = stop - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        if not table[decode(data, last)[0]] & flag:
            break
        stop = last
    return i, stop
