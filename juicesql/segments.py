"""Measured values on their way to the stats database: small Parquet files of (content key, value).

`segments/<function>@<identity>/<name>-<crc>.parquet`, written beside its name and renamed. The name holds the CRC-32 of
the content, so a file that a loss of power left torn is known without a flush of the disk for each of them. Any engine
and any worker may write one; only the run's end reads them into the database.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.known import Keys

_NAME = re.compile(r"[0-9a-f]{32}-([0-9a-f]{8})\.parquet")
_SCHEMA = ["key_high", "key_low", "value"]


def folder_of(segments: Path, function: str, identity: str) -> Path:
    return segments / f"{function}@{identity[:16]}"


def write_parquet(table: pa.Table, path: Path, compression: str = "none") -> None:
    """Write a table beside `path` and rename it there."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        _write(table, partial, compression)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write(table: pa.Table, where: Path | pa.NativeFile, compression: str = "none") -> None:
    pq.write_table(
        table, where, compression=compression, use_dictionary=False, write_statistics=["__rid"], store_schema=False
    )


def write_segment(segments: Path, function: str, identity: str, high: Keys, low: Keys, values: pa.Array) -> Path:
    """Keep measured values; returns the file."""
    folder = folder_of(segments, function, identity)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = pa.BufferOutputStream()
    _write(pa.table({"key_high": pa.array(high), "key_low": pa.array(low), "value": values}), buffer)
    content = buffer.getvalue()
    path = folder / f"{uuid.uuid4().hex}-{zlib.crc32(content):08x}.parquet"
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def finished(segments: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each function's folder and its finished segments."""
    for folder in sorted(segments.glob("*@*")) if segments.is_dir() else ():
        yield folder, sorted(folder.glob("*.parquet"))


def is_whole(path: Path) -> bool:
    """Whether a segment holds what was written: by the CRC in its name, else (earlier versions) by reading it."""
    try:
        if named := _NAME.fullmatch(path.name):
            return zlib.crc32(path.read_bytes()) == int(named[1], 16)
        return bool(pq.read_table(path).column_names == _SCHEMA)
    except (pa.ArrowException, OSError):
        return False


def set_aside(path: Path, torn: Path) -> Path:
    """Move a torn segment where no run reads it; returns its new place."""
    torn.mkdir(parents=True, exist_ok=True)
    place = torn / f"{path.parent.name}-{path.name}"
    os.replace(path, place)
    return place


def clear(segments: Path) -> None:
    """Remove segments that the database holds now, and partial ones of a killed run."""
    shutil.rmtree(segments, ignore_errors=True)
