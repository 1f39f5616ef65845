"""The models that functions use: which there are, where they are kept, and pulling, checking and removing them.

The catalog is `_assets/models.toml`. What is pulled or trained lies in the models folder beside a manifest
(`NAME.manifest.json`: origin, files, digests); models of the hub lie in the cache of huggingface_hub. Only what has a
manifest or is an entry of that cache is ever removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from juicesql.archives import unpack
from juicesql.assets import HUB_FILES, hub_home, models_home, sha256_of
from juicesql.downloads import Report, fetch
from juicesql.errors import JuiceError, nearest

MANIFEST = ".manifest.json"
MAX_BYTES = 8 << 30
_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*(@[\w.-]+)?")
_LANGUAGE = "[a-z]{2,3}"


@dataclass(frozen=True)
class Model:
    """An entry of the catalog, or something that was pulled by its address or trained."""

    name: str
    about: str = ""
    used_by: tuple[str, ...] = ()
    url: str = ""
    hub: str = ""
    files: tuple[str, ...] = HUB_FILES
    place: str = ""
    inside: str = ""
    sha256: str = ""
    bytes: int = 0

    @property
    def path(self) -> Path:
        """Where it is when it is here: a file or a folder."""
        if self.hub:
            return hub_home() / ("models--" + self.hub.partition("@")[0].replace("/", "--"))
        return models_home() / (self.place or self.name)

    @property
    def here(self) -> bool:
        return any(self.path.glob("snapshots/*/*")) if self.hub else self.path.exists()

    @property
    def manifest(self) -> Path:
        return self.path.with_name(self.path.name + MANIFEST)


def catalog() -> dict[str, Model]:
    """Every known model by name; `{lang}` in a name stands for a language code."""
    text = (Path(__file__).parent / "_assets" / "models.toml").read_text("utf-8")
    return {name: _entry(name, values) for name, values in tomllib.loads(text).items()}


def _entry(name: str, values: Mapping[str, Any]) -> Model:
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Model(name, **given)


def listed() -> list[Model]:
    """The catalog, what is here of its language models, and what was trained or pulled by address."""
    known = catalog()
    by_hand = {p.name for p in models_home().glob("*") if not p.name.endswith(MANIFEST)}
    more = [m for name in sorted(by_hand) if (m := _of_catalog(name, known))] + list(_kept())
    return list({**known, **{m.name: m for m in more if m.name not in known}}.values())


def find(name: str) -> Model:
    """The model of this name: of the catalog, trained, pulled by address, a hub id or an https address.

    An address whose file has the name of a model in the catalog is another place to get that one.
    """
    known = catalog()
    if found := _of_catalog(name, known):
        return found
    if "://" in name:
        file = _file_name(name)
        return replace(_of_catalog(file, known) or Model(file, "pulled by its address"), url=name)
    kept = {model.name: model for model in _kept()}
    if name in kept:
        return kept[name]
    if _HUB_ID.fullmatch(name) and not name.startswith("quality/"):
        return Model(name, "of the hub", hub=name)
    mend = nearest(name, [*known, *kept]) or "`juicesql models list` shows them; a hub id is owner/name"
    raise JuiceError.of("unknown-model", f"there is no model {name!r}", mend)


def _of_catalog(name: str, known: Mapping[str, Model]) -> Model | None:
    """The entry of this name, or the one that stands for it with a language."""
    for model in known.values():
        head, lang, tail = model.name.partition("{lang}")
        if not lang and model.name == name:
            return model
        hit = re.fullmatch(f"{re.escape(head)}({_LANGUAGE}){re.escape(tail)}", name) if lang else None
        if hit:
            return replace(model, name=name, url=model.url.replace("{lang}", hit.group(1)))
    return None


def _file_name(url: str) -> str:
    name = PurePosixPath(urlsplit(url).path).name
    if not name or name.startswith(".") or name.endswith(MANIFEST):
        raise JuiceError.of("refused-address", f"{url} names no file", "give the address of a file")
    return name


def _kept() -> Iterator[Model]:
    """What has a manifest in the models folder."""
    home = models_home()
    for manifest in sorted(home.rglob(f"*{MANIFEST}")):
        place = manifest.relative_to(home).as_posix().removesuffix(MANIFEST)
        if place.split("/")[0] == "hub":
            continue
        try:
            told = json.loads(manifest.read_text("utf-8"))
            yield Model(str(told["name"]), str(told["about"]), tuple(told["used_by"]), str(told["url"]), place=place)
        except (OSError, ValueError, KeyError, TypeError):
            yield Model(place, "its manifest cannot be read", place=place)


def size_of_files(model: Model) -> int:
    """Bytes on disk; each file of the hub's cache is counted once."""
    path = model.path / "blobs" if model.hub and (model.path / "blobs").is_dir() else model.path
    return sum(p.stat().st_size for p in _files(path))


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path] * path.is_file()


def pull(model: Model, limit: int = MAX_BYTES, report: Report | None = None) -> Path:
    """Download the model unless it is here; returns its path. Nothing in it is executed."""
    if model.hub:
        return _pull_hub(model, limit)
    if model.path.exists():
        _check_same(model)
        return model.path
    if not model.inside:
        fetch(model.url, model.path, limit, model.sha256, report)
    else:
        _pull_archive(model, limit, report)
    write_manifest(model)
    return model.path


