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
    """Correlation of the ranks of each column's own values; equal values share the mean of their ranks."""
    ranks = ", ".join(
        f"case when {quote(c)} is not null then rank() over (order by {quote(c)}) + "
        f"(count(*) over (partition by {quote(c)}) - 1) / 2 end as {quote(c)}"
        for c in columns
    )
    return _matrix(con, f"(select {ranks} from {relation})", columns, "spearman")


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
