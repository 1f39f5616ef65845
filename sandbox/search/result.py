"""What a search found, to be shown and stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .config import Metric
from .trials import Trial

SHOWN = 10


@dataclass(frozen=True)
class SearchResult:
    """`best` is the trial that was chosen; of several metrics the most balanced one of `front`, which has the numbers
    of the trials that no other beats in every metric. `recipe` is the file with its thresholds, `diff` what changed in
    it. `rows` are those of the source, where the trials were answered from the stats database of `run_id`."""

    name: str
    ran_jobs: bool
    metrics: tuple[Metric, ...]
    trials: tuple[Trial, ...]
    best: Trial
    front: tuple[int, ...]
    seconds: float
    repeated: int = 0  # trials that an earlier attempt had finished
    rows: int | None = None
    run_id: str = ""
    recipe: str = ""
    recipes: Mapping[int, str] = field(default_factory=dict)  # of the other trials of a front
    text: str = ""
    diff: str = ""
    unwritten: tuple[str, ...] = ()  # parameters whose number stands nowhere in the recipe by itself
    importance: Mapping[str, float] = field(default_factory=dict)  # parameter -> share, together 1
    sweep: str = ""  # id of the sweep at wandb

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.best.parameters

    @property
    def values(self) -> Mapping[str, float | None]:
        return self.best.values

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal: what was done, the best trials, what mattered, and what changes in the recipe."""
        return [*self._head(), "", *self._table(), *self._tail()]

    def _head(self) -> Iterator[str]:
        count, ended = len(self.trials), [t for t in self.trials if t.status != "complete"]
        fresh = count - self.repeated
        rate = f", {fresh / self.seconds:.1f} a second" if fresh and self.seconds else ""
        yield f"{self.name}: {count} trials in {self.seconds:.1f} s{rate}" + (
            f", {self.repeated} of them from an earlier attempt" if self.repeated else ""
        )
        if self.rows is not None:
            yield f"answered from the stats database for {self.rows:,} rows; 0 values measured"
        for status in ("pruned", "failed"):
            if some := [t for t in ended if t.status == status]:
                yield f"{len(some)} {status}; trial {some[0].number}: {some[0].message.splitlines()[0]}"

    def _table(self) -> list[str]:
        metrics = [m.name for m in self.metrics]
        kept = any(t.kept is not None for t in self.trials) and "kept" not in metrics
        names = list(self.best.parameters)
        head = ["", "trial", *metrics, *(["kept"] if kept else []), *names]
        rows = [
            ["*" if t.number == self.best.number else "", str(t.number), *(_shown(t.values.get(m)) for m in metrics),
             *([_shown(t.kept)] if kept else []), *(_shown(t.parameters.get(n)) for n in names)]
            for t in self._shown()
        ]  # fmt: skip
        return _aligned([head, *rows])

    def _shown(self) -> Sequence[Trial]:
        by_number = {t.number: t for t in self.trials}
        if len(self.metrics) > 1:
            apart = max(1, -(-len(self.front) // SHOWN))
            return [by_number[n] for i, n in enumerate(self.front) if i % apart == 0 or n == self.best.number]
        sign, name = (-1 if self.metrics[0].goal == "maximize" else 1), self.metrics[0].name
        done = [t for t in self.trials if t.status == "complete"]
        return sorted(done, key=lambda t: (sign * (t.values[name] or 0.0), t.number))[:SHOWN]

    def _tail(self) -> Iterator[str]:
        if len(self.metrics) > 1:
            yield f"{len(self.front)} trials are beaten by none in every metric; * is the most balanced one"
        if self.importance:
            parts = [f"{n} {share:.0%}" for n, share in sorted(self.importance.items(), key=lambda p: -p[1])]
            yield "what mattered: " + ", ".join(parts)
        if self.best.message:
            yield f"trial {self.best.number}: {self.best.message}"
        if self.unwritten:
            yield f"{', '.join(self.unwritten)}: the recipe has no number of its own for it; write it by hand"
        if self.recipe:
            yield f"written: {self.recipe}"
        if self.diff:
            yield from self.diff.rstrip("\n").split("\n")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "" if value is None else str(value)
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
