"""juicesql: clean training data with declarative SQL on DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from juicesql.connection import connect
    from juicesql.running import RunResult, run

__version__ = "0.1.0"
__all__ = ["RunResult", "__version__", "connect", "run"]

_homes = {"connect": "juicesql.connection", "run": "juicesql.running", "RunResult": "juicesql.running"}


def __getattr__(name: str) -> Any:
    """Import the engine only when it is asked for."""
    if name not in _homes:
        raise AttributeError(f"module 'juicesql' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_homes[name]), name)
    globals()[name] = value
    return value
