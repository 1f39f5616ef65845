"""The progress bar of a run, drawn with rich."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rows(ProgressColumn):
    """Rows and rows a second while the source is read, then the seconds of the stage."""

    def render(self, task: Task) -> Text:
        rows, elapsed = task.fields["rows"], task.elapsed or 0.0
        if rows is None:
            return Text(f"{elapsed:,.0f} s")
        rate = f"{rows / elapsed:,.0f} rows/s" if elapsed > 0 else ""
        return Text(f"{rows:,} rows  {rate}")


class Bar:
    """Hears how far a run is and draws it: the share of the source's bytes, then of each stage after it."""

    def __init__(self) -> None:
        left = TimeRemainingColumn(compact=True)
        self.drawn = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Rows(), TextColumn("left"), left,
            console=Console(file=sys.stderr), transient=True,
        )  # fmt: skip
        self.task = self.drawn.add_task("starting", total=None, rows=0)
        self.rows = 0

    def __enter__(self) -> Bar:
        self.drawn.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.drawn.stop()

    def begin(self, total_bytes: int) -> None:
        self.drawn.reset(self.task, description="cleaning", total=total_bytes or None, rows=0)

    def advance(self, rows: int, bytes_: int) -> None:
        self.rows += rows
        self.drawn.update(self.task, advance=bytes_, rows=self.rows)

    def stage(self, name: str) -> None:
        self.drawn.reset(self.task, description=name, total=None, rows=None)

    def share(self, part: float | None) -> None:
        if part is not None:
            self.drawn.update(self.task, total=1.0, completed=part)
