"""Files that mappers make: named by what they are made of, whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from juicesql.api import media_settings

from ._media import open_file


def produced(
    function: str,
    version: int,
    sources: Sequence[str],
    parameters: Mapping[str, Any],
    suffix: str,
    write: Callable[[str], None],
    save_dir: str = "",
) -> str:
    """The path of a file that `function` makes of the files `sources`; `write(path)` makes it when it is not there yet.

    The name is a digest of the function, its version, the parameters and the content of the sources, so equal work
    gives one file, whichever run asks for it. `write` gets a temporary name with the same suffix in the same folder;
    the file gets its own name only when it is whole and on the disk, so one of a killed run is never taken for a good
    one. It goes to `save_dir`, which begins where other relative paths do, or to a folder of the function's name in the
    run's folder of produced media.
    """
    settings = media_settings()
    name = _digest(function, version, sources, parameters) + suffix
    told = os.path.join(save_dir or os.path.join(settings.produced, function), name)
    target = Path(settings.root, told)
    folder = target.parent
    if target.exists():
        return told
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".unfinished-", suffix=suffix, dir=folder)
    os.close(handle)
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return told


def _digest(function: str, version: int, sources: Sequence[str], parameters: Mapping[str, Any]) -> str:
    named = json.dumps([function, version, dict(parameters), [content_of(s) for s in sources]], sort_keys=True)
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def content_of(path: str) -> str:
    """The SHA-256 of the content of a file; read once for many files that are made of it."""
    found = Path(media_settings().path(path)).stat()
    return _content(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _content(path: str, *_: int) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
