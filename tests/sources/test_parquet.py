"""parquet files whose columns differ: one type holds the values of all, without loss, or the error names file and column."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import Reading, collect

DAY = datetime.datetime(2024, 1, 2, 3, 4, 5, 6000)
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


def write(reading: Reading, name: str, column: pa.Array, **options: Any) -> None:
    (reading.base / "d").mkdir(exist_ok=True)
    pq.write_table(pa.table({"n": column}), reading.base / "d" / name, **options)


STRUCT = pa.struct([("q", pa.int64())])
PAIRS = [
    (pa.nulls(1), pa.array([{"q": 1}]), [None, {"q": 1}]),
    (pa.array([[None]], pa.list_(pa.null())), pa.array([[{"q": 1}]]), [[None], [{"q": 1}]]),
    (pa.array([{"a": None}], pa.struct([("a", pa.null())])), pa.array([{"a": [1]}]), [{"a": None}, {"a": [1]}]),
    (pa.array([{"a": 1}]), pa.array([{"b": "x"}]), [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
    (pa.array([{"a": {"x": 1}}]), pa.array([{"a": {"y": 2}}]), [{"a": {"x": 1, "y": None}}, {"a": {"x": None, "y": 2}}]),
    (pa.array([1], pa.int32()), pa.array([2**40]), [1, 2**40]),
    (pa.array([1], pa.int64()), pa.array([1.5]), [1.0, 1.5]),
    (pa.array([2**53], pa.int64()), pa.array([1.5]), [2.0**53, 1.5]),
    (pa.array([16_777_217], pa.int32()), pa.array([1.5], pa.float32()), [16_777_217.0, 1.5]),
    (pa.array([-1], pa.int64()), pa.array([2**64 - 1], pa.uint64()), [decimal.Decimal(-1), decimal.Decimal(2**64 - 1)]),
    (pa.array([[2**63]], pa.list_(pa.uint64())), pa.array([[-5]]), [[decimal.Decimal(2**63)], [decimal.Decimal(-5)]]),
    (pa.array([1], pa.uint8()), pa.array([2**64 - 1], pa.uint64()), [1, 2**64 - 1]),
    (pa.array([decimal.Decimal("1.50")]), pa.array([2**63 - 1]), [decimal.Decimal("1.50"), decimal.Decimal(2**63 - 1)]),
    (pa.array([decimal.Decimal("1.5")]), pa.array([decimal.Decimal("0.001")]), [decimal.Decimal("1.500"), decimal.Decimal("0.001")]),
    (pa.array([decimal.Decimal("1.5")]), pa.array([0.25]), [1.5, 0.25]),
    (pa.array(["x"]).dictionary_encode(), pa.array(["y"], pa.large_string()), ["x", "y"]),
    (pa.array([[1]], pa.large_list(pa.int64())), pa.array([[2]]), [[1], [2]]),
    (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), pa.array([[3]]), [[1, 2], [3]]),
    (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), pa.array([[("b", 2)]], pa.map_(pa.string(), pa.int64())), [[("a", 1)], [("b", 2)]]),
    (pa.array([DAY], pa.timestamp("ms")), pa.array([DAY], pa.timestamp("us")), [DAY, DAY]),
    (pa.array([datetime.date(2024, 1, 2)]), pa.array([DAY], pa.timestamp("us")), [datetime.datetime(2024, 1, 2), DAY]),
    (
        pa.array([DAY], pa.timestamp("us", "+01:00")),
        pa.array([DAY], pa.timestamp("us", "UTC")),
        [DAY.replace(tzinfo=datetime.UTC), DAY.replace(tzinfo=datetime.UTC)],
    ),
    (pa.array([True]), pa.array([1]), ["true", "1"]),
    (pa.array([], pa.int64()), pa.array([1.5]), [1.5]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two", "expected"), PAIRS, ids=[f"{a.type}-{b.type}" for a, b, _ in PAIRS])
@pytest.mark.parametrize("turned", [False, True])
def test_two_types(reading: Reading, one: pa.Array, two: pa.Array, expected: list[Any], turned: bool) -> None:
    write(reading, "b.parquet" if turned else "a.parquet", one)
    write(reading, "a.parquet" if turned else "b.parquet", two)
    found = [r["n"] for r in reading.rows("d")]
    assert found == (expected[len(one) :] + expected[: len(one)] if turned else expected)


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize(
    ("one", "two"),
    [
        (pa.array([1, 2**53 + 1]), pa.array([1.5])),
        (pa.array([-(2**53) - 1]), pa.array([1.5], pa.float32())),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([1.5])),
        (pa.array([[1, 2**53 + 1]]), pa.array([[1.5]])),
        (pa.array([{"a": 2**60}]), pa.array([{"a": 1.5}])),
        (pa.array([[("k", 2**60)]], pa.map_(pa.string(), pa.int64())), pa.array([[("k", 0.5)]], pa.map_(pa.string(), pa.float64()))),
    ],
)  # fmt: skip
def test_an_integer_that_a_double_rounds(reading: Reading, one: pa.Array, two: pa.Array, statistics: bool) -> None:
    write(reading, "a.parquet", two)
    write(reading, "b.parquet", one, write_statistics=statistics)
    told = reading.refuse("d")
    assert "error[conflicting-columns] column `n` of `d/b.parquet` holds integers beyond 2^53" in told


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (pa.array([decimal.Decimal("1234567890.1234567890")]), pa.array([1.5])),
        (pa.array([[1]]), pa.array([1])),
        (pa.array([{"a": 1}]), pa.array(["x"])),
        (pa.array([decimal.Decimal(10**37)]), pa.array([decimal.Decimal("0.00001")])),
    ],
)
def test_types_that_nothing_holds(reading: Reading, one: pa.Array, two: pa.Array) -> None:
    write(reading, "a.parquet", one)
    write(reading, "b.parquet", two)
    told = reading.refuse("d")
    assert "error[conflicting-columns] column `n`" in told and "`d/a.parquet`" in told and "`d/b.parquet`" in told


def test_a_time_that_the_finer_unit_does_not_hold(reading: Reading) -> None:
    write(reading, "a.parquet", pa.array([datetime.datetime(9999, 1, 1)], pa.timestamp("us")))
    write(reading, "b.parquet", pa.array([1], pa.timestamp("ns")))
    assert "error[conflicting-columns] column `n` of `d/a.parquet` does not fit timestamp[ns]" in reading.refuse("d")


def test_a_column_that_is_null_everywhere_is_text(reading: Reading) -> None:
    write(reading, "a.parquet", pa.nulls(2))
    source = reading.open("d")
    assert source.schema.field("n").type == pa.string() and [r["n"] for r in collect(source)[0]] == [None, None]


def test_an_empty_csv_column_takes_the_type_of_the_other_file(reading: Reading) -> None:
    reading.write("a.csv", "n,t\n,x\n")
    reading.write("b.csv", "n,t\n5,y\n")
    assert [r["n"] for r in reading.rows("a.csv", "b.csv")] == [None, 5]
    reading.write("c.csv", "n,t\n9007199254740993,y\n")
    reading.write("e.csv", "n,t\n0.5,y\n")
    assert "column `n` of `c.csv` holds integers beyond 2^53" in reading.refuse("c.csv", "e.csv")


def test_json_beside_parquet(reading: Reading) -> None:
    write(reading, "b.parquet", pa.array([1.5]))
    reading.write("d/a.jsonl", '{"n": null}\n')
    assert reading.rows("d") == [{"n": None}, {"n": 1.5}]
    reading.write("d/a.jsonl", '{"n": 9007199254740992}\n')
    assert reading.rows("d") == [{"n": 2.0**53}, {"n": 1.5}]
    reading.write("d/a.jsonl", '{"n": 9007199254740993}\n')
    assert "column `n` of `d/a.jsonl` holds integers beyond 2^53" in reading.refuse("d")
    write(reading, "b.parquet", pa.array([[{"x": 0.5}]]))
    reading.write("d/a.jsonl", '{"n": [{"x": 9007199254740993}]}\n')
    assert "column `n` of `d/a.jsonl` holds integers beyond 2^53" in reading.refuse("d")


def test_files_without_rows_or_columns(reading: Reading) -> None:
    write(reading, "a.parquet", pa.array([1]))
    pq.write_table(pa.table({}), reading.base / "d" / "b.parquet")
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), reading.base / "d" / "c.parquet")
    assert reading.rows("d") == [{"n": 1}]


def test_two_columns_of_one_name(reading: Reading) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), reading.base / "a.parquet")
    assert "error[duplicate-column] `a.parquet` has two columns named `a`" in reading.refuse("a.parquet")


def test_a_column_without_a_name(reading: Reading) -> None:
    pq.write_table(pa.table([[1], [2]], names=["", "a"]), reading.base / "a.parquet")
    assert 'error[bad-column] a column has no name\n  mend: give it one: columns={"unnamed": ""}' in reading.refuse(
        "a.parquet"
    )
    assert reading.rows("a.parquet", columns={"unnamed": ""}) == [{"unnamed": 1, "a": 2}]


def test_a_dictionary_that_stands_for_much_is_resolved_in_parts(reading: Reading) -> None:
    codes = pa.array([0, None, 1] * 100, pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 1000, "y"]))
    pq.write_table(pa.table({"n": column}), reading.base / "a.parquet")
    source = reading.open("a.parquet")
    assert max(m.rows for m in source.morsels(max_bytes=10_000)) <= 30
    rows, errors = collect(source, max_bytes=10_000)
    assert [r["n"] for r in rows] == ["x" * 1000, None, "y"] * 100 and errors == []


def test_one_broken_file_is_named(reading: Reading) -> None:
    write(reading, "a.parquet", pa.array([1]))
    reading.write("d/b.parquet", b"PAR1 no parquet PAR1")
    assert "error[damaged-file] `d/b.parquet`" in reading.refuse("d")


def test_a_large_cell_is_an_error_row(reading: Reading) -> None:
    table = pa.table({"i": [0, 1, 2], "t": ["a", "x" * 5000, "b"], "l": [["y"], ["z"], ["z" * 3000]]})
    pq.write_table(table, reading.base / "a.parquet")
    rows, errors = reading.both("a.parquet", max_row_bytes=1000)
    assert [(r["sample_id"], r["i"]) for r in rows] == [(0, 0)]
    assert [e[0] for e in errors] == [1, 2] and all("more than max_row_bytes (1,000)" in e[3] for e in errors)
