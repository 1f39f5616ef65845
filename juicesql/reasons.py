"""Why rows failed, in few words: equal messages together, the most frequent first, each with a sample to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from juicesql.mapstage import RowFailure
from juicesql.sources import RowError

MOST = 5
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|/\S+|-?\d+(?:\.\d+)?")  # what is a row's own in a message


@dataclass(frozen=True)
class Reason:
    """Rows that failed in one function (`source`: could not be read) for one reason; `message` is that of the sample.

    `sample_id` is -1 where rows are no samples any more.
    """

    function: str
    message: str
    rows: int
    sample_id: int

    def __str__(self) -> str:
        at = f"   (sample {self.sample_id})" if self.sample_id >= 0 else ""
        return f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}: {self.function}: {self.message}{at}"


def reasons(
    source: Iterable[RowError], rows: Iterable[RowFailure], groups: Iterable[RowFailure] = ()
) -> tuple[Reason, ...]:
    """The distinct reasons. Messages that differ in a number, a path or quoted text only are one reason."""
    listed = [("source", e.message, e.sample_id) for e in source]
    listed += [(f.function, f.message, f.sample_id) for f in rows]
    listed += [(f.function, f.message, -1) for f in groups]
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for function, message, sample_id in listed:
        text = " ".join(message.split())
        found.setdefault((function, _OWN.sub("…", text)), []).append((sample_id, text))
    made = [Reason(name, min(seen)[1], len(seen), min(seen)[0]) for (name, _), seen in found.items()]
    return tuple(sorted(made, key=lambda r: (-r.rows, r.function, r.sample_id)))
