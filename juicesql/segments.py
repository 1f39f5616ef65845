"""Measured values on their way to the stats database: small Parquet files of (content key, value).

`stats/<function>@<identity>/<name>.parquet`, written beside its name and renamed, so a finished file is whole.
Any engine and any worker may write one; only the run's end reads them into the database.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.known import Keys


def folder_of(stats: Path, function: str, identity: str) -> Path:
    return stats / f"{function}@{identity[:16]}"


def write_parquet(table: pa.Table, path: Path, compression: str = "none") -> None:
    """Write a table beside `path` and rename it there."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        pq.write_table(
            table,
            partial,
            compression=compression,
            use_dictionary=False,
            write_statistics=["__rid"],
            store_schema=False,
        )
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_segment(stats: Path, function: str, identity: str, high: Keys, low: Keys, values: pa.Array) -> Path:
    """Keep measured values; returns the file."""
    folder = folder_of(stats, function, identity)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.parquet"
    write_parquet(pa.table({"key_high": pa.array(high), "key_low": pa.array(low), "value": values}), path)
    return path


def finished(stats: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each function's folder and its finished segments."""
    for folder in sorted(stats.glob("*@*")) if stats.is_dir() else ():
        yield folder, sorted(folder.glob("*.parquet"))


def clear(stats: Path) -> None:
    """Remove segments that the database holds now, and partial ones of a killed run."""
    shutil.rmtree(stats, ignore_errors=True)
