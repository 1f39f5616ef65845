"""Mapper `clean_links`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode
from ._pattern import literal_bytes, replace_pattern

# John Gruber's "liberal, accurate regex for matching URLs".
PATTERN = (
    r"(?i)\b((?:[a-z][\w-]+:(?:/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}/)"
    r"(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+"
    r"(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s`!()\[\]{};:'\".,<>?«»“”‘’]))"
)
SHORTEST = 6  # bytes of the shortest match, `ab:/cd`

BREAK, WORD, DIGIT, LETTER, HOST, PATH, LAST, TAIL = 1, 2, 4, 8, 16, 32, 64, 128
CLASSES = {
    BREAK: r"[\s<>]",
    WORD: r"\w",
    DIGIT: r"\d",
    LETTER: r"(?i)[a-z]",
    HOST: r"(?i)[a-z0-9.\-]",
    PATH: r"(?i)[a-z0-9%]",
    LAST: r"(?i)[^\s`!()\[\]{};:'\".,<>?«»“”‘’]",
    TAIL: r"(?i)[\w-]",
}


@mapper("clean_links(text VARCHAR, pattern VARCHAR := NULL, repl VARCHAR := '') -> VARCHAR", extra="text")
def clean_links(text: pa.StringArray, pattern: str | None, repl: str) -> pa.StringArray:
    r"""Remove links, or replace them by `repl`: addresses with a scheme, with `www.`, or like `domain.tld/`.

    What is a link is said by John Gruber's URL pattern; here it runs in time linear in the text, where the pattern
    takes exponential time on some. `pattern` is a pattern of the `regex` module instead (slow: it holds the GIL); in
    `repl`, `\1` is a group of it. Empty text stays empty.
    Source: Data-Juicer's clean_links_mapper, which uses the same pattern.
    """
    literal = literal_bytes(repl)
    if pattern is not None or literal is None:
        return replace_pattern(text, PATTERN if pattern is None else pattern, repl)
    return rewrite_utf8(_clean_links, text, 1 + len(literal) // SHORTEST, literal, _classes())


def _classes() -> np.ndarray:
    import regex

    return char_table(f"links-1-regex{regex.__version__}", _build)


def _build() -> np.ndarray:
    import regex

    table = np.zeros(0x110000, np.uint8)
    chars = "".join(chr(c) for c in range(0x110000))
    for flag, pattern in CLASSES.items():
        for found in regex.finditer(pattern + "+", chars):
            table[found.start() : found.end()] |= flag
    return table


@kernel
def _clean_links(data, offsets, out, out_offsets, repl, table):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        copied = floor = i  # bytes written so far, end of the last searched piece
        while i < stop:
            b = data[i]
            if not (b == 0x3A or b == 0x2F or b == 0x77 or b == 0x57) or not _may_link(data, i, floor, stop):
                i += 1
                continue
            # A link holds no whitespace and no <>: search the piece between them around byte i.
            begin = i
            while begin > floor and not _breaks_before(data, begin, table):
                begin -= 1
            while i < stop:
                c, after = decode(data, i)
                if table[c] & BREAK:
                    break
                i = after
            floor = i
            changed_here = False
            while True:
                start, end = _find_link(data, begin, changed_here, i, table)
                if start < 0:
                    break
                changed = changed_here = True
                for k in range(copied, start):
                    out[at] = data[k]
                    at += 1
                for r in repl:
                    out[at] = r
                    at += 1
                copied = begin = end
        for k in range(copied, stop):
            out[at] = data[k]
            at += 1
        out_offsets[row + 1] = at
    return changed


@kernel
def _loose(b):
    """Whether the byte may be part of a character that the pattern takes for a letter or digit."""
    return b >= 0x80 or 0x61 <= b <= 0x7A or 0x41 <= b <= 0x5A or 0x30 <= b <= 0x39


@kernel
def _may_link(data, i, floor, stop):
    """A necessary condition, by bytes: the `:` of a scheme, the `/` of `domain.tld/`, or the first w of `www`."""
    b = data[i]
    if b == 0x3A:
        if i + 1 >= stop or i - floor < 2:
            return False
        before, after = data[i - 1], data[i + 1]
        return (_loose(before) or before == 0x5F or before == 0x2D) and (
            _loose(after) or after == 0x2F or after == 0x25
        )
    if b == 0x2F:
        k = i - 1
        while k >= floor and i - k <= 16 and _loose(data[k]):
            k -= 1
        return k > floor and i - k >= 3 and data[k] == 0x2E
    return i + 3 < stop and data[i + 1] | 0x20 == 0x77 and data[i + 2] | 0x20 == 0x77


@kernel
def _breaks_before(data, i, table):
    """Whether the character that ends before byte `i` (or holds it) is whitespace or one of <>."""
    if data[i] & 0xC0 == 0x80:
        return False
    k = i - 1
    while data[k] & 0xC0 == 0x80:
        k -= 1
    return table[decode(data, k)[0]] & BREAK != 0


@kernel
def _find_link(data, i, follows, stop, table):
    """First byte and end of the first link at or after byte `i`, or -1, -1; `follows` when a link ended there."""
    was_word = False
    if follows:
        k = i - 1
        while data[k] & 0xC0 == 0x80:
            k -= 1
        was_word = table[decode(data, k)[0]] & WORD != 0
    scheme_stop = host_stop = i  # ends of the runs that were looked at
    scheme_end = host_end = -1  # where a link of these runs ends
    host_dot = -1
    while i < stop:
        c, after = decode(data, i)
        is_word = table[c] & WORD != 0
        if is_word != was_word and table[c] & HOST:
            if table[c] & LETTER:
                if after > scheme_stop or scheme_stop == i:
                    scheme_stop, scheme_end = _scheme(data, after, stop, table)
                if scheme_end > 0 and after < scheme_stop:
                    return i, scheme_end
                if c | 0x20 == 0x77:
                    end = _www(data, i, stop, table)
                    if end > 0:
                        return i, end
            if i >= host_stop:
                host_stop, host_dot, host_end = _host(data, i, stop, table)
            if host_end > 0 and host_dot > i:
                return i, host_end
        was_word = is_word
        i = after
    return -1, -1


@kernel
def _scheme(data, i, stop, table):
    """End of the run of word characters and hyphens from byte `i` on, and of the link when it is a scheme, or -1.

    A scheme of one letter is none, and its path is not looked at: `a:1,b:2,..` would take quadratic time.
    """
    begin = i
    while i < stop:
        c, after = decode(data, i)
        if not table[c] & TAIL:
            break
        i = after
    run = i
    if run == begin or i >= stop or data[i] != 0x3A or i + 1 >= stop:
        return run, -1
    i += 1
    if data[i] != 0x2F:
        c, after = decode(data, i)
        return run, (_path(data, after, stop, table) if table[c] & PATH else -1)
    first = i
    while i < stop and i < first + 3 and data[i] == 0x2F:
        i += 1
    while i > first:
        end = _path(data, i, stop, table)
        if end > 0:
            return run, end
        i -= 1
    return run, -1


@kernel
def _www(data, i, stop, table):
    if i + 3 >= stop or data[i + 1] | 0x20 != 0x77 or data[i + 2] | 0x20 != 0x77:
        return -1
    i += 3
    digits = 0
    while i < stop and digits < 3:
        c, after = decode(data, i)
        if not table[c] & DIGIT:
            break
        digits += 1
        i = after
    return _path(data, i + 1, stop, table) if i < stop and data[i] == 0x2E else -1


@kernel
def _host(data, i, stop, table):
    """End of the run of host characters, its last dot, and the end of the link when it is `domain.tld/`, or -1."""
    dot = -1
    letters = 0  # since the last dot; -1 when something else came between
    while i < stop:
        c, after = decode(data, i)
        if not table[c] & HOST:
            break
        if c == 0x2E:
            dot, letters = i, 0
        elif letters >= 0:
            letters = letters + 1 if table[c] & LETTER else -1
        i = after
    if dot < 0 or not 2 <= letters <= 4 or i >= stop or data[i] != 0x2F:
        return i, dot, -1
    return i, dot, _path(data, i + 1, stop, table)


@kernel
def _path(data, i, stop, table):
    """Where the longest path from byte `i` on ends: two or more units, the last no punctuation; or -1.

    A unit is a character other than a parenthesis, or a balanced pair of them with at most one pair inside.
    """
    units = 0
    end = -1
    while i < stop:
        if data[i] == 0x28:
            i = _parenthesis(data, i + 1, stop)
            if i < 0:
                break
            good = True
        elif data[i] == 0x29:
            break
        else:
            c, i = decode(data, i)
            good = table[c] & LAST != 0
        units += 1
        if good and units >= 2:
            end = i
    return end


@kernel
def _parenthesis(data, i, stop):
    """The byte after the closing parenthesis of the one that ends before byte `i`, or -1."""
    inside = -1  # first byte of the inner pair that we are in
    while i < stop:
        if data[i] == 0x28:
            if inside >= 0:
                return -1
            inside = i + 1
        elif data[i] == 0x29:
            if inside < 0:
                return i + 1
            if inside == i:
                return -1
            inside = -1
        i += 1
    return -1
