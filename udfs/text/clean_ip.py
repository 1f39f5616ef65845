"""Mapper `clean_ip`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode
from ._parity import as_peer
from ._pattern import bytes_of, expanded, literal_bytes, replace_pattern
from ._pii_address import after_numbered, any_ipv6, is_assigned, quad_end
from ._pii_bytes import is_digit, is_letter, is_word
from ._spans import copy, finish

OCTET = "1[0-9][0-9]|2[0-4][0-9]|25[0-5]|[1-9][0-9]|[0-9]"
PATTERN = rf"(?:(?:{OCTET})\.){{3}}(?:{OCTET})|([\da-fA-F]{{1,4}}:){{7}}[\da-fA-F]{{1,4}}"
SHORTEST = 6  # bytes of the shortest match, `2000::`


@mapper("clean_ip(text VARCHAR, pattern VARCHAR := NULL, repl VARCHAR := '', parity VARCHAR := NULL) -> VARCHAR")
def clean_ip(text: pa.StringArray, pattern: str | None, repl: str, parity: str | None) -> pa.StringArray:
    r"""Remove IP addresses, or replace them by `repl`: IPv4, and IPv6 in all of its forms.

    IPv4: four numbers from 0 to 255 without leading zeros, with dots between, that stand alone: not next to a letter,
    digit or underscore, not inside a longer dotted number, not behind `letter/` or `letter-` (`Chrome/120.0.0.0`) nor
    a word such as `version` or `section`. IPv6: all eight groups, or a short form (`fe80::1`) that lies in a prefix in
    use, as in `find_pii`; `::1` and `a::b` are mostly code. A port stays: `10.0.0.1:80` leaves `:80`.

    With `parity := 'data-juicer'` nothing is asked of what stands around an address (`1.2.3.45678` loses `1.2.3.45`, a
    version number of four parts is an address), IPv6 has all eight groups, and a digit of any script counts there.
    `pattern` is a pattern of the `regex` module instead (slow: it holds the GIL); in `repl`, `\1` is a group of it.
    Empty text stays empty. Source: RFC 4291, and Data-Juicer's clean_ip_mapper.
    """
    peer, literal = as_peer(parity), literal_bytes(repl)
    if pattern is not None or (literal is None and peer):
        return replace_pattern(text, PATTERN if pattern is None else pattern, repl)
    put = bytes_of(expanded(repl)) if literal is None else literal
    if peer:
        return rewrite_utf8(_clean_ip, text, 1 + len(put) // SHORTEST, put, char_table("hex-1", _hex_digits))
    return rewrite_utf8(_clean_addresses, text, 1 + len(put) // SHORTEST, put, np.empty(8, np.int64))


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


@kernel
def _clean_addresses(data, offsets, out, out_offsets, repl, groups):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        first, stop = int(offsets[row]), int(offsets[row + 1])
        i = floor = tried = first  # end of the last match, and of the run of colons and digits that is no IPv6
        while i < stop:
            b = data[i]
            begin = end = -1
            if is_digit(b):
                if i == floor or not is_digit(data[i - 1]):
                    begin, end = i, _lone_ipv4(data, i, floor, stop)
            elif b == 0x3A and i >= tried:
                begin, end, tried = any_ipv6(data, i, floor, stop, groups)
                if begin >= 0 and not is_assigned(groups) and _is_short(data, begin, end):
                    end = -1
            if end < 0:
                i += 1
                continue
            at = copy(data, kept, begin, out, at)
            at = copy(repl, 0, len(repl), out, at)
            i = floor = kept = end
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _lone_ipv4(data, i, first, stop):
    """End of the dotted address that begins with the digit at byte `i` and stands alone, or -1."""
    end = quad_end(data, i, stop)
    if end < 0:
        return -1
    if end < stop:
        after = data[end + 1] if end + 1 < stop else 0
        if is_word(data[end]) or (data[end] == 0x2E and is_digit(after)) or (data[end] == 0x2D and is_letter(after)):
            return -1
    if i > first:
        b = data[i - 1]
        if is_word(b) or b == 0x2E:
            return -1
        if (b == 0x2D or b == 0x2F) and i - 1 > first and is_letter(data[i - 2]):
            return -1
    return -1 if after_numbered(data, i, first) else end


@kernel
def _is_short(data, i, stop):
    """Whether the address is written with `::`."""
    for k in range(i, stop - 1):  # noqa: SIM110 - compiled
        if data[k] == 0x3A and data[k + 1] == 0x3A:
            return True
    return False
