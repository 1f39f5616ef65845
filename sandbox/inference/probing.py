"""Which rows of a dataset a model reads, and the Parquet file in which it gets them: `sample_id` and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.errors import nearest
from juicesql.sources import Source, SourceSpec, open_source
from juicesql.sqltext import quote

from ..base import Context, Evaluator
from ..errors import SandboxError
from ..recipes import recipe_settings

ROWS_OF_A_GROUP = 4096
Algorithm = Literal["uniform", "frequency_specified_field_selector", "topk_specified_field_selector"]


@dataclass(frozen=True)
class Sampled:
    """Which rows to look at; all when nothing is said."""

    data_probe_algo: Algorithm = "uniform"  # at random, the most frequent values of a field, or its largest values
    data_probe_ratio: float = 1.0  # the share to take: of the rows, for frequency of the distinct values
    sample_num: int | None = None  # how many to take, in place of the share
    field_key: str = ""  # the field that frequency and topk look at; `meta.score` reaches inside
    reverse: bool = True  # the most frequent and the largest; false takes the rarest and the smallest
    seed: int | None = None  # of the random choice; by default that of the experiment


@dataclass(frozen=True)
class ProbeSettings(Sampled):
    """What every probe of a model may be told."""

    dataset_path: str | None = None  # by default the source of the recipe in dj_configs, else the newest dataset
    text_key: str = "text"  # the column that the model reads
    hardest: int = 10  # how many of the hardest rows the result names


class Probe(Evaluator):
    """Runs a model over rows. `run` gets the path of a Parquet file of them and gives `losses`, the path of another:
    `sample_id` with `loss`, `reward`, `output` or other columns."""

    Settings = ProbeSettings

    def columns(self) -> Mapping[str, str] | None:
        """Name in the file -> column of the dataset, for what the model reads; None for all columns as they are."""
        return {"text": self.settings.text_key}


def open_rows(context: Context, dataset_path: str | None, folder: Path) -> Source:
    """The dataset that is named, the source of the job's recipe, or what the newest job wrote, in this order."""
    if not dataset_path and context.job.recipe:
        return recipe_settings(context.job).prepared(folder, context.project).source
    return open_source(SourceSpec((str(context.dataset(dataset_path)),)))


def choose(source: Source, how: Sampled, seed: int) -> np.ndarray[Any, Any] | None:
    """The `sample_id`s to look at, sorted; None for every row. Ties are broken by the order of the rows."""
    _check(how)
    if how.data_probe_algo == "uniform" and how.sample_num is None and how.data_probe_ratio == 1:
        return None
    ids, table = _field(source, how.field_key if how.data_probe_algo != "uniform" else "")
    if how.data_probe_algo == "uniform":
        rng = np.random.default_rng(how.seed if how.seed is not None else seed)
        return np.sort(rng.choice(ids, _count(how, len(ids)), replace=False))
    order = "desc" if how.reverse else "asc"
    ranked = f"select value from t where value is not null group by value order by count(*) {order}, min(sample_id)"
    if how.data_probe_algo == "topk_specified_field_selector":
        ranked = f"select sample_id from t where value is not null order by value {order}, sample_id"
    with duckdb.connect() as con:
        con.register("t", table)
        count = _count(how, con.execute(f"select count(*) from ({ranked})").fetchall()[0][0])
        chosen = f"select * from ({ranked}) limit {count}"
        if how.data_probe_algo == "frequency_specified_field_selector":
            chosen = f"select sample_id from t where value in ({chosen})"
        return np.sort(con.execute(chosen).fetchnumpy()["sample_id"])


def _check(how: Sampled) -> None:
    if not 0 < how.data_probe_ratio <= 1:
        message = f"data_probe_ratio is {how.data_probe_ratio:g}"
        raise SandboxError.of("bad-setting", message, "give a share above 0, at most 1")
    if how.sample_num is not None and how.sample_num < 1:
        raise SandboxError.of("bad-setting", f"sample_num is {how.sample_num}", "give 1 or more")
    if how.data_probe_algo != "uniform" and not how.field_key:
        mend = "give field_key, the field whose values are looked at"
        raise SandboxError.of("missing-setting", f"{how.data_probe_algo} has no field", mend)


def _count(how: Sampled, total: int) -> int:
    """How many of the total to take: at least one where there is one."""
    wanted = how.sample_num if how.sample_num is not None else round(how.data_probe_ratio * total)
    return min(max(wanted, 1), total)


def _field(source: Source, name: str) -> tuple[np.ndarray[Any, Any], pa.Table]:
    """All ids, and a table of them with the values of a field as `value`."""
    head, *inner = name.split(".")
    if name:
        require(source, head)
    parts = [m.load().table.select(["sample_id", head] if name else ["sample_id"]) for m in source.morsels()]
    table = pa.concat_tables(parts)
    if name:
        with duckdb.connect() as con:
            con.register("t", table)
            path = ".".join(map(quote, (head, *inner)))
            try:
                table = con.sql(f"select sample_id, {path} as value from t").to_arrow_table()
            except duckdb.Error as error:
                raise SandboxError.of("no-column", f"the dataset has no field {name}", str(error)) from error
    return table["sample_id"].to_numpy(), table


def require(source: Source, *columns: str) -> None:
    """SandboxError for a column that the dataset has not."""
    for column in columns:
        if column not in source.schema.names:
            mend = nearest(column, source.schema.names) or f"its columns: {', '.join(source.schema.names)}"
            raise SandboxError.of("no-column", f"the dataset has no column `{column}`", mend)


def write_rows(
    source: Source, path: Path, columns: Mapping[str, str] | None = None, chosen: np.ndarray[Any, Any] | None = None
) -> int:
    """Write rows as Parquet: `sample_id`, and the columns by their new names. Returns how many rows there are."""
    names = dict(columns) if columns is not None else {c: c for c in source.schema.names}
    require(source, *names.values())
    schema = pa.schema([("sample_id", pa.int64()), *((n, source.schema.field(c).type) for n, c in names.items())])
    rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for morsel in source.morsels():
            table = morsel.load().table
            if chosen is not None:
                table = table.filter(pa.array(np.isin(table["sample_id"].to_numpy(), chosen, assume_unique=True)))
            arrays = [table["sample_id"], *(table[c] for c in names.values())]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), ROWS_OF_A_GROUP)
            rows += table.num_rows
    return rows
