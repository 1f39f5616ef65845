"""The plan: frozen, printable, free of connections. `run`, `explain` and `--dry-run` all walk the same list of steps.

A step is one CTE of the recipe (or the rows that one reads). A *map* step works row by row: it measures calls, applies
cuts and projects. A *global* step is DuckDB SQL over whole relations. Column names such as `__v0` are the plan's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from juicesql.api import Kind

RID = "__rid"  # unique number of a row inside a relation; its order is the order of the rows
SAMPLE = "sample_id"
MEMBERS = "sample_ids"  # of a group: the samples that it is made of
COST_CLASSES = ("sql", "kernel", "process", "device")
CHEAP = 1  # classes up to here are measured for every row that reaches the step


# How the rows of a relation lead back to the source: `sample_id` is that of the source; or `sample_ids` lists those
# that were brought together; or not at all, and `sample_id` only numbers the rows.
Traced = Literal["rows", "groups", ""]


@dataclass(frozen=True)
class Call:
    """One call of a function in a step. `arguments` are SQL over the step's input and earlier calls' columns."""

    column: str
    function: str
    kind: Kind
    runs_on: str
    arguments: tuple[str, ...]
    parameters: tuple[tuple[str, Any], ...]
    returns: str
    identity: str  # of function, parameters and models: the key of its stored values, with the content of the arguments
    label: str  # the column of the stats view
    sql: str  # as the author wrote it
    expression: str  # SQL that computes it, for a SQL function
    lineage: str  # the arguments down to the source's columns
    needs: tuple[str, ...]  # columns of other calls
    phase: int  # index in COST_CLASSES, its own or that of a call it needs
    line: int | None
    media: bool = False  # its arguments name files: values are keyed by what the files are
    makes_files: bool = False
    of_samples: bool = True  # the rows lead back to the source; pairs of texts do not

    @property
    def stored(self) -> bool:
        """What is kept in the stats database: stats, and mappers that are dear.

        What is cheap and not of samples is computed again sooner than it is looked up.
        """
        dear = self.runs_on in ("process", "device")
        return (self.kind == "stat" and (self.of_samples or dear)) or (dear and not self.makes_files)


@dataclass(frozen=True)
class Bound:
    """A comparison with a constant inside a cut. `target` is the tag of the literal (`17`, `var:name`), if any."""

    stat: str
    operator: str
    value: float | int | str
    target: str | None


@dataclass(frozen=True)
class Cut:
    """One AND term of a WHERE. `predicate` is SQL over the input's columns and the calls' columns."""

    id: str
    step: str
    position: int
    sql: str
    predicate: str
    calls: tuple[str, ...]
    bounds: tuple[Bound, ...]
    phase: int
    line: int | None


@dataclass(frozen=True)
class Output:
    """One column of a projection: an input column taken as it is, or SQL over the table `__t`."""

    name: str
    column: str
    sql: str


@dataclass(frozen=True)
class MapStep:
    """Row by row: `select` is a projection over the table `__t`, or empty when the rows go through unchanged.

    `outputs` says the same column by column where that is possible, so that columns that only pass are not copied.
    """

    name: str
    input: str
    calls: tuple[Call, ...]
    cuts: tuple[Cut, ...]
    select: str
    select_calls: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]  # of the output: name, SQL type
    outputs: tuple[Output, ...] = ()
    expands: bool = False  # UNNEST: a sample may become several rows or none
    traced: Traced = "rows"
    grouped: bool = False  # a row of the input stands for its `sample_ids`
    kind: Literal["map"] = "map"


def rounds(cuts: Iterable[Cut], rank: Mapping[str, float]) -> list[list[Cut]]:
    """Cuts in the order of their work: the cheap ones together, as written, then the dear ones one by one by `rank`."""
    cuts = list(cuts)
    cheap = [c for c in cuts if c.phase <= CHEAP]
    dear = sorted((c for c in cuts if c.phase > CHEAP), key=lambda c: (c.phase, rank.get(c.id, 0.0), c.position))
    return ([cheap] if cheap else []) + [[c] for c in dear]


@dataclass(frozen=True)
class GlobalStep:
    """Whole relations; `sql` makes the new one.

    When the step only drops rows, `filter_sql` says it for each row of the first input: RID, kept, duplicate_of,
    similarity, value (as text, for the verdict).
    """

    name: str
    inputs: tuple[str, ...]
    sql: str
    filter_sql: str
    text: str  # what the author wrote, for the funnel
    deduplicates: bool
    columns: tuple[tuple[str, str], ...]
    traced: Traced
    numbered: bool  # the query gives no sample_id, so rows are numbered
    line: int | None
    groups: bool = False  # rows are brought together by GROUP BY, DISTINCT or an aggregate
    kind: Literal["global"] = "global"


Step = MapStep | GlobalStep


@dataclass(frozen=True)
class Passing:
    """Of a source of JSON: the columns that the steps have under their types and as JSON text, the columns of the
    result that are one of the source unchanged (name, column), those that came by `*`, and whether all other keys go
    along, or there may be none (`closed`). `looked_at`: expectations ask for values of any column."""

    typed: tuple[str, ...]
    texts: tuple[str, ...]
    unchanged: tuple[tuple[str, str], ...]
    starred: tuple[str, ...]
    others: bool
    closed: bool = False
    looked_at: bool = False


@dataclass(frozen=True)
class Plan:
    recipe: str
    steps: tuple[Step, ...]
    result: str  # name of the last step
    source_columns: tuple[tuple[str, str], ...]
    macros: tuple[str, ...]  # SQL functions that the steps' SQL calls
    asks_sample_id: bool = False  # the author selects sample_id by name in the result
    earlier: tuple[str, ...] = ()  # runs whose fingerprints are read
    passing: Passing | None = None  # how the columns that no step looks at travel; without it, all get their types

    def step(self, name: str) -> Step:
        return next(s for s in self.steps if s.name == name)

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(c for s in self.steps if isinstance(s, MapStep) for c in s.calls)

    @property
    def cuts(self) -> tuple[Cut, ...]:
        return tuple(c for s in self.steps if isinstance(s, MapStep) for c in s.cuts)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def fingerprint(self) -> str:
        """Equal plans, equal fingerprints; code of the functions included."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True, default=str).encode()).hexdigest()
