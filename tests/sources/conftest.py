"""Reading helpers that the tests of sources share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from juicesql.errors import SourceError
from juicesql.sources import Source, SourceSpec, open_source


class Reading:
    """Opens inputs relative to tmp_path and collects what their morsels hold, checking what every morsel promises."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def open(self, *inputs: str, **spec: Any) -> Source:
        return open_source(SourceSpec(inputs, base=self.base, **spec))

    def rows(self, *inputs: str, **spec: Any) -> list[dict[str, Any]]:
        rows, errors = collect(self.open(*inputs, **spec))
        assert errors == []
        return [{k: v for k, v in row.items() if k != "sample_id"} for row in rows]

    def both(self, *inputs: str, **spec: Any) -> tuple[list[dict[str, Any]], list[tuple[int, str, int, str]]]:
        return collect(self.open(*inputs, **spec))

    def refuse(self, *inputs: str, **spec: Any) -> str:
        with pytest.raises(SourceError) as caught:
            collect(self.open(*inputs, **spec))
        assert all(p.mend for p in caught.value.problems)
        return str(caught.value)


def collect(source: Source, **bounds: int) -> tuple[list[dict[str, Any]], list[tuple[int, str, int, str]]]:
    rows: list[dict[str, Any]] = []
    errors: list[tuple[int, str, int, str]] = []
    expected_id = 0
    for index, morsel in enumerate(source.morsels(**bounds)):
        loaded = morsel.load()
        again = morsel.load().table
        assert again.equals(loaded.table) or repr(again.to_pylist()) == repr(loaded.table.to_pylist())  # NaN
        assert (morsel.index, morsel.first_id) == (index, expected_id)
        assert morsel.rows == loaded.table.num_rows + len(loaded.errors) > 0
        assert loaded.table.schema.names == ["sample_id", *source.schema.names]
        assert loaded.table.schema.types[1:] == source.schema.types
        ids = loaded.table["sample_id"].to_pylist()
        assert ids == sorted(ids) and len(loaded.file_rows) == len(ids)
        assert sorted(ids + [e.sample_id for e in loaded.errors]) == [*range(expected_id, expected_id + morsel.rows)]
        expected_id += morsel.rows
        rows += loaded.table.to_pylist()
        errors += [(e.sample_id, e.file, e.row, e.message) for e in loaded.errors]
    return rows, errors


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)
