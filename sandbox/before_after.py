"""What an experiment changed: the numbers of data and models before and after, side by side.

- Data: the first and the last analysis of a pipeline.
- Judgements: pairs of jobs whose names differ by `before` and `after` (or `ori` and `processed`, `raw` and `clean`,
  `random` and `refined`).
- Pools that were scored: the data that was analysed first against what was made of it, seed by seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from juicesql.inspect.outcomes import changes

from .base import Results

_PAIRS = (("before", "after"), ("ori", "processed"), ("raw", "clean"), ("random", "refined"))
# counts and times of the work itself, which say nothing about data or model
_WORK = {"seconds", "measured", "reused", "rows", "texts", "tokens", "bytes", "nulls", "errors", "min", "max"}

_OTHER = {"stats", "model"}  # of analyses, which have lines of their own, and of training, whose data differ


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    before: float
    after: float


def before_after(results: Results) -> list[str]:
    """The table as lines for a terminal; none where nothing can be compared."""
    from juicesql.cli.analyze import short
    from juicesql.cli.text import table

    sections = [part for pipeline in _pipelines(results) for part in _sections(results, pipeline)]
    if not sections:
        return []
    lines: list[list[str]] = []
    for title, rows in sections:
        lines.append([title, "", "", ""])
        lines += [[f"  {r.name}", short(r.before), short(r.after), _change(r)] for r in rows]
    return table(["", "before", "after", "change"], lines, " rrr")


def _change(row: Row) -> str:
    change = row.after - row.before
    share = f" ({100 * change / abs(row.before):+.0f}%)" if row.before else ""
    return f"{change:+,.4g}" + share if change else "same"


def _pipelines(results: Results) -> list[str]:
    return list(dict.fromkeys(pipeline for (pipeline, _), _ in results.items()))


def _sections(results: Results, pipeline: str) -> Iterator[tuple[str, list[Row]]]:
    found = {meta: result for (p, meta), result in results.items() if p == pipeline}
    analyses = [r for r in found.values() if isinstance(r.get("stats"), Mapping) and "rows" in r]
    if len(analyses) > 1:
        yield "data", _data(analyses[0], analyses[-1])
    for name, result in found.items():
        for before, after in _PAIRS:
            other = _renamed(name, before, after)
            if other in found and not _OTHER & result.keys() and (rows := list(_judged(result, found[other]))):
                yield f"{name}, {other}", rows
    for name, result in found.items():
        if rows := list(_scored(result, analyses, found)):
            yield f"{name}: {result['metric']} ({result['goal']}d)", rows


def _data(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Row]:
    means = {
        label: (facts["mean"], after["stats"][label]["mean"])
        for label, facts in before["stats"].items()
        if "mean" in facts and after["stats"].get(label, {}).get("mean") is not None
    }
    return [Row("rows", before["rows"], after["rows"]), *(Row(f"mean {n}", b, a) for n, (b, a) in means.items())]


def _renamed(name: str, before: str, after: str) -> str:
    """The name with its word `before` replaced; "" where it has none.

    >>> _renamed("eval_before", "before", "after"), _renamed("evaluation", "before", "after")
    ('eval_after', '')
    """
    words = name.split("_")
    return "_".join(after if w == before else w for w in words) if before in words else ""


def _judged(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Row]:
    for found in changes(before, after):
        if found.metric.rpartition(".")[2] not in _WORK and found.change:
            yield Row(found.metric, found.before, found.after)


def _scored(
    result: Mapping[str, Any], analyses: list[dict[str, Any]], found: Mapping[str, Mapping[str, Any]]
) -> Iterator[Row]:
    """The pool that is what was analysed first, against the one that a job made of it."""
    pools = {str(Path(p["path"]).resolve()): p for p in result.get("ranking") or () if "by_seed" in p}
    made = {str(Path(r["dataset"]).resolve()) for r in found.values() if "dataset" in r and "kept" in r}
    source = str(Path(analyses[0]["source"]).resolve()) if analyses else ""
    after = next((pools[path] for path in pools if path in made), None)
    before = pools.get(source)
    if before is None or after is None:
        return
    names = f"{before['pool']}, {after['pool']}"
    for seed, value in before["by_seed"].items():
        if seed in after["by_seed"]:
            yield Row(f"{names}, seed {seed}", value, after["by_seed"][seed])
    yield Row(f"{names}, mean", before[result["metric"]], after[result["metric"]])
