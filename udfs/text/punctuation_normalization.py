"""Mapper `punctuation_normalization`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode

REPLACED = {
    "，、": ",", "。": ".", "„”“«»１」「《》": '"', "´’": "'", "∶：": ":", "？": "?", "！": "!", "（": "(", "）": ")",
    "；": ";", "–━►": "-", "—": " - ", "．": ". ", "～": "~", "…": "...", "〈": "<", "〉": ">", "【": "[", "】": "]",
    "％": "%",
}  # fmt: skip


@mapper("punctuation_normalization(text VARCHAR) -> VARCHAR")
def punctuation_normalization(text: pa.StringArray) -> pa.StringArray:
    """Turn 34 Chinese, typographic and full-width punctuation marks into ASCII ones.

    One mark becomes one, but — becomes ` - `, ．becomes `. ` and … becomes `...`. As in Data-Juicer the full-width
    digit １ becomes a double quote, which looks like a slip. Empty text stays empty.
    Source: Data-Juicer's punctuation_normalization_mapper, after the data preparation of BigScience ROOTS (Laurençon
    and others 2022).
    """
    return rewrite_utf8(_punctuation, text, 1, char_table("punctuation-1", _packed))


def _packed() -> np.ndarray:
    """The ASCII replacement of each code point, its first byte lowest; 0 where nothing changes."""
    table = np.zeros(0x110000, np.uint32)
    for chars, ascii_ in REPLACED.items():
        for char in chars:
            table[ord(char)] = int.from_bytes(ascii_.encode(), "little")
    return table


@kernel
def _punctuation(data, offsets, out, out_offsets, table):
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        while i < stop:
            if data[i] < 0x80:
                out[at] = data[i]
                at += 1
                i += 1
            else:
                c, after = decode(data, i)
                packed = table[c]
                if packed:
                    changed = True
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
    return changed
