"""Correlation matrices of the columns of one relation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb

from juicesql.analysis.numbers import only_row
from juicesql.sqltext import quote


@dataclass(frozen=True)
class Correlation:
    """`matrix[i][j]` is that of columns i and j over the rows that have both; None where it is not defined."""

    method: str
    columns: tuple[str, ...]
    matrix: tuple[tuple[float | None, ...], ...]


def pearson(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> Correlation:
    """Linear correlation."""
    return _matrix(con, relation, columns, "pearson")


def spearman(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> Correlation:
    """Correlation of ranks, as `scipy.stats.spearmanr` with `nan_policy='omit'` gives it for each two columns.

    The rows that have both are ranked; equal values share the mean of their ranks, infinite ones come first and last.
    """
    values = ", ".join(f"case when not isnan({quote(c)}::double) then {quote(c)} end as {quote(c)}" for c in columns)
    relation = f"(select {values} from {relation})"
    whole = _matrix(con, f"(select {', '.join(map(_rank, columns))} from {relation})", columns, "spearman")
    matrix = [list(row) for row in whole.matrix]
    for i, j in _unlike(con, relation, columns):
        one, other = columns[i], columns[j]
        both = f"{relation} where {quote(one)} is not null and {quote(other)} is not null"
        found = _matrix(con, f"(select {_rank(one)}, {_rank(other)} from {both})", (one, other), "spearman")
        matrix[i][j] = matrix[j][i] = found.matrix[0][1]
    return Correlation("spearman", tuple(columns), tuple(map(tuple, matrix)))


def _rank(column: str) -> str:
    name = quote(column)
    among = f"rank() over (order by {name}) + (count(*) over (partition by {name}) - 1) / 2"
    return f"case when {name} is not null then {among} end as {name}"


def _unlike(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of columns that have values in different rows: their ranks are those of the rows that have both."""
    pairs = list(combinations(range(len(columns)), 2))
    here = [f"{quote(c)} is not null" for c in columns]
    asked = [f"count(*) filter (({here[i]}) != ({here[j]}))" for i, j in pairs]
    counts = only_row(con, f"select {', '.join(asked)} from {relation}") if asked else ()
    return [pair for pair, count in zip(pairs, counts, strict=True) if count]


def _matrix(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], method: str) -> Correlation:
    pairs = list(combinations(range(len(columns)), 2))
    finite = [f"case when isfinite({quote(c)}) then {quote(c)}::double end as x{i}" for i, c in enumerate(columns)]
    asked = [f"corr(x{i}, x{j})" for i, j in pairs]  # over the rows that have both
    varies = [f"min(x{i}) < max(x{i})" for i in range(len(columns))]
    relation = f"(select {', '.join(finite)} from {relation})"
    row = only_row(con, f"select {', '.join([*asked, *varies])} from {relation}")
    found = dict(zip(pairs, map(_defined, row), strict=False))
    itself = [1.0 if v else None for v in row[len(pairs) :]]
    matrix = tuple(
        tuple(itself[i] if i == j else found[min(i, j), max(i, j)] for j in range(len(columns)))
        for i in range(len(columns))
    )
    return Correlation(method, tuple(columns), matrix)


def _defined(value: float | None) -> float | None:
    return value if value is not None and value == value else None
