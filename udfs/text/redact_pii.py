"""Mapper `redact_pii`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, mapper, text_array

from ._pii import KINDS, find_spans


@mapper(
    "redact_pii(text VARCHAR, kinds VARCHAR[] := ['email', 'ip', 'phone', 'credit_card', 'iban'], "
    "repl VARCHAR := NULL) -> VARCHAR"
)
def redact_pii(text: pa.StringArray, kinds: list[str] | None, repl: str | None) -> pa.StringArray:
    """Replace personal data by a tag: <EMAIL>, <IP>, <PHONE>, <CREDIT_CARD> or <IBAN>.

    See `find_pii` for what is found; all else stays as it is. `repl` is put in the place of every find instead of its
    tag, as it stands. Empty text stays empty.
    Source: the rules of `find_pii`. Data-Juicer has no such operator.
    """
    spans = find_spans(text, kinds)
    found = int(spans.rows[-1])
    if not found:
        return text
    tags = [f"<{kind.upper()}>" if repl is None else repl for kind in KINDS]
    encoded = [tag.encode() for tag in tags]
    tag_data = np.frombuffer(b"".join(encoded) + b"\0", np.uint8)
    tag_offsets = np.cumsum([0, *map(len, encoded)])
    grown = int((tag_offsets[1:] - tag_offsets[:-1])[spans.kinds[:found]].sum())
    removed = int((spans.stops[:found] - spans.starts[:found]).sum())
    out = np.empty(max(1, int(spans.offsets[-1] - spans.offsets[0]) - removed + grown), np.uint8)
    out_offsets = np.zeros(len(text) + 1, np.int32)
    finds = spans.rows, spans.starts, spans.stops, spans.kinds
    _redact(spans.data, spans.offsets, *finds, tag_data, tag_offsets, out, out_offsets)
    return text_array(out, out_offsets)


@kernel
def _redact(data, offsets, rows, starts, stops, kinds, tag_data, tag_offsets, out, out_offsets):
    at = 0
    for row in range(len(rows) - 1):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        for k in range(rows[row], rows[row + 1]):
            at = _copy(data, i, starts[k], out, at)
            at = _copy(tag_data, tag_offsets[kinds[k]], tag_offsets[kinds[k] + 1], out, at)
            i = int(stops[k])
        at = _copy(data, i, stop, out, at)
        out_offsets[row + 1] = at


@kernel
def _copy(data, i, stop, out, at):
    for k in range(stop - i):
        out[at + k] = data[i + k]
    return at + stop - i
