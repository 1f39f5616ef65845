"""Stat `unspaced_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import decode
from ._layout import LETTER, UNSPACED, layout_classes


@stat("unspaced_ratio(text VARCHAR) -> DOUBLE")
def unspaced_ratio(text: pa.StringArray) -> pa.DoubleArray:
    """Share of the letters that belong to a script written without spaces between words.

    unspaced_ratio = letters (`str.isalpha`) of Chinese, Japanese, Thai, Lao, Khmer, Myanmar, Tibetan, Tai, Yi, Javanese
    or Balinese script / letters. No letters, or empty: 0. Korean puts spaces and does not count.

    Stats of words split Chinese, Japanese, Thai, Lao, Khmer and Myanmar by themselves (`splitter`), but limits that
    were made for English words, such as those of `mean_word_length`, do not fit such text.
    Usual cut: <= 0.3, or let such text pass the stats of words:
    `(unspaced_ratio(text) > 0.3 or mean_word_length(text) between 3 and 10)`. Source: juicesql, with the blocks of
    Unicode.
    """
    return map_utf8(_unspaced_ratio, text, np.float64, layout_classes())


@kernel
def _unspaced_ratio(data, offsets, out, flags):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        letters = unspaced = 0
        while i < stop:
            b = int(data[i])
            if b < 0x80:
                i += 1
                letters += (flags[b] & LETTER) != 0
            else:
                c, i = decode(data, i)
                if flags[c] & LETTER:
                    letters += 1
                    unspaced += (flags[c] & UNSPACED) != 0
        out[row] = unspaced / letters if letters else 0.0
