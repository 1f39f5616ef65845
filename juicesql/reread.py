"""Reads samples of a recorded run again from its source, as they stand there now."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.errors import JuiceError, SourceError, nearest
from juicesql.media import MediaSettings
from juicesql.plan import SAMPLE
from juicesql.project import Project
from juicesql.recipe import Config, render
from juicesql.runs import RunRecord
from juicesql.sources import Source, SourceSpec, open_source

_SAMPLED = re.compile(r" \(\d+ rows sampled\)$")  # as analyze and sampling write them
_SAMPLED_FINGERPRINT = re.compile(r"-sample-\d+$")


@dataclass(frozen=True)
class Reread:
    """`values` of one column by sample_id; samples that cannot be read have none."""

    column: str
    values: dict[int, Any]
    changed: bool  # the files are not what they were in the run, so a sample_id may be another row


def reread(run: RunRecord, project: Project, sample_ids: Collection[int], column: str = "") -> Reread:
    """One column of these samples; without a name `text`, else the first column of text.

    SourceError when the source cannot be found any more, or has no such column.
    """
    source = _open(run, project, _config(run, project))
    chosen = _column(source.schema, column)
    values: dict[int, Any] = {}
    for table in tables_of(source, sample_ids):
        values |= dict(zip(table[SAMPLE].to_pylist(), table[chosen].to_pylist(), strict=True))
    return Reread(chosen, values, source.fingerprint != run.source_fingerprint)


@dataclass(frozen=True)
class Rows:
    """Whole rows by sample_id; samples that cannot be read have none."""

    columns: pa.Schema
    rows: dict[int, dict[str, Any]]
    changed: bool  # as above
    media: MediaSettings  # where the files that the rows name are

    @classmethod
    def none(cls) -> Rows:
        return cls(pa.schema([]), {}, False, MediaSettings())


def reread_rows(run: RunRecord, project: Project, sample_ids: Collection[int]) -> Rows:
    """All columns of these samples. SourceError when the source cannot be found any more."""
    config = _config(run, project)
    source = _open(run, project, config)
    rows = {row.pop(SAMPLE): row for table in tables_of(source, sample_ids) for row in table.to_pylist()}
    return Rows(source.schema, rows, source.fingerprint != run.source_fingerprint, _media(config, source, project))


def source_of(run: RunRecord, project: Project) -> Source:
    """The whole source of a run, opened again: its `sample_id`s are those of the run, also of an analysis of a sample.

    SourceError when it cannot be found any more, or when its files are not what they were.
    """
    name, fingerprint = _SAMPLED.sub("", run.source), _SAMPLED_FINGERPRINT.sub("", run.source_fingerprint)
    whole = replace(run, source=name, source_fingerprint=fingerprint)
    source = _open(whole, project, _config(run, project))
    if source.fingerprint != fingerprint:
        mend = "measure it again, so that samples and values belong together"
        raise SourceError.of("source-changed", f"{name} is not what it was in run {run.run_id}", mend)
    return source


def _media(config: Config, source: Source, project: Project) -> MediaSettings:
    """As in a run: relative names begin at the folder of the source, unless the recipe names another root."""
    first = source.files[0].path if source.files else ""
    near = Path(first).parent if "://" not in first else Path()
    base = project.base
    root = base / config.media_root if config.media_root else near
    return MediaSettings(root=str(root.absolute()), confined=bool(config.media_root))


def _config(run: RunRecord, project: Project) -> Config:
    return project.config(render(run.template, Path(run.recipe_path), project.registry(), run.variables))


def _open(run: RunRecord, project: Project, config: Config) -> Source:
    """The source as the run saw it, or else the first that answers to what the run called it."""
    first: Source | None = None
    failed: JuiceError | None = None
    for spec in _specs(run.source, config, project):
        try:
            found = open_source(spec)
        except JuiceError as error:
            failed = failed or error
            continue
        if found.fingerprint == run.source_fingerprint:
            return found
        first = first or found
    if first is None:
        raise failed or SourceError.of("no-input", f"run {run.run_id} had no source", "run the recipe again")
    return first


def _specs(name: str, config: Config, project: Project) -> Iterator[SourceSpec]:
    """A run notes its inputs as one string, and not whether they came from the recipe or from the command line."""
    own = name == " ".join(config.sources)
    folders = list(dict.fromkeys([project.base, Path.cwd()]))
    for inputs in dict.fromkeys([*([config.sources] if own else []), (name,), tuple(name.split())]):
        for folder in folders:
            yield config.source_spec(inputs, folder)


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
