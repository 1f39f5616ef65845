"""Versions of installed libraries, by the names of their modules."""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata


@cache
def of_module(top: str) -> str:
    """The version of the library whose top module is `top`; empty when it is not installed or has none."""
    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        pass
    names = _libraries().get(top)
    if names:
        return "+".join(sorted(f"{n} {metadata.version(n)}" for n in set(names)))
    return str(getattr(sys.modules.get(top), "__version__", ""))


@cache
def _libraries() -> dict[str, list[str]]:
    return {top: list(names) for top, names in metadata.packages_distributions().items()}
