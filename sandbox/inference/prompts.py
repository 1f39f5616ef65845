"""Prompts for a model: read from any dataset, or from a text file with one a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.sources import SourceSpec, open_source

from ..base import Context
from ..errors import SandboxError
from .probing import require, write_rows


@dataclass(frozen=True)
class InferSettings:
    """What every model that answers prompts may be told."""

    model: str | None = None  # by default what the newest job trained
    dataset_path: str | None = None  # the prompts; by default the newest dataset. A .txt file has one a line
    prompt_key: str = "prompt"  # the column of the prompts
    sampling_params: Mapping[str, Any] = field(default_factory=dict)  # how to answer, such as max_new_tokens
    infer_res_key: str = "output"  # the column of the answers
    export_path: str | None = None  # where to write them; by default in the folder of the job


def write_prompts(context: Context, settings: InferSettings) -> Path:
    """The prompts as Parquet: `sample_id`, `prompt` and the other columns of the dataset."""
    data, path = context.dataset(settings.dataset_path), context.folder / "prompts.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    if data.suffix == ".txt":
        pq.write_table(_lines(data), path)
        return path
    source = open_source(SourceSpec((str(data),)))
    require(source, settings.prompt_key)
    others = {c: c for c in source.schema.names if c != settings.infer_res_key}
    write_rows(source, path, {**others, "prompt": settings.prompt_key})
    return path


def _lines(path: Path) -> pa.Table:
    try:
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError.of("no-file", f"cannot read {path}: {error}", "give a text file in UTF-8") from error
    return pa.table({"sample_id": pa.array(range(len(lines)), pa.int64()), "prompt": pa.array(lines, pa.string())})


def outputs_file(context: Context, settings: InferSettings) -> Path:
    """Where the answers go; the folder is made."""
    path = Path(settings.export_path) if settings.export_path else context.folder / "outputs.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
