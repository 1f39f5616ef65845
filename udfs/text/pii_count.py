"""Stat `pii_count`."""

import numpy as np
import pyarrow as pa

from juicesql.api import stat

from ._pii import find_spans


@stat(
    "pii_count(text VARCHAR, kinds VARCHAR[] := ['email', 'ip', 'phone', 'credit_card', 'iban']) -> BIGINT",
)
def pii_count(text: pa.StringArray, kinds: list[str] | None) -> pa.Int64Array:
    """Number of e-mail addresses, IP addresses, phone numbers, card numbers and IBANs in the text.

    See `find_pii` for what counts; finds do not overlap. Empty text: 0.
    Usual cut: = 0, or <= 3 for web pages, which name a contact. Source: the rules of `find_pii`.
    """
    return pa.array(np.diff(find_spans(text, kinds).rows).astype(np.int64))
