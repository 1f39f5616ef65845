"""The build backend: setuptools, but that an editable install is found before a folder of the same name.

Where a clone lies in a folder called `juicesql`, Python in the folder above takes that for a namespace package, and
asks the finder that setuptools installs last. Here that finder is asked first; it answers for our packages only.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401
    build_sdist,
    build_wheel,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

LAST, FIRST = "sys.meta_path.append(_EditableFinder)", "sys.meta_path.insert(0, _EditableFinder)"


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """The editable wheel of setuptools, with its finder first."""
    name: str = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    _ask_first(Path(wheel_directory) / name)
    return name


def _ask_first(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {info: archive.read(info) for info in archive.infolist()}
    changed = {i.filename: d.replace(LAST.encode(), FIRST.encode()) for i, d in files.items() if LAST.encode() in d}
    if not changed:
        raise RuntimeError("this setuptools writes another finder: see juicesql_build.py")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in files.items():
            text = changed.get(info.filename, data)
            archive.writestr(info, _record(data, changed) if info.filename.endswith(".dist-info/RECORD") else text)


def _record(record: bytes, changed: dict[str, bytes]) -> bytes:
    """The list of files with the digests and sizes of those that were changed."""
    lines = []
    for line in record.decode().splitlines():
        name = line.split(",")[0]
        if name in changed:
            digest = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest()).rstrip(b"=").decode()
            line = f"{name},sha256={digest},{len(changed[name])}"
        lines.append(line)
    return ("\n".join(lines) + "\n").encode()
