"""Nouns of the gates: an expectation, what checking it found, and the report of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import GateError, Problem

OUTPUT = "output"
SOURCE = "source"


@dataclass(frozen=True)
class Expectation:
    """One line of a suite. `type` and `kwargs` are those of great_expectations, `names` the columns that it reads."""

    relation: str  # source, a step, or output
    line: int
    text: str
    type: str
    kwargs: Mapping[str, Any]
    names: tuple[str, ...] = ()
    ranged: str = ""  # what a range compares: number, date, or nothing


@dataclass(frozen=True)
class Suite:
    """All expectations of a file, in its order."""

    path: str
    expectations: tuple[Expectation, ...]

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(e.relation for e in self.expectations))


@dataclass(frozen=True)
class Example:
    """A row that does not meet an expectation. `sample_id` is None where rows have none."""

    sample_id: int | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """An expectation and what was found. `failing` are rows, and None where the whole is judged, not its rows."""

    expectation: Expectation
    success: bool
    rows: int
    failing: int | None = None
    nulls: int | None = None
    observed: Any = None
    examples: tuple[Example, ...] = ()
    message: str = ""  # why it could not be judged

    @property
    def found(self) -> str:
        """What was found, in a few words."""
        if self.message:
            return self.message
        if self.failing is not None:
            judged = self.rows - (self.nulls or 0)
            return f"{self.failing:,} of {judged:,} rows fail"
        return (
            "nothing"
            if self.observed is None
            else f"{self.observed:.6g}"
            if isinstance(self.observed, float)
            else f"{self.observed}"
        )

    @property
    def sentence(self) -> str:
        """The expectation, what was found, and some of the samples that do not meet it."""
        named = ", ".join(str(x.sample_id) for x in self.examples[:5])
        e = self.expectation
        return f"{e.relation}: {e.text}: {self.found}" + (f", such as sample {named}" if named else "")


@dataclass(frozen=True)
class Report:
    """What checking a suite found. `notes` are failures that are not of one expectation."""

    run_id: str
    recipe: str
    suite: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    docs: str = ""
    seconds: float = 0.0
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)  # relation -> results for Data Docs

    @property
    def success(self) -> bool:
        return not self.notes and all(c.success for c in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if not c.success)

    def refusal(self) -> GateError:
        """What a run says that publishes nothing: a problem for each expectation that is not met."""
        file = Path(self.suite).name
        problems = [Problem("expectation", c.sentence, "", file, c.expectation.line) for c in self.failed]
        message = f"{len(problems)} of {len(self.checks)} expectations are not met: nothing was published"
        mend = "mend the source, the recipe or the suite; the table `checks` of the stats database keeps what was found"
        error = GateError([*problems, Problem("gate", message, mend)])
        error.report = self
        return error

    def to_dict(self) -> dict[str, Any]:
        checks = [
            {**asdict(c.expectation), **{k: v for k, v in asdict(c).items() if k != "expectation"}} for c in self.checks
        ]
        facts = {k: getattr(self, k) for k in ("run_id", "recipe", "suite", "success", "notes", "docs", "seconds")}
        return {**facts, "checks": checks}
