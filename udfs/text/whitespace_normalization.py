"""Mapper `whitespace_normalization`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._chars import BLANK, SPACE, classes, decode
from ._parity import as_peer
from ._trim import trim


@mapper("whitespace_normalization(text VARCHAR, parity VARCHAR := NULL) -> VARCHAR")
def whitespace_normalization(text: pa.StringArray, parity: str | None) -> pa.StringArray:
    """Strip whitespace from both ends, then turn every kind of blank into a plain space.

    The ends are stripped as `str.strip` does. Blanks are tab, NBSP, U+2000-200D (zero-width ones too), U+202F, U+205F,
    U+2060, U+3000, U+FFFC and U+0084. Newlines stay, runs are not collapsed, and a leading zero-width space becomes a
    leading space because it is no whitespace to `strip`. Empty text stays empty.

    The joiners U+200C and U+200D stay where they stand between two visible characters: Persian and Indic words and
    composed emoji are spelt with them. With `parity := 'data-juicer'` they become spaces too, which parts such words
    ('می‌خواهم') and emoji.
    Source: Data-Juicer's whitespace_normalization_mapper, after the data preparation of BigScience ROOTS (Laurençon and
    others 2022).
    """
    return rewrite_utf8(_whitespace, text, 1, classes(), not as_peer(parity))


@kernel
def _whitespace(data, offsets, out, out_offsets, table, joins):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        length = stop - i
        begin = at
        i, stop = trim(data, i, stop, table, SPACE)
        changed |= stop - i < length
        odd = False
        for k in range(i, stop):
            odd |= (data[k] >= 0x80) | (data[k] == 0x09)
        if not odd:
            out[at : at + stop - i] = data[i:stop]
            at += stop - i
            i = stop
        while i < stop:
            b = data[i]
            if b < 0x80:
                changed |= b == 0x09
                out[at] = 0x20 if b == 0x09 else b
                at += 1
                i += 1
            else:
                c, after = decode(data, i)
                joint = joins and (c == 0x200C or c == 0x200D) and _is_visible_before(out, begin, at)
                if table[c] & BLANK and not (joint and _is_visible(data, after, stop, table)):
                    changed = True
                    out[at] = 0x20
                    at += 1
                else:
                    for k in range(i, after):
                        out[at] = data[k]
                        at += 1
                i = after
        out_offsets[row + 1] = at
    return changed


@kernel
def _is_visible_before(out, begin, at):
    """Whether what was written last in this row is no blank and no line end."""
    return at > begin and out[at - 1] > 0x20


@kernel
def _is_visible(data, i, stop, table):
    """Whether a character that is no blank and no line end, or another joiner, stands at byte `i`."""
    if i >= stop:
        return False
    c, _ = decode(data, i)
    return c == 0x200C or c == 0x200D or not table[c] & (BLANK | SPACE)
