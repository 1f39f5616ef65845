"""One run of the demo recipe on a slice, shared by the tests of the pages."""

from __future__ import annotations

import pytest

import juicesql
from tests.recipes.slices import write_slice


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> juicesql.RunResult:
    folder = tmp_path_factory.mktemp("demo")
    source = write_slice(folder / "docs.jsonl")
    return juicesql.run("demo/text", source=str(source), export=folder / "clean.jsonl", project=folder)
