"""Stat `num_sentences`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import decode
from ._layout import CLOSING, LETTER, LOWER, NUMBER, SPACE, TERMINAL, layout_classes


@stat("num_sentences(text VARCHAR) -> BIGINT")
def num_sentences(text: pa.StringArray) -> pa.Int64Array:
    """Number of complete sentences, found by rules, in every script that has marks to end them.

    A sentence ends at a run of terminal marks (Unicode 17, Sentence_Terminal, and '…') with the quotes and brackets
    that close behind it, if a letter or number stands since the last end, and white space or the end of the text
    follows; marks outside ASCII, such as '。', need nothing to follow. A lone full stop ends no sentence before a
    lower-case letter, nor after an initial ('J. Smith', 'U.S. Army'). Text behind the last mark, such as a menu or a
    headline, is no sentence. Empty text: 0. The rule counts 'Dr. Smith' as an end, and Thai, which has no marks, as
    none; the mapper `sentence_split` knows abbreviations, and costs more.

    Usual cut: >= 3. Source: C4 (Raffel and others 2020, section 2.2; >= 5 in datatrove), where a trained splitter
    counts them in lines that end with a mark.
    """
    return map_utf8(_num_sentences, text, np.int64, layout_classes())


@kernel
def _num_sentences(data, offsets, out, flags):
    for row in range(len(out)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        sentences = 0
        content = False  # a letter or number since the last end
        i = start
        while i < stop:
            begin = i
            c = int(data[i])
            if c < 0x80:
                i += 1
            else:
                c, i = decode(data, i)
            if flags[c] & (LETTER | NUMBER):
                content = True
            elif content and (flags[c] & TERMINAL or c == 0x2026):
                i, wide = _marks_end(data, begin, stop, flags)
                lone = i == begin + 1 and c == 0x2E
                ends = wide or _space_follows(data, i, stop, flags)
                if ends and not (lone and _abbreviates(data, start, i, stop, flags)):
                    sentences += 1
                    content = False
        out[row] = sentences


@kernel
def _marks_end(data, i, stop, flags):
    """Where a run of terminal and closing marks ends, and whether a terminal mark outside ASCII is among them."""
    wide = False
    while i < stop:
        c, after = decode(data, i)
        if not (flags[c] & (TERMINAL | CLOSING) or c == 0x2026):
            break
        wide |= c >= 0x80 and (flags[c] & TERMINAL) != 0
        i = after
    return i, wide


@kernel
def _space_follows(data, i, stop, flags):
    """Whether white space or the end of the text follows."""
    if i == stop:
        return True
    c, _ = decode(data, i)
    return (flags[c] & SPACE) != 0


@kernel
def _abbreviates(data, start, i, stop, flags):
    """Whether the full stop before byte `i` follows a single letter, or a lower-case letter comes next."""
    before = _step_back(data, start, i - 1)
    c, _ = decode(data, before)
    if flags[c] & LETTER:
        if before == start:
            return True
        c, _ = decode(data, _step_back(data, start, before))
        if not flags[c] & (LETTER | NUMBER):
            return True
    while i < stop:
        c, i = decode(data, i)
        if not flags[c] & SPACE:
            return (flags[c] & LOWER) != 0
    return False


@kernel
def _step_back(data, start, i):
    """Where the character before byte `i` begins."""
    i -= 1
    while i > start and data[i] & 0xC0 == 0x80:
        i -= 1
    return i
