"""Stat `find_pii`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, stat, text_array

from ._pii import KINDS, find_spans


@stat(
    "find_pii(text VARCHAR, kinds VARCHAR[] := ['email', 'ip', 'phone', 'credit_card', 'iban']) "
    "-> STRUCT(kind VARCHAR, start BIGINT, length BIGINT, value VARCHAR)[]"
)
def find_pii(text: pa.StringArray, kinds: list[str] | None) -> pa.ListArray:
    """Personal data found in the text: the kind, position, length and value of each piece.

    The position counts characters from 1, as `substr` does. Each kind of `kinds` is looked for by itself; of finds that
    overlap, the leftmost stays, then the longest, then the kind first in this list. The rules prefer a miss to a false
    find. Only ASCII characters are part of a find; a character outside ASCII always ends a word. Empty text gives an
    empty list.

    - email: 1 to 64 of `A-Za-z0-9_.%+-` (no dot last, no two dots, the first a letter, digit or `_`), `@`, and the
      longest domain of labels with at least one dot whose last label is two or more letters or `xn--...`, at most 253
      characters. Endings of image files are none: `logo@2x.png`.
    - ip: four decimal numbers of at most 255, the first not 0, without leading zeros; not inside a longer dotted
      number, not behind `letter/` or `letter-` (`Chrome/120.0.0.0`) nor a word such as `version` or `section`. Four
      single digits are none: in 190 MB of documents, 39 of 43 such (`1.2.3.4`) were versions or sections. An IPv6
      address in any form of RFC 4291 that lies in 2000::/3, fc00::/7, fe80::/10, ff00::/8, 64:ff9b::/32 or
      ::ffff:0:0/96; other valid ones, such as `::1` and `a::b`, are mostly code.
    - phone: `+` and an assigned country code, 9 to 15 digits in all (the exact number where the plan of a large country
      fixes it), with single spaces or hyphens between, or two dots or more, or a pair of brackets behind the code:
      `+44 (0)20 7946 0958`. North American `(212) 555-0123`, `212-555-0123`, `212.555.0123` and `1-212-555-0123`, with
      an area code and an exchange that the plan allows, but not with spaces alone. Hyphenated mobile numbers of China,
      Japan and Korea: `138-0013-8000`. No other number without a country code.
    - credit_card: 13 to 19 digits, in one or in groups of 4-4-.., 4-6-5 or 4-6-4 with one kind of separator (space or
      hyphen), with a valid Luhn digit, and first digits and length that a card network uses. Never a 13-digit number
      that is a valid bar code (EAN, ISBN).
    - iban: upper case, in one or in groups of four with single spaces, with the length of its country in the registry
      of ISO 13616 and a remainder of 1 modulo 97.

    Numbers stand apart: not next to a letter, digit, underscore or plus, nor to `.`, `,`, `-` or a leading `/` with a
    digit on its other side.

    Usual cut: none; `pii_count` counts the finds for a cut, `redact_pii` replaces them. Source: rules of juicesql over
    RFC 4291, the numbering plans of E.164, the prefixes of card networks and ISO 13616. Data-Juicer has no such
    operator: its clean_email and clean_ip mappers cover less, with no check of the values.
    """
    spans = find_spans(text, kinds)
    found = int(spans.rows[-1])
    starts, stops = spans.starts[:found], spans.stops[:found]
    positions, value_offsets = np.empty(found, np.int64), np.zeros(found + 1, np.int32)
    np.cumsum(stops - starts, out=value_offsets[1:])
    values = np.empty(max(1, int(value_offsets[-1])), np.uint8)
    _positions(spans.data, spans.offsets, spans.rows, starts, stops, positions, values)
    kind = pa.array(KINDS, pa.string()).take(pa.array(spans.kinds[:found]))
    lengths = pa.array((stops - starts).astype(np.int64))
    fields = [kind, pa.array(positions), lengths, text_array(values, value_offsets)]
    structs = pa.StructArray.from_arrays(fields, ["kind", "start", "length", "value"])
    return pa.ListArray.from_arrays(pa.array(spans.rows), structs)


@kernel
def _positions(data, offsets, rows, starts, stops, positions, values):
    """The position in characters of each find, and the bytes of all finds one after another."""
    at = 0
    for row in range(len(rows) - 1):
        i, position = int(offsets[row]), 1
        for k in range(rows[row], rows[row + 1]):
            while i < starts[k]:
                position += (data[i] & 0xC0) != 0x80
                i += 1
            positions[k] = position
            for j in range(starts[k], stops[k]):
                values[at] = data[j]
                at += 1
