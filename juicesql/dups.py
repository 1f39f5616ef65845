"""The duplicates of a run, read from the stats database: its largest clusters, and pairs with their texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from juicesql.errors import JuiceError, StoreError
from juicesql.project import Project, open_project
from juicesql.reread import Reread, reread
from juicesql.runs import RunRecord, find_run
from juicesql.store import Store
from juicesql.trace import Place
from juicesql.worddiff import Stretch, compare_words

HEAD = 200  # characters of a representative's text

_CLUSTERS = """
select step, cluster, count(*) as size,
    min(similarity) filter (where not representative), round(avg(similarity) filter (where not representative), 9)
from clusters where run_id = ? group by step, cluster order by size desc, cluster, step
"""
_PAIRS = """
select step, cluster, sample_id, similarity from clusters
where run_id = $run and not representative and $sample in (sample_id, cluster)
order by sample_id <> $sample, step, similarity desc, sample_id
"""
_EARLIER = "from verdicts where run_id = ? and verdict = 'duplicate' and duplicate_of is null"


@dataclass(frozen=True)
class Cluster:
    """Samples of which one stayed. Similarities are those of the others to it."""

    step: str
    representative: int
    size: int
    least_similarity: float | None
    mean_similarity: float | None
    text: str | None  # the beginning of the representative's, from the source


@dataclass(frozen=True)
class Pair:
    """A duplicate and the sample that stayed. `stretches` compare the text of that one with the duplicate's."""

    step: str
    similarity: float | None
    kept: Place
    duplicate: Place
    stretches: tuple[Stretch, ...] | None  # None: a text could not be read again


@dataclass(frozen=True)
class Duplicates:
    """`clusters` of a run, or the `pairs` of one sample: the first of `found`."""

    run_id: str
    recipe: str
    recipe_path: str
    sample_id: int | None
    duplicates: int  # samples of the run that are one
    found: int
    column: str  # of the source, that the texts are from
    note: str  # why texts are missing, or may be others than those of the run
    clusters: tuple[Cluster, ...] = ()
    pairs: tuple[Pair, ...] = ()
    of_earlier_runs: int = 0  # duplicates of rows that earlier runs kept, which are in no cluster
    earlier: str = ""  # the row of an earlier run that the sample duplicates

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def duplicates(
    name: str, sample_id: int | None = None, *, project: str | Path | None = None, limit: int = 10, column: str = ""
) -> Duplicates:
    """The largest clusters of a run, or the pairs of a sample: what it duplicates, or else its duplicates.

    `name` is a run id, `latest`, or a recipe (then its newest run). Texts are those of `column` of the source, read
    again. StoreError when there is no such run, or when the run had no such sample.
    """
    near = Path(name) if Path(name).exists() else None
    found = open_project(Path(project) if project else None, near=near)
    with Store(found.root).open(read_only=True, closed=True) as con:
        run = find_run(con, name, found)
        if sample_id is None:
            rows = con.execute(_CLUSTERS, [run.run_id]).fetchall()
            ids = {r[1] for r in rows[:limit]}
        else:
            _check_sample(con, run, sample_id)
            rows = con.execute(_PAIRS, {"run": run.run_id, "sample": sample_id}).fetchall()
            ids = {i for r in rows[:limit] for i in r[1:3]}
        counted = con.execute(f"select count(*) {_EARLIER}", [run.run_id]).fetchone()
        twin = con.execute(f"select value {_EARLIER} and sample_id = ?", [run.run_id, sample_id]).fetchone()
        places = _places(con, run, ids)
    texts, note = _texts(run, found, ids, column)
    shown = rows[:limit]
    return Duplicates(
        run.run_id, run.recipe, run.recipe_path, sample_id, run.duplicates, len(rows), texts.column, note,
        tuple(_cluster(r, texts) for r in shown) if sample_id is None else (),
        tuple(_pair(r, places, texts) for r in shown) if sample_id is not None else (),
        counted[0] if counted else 0, str(twin[0]) if twin else "",
    )  # fmt: skip


def _check_sample(con: duckdb.DuckDBPyConnection, run: RunRecord, sample_id: int) -> None:
    known = "select 1 from verdicts where run_id = ? and sample_id = ?"
    if con.execute(known, [run.run_id, sample_id]).fetchone() is None:
        mend = "`juicesql dups` without --sample lists the clusters of the run"
        raise StoreError.of("no-sample", f"run {run.run_id} had no sample {sample_id}", mend)


def _places(con: duckdb.DuckDBPyConnection, run: RunRecord, ids: set[int]) -> dict[int, Place]:
    sql = 'select sample_id, file, "row" from sample_rows where source_id = ? and sample_id in (select unnest(?))'
    rows = con.execute(sql, [run.source_id, sorted(ids)]).fetchall()
    return {r[0]: Place(*r) for r in rows}


def _texts(run: RunRecord, project: Project, ids: set[int], column: str) -> tuple[Reread, str]:
    """The texts, and what is to be said of them. A source that is gone costs the texts only."""
    nothing = Reread(column, {}, changed=False)
    if not ids:
        return nothing, ""
    try:
        texts = reread(run, project, ids, column)
    except JuiceError as error:
        if any(p.code == "missing-column" for p in error.problems):
            raise
        return nothing, f"the source cannot be read again: {error.problems[0].message}"
    changed = "the source has changed since the run: texts are those of now, and may belong to other samples"
    return texts, changed if texts.changed else ""


def _cluster(row: tuple[Any, ...], texts: Reread) -> Cluster:
    step, representative, size, least, mean = row
    text = texts.values.get(representative)
    return Cluster(step, representative, size, least, mean, None if text is None else str(text)[:HEAD])


def _pair(row: tuple[Any, ...], places: dict[int, Place], texts: Reread) -> Pair:
    step, kept, duplicate, similarity = row
    left, right = texts.values.get(kept), texts.values.get(duplicate)
    stretches = None if left is None or right is None else compare_words(str(left), str(right))
    stayed, went = (places.get(i, Place(i, None, None)) for i in (kept, duplicate))
    return Pair(step, similarity, stayed, went, stretches)
