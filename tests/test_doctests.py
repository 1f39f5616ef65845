"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "juicesql"
MODULES = [p for p in sorted(ROOT.rglob("*.py")) if ">>> " in p.read_text("utf-8")]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_examples(path: Path) -> None:
    name = ".".join(["juicesql", *path.relative_to(ROOT).with_suffix("").parts])
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed
