"""What a job needs and does not find, told before anything runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from juicesql.errors import Problem

from .base import Ahead


def missing_library(*modules: str, extra: str = "sandbox") -> list[Problem]:
    """A problem for each library that is not installed."""
    mend = f"pip install 'juicesql[{extra}]'"
    return [Problem("missing-package", f"{m} is not installed", mend) for m in modules if find_spec(m) is None]


def missing_model(model: str | None, ahead: Ahead) -> list[Problem]:
    """A problem when no model is named and no earlier job gives one, or when the path that is named is not there."""
    if not model:
        mend = "give model in extra_configs, or train one in an earlier job"
        return [] if ahead.has("model") else [Problem("no-model", "there is no model to work with", mend)]
    looks_like_path = model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_like_path and not ahead.exists(Path(model).expanduser()):
        return [Problem("missing-file", f"there is no model at {model}", "give a folder, or owner/name of the hub")]
    return []


def missing_file(path: str | None, ahead: Ahead, name: str = "dataset_path") -> list[Problem]:
    """A problem when a path is given that is not there and that no earlier job will write."""
    if not path or "://" in path or any(c in path for c in "*?[ ") or ahead.exists(path):
        return []
    return [Problem("missing-file", f"{name}: there is no {path}", "paths begin at the current directory")]
