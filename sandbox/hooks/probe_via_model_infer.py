"""The hook that looks at data with a model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from juicesql.errors import Problem
from juicesql.sqltext import literal

from ..base import Ahead, Context, Hook
from ..inference.probing import ProbeSettings, choose, open_rows, write_rows
from ..recipes import recipe_problems
from ..registry import hook

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXCERPT = 80


@hook("probe", "evaluation")
class ProbeViaModelInferHook(Hook):
    """Shows rows of a dataset to a model: which are hard for it, and which are dirty.

    The rows are those of the recipe's source, of `dataset_path`, or of the newest dataset; `data_probe_algo`,
    `data_probe_ratio` and `sample_num` choose among them. `losses` is a file of `sample_id`, as a run on the same
    source numbers the rows, with `loss`, `reward` or other columns.
    """

    factory = "ModelInferEvaluator"
    default_type = "transformers"
    gives = ("losses",)

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        if self.job.recipe:
            yield from recipe_problems(self.job, ahead)
        elif not self.job.extra.get("dataset_path") and not ahead.has("dataset"):
            mend = "give a recipe with a source in dj_configs, or dataset_path in extra_configs"
            yield self.job.problem("no-dataset", "there is no dataset to look at", mend)
        yield from super().problems(ahead)

    def run(self, context: Context) -> dict[str, Any]:
        started = time.perf_counter()
        component = self.make(context)
        how = component.settings if isinstance(component.settings, ProbeSettings) else ProbeSettings()
        source = open_rows(context, how.dataset_path, context.folder)
        rows = context.folder / "rows.parquet"
        columns = component.columns() if hasattr(component, "columns") else None
        count = write_rows(source, rows, columns, choose(source, how, context.seed))
        found = component.run("data", str(rows))
        facts = _facts(Path(found["losses"]), rows, how.hardest)
        rows.unlink()
        told = {"rows": count, "source_fingerprint": source.fingerprint}
        return {**found, **told, **facts, "seconds": round(time.perf_counter() - started, 3)}

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        lines = [f"{result['rows']:,} rows"]
        for name in ("loss", "reward"):
            if result.get(f"mean_{name}") is not None:
                half = result[f"{name}_p50"]
                lines[0] += f", mean {name} {result[f'mean_{name}']:.4g}, half of them below {half:.4g}"
        hard = result.get("hardest") or []
        return lines + [f"  {h['sample_id']:>8}  {h['value']:>8.3f}  {h['text']}" for h in hard[:3]]


def _facts(losses: Path, rows: Path, hardest: int) -> dict[str, Any]:
    """Mean and quantiles of losses and rewards, and the rows with the highest loss or else the lowest reward."""
    read = "read_parquet" if losses.suffix == ".parquet" else "read_json_auto"
    facts: dict[str, Any] = {}
    with duckdb.connect() as con:
        con.execute(f"create view losses as from {read}({literal(str(losses))})")
        con.execute(f"create view rows as from read_parquet({literal(str(rows))})")
        columns = [r[0] for r in con.execute("describe losses").fetchall()]
        for name in [n for n in ("loss", "reward") if n in columns]:
            facts |= _distribution(con, name)
            if facts[f"mean_{name}"] is not None and "hardest" not in facts:
                facts["hardest"] = _hardest(con, name, hardest)
    return facts


def _distribution(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    row = con.execute(
        f"select count({name}), avg({name}), stddev_samp({name}), quantile_cont({name}, {list(SHARES)}) from losses"
    ).fetchall()[0]
    points = row[3] or [None] * len(SHARES)
    named = {f"{name}_p{round(100 * s)}": p for s, p in zip(SHARES, points, strict=True)}
    return {"measured": row[0], f"mean_{name}": row[1], f"std_{name}": row[2], **named}


def _hardest(con: duckdb.DuckDBPyConnection, name: str, most: int) -> list[dict[str, Any]]:
    has_text = "text" in [r[0] for r in con.execute("describe rows").fetchall()]
    text = f"left(replace(text::varchar, chr(10), ' '), {EXCERPT})" if has_text else "''"
    order = "desc" if name == "loss" else "asc"
    found = con.execute(
        f"select sample_id, {name}, {text} from losses join rows using (sample_id) where {name} is not null "
        f"order by {name} {order}, sample_id limit {most:d}"
    ).fetchall()
    return [{"sample_id": i, "value": v, "text": t} for i, v, t in found]
