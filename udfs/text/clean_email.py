"""Mapper `clean_email`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._pattern import literal_bytes, replace_pattern

PATTERN = r"[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+"
SHORTEST = 5  # bytes of the shortest match, `a@b.c`


@mapper("clean_email(text VARCHAR, pattern VARCHAR := NULL, repl VARCHAR := '') -> VARCHAR")
def clean_email(text: pa.StringArray, pattern: str | None, repl: str) -> pa.StringArray:
    r"""Remove e-mail addresses, or replace them by `repl`.

    An address is `[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+`: its domain is lower case, so `A@B.COM` stays. `pattern` is
    a pattern of the `regex` module instead (slow: it holds the GIL); in `repl`, `\1` is a group of it. Empty text stays
    empty. `redact_pii` finds addresses by stricter rules.
    Source: Data-Juicer's clean_email_mapper.
    """
    literal = literal_bytes(repl)
    if pattern is not None or literal is None:
        return replace_pattern(text, PATTERN if pattern is None else pattern, repl)
    return rewrite_utf8(_clean_email, text, 1 + len(literal) // SHORTEST, literal)


@kernel
def _clean_email(data, offsets, out, out_offsets, repl):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        floor = i  # end of the last match
        while i < stop:
            b = data[i]
            if b == 0x40:
                begin = i
                while begin > floor and _in_local_part(data[begin - 1]):
                    begin -= 1
                end = _domain_end(data, i + 1, stop) if begin < i else -1
                if end > 0:
                    changed = True
                    at -= i - begin  # the local part was copied already
                    for r in repl:
                        out[at] = r
                        at += 1
                    i = floor = end
                    continue
            out[at] = b
            at += 1
            i += 1
        out_offsets[row + 1] = at
    return changed


@kernel
def _in_local_part(b):
    return (
        0x61 <= b <= 0x7A or 0x41 <= b <= 0x5A or 0x30 <= b <= 0x39 or b == 0x2E or b == 0x2D or b == 0x2B or b == 0x5F
    )


@kernel
def _domain_end(data, start, stop):
    """Where the longest domain from `start` on ends, or -1."""
    i = start
    dot = -1  # last dot that has a domain character before it and a letter behind it
    while i < stop and _in_local_part(data[i]) and not 0x41 <= data[i] <= 0x5A:
        if data[i] == 0x2E and i > start and i + 1 < stop and 0x61 <= data[i + 1] <= 0x7A:
            dot = i
        i += 1
    if dot < 0:
        return -1
    i = dot + 1
    while i < stop and 0x61 <= data[i] <= 0x7A:
        i += 1
    return i
