"""Mapper `fix_unicode`."""

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, char_table, kernel, mapper, text_array, utf8_buffers

from ._chars import decode
from ._unicode import ACCENTED, AMPERSAND, GREEK, HARD, LESS, QUOTE, REPLACE, build

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
SEGMENT = 1_000_000  # characters that ftfy fixes at a time when a line is longer


@mapper("fix_unicode(text VARCHAR, normalization VARCHAR := 'NFC') -> VARCHAR", extra="text")
def fix_unicode(text: pa.StringArray, normalization: str | None) -> pa.StringArray:
    """Repair garbled Unicode text (mojibake, entities, odd characters) as `ftfy.fix_text` does by default.

    Mojibake is decoded, HTML entities are unescaped (up to the first line that holds a `<`), curly quotes straightened,
    Latin ligatures and full-width or half-width characters replaced, line breaks made LF, terminal escapes and control
    characters removed, and the text normalized to `normalization` (NFC, NFD, NFKC or NFKD; NULL is NFC). Full-width
    Chinese commas and the like become ASCII. Empty text stays empty.

    The result is that of ftfy; most lines need no more than a look at each character and never reach it. Lines that do
    hold the GIL.
    Source: Data-Juicer's fix_unicode_mapper, which calls ftfy too (here version 6.3).
    """
    form = normalization or "NFC"
    if form not in FORMS:
        raise FunctionError.of("bad-parameter", f"normalization is {form!r}", f"use one of {', '.join(FORMS)}")
    table = char_table(f"unicode-1-{form}-ftfy{_ftfy_version()}", _BUILD[form])
    data, offsets = utf8_buffers(text)
    jobs = np.empty((256, 3), np.int64)
    found, changed = _find_repairs(data, offsets, table, SEGMENT, jobs)
    if found > len(jobs):
        jobs = np.empty((found, 3), np.int64)
        _find_repairs(data, offsets, table, SEGMENT, jobs)
    if not found and not changed:
        return text
    repaired, ends = _repair(data, jobs[:found], form)
    out = np.empty(max(1, int(offsets[-1] - offsets[0]) + len(repaired)), np.uint8)
    out_offsets = np.zeros(len(text) + 1, np.int32)
    _write(data, offsets, table, jobs[:found], repaired, ends, out, out_offsets)
    return text_array(out, out_offsets)


_BUILD = {
    "NFC": lambda: build("NFC"),
    "NFD": lambda: build("NFD"),
    "NFKC": lambda: build("NFKC"),
    "NFKD": lambda: build("NFKD"),
}


def _ftfy_version() -> str:
    from importlib.metadata import version

    return version("ftfy")


def _repair(data: np.ndarray, jobs: np.ndarray, form: str) -> tuple[np.ndarray, np.ndarray]:
    """The bytes that ftfy makes of each segment, one after the other, and where each ends."""
    if not len(jobs):
        return np.zeros(0, np.uint8), np.zeros(0, np.int64)
    import ftfy

    settings = [
        ftfy.TextFixerConfig(normalization=form, explain=False, unescape_html=unescape) for unescape in ("auto", False)
    ]
    pieces = [
        ftfy.fix_and_explain(data[start:stop].tobytes().decode(), settings[tags]).text.encode()
        for start, stop, tags in jobs.tolist()
    ]
    return np.frombuffer(b"".join(pieces) + b"\0", np.uint8)[:-1].copy(), np.cumsum([len(p) for p in pieces])


@kernel
def _find_repairs(data, offsets, table, most, jobs):
    """Fill `jobs` with the segments that ftfy must see: start, end, and 1 when a `<` came before or in them.

    Returns their number, which may be more than `jobs` holds, and whether any other segment changes.
    """
    found = 0
    changed = False
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        tags = False
        while i < stop:
            start = i
            seen = chars = 0
            ended = False
            while i < stop and chars < most and not ended:
                b = data[i]
                if b < 0x80:
                    seen |= table[b]
                    ended = b == 0x0A
                    i += 1
                else:
                    c, i = decode(data, i)
                    seen |= table[c]
                chars += 1
            kinds = seen >> 24
            tags |= kinds & LESS != 0
            hard = kinds & HARD or (kinds & QUOTE and kinds & (ACCENTED | GREEK))
            if not hard and kinds & AMPERSAND and not tags:
                hard = kinds & REPLACE or _has_entity(data, start, i)
            if not hard and not ended and i < stop and data[i - 1] == 0x0D:
                hard = 1  # a CRLF that was cut in two
            if hard:
                if found < len(jobs):
                    jobs[found, 0], jobs[found, 1], jobs[found, 2] = start, i, tags
                found += 1
            elif kinds & REPLACE:
                changed = True
    return found, changed


@kernel
def _has_entity(data, start, stop):
    """Whether the bytes match `&#?[0-9A-Za-z]{1,24};`."""
    for i in range(start, stop):
        if data[i] == 0x26:
            k = i + 1
            if k < stop and data[k] == 0x23:
                k += 1
            first = k
            while k < stop and (0x30 <= data[k] <= 0x39 or 0x41 <= data[k] <= 0x5A or 0x61 <= data[k] <= 0x7A):
                k += 1
            if 1 <= k - first <= 24 and k < stop and data[k] == 0x3B:
                return True
    return False


@kernel
def _write(data, offsets, table, jobs, repaired, ends, out, out_offsets):
    at = taken = job = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        while i < stop:
            if job < len(jobs) and jobs[job, 0] == i:
                while taken < ends[job]:
                    out[at] = repaired[taken]
                    at += 1
                    taken += 1
                i = jobs[job, 1]
                job += 1
                continue
            until = min(stop, jobs[job, 0]) if job < len(jobs) else stop
            while i < until:
                b = data[i]
                after = i + 1
                if b < 0x80:
                    if b != 0x0D:
                        out[at] = b
                        at += 1
                    elif after >= stop or data[after] != 0x0A:
                        out[at] = 0x0A
                        at += 1
                else:
                    c, after = decode(data, i)
                    packed = table[c] & 0xFFFFFF
                    if packed:
                        while packed:
                            out[at] = packed & 0xFF
                            packed >>= 8
                            at += 1
                    else:
                        for k in range(i, after):
                            out[at] = data[k]
                            at += 1
                i = after
        out_offsets[row + 1] = at