def _check_same(model: Model) -> None:
    """JuiceError when what is here under the name of the model is something else."""
    mend = f"`juicesql models rm {model.name}` first"
    if model.sha256 and model.path.is_file() and sha256_of(model.path) != model.sha256:
        raise JuiceError.of("wrong-digest", f"{model.path} has not the SHA-256 {model.sha256}", mend)
    kept = next((m for m in _kept() if m.path == model.path), model)
    if not model.used_by and kept.url != model.url:
        raise JuiceError.of("other-origin", f"{model.path} came from {kept.url}", mend)


def _pull_archive(model: Model, limit: int, report: Report | None) -> None:
    archive = model.path.with_name(f".{model.path.name}.{os.getpid()}.archive")
    staged = model.path.with_name(f".{model.path.name}.{os.getpid()}.partial")
    try:
        fetch(model.url, archive, limit, model.sha256, report)
        unpack(archive, model.inside, staged, limit)
        staged.rename(model.path)
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(staged, ignore_errors=True)


def _pull_hub(model: Model, limit: int) -> Path:
    """The snapshot of the hub, completed; what is here already when the hub cannot be reached."""
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ImportError:
        mend = "pip install 'juicesql[models]'"
        raise JuiceError.of("no-library", "huggingface_hub is not installed", mend) from None
    repository, _, revision = model.hub.partition("@")
    wanted: dict[str, Any] = {"repo_id": repository, "revision": revision or None, "cache_dir": hub_home()}
    try:
        described = HfApi().model_info(repository, revision=revision or None, files_metadata=True)
        sizes = {s.rfilename: s.size or 0 for s in described.siblings or ()}
        size = sum(n for name, n in sizes.items() if any(fnmatch(name, pattern) for pattern in model.files))
        if size <= limit:
            return Path(snapshot_download(allow_patterns=list(model.files), **wanted))
    except Exception as error:  # many kinds: no such name, no network, gated
        if model.here:
            return Path(snapshot_download(local_files_only=True, **wanted))
        cause = (str(error).strip().splitlines() or [""])[0]
        mend = "pull it where the hub can be reached, or give functions the path of a folder instead of a name"
        raise JuiceError.of("no-download", f"{model.hub}: {type(error).__name__}: {cause}", mend) from error
    message = f"{model.hub} has {size:,} bytes, over the limit of {limit:,}"
    raise JuiceError.of("too-large", message, "give a higher --max-size")


def write_manifest(model: Model) -> None:
    """Say beside the model where it comes from and what its digests are."""
    files = [
        {"name": p.relative_to(model.path).as_posix() if p != model.path else "", "bytes": p.stat().st_size}
        | {"sha256": sha256_of(p)}
        for p in _files(model.path)
    ]
    told = {"name": model.name, "about": model.about, "used_by": model.used_by, "url": model.url, "files": files}
    partial = model.manifest.with_name(f".{model.manifest.name}.{os.getpid()}")
    partial.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    partial.replace(model.manifest)


def verify(model: Model) -> list[str]:
    """What is wrong with the files of a model that is here: one line a file, none when all digests are right."""
    if model.hub:
        blobs = _files(model.path / "blobs")
        return [f"{model.name}: the content of {p.name} is not what its name says" for p in blobs if not _is_blob(p)]
    if not model.manifest.is_file():
        if not model.sha256 or not model.path.is_file():
            return []
        return [] if sha256_of(model.path) == model.sha256 else [f"{model.path} is not the file of the catalog"]
    expected = {f["name"]: f["sha256"] for f in json.loads(model.manifest.read_text("utf-8"))["files"]}
    return list(_differences(model, expected))


def _differences(model: Model, expected: Mapping[str, str]) -> Iterator[str]:
    found = {p.relative_to(model.path).as_posix() if p != model.path else "": p for p in _files(model.path)}
    for name in sorted(expected.keys() | found.keys()):
        where = model.path / name if name else model.path
        if name not in found:
            yield f"{where} is missing"
        elif name not in expected:
            yield f"{where} was not there when the model came"
        elif sha256_of(found[name]) != expected[name]:
            yield f"{where} was changed"


def _is_blob(path: Path) -> bool:
    """The hub names a large file by its SHA-256, and a small one by its git object id."""
    if path.name.endswith(".incomplete"):
        return True
    if len(path.name) == 64:
        return sha256_of(path) == path.name
    content = path.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    git.update(content)
    return git.hexdigest() == path.name


def remove(model: Model) -> int:
    """Remove what `pull` or a training made; returns the bytes freed."""
    path = model.path
    if not path.exists():
        raise JuiceError.of("no-model", f"{model.name} is not here", "`juicesql models list` shows what is")
    home = hub_home() if model.hub else models_home()
    if not path.resolve().is_relative_to(home.resolve()) or path.is_symlink():
        raise JuiceError.of("not-ours", f"{path} is not inside {home}", "remove it yourself")
    if not model.hub and not model.manifest.is_file():
        message = f"{path} has no manifest: it was not pulled by juicesql"
        raise JuiceError.of("not-ours", message, "remove it yourself")
    freed = size_of_files(model)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    model.manifest.unlink(missing_ok=True)
    return freed
