"""Mapper `clean_ip`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode
from ._pattern import literal_bytes, replace_pattern
from ._spans import copy, finish

OCTET = "1[0-9][0-9]|2[0-4][0-9]|25[0-5]|[1-9][0-9]|[0-9]"
PATTERN = rf"(?:(?:{OCTET})\.){{3}}(?:{OCTET})|([\da-fA-F]{{1,4}}:){{7}}[\da-fA-F]{{1,4}}"
SHORTEST = 7  # bytes of the shortest match, `1.2.3.4`


@mapper("clean_ip(text VARCHAR, pattern VARCHAR := NULL, repl VARCHAR := '') -> VARCHAR")
def clean_ip(text: pa.StringArray, pattern: str | None, repl: str) -> pa.StringArray:
    r"""Remove IP addresses, or replace them by `repl`: IPv4, and IPv6 with all eight groups.

    IPv4: four numbers from 0 to 255 without leading zeros, with dots between. IPv6: eight groups of 1 to 4 hexadecimal
    digits, with colons between; the short form `::` is not found. As in Data-Juicer, nothing is asked of what stands
    around an address (`1.2.3.45678` loses `1.2.3.45`, a version number of four parts is an address), and a digit of any
    script counts in IPv6. `pattern` is a pattern of the `regex` module instead (slow: it holds the GIL); in `repl`,
    `\1` is a group of it. Empty text stays empty. `redact_pii` finds addresses by stricter rules.
    Source: Data-Juicer's clean_ip_mapper.
    """
    literal = literal_bytes(repl)
    if pattern is not None or literal is None:
        return replace_pattern(text, PATTERN if pattern is None else pattern, repl)
    return rewrite_utf8(_clean_ip, text, 1 + len(literal) // SHORTEST, literal, char_table("hex-1", _hex_digits))


def _hex_digits() -> np.ndarray:
    """1 for a-f, A-F and the decimal digits of every script."""
    table = np.array([chr(c).isdecimal() for c in range(0x110000)], np.uint8)
    table[[ord(c) for c in "abcdefABCDEF"]] = 1
    return table


@kernel
def _clean_ip(data, offsets, out, out_offsets, repl, table):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        floor = i  # end of the last match
        while i < stop:
            b = data[i]
            if b == 0x2E:
                begin, end = _ipv4(data, floor, i, stop)
            elif b == 0x3A:
                begin, end = _ipv6(data, floor, i, stop, table)
            else:
                i += 1
                continue
            if end < 0:
                i += 1
                continue
            at = copy(data, kept, begin, out, at)
            at = copy(repl, 0, len(repl), out, at)
            i = floor = kept = end
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _ipv4(data, floor, dot, stop):
    """Begin and end of the leftmost address whose first dot is at byte `dot`, or -1 and -1."""
    begin = -1
    for width in range(1, 4):
        if dot - width >= floor and _is_octet(data, dot - width, width):
            begin = dot - width
    i = dot + 1
    for _ in range(2):
        width = 1
        while width < 4 and i + width < stop and data[i + width] != 0x2E:
            width += 1
        if begin < 0 or width > 3 or i + width >= stop or not _is_octet(data, i, width):
            return -1, -1
        i += width + 1
    end = -1
    for width in range(1, 4):
        if i + width <= stop and _is_octet(data, i, width):
            end = i + width
    return begin, end


@kernel
def _is_octet(data, i, width):
    """Whether the `width` bytes from `i` on are a number up to 255 without a leading zero."""
    number = 0
    for k in range(i, i + width):
        if not 0x30 <= data[k] <= 0x39:
            return False
        number = 10 * number + int(data[k]) - 0x30
    return number <= 255 and (width == 1 or data[i] != 0x30)


@kernel
def _ipv6(data, floor, colon, stop, table):
    """Begin and end of the leftmost address whose first colon is at byte `colon`, or -1 and -1."""
    begin = colon
    for _ in range(4):
        previous = begin - 1
        while previous > floor and data[previous] & 0xC0 == 0x80:
            previous -= 1
        if previous < floor or not table[decode(data, previous)[0]]:
            break
        begin = previous
    if begin == colon:
        return -1, -1
    i = colon + 1
    for group in range(7):
        after = _group_end(data, i, stop, table)
        if after == i or (group < 6 and (after >= stop or data[after] != 0x3A)):
            return -1, -1
        i = after + (group < 6)
    return begin, i


@kernel
def _group_end(data, i, stop, table):
    """The byte after as many as four hexadecimal digits from `i` on."""
    for _ in range(4):
        if i >= stop:
            break
        c, after = decode(data, i)
        if not table[c]:
            break
        i = after
    return i
