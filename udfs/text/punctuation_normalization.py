"""Mapper `punctuation_normalization`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, mapper, rewrite_utf8

from ._chars import decode
from ._parity import as_peer

REPLACED = {
    "，、": ",", "。": ".", "„”“«»」「《》": '"', "´’": "'", "∶：": ":", "？": "?", "！": "!", "（": "(", "）": ")",
    "；": ";", "–━►": "-", "—": " - ", "．": ". ", "～": "~", "…": "...", "〈": "<", "〉": ">", "【": "[", "】": "]",
    "％": "%",
}  # fmt: skip
OF_THE_PEER = {**REPLACED, "１": '"'}


@mapper("punctuation_normalization(text VARCHAR, parity VARCHAR := NULL) -> VARCHAR")
def punctuation_normalization(text: pa.StringArray, parity: str | None) -> pa.StringArray:
    """Turn 33 Chinese, typographic and full-width punctuation marks into ASCII ones.

    One mark becomes one, but — becomes ` - `, ．becomes `. ` and … becomes `...`. With `parity := 'data-juicer'` the
    full-width digit １ becomes a double quote, a slip of the source; by default digits stay. Empty text stays empty.
    Source: Data-Juicer's punctuation_normalization_mapper, after the data preparation of BigScience ROOTS (Laurençon
    and others 2022).
    """
    return rewrite_utf8(_punctuation, text, 1, _of_the_peer() if as_peer(parity) else _table())


def _table() -> np.ndarray:
    return char_table("punctuation-2", lambda: _packed(REPLACED))


def _of_the_peer() -> np.ndarray:
    return char_table("punctuation-peer-2", lambda: _packed(OF_THE_PEER))


def _packed(replaced: dict[str, str]) -> np.ndarray:
    """The ASCII replacement of each code point, its first byte lowest; 0 where nothing changes."""
    table = np.zeros(0x110000, np.uint32)
    for chars, ascii_ in replaced.items():
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
