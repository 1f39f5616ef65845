"""What programs read: JSON on stdout that any parser takes."""

from __future__ import annotations

from typing import Any


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document."""
    import json

    print(json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """A value of Python or DuckDB as JSON has it; what JSON has no word for is NULL or text.

    >>> plain({"a": [float("nan"), 1.5], 2: b"x"})
    {'a': [None, 1.5], '2': '\\\\x78'}
    """
    import math
    from decimal import Decimal

    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bytes, bytearray)):
        return "".join(f"\\x{byte:02X}" for byte in value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
