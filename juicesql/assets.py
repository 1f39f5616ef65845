"""Files that functions read, such as models and word lists: where they are kept, and the digests that identify them.

A stored value is kept under the digest of every asset that it came from, so a changed file makes it stale.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juicesql.errors import FunctionError
from juicesql.kernels import cache_folder, cache_home

if TYPE_CHECKING:
    from juicesql.api import Function

# What is fetched of a hub repository: weights without pickle, and text files. Never code.
HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


def models_home() -> Path:
    """Where models are kept: `JUICESQL_MODELS_CACHE`, default `models` in the cache home."""
    return Path(os.environ.get("JUICESQL_MODELS_CACHE") or cache_home() / "models")


def hub_home() -> Path:
    """The cache of huggingface_hub: `hub` in `JUICESQL_MODELS_CACHE` when that is set, else the library's own."""
    if os.environ.get("JUICESQL_MODELS_CACHE"):
        return models_home() / "hub"
    try:
        from huggingface_hub import constants
    except ImportError:
        return Path.home() / ".cache" / "huggingface" / "hub"
    return Path(constants.HF_HUB_CACHE)


def hub_model(name: str, files: Sequence[str] = HUB_FILES) -> Path:
    """The folder of a model: `name` itself when it is a folder or file, else the hub's `owner/name[@revision]`.

    The hub's cache is looked at first; only what `files` matches is downloaded. Nothing in the folder is executed.
    """
    local = Path(name).expanduser()
    if local.exists():
        return local
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        mend = "pip install 'juicesql[models]', or give the path of a folder"
        raise FunctionError.of(
            "no-model", f"there is no folder {name!r}, and huggingface_hub is missing", mend
        ) from error
    repository, _, revision = name.partition("@")
    fetch: dict[str, Any] = {
        "repo_id": repository,
        "revision": revision or None,
        "allow_patterns": list(files),
        "cache_dir": hub_home(),
    }
    for offline in (True, False):
        try:
            return Path(snapshot_download(**fetch, local_files_only=offline))
        except Exception as error:  # many kinds: not cached, no such name, no network, gated
            cause = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    mend = f"`juicesql models pull {name}` where the hub can be reached, or give the path of a folder instead"
    raise FunctionError.of("no-model", f"the model {name!r} is not here and could not be fetched ({cause})", mend)


def asset_digest(function: Function, parameters: Mapping[str, Any]) -> str:
    """One digest over the files and versions that the function says it reads; '' when it reads none."""
    if function.assets is None:
        return ""
    named = {a.name: parameters[a.name] for a in function.signature.parameters}
    return digest(function.assets(**named))


def digest(assets: Iterable[Path | str]) -> str:
    """SHA-256 over files, folders (every file in them by relative name) and plain strings such as versions."""
    whole = hashlib.sha256()
    known = _Known()
    for asset in assets:
        if isinstance(asset, str):
            whole.update(f"{asset}\0".encode())
            continue
        files = sorted(p for p in asset.rglob("*") if p.is_file()) if asset.is_dir() else [asset]
        for file in files:
            relative = file.relative_to(asset).as_posix() if asset.is_dir() else ""
            whole.update(f"{relative}\0{known.digest(file)}\0".encode())
    known.save()
    return whole.hexdigest()


def sha256_of(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class _Known:
    """Digests by path, size and time of change, kept on disk: a model of gigabytes is read once."""

    def __init__(self) -> None:
        self.path = cache_home() / "digests.json"
        self.changed = False
        try:
            self.entries: dict[str, list[Any]] = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            self.entries = {}

    def digest(self, file: Path) -> str:
        status = file.stat()
        stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
        entry = self.entries.get(str(file.resolve()))
        if entry and entry[:-1] == stamp:
            return str(entry[-1])
        found = sha256_of(file)
        self.entries[str(file.resolve())] = [*stamp, found]
        self.changed = True
        return found

    def save(self) -> None:
        if self.changed:
            partial = (cache_folder() / self.path.name).with_suffix(f".{os.getpid()}.json")
            partial.write_text(json.dumps(self.entries), "utf-8")
            partial.replace(self.path)
