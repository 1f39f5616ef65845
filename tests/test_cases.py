"""Every case file, every function: the cases hold through DuckDB, batches equal single rows, the manual is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from juicesql.cli.functions import told
from juicesql.connection import connect
from juicesql.registry import Registry
from juicesql.testing import Case, load_cases, missing_packages, run_case, same

CASES = Path(__file__).parent / "cases"
REGISTRY = Registry()
ALL = [case for path in sorted(CASES.rglob("*.yml")) for case in load_cases(path)]


@pytest.fixture(scope="module")
def con():
    with connect() as connection:
        yield connection


def skip_without_packages(name: str) -> None:
    if missing := missing_packages(REGISTRY.get(name)):
        pytest.skip(f"not installed: {', '.join(missing)}")


@contextmanager
def skipping_missing_packages() -> Iterator[None]:
    """For packages that no extra has: their functions say themselves that they are missing."""
    try:
        yield
    except duckdb.Error as error:
        if "error[missing-package]" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("case", ALL, ids=str)
def test_case(con, case: Case) -> None:
    skip_without_packages(case.function)
    types = [a.type for a in REGISTRY.get(case.function).signature.columns]
    with skipping_missing_packages():
        got = run_case(con, case, types)
    assert same(got, case.out), f"{case}: got {got!r}, expected {case.out!r}"


@pytest.mark.parametrize("name", REGISTRY.names())
def test_function_has_normal_empty_and_null_cases_and_a_manual(name: str) -> None:
    function = REGISTRY.get(name)
    cases = [c for c in ALL if c.function == name]
    assert len(function.doc) > 20, "no manual"
    assert any(None in c.columns for c in cases), "no NULL case"
    assert any(value in ("", []) for c in cases for value in c.columns), "no empty case"
    assert any(value not in (None, "", []) for c in cases for value in c.columns), "no normal case"


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_batch_equals_row_by_row(con, name: str) -> None:
    skip_without_packages(name)
    cases = [c for c in ALL if c.function == name and not c.parameters]
    columns = REGISTRY.get(name).signature.columns
    args = ", ".join(f"r[{i + 1}]::{a.type}" for i, a in enumerate(columns))
    rows = [[*c.columns] for c in cases] * 700  # more rows than one DuckDB vector
    if any(not isinstance(v, str | None) for r in rows for v in r):
        pytest.skip("columns of several types")
    with skipping_missing_packages():
        batch = con.execute(f"select {name}({args}) from (select unnest($rows) as r)", {"rows": rows}).fetchall()
    assert all(same(got, case.out) for (got,), case in zip(batch, cases * 700, strict=True))


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_manual_names_the_usual_cut_and_the_source(name: str) -> None:
    function = REGISTRY.get(name)
    assert told(function.doc, "Source"), "say where the method comes from: `Source: ... .`"
    if function.kind == "stat":
        assert told(function.doc, "Usual cut"), "say which cut is usual: `Usual cut: >= 0.25.`"
