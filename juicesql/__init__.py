"""juicesql: clean training data with declarative SQL on DuckDB."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from juicesql.connect import connect
    from juicesql.run import RunResult, run

__version__ = "0.1.0"
__all__ = ["RunResult", "__version__", "connect", "run"]

_homes = {"connect": "juicesql.connect", "run": "juicesql.run", "RunResult": "juicesql.run"}


def __getattr__(name: str) -> Any:
    """Import the engine only when it is asked for."""
    if name not in _homes:
        raise AttributeError(f"module 'juicesql' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_homes[name]), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """Keeps `juicesql.run` and `juicesql.connect` functions when the modules of those names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _homes and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
