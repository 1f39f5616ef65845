"""Small rows on their way to the end of a run: gathered in memory, written to the scratch folder by the thousand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from juicesql.segments import write_parquet

ROWS = 100_000


class Spill:
    """Tables under a name; `folder/name-N.parquet` holds them when `flush` has run. For one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[str, list[pa.Table]] = {}
        self.files = 0

    def add(self, name: str, table: pa.Table) -> None:
        tables = self.waiting.setdefault(name, [])
        tables.append(table)
        if sum(t.num_rows for t in tables) >= ROWS:
            self._write(name)

    def flush(self) -> None:
        """Write what is left."""
        for name in list(self.waiting):
            self._write(name)

    def _write(self, name: str) -> None:
        path = self.folder / f"{name}-{self.files:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(pa.concat_tables(self.waiting.pop(name)), path)
        self.files += 1
