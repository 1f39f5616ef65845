"""Finds personal data in text: which spans, of which kind, in characters and in bytes.

Every kind is looked for by itself, from left to right without overlaps. Of finds that overlap, the leftmost stays,
then the longest, then the kind that comes first in `KINDS`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, kernel, nearest, utf8_buffers

from ._pii_address import email, ipv4, ipv6, may_follow_colon
from ._pii_bytes import digits_end, is_digit
from ._pii_number import card, iban
from ._pii_phone import international, national

KINDS = ("email", "ip", "phone", "credit_card", "iban")
EMAIL, IP, PHONE, CARD, IBAN = range(5)
IPV4 = 5  # looked for apart from IPv6, found as IP


@dataclass(frozen=True)
class Spans:
    """Finds in row order: row `r` has `rows[r]` to `rows[r + 1]`; bytes `starts` to `stops` of `data`."""

    data: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    kinds: np.ndarray


def find_spans(text: pa.StringArray, kinds: list[str] | None) -> Spans:
    data, offsets = utf8_buffers(text)
    room = int(offsets[-1] - offsets[0]) * 3 // 4 + 8  # no find is shorter than six bytes, and there are six searches
    starts, stops, found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int8)
    rows = np.zeros(len(offsets), np.int32)
    _find(data, offsets, _wanted(kinds), rows, starts, stops, found)
    return Spans(data, offsets, rows, starts, stops, found)


def _wanted(kinds: list[str] | None) -> np.ndarray:
    """Which kinds to look for; NULL means all."""
    wanted = np.zeros(len(KINDS), np.bool_)
    for kind in KINDS if kinds is None else kinds:
        if kind not in KINDS:
            mend = nearest(kind, KINDS) or f"use {', '.join(KINDS)}"
            raise FunctionError.of("bad-parameter", f"{kind!r} is not a kind of personal data", mend)
        wanted[KINDS.index(kind)] = True
    return wanted


@kernel
def _find(data, offsets, wanted, rows, starts, stops, kinds):
    floors = np.zeros(6, np.int64)  # where the last find of each search ended
    groups, digits = np.zeros(8, np.int64), np.zeros(19, np.int64)
    count = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        floors[:] = first = i
        before = count
        while i < stop:
            b = data[i]
            if b < 0x28 or b > 0x40:
                i += 1
            elif is_digit(b):
                run = digits_end(data, i, stop)
                if _may_begin(data, i, run, first, stop):
                    count = _at_digits(data, i, run, first, stop, wanted, floors, digits, starts, stops, kinds, count)
                i = run
            else:
                address = b == 0x3A and i + 1 < stop and may_follow_colon(data[i + 1])
                if b == 0x40 or b == 0x28 or b == 0x2B or address:
                    count = _at_sign(data, i, first, stop, wanted, floors, groups, starts, stops, kinds, count)
                i += 1
        count = _settle(before, count, starts, stops, kinds)
        rows[row + 1] = count


@kernel
def _may_begin(data, i, run, first, stop):
    """Whether a find may begin at a run of digits; tells most plain numbers apart at once."""
    if run - i >= 4 or (run - i >= 2 and i - 2 >= first and 0x41 <= data[i - 1] <= 0x5A):
        return True
    return run + 1 < stop and (is_digit(data[run + 1]) or data[run + 1] == 0x28)


@kernel
def _at_digits(data, i, run, first, stop, wanted, floors, digits, starts, stops, kinds, count):
    """Add the finds of the searches that begin at a run of digits; returns the number of finds."""
    if wanted[IP] and i >= floors[IPV4] and run - i <= 3 and run < stop and data[run] == 0x2E:
        count = _add(i, ipv4(data, i, first, stop), IP, IPV4, floors, starts, stops, kinds, count)
    if wanted[PHONE] and i >= floors[PHONE] and (run - i == 3 or run - i == 1) and run < stop:
        count = _add(i, national(data, i, first, stop), PHONE, PHONE, floors, starts, stops, kinds, count)
    if wanted[CARD] and i >= floors[CARD] and run - i >= 4:
        count = _add(i, card(data, i, run, first, stop, digits), CARD, CARD, floors, starts, stops, kinds, count)
    if wanted[IBAN] and i - 2 >= floors[IBAN] and run - i >= 2:
        count = _add(i - 2, iban(data, i - 2, first, stop), IBAN, IBAN, floors, starts, stops, kinds, count)
    return count


@kernel
def _at_sign(data, i, first, stop, wanted, floors, groups, starts, stops, kinds, count):
    """Add the finds of the searches that begin at one of `@:+(`; returns the number of finds."""
    b = data[i]
    if b == 0x40 and wanted[EMAIL]:
        begin, end = email(data, i, floors[EMAIL], stop)
        count = _add(begin, end, EMAIL, EMAIL, floors, starts, stops, kinds, count)
    elif b == 0x3A and wanted[IP] and i >= floors[IP]:
        begin, end, run = ipv6(data, i, floors[IP], stop, groups)
        count = _add(begin, end, IP, IP, floors, starts, stops, kinds, count)
        floors[IP] = run
    elif b == 0x2B and wanted[PHONE] and i >= floors[PHONE]:
        begin, end = international(data, i, first, stop)
        count = _add(begin, end, PHONE, PHONE, floors, starts, stops, kinds, count)
    elif b == 0x28 and wanted[PHONE] and i >= floors[PHONE]:
        count = _add(i, national(data, i, first, stop), PHONE, PHONE, floors, starts, stops, kinds, count)
    return count


@kernel
def _add(begin, end, kind, search, floors, starts, stops, kinds, count):
    """Note a find, unless its end is -1; returns the number of finds."""
    if end < 0:
        return count
    starts[count], stops[count], kinds[count] = begin, end, kind
    floors[search] = end
    return count + 1


@kernel
def _settle(before, count, starts, stops, kinds):
    """Sort the finds of one row and drop those that overlap an earlier one; returns how many finds there are then.

    They are nearly sorted already, so that an insertion sort takes linear time.
    """
    for k in range(before + 1, count):
        begin, end, kind = starts[k], stops[k], kinds[k]
        j = k - 1
        while j >= before and (
            begin < starts[j] or (begin == starts[j] and (end > stops[j] or (end == stops[j] and kind < kinds[j])))
        ):
            starts[j + 1], stops[j + 1], kinds[j + 1] = starts[j], stops[j], kinds[j]
            j -= 1
        starts[j + 1], stops[j + 1], kinds[j + 1] = begin, end, kind
    kept = before
    for k in range(before, count):
        if kept == before or starts[k] >= stops[kept - 1]:
            starts[kept], stops[kept], kinds[kept] = starts[k], stops[k], kinds[k]
            kept += 1
    return kept
