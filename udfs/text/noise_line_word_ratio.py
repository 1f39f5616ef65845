"""Stat `noise_line_word_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import decode
from ._layout import LETTER, NUMBER, SPACE, UPPER, layout_classes, line_stop
from ._unspaced import split_assets, words_apart


@stat("noise_line_word_ratio(text VARCHAR, splitter VARCHAR := 'auto') -> DOUBLE", assets=split_assets)
def noise_line_word_ratio(text: pa.StringArray, splitter: str) -> pa.DoubleArray:
    """Share of the words that stand in lines of web furniture: mostly capitals, numbers, counters, single words.

    A line is furniture when more than half of its letters are upper case, or none of its words holds a letter but one a
    number, or it is a number and a word ('3 likes', '1.2K comments'), or it has one word only. noise_line_word_ratio =
    words in such lines / `word_count`. Words stand between white space, lines are those of `str.splitlines`. No words,
    or empty: 0. Scripts without spaces are split by `splitter` (see `num_words`).

    Usual cut: <= 0.05. Source: RefinedWeb (Penedo and others 2023, line-wise filtering in appendix G.2), which drops a
    document when the flagged lines hold more than 5 % of its words. The paper gives the four kinds of lines in words;
    the rules above are ours. Its fifth kind, short lines with 'sign-in', 'read more' or 'items in cart', is edited
    there, not dropped.
    """
    return map_utf8(_noise_line_word_ratio, words_apart(text, splitter), np.float64, layout_classes())


@kernel
def _noise_line_word_ratio(data, offsets, out, flags):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        words = noise = 0
        while i < stop:
            end, after = line_stop(data, i, stop)
            here, is_noise = _line(data, i, end, flags)
            words += here
            if is_noise:
                noise += here
            i = after
        out[row] = noise / words if words else 0.0


@kernel
def _line(data, i, stop, flags):
    """The words of a line, and whether it is furniture."""
    words = letters = upper = numbers = 0
    first_begins = -1  # the class of the first character: a counter begins with a number
    last_pure = True  # the last word is of letters only
    inside = False
    while i < stop:
        c = int(data[i])
        if c < 0x80:
            i += 1
        else:
            c, i = decode(data, i)
        flag = int(flags[c])
        if flag & SPACE:
            inside = False
            continue
        if not inside:
            inside = last_pure = True
            words += 1
            if words == 1:
                first_begins = flag
        letters += (flag & LETTER) != 0
        upper += (flag & UPPER) != 0
        numbers += (flag & NUMBER) != 0
        last_pure = last_pure and (flag & LETTER) != 0
    counter = words == 2 and (first_begins & NUMBER) != 0 and last_pure
    return words, words == 1 or counter or 2 * upper > letters or (letters == 0 and numbers > 0)
