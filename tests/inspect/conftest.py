"""A project with two runs over texts, and its stats database open for reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from juicesql.project import Project, open_project
from juicesql.runs import RunRecord, read_run
from juicesql.store import Store

from ..app.samples_project import make_texts


@dataclass
class Ready:
    project: Project
    old: RunRecord
    new: RunRecord


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp("inspected")
    ids = make_texts(folder)
    with Store(folder).open(read_only=True) as con:
        runs = [read_run(con, i) for i in ids]
    return Ready(open_project(folder), runs[0], runs[1])


@pytest.fixture
def con(ready: Ready) -> Iterator[duckdb.DuckDBPyConnection]:
    with Store(Path(ready.project.root)).open(read_only=True) as opened:
        yield opened
