"""What tells whether a job that an earlier attempt did is still done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .base import Job
from .recipes import recipe_facts
from .store import JobRecord

MOST_HASHED = 64 << 20
_MADE = ("dataset", "model", "recipe", "losses", "outputs", "paths")  # results that are paths


def still_done(record: JobRecord, chain: str) -> bool:
    """Whether a job is done as it would be done now, and what it made is still there."""
    made = [p for key in _MADE for p in _texts(record.result.get(key))]
    gone = any(Path(p).is_absolute() and not Path(p).exists() for p in made)
    return record.status == "done" and record.fingerprint == chain and not gone


def facts(job: Job, project: Path) -> str:
    """What decides the result of a job besides the jobs before it."""
    named = [json.dumps([job.hook, job.meta_name, job.recipe, job.extra, job.output], default=str, sort_keys=True)]
    named += [recipe_facts(job, project)] if job.recipe else []
    return "\n".join([*named, *(_file_facts(Path(text)) for text in _texts(job.extra))])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) < 4096 and "\n" not in value:
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _file_facts(path: Path) -> str:
    """What tells one content of a file from another; "" for what is no file."""
    try:
        if not path.is_file():
            return ""
        size = path.stat().st_size
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if size <= MOST_HASHED else path.stat().st_mtime_ns
    except (OSError, ValueError):
        return ""
    return f"{size} {digest}"


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
