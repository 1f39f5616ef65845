"""Reads samples of a recorded run again from its source, as they stand there now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import SourceError, nearest
from juicesql.media import MediaSettings
from juicesql.origin import Origin, media_settings_of, origin_of, plain_fingerprint, reopen
from juicesql.plan import SAMPLE
from juicesql.project import Project
from juicesql.runs import RunRecord
from juicesql.sources import Source


@dataclass(frozen=True)
class Reread:
    """`values` of one column by sample_id; samples that cannot be read have none."""

    column: str
    values: dict[int, Any]
    changed: bool  # the files are not what they were in the run, so a sample_id may be another row


def reread(
    run: RunRecord, project: Project, sample_ids: Collection[int], column: str = "", remote: bool = True
) -> Reread:
    """One column of these samples; without a name `text`, else the first column of text.

    SourceError when the source cannot be found any more, has no such column, or lies on another machine and `remote`
    is off. No code of the project runs.
    """
    _, source = _open(run, project, remote)
    chosen = _column(source.schema, column)
    values: dict[int, Any] = {}
    for table in tables_of(source, sample_ids):
        values |= dict(zip(table[SAMPLE].to_pylist(), table[chosen].to_pylist(), strict=True))
    return Reread(chosen, values, _changed(run, source))


@dataclass(frozen=True)
class Rows:
    """Whole rows by sample_id; samples that cannot be read have none."""

    columns: pa.Schema
    rows: dict[int, dict[str, Any]]
    changed: bool  # as above
    media: MediaSettings  # where the files that the rows name are
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # call -> column of files -> kind

    @classmethod
    def none(cls) -> Rows:
        return cls(pa.schema([]), {}, False, MediaSettings())


def reread_rows(run: RunRecord, project: Project, sample_ids: Collection[int], remote: bool = True) -> Rows:
    """All columns of these samples. SourceError as from `reread`."""
    origin, source = _open(run, project, remote)
    rows = {row.pop(SAMPLE): row for table in tables_of(source, sample_ids) for row in table.to_pylist()}
    media = media_settings_of(origin, source, project.root)
    return Rows(source.schema, rows, _changed(run, source), media, origin.media)


def source_of(run: RunRecord, project: Project) -> Source:
    """The whole source of a run, opened again: its `sample_id`s are those of the run, also of an analysis of a sample.

    SourceError when it cannot be found any more, or when its files are not what they were.
    """
    origin, source = _open(run, project)
    if _changed(run, source):
        mend = "measure it again, so that samples and values belong together"
        raise SourceError.of(
            "source-changed", f"{' '.join(origin.inputs)} is not what it was in run {run.run_id}", mend
        )
    return source


def _open(run: RunRecord, project: Project, remote: bool = True) -> tuple[Origin, Source]:
    origin = origin_of(run.plan, run.source)
    if origin.remote and not remote:
        mend = "`juicesql show` and `juicesql dups` read it again"
        raise SourceError.of(
            "remote-source", f"{' '.join(origin.inputs)} is on another machine, which is not asked", mend
        )
    return origin, reopen(origin, project.root, run.source_fingerprint)


def _changed(run: RunRecord, source: Source) -> bool:
    return source.fingerprint != plain_fingerprint(run.source_fingerprint)


def _column(schema: pa.Schema, asked: str) -> str:
    texts = [f.name for f in schema if pa.types.is_string(f.type)]
    if not asked and texts:
        return "text" if "text" in texts else texts[0]
    if asked not in schema.names:
        mend = nearest(asked, schema.names) or f"the source has {', '.join(schema.names)}"
        raise SourceError.of("missing-column", f"the source has no column {asked or 'of text'}", mend)
    return asked


def tables_of(source: Source, wanted: Collection[int]) -> Iterator[pa.Table]:
    """The rows of these samples, morsel by morsel, until all are found."""
    left = set(wanted)
    for morsel in source.morsels():
        here = {i for i in left if morsel.first_id <= i < morsel.first_id + morsel.rows}
        if here:
            table = morsel.load().table
            yield table.filter(pc.is_in(table[SAMPLE], pa.array(sorted(here), pa.int64())))
            left -= here
        if not left:
            break
