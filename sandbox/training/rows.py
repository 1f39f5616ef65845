"""Rows of a dataset for training, read in pieces; rows that cannot be learned from are counted, not raised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from juicesql.errors import SourceError
from juicesql.sources import SourceSpec, open_source

from ..errors import SandboxError

_MARKS = re.compile(r"<__dj__(?:image|video|audio)>|<\|__dj__eoc\|>")


def read_rows(path: Path, columns: Mapping[str, str], rest: bool = False) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Pieces of the dataset: its readable rows, and how many could not be read.

    `columns` maps a name to the column that it is read from; the rows have these names only, unless `rest` is asked
    for too. SourceError for a missing file or column, SandboxError for a dataset without rows.
    """
    try:
        source = open_source(SourceSpec((str(path),), columns))
    except SourceError as error:
        if error.problems[0].code == "empty-source":
            raise empty(path, 0) from error
        raise
    for morsel in source.morsels():
        loaded = morsel.load()
        table = loaded.table.drop_columns(["sample_id"]) if rest else loaded.table.select(list(columns))
        yield table.to_pylist(), len(loaded.errors)


def empty(path: Path, rows: int) -> SandboxError:
    """The error for a dataset with nothing to learn from."""
    found = f"none of its {rows} rows can be used" if rows else "it has no rows"
    mend = "loosen the cuts of the recipe that wrote it, or check text_key and image_key"
    return SandboxError.of("empty-dataset", f"nothing to train on in `{path}`: {found}", mend)


def plain_text(value: Any) -> str | None:
    """The text to learn, without the marks of Data-Juicer for media and chunks; None where there is none."""
    if not isinstance(value, str):
        return None
    return _MARKS.sub(" ", value).strip() or None if "__dj__" in value else (value if value.strip() else None)


def first_path(value: Any) -> str | None:
    """The first path of a list of media, or a path that stands alone."""
    found = value[0] if isinstance(value, list) and value else value
    return found if isinstance(found, str) and found else None
