"""Stat `alpha_token_ratio`."""

import numpy as np
import pyarrow as pa

from juicesql.api import char_table, kernel, map_utf8, stat

from ._chars import decode
from ._tokens import counter_assets, token_counter


@stat(
    "alpha_token_ratio(text VARCHAR, hf_tokenizer VARCHAR := 'EleutherAI/pythia-6.9b-deduped') -> DOUBLE",
    runs_on="device",
    extra="tokenizers",
    assets=counter_assets,
)
class AlphaTokenRatio:
    """Mean number of letters in a token: low for digits, symbols and scripts that the tokenizer takes apart.

    alpha_token_ratio = characters for which `str.isalpha` holds / tokens as `num_token` counts them, which also says
    what `hf_tokenizer` may be. English prose has about 3.5 to 4.5, random bytes less than 1. No tokens, or empty: 0.

    Usual cut: >= 0.25. Source: Data-Juicer's alphanumeric_filter with `tokenization`, where the tokenizer cannot be
    chosen.
    """

    def __init__(self, hf_tokenizer: str) -> None:
        self.count = token_counter(hf_tokenizer)

    def __call__(self, text: pa.StringArray) -> pa.DoubleArray:
        tokens = self.count(text)
        letters = map_utf8(_count_letters, text, np.int64, char_table("letters-1", _letters)).to_numpy()
        return pa.array(np.divide(letters, tokens, out=np.zeros(len(tokens)), where=tokens > 0))


def _letters() -> np.ndarray:
    return np.array([chr(c).isalpha() for c in range(0x110000)], np.uint8)


@kernel
def _count_letters(data, offsets, out, table):
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        letters = 0
        while i < stop:
            b = data[i]
            if b < 0x80:
                letters += table[b]
                i += 1
            else:
                c, i = decode(data, i)
                letters += table[c]
        out[row] = letters
