"""Words split on newline, tab and space, some of them dropped, and the rest joined again."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, rewrite_utf8, utf8_buffers

NEWLINE, TAB, BLANK = 0x0A, 0x09, 0x20


def drop_words(text: pa.StringArray, mark: kernel, *args: object) -> pa.StringArray:
    """Drop the words that `mark(data, offsets, dropped, *args)` marks: it has one slot a word, in order.

    Between two words that stay is a newline if one stood there, else a tab if one did, else a space.
    """
    data, offsets = utf8_buffers(text)
    dropped = np.zeros((int(offsets[-1]) - int(offsets[0]) + len(text)) // 2 + 1, np.bool_)
    mark(data, offsets, dropped, *args)
    return rewrite_utf8(_rejoin, text, 1, dropped)


@kernel
def is_break(b):
    return b == BLANK or TAB <= b <= NEWLINE  # the two have nothing between them


@kernel
def _word_end(data, i, stop):
    """Where the word that begins at byte `i` ends."""
    while i < stop and not is_break(data[i]):
        i += 1
    return i


@kernel
def _rejoin(data, offsets, out, out_offsets, dropped):
    changed = False
    at = word = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        length, begin = stop - i, at
        gap = 0  # the strongest break since the last word that stayed
        while i < stop:
            b = int(data[i])
            if b == NEWLINE:
                gap = NEWLINE
                i += 1
            elif b == TAB:
                gap = gap if gap == NEWLINE else TAB
                i += 1
            elif b == BLANK:
                gap = gap if gap else BLANK
                i += 1
            elif dropped[word]:
                i = _word_end(data, i, stop)
                word += 1
            else:
                if at > begin:
                    out[at] = gap
                    at += 1
                gap = 0
                word += 1
                while i < stop and not is_break(data[i]):
                    out[at] = data[i]
                    at += 1
                    i += 1
        changed |= at - begin < length
        out_offsets[row + 1] = at
    return changed
