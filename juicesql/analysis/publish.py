"""Writes the files that `juicesql analyze` is asked for, whole or not at all, and never over a foreign one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from juicesql.analysis.analyze import Analysis
from juicesql.analysis.diversity import Diversity, can_parse, diversity
from juicesql.analysis.tables import as_csv, as_markdown
from juicesql.pages import check_ours, is_page, write_text
from juicesql.plan import SAMPLE
from juicesql.reread import tables_of

if TYPE_CHECKING:
    from juicesql.running import Prepared
    from juicesql.sources import Source

MOST_PARSED = 1000  # texts that are read for verbs and nouns


@dataclass(frozen=True)
class Files:
    csv: Path | None = None
    markdown: Path | None = None
    html: Path | None = None


def check_files(files: Files) -> None:
    """ExportError before anything is measured where a foreign file stands in the way."""
    for path, ours, option in _asked(files):
        check_ours(path, ours, "analysis", option)


def write_files(found: Analysis, read: Prepared, files: Files) -> list[Path]:
    """Write what is asked for; returns the paths."""
    made: dict[str, Callable[[], str]] = {
        "--csv": lambda: as_csv(found), "--markdown": lambda: as_markdown(found),
        "--html": lambda: page(found, read.source),
    }  # fmt: skip
    return [write_text(path, made[option](), ours, "analysis", option) for path, ours, option in _asked(files)]


def page(found: Analysis, source: Source) -> str:
    """The report, with the rows at the ends of stats read again."""
    from juicesql.analysis.report import render, wanted_ids

    texts = _texts(source, found.text, wanted_ids(found.stats)) if found.text else {}
    return render(found, texts, _diversity(found, source))


def _asked(files: Files) -> Iterator[tuple[Path, Callable[[bytes], bool], str]]:
    if files.csv:
        yield files.csv, lambda start: start.startswith(b"stat,per,rows,"), "--csv"
    if files.markdown:
        yield files.markdown, lambda start: b"std is that of a sample (n - 1)" in start, "--markdown"
    if files.html:
        yield files.html, is_page, "--html"


def _texts(source: Source, column: str, ids: Collection[int]) -> dict[int, str | None]:
    out: dict[int, str | None] = {}
    for table in tables_of(source, ids):
        out |= dict(zip(table[SAMPLE].to_pylist(), table[column].to_pylist(), strict=True))
    return out


def _diversity(found: Analysis, source: Source) -> Diversity | None:
    """Of the first texts, where a model can parse them."""
    if not found.text or not can_parse():
        return None
    return diversity(islice(_all_texts(source, found.text), MOST_PARSED))


def _all_texts(source: Source, column: str) -> Iterator[str]:
    for morsel in source.morsels(max_rows=MOST_PARSED):
        values = morsel.load().table.column(column)
        if pa.types.is_string(values.type):
            yield from (v for v in values.to_pylist() if v)
