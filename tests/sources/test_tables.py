"""json arrays, csv, tsv, parquet and DuckDB relations."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import Reading, collect


def test_json_array_and_object(reading: Reading) -> None:
    reading.write("a.json", '\ufeff [{"a": 1, "s": "x"},\n {"a": 2, "l": [1, 2]} , 5, {"a": NaN}, {"a": "\\ud800"}] \n')
    rows, errors = reading.both("a.json")
    assert [r["s"] for r in rows] == ["x", None]
    assert [(e[0], e[3]) for e in errors] == [
        (2, "no JSON object but a number"),
        (3, "`NaN` is no JSON"),
        (4, "column `a` holds invalid UTF-8 or half a surrogate pair"),
    ]
    reading.write("b.json", '{"a":\n 1}\n')
    assert reading.rows("b.json") == [{"a": 1}]
    reading.write("c.json", '{"a": 1}\n{"a": 2}\n')
    assert reading.rows("c.json") == [{"a": 1}, {"a": 2}]
    reading.write("d.json.gz", gzip.compress(b'[{"a": 1}, {"a": 2}]'))
    assert reading.rows("d.json.gz") == [{"a": 1}, {"a": 2}]
    reading.write("e.json", b'[{"s": "ok"}, {"s": "\xff"}]')
    rows, errors = reading.both("e.json")
    assert rows == [{"sample_id": 0, "s": "ok"}] and errors[0][0] == 1


@pytest.mark.parametrize(
    "text", ['[{"a": 1}, {"a"', '[{"a": 1} {"a": 2}]', '[{"a": 1},]', '[{"a": 1}', '[{"a": 1}] x', "{} {}"]
)
def test_broken_json_file(reading: Reading, text: str) -> None:
    reading.write("a.json", text)
    assert "error[broken-json] `a.json` is broken JSON at character" in reading.refuse("a.json")


def test_json_array_over_many_windows(reading: Reading) -> None:
    values = [json.dumps({"n": i, "t": "é" * (i % 3000)}, ensure_ascii=False) for i in range(1500)]
    reading.write("a.json", "[" + ",".join(values) + "]")
    rows, errors = collect(reading.open("a.json"), max_bytes=1 << 16, max_rows=100)
    assert [(r["n"], len(r["t"])) for r in rows] == [(i, i % 3000) for i in range(1500)] and errors == []


def test_csv(reading: Reading) -> None:
    reading.write(
        "a.csv",
        b'\xef\xbb\xbfid,code,text,when,x,b\r\n1,007,"line\r\ntwo, ""q""",2024-01-01,1.5,true\r\n'
        b'\r\n2,8,,,2,\r\n3,9,"",5" pipe,-3e2,false\r\n',
    )
    assert reading.rows("a.csv") == [
        {"id": 1, "code": "007", "text": 'line\r\ntwo, "q"', "when": "2024-01-01", "x": 1.5, "b": True},
        {"id": 2, "code": "8", "text": None, "when": None, "x": 2.0, "b": None},
        {"id": 3, "code": "9", "text": "", "when": '5" pipe', "x": -300.0, "b": False},
    ]


def test_csv_broken_rows_keep_their_numbers(reading: Reading) -> None:
    reading.write("a.csv", b'a,b\n1,x\n2\n3,"y\nz"\n4,\xff\n5,v,w\n6,u\n7\n')
    rows, errors = reading.both("a.csv")
    assert [(r["sample_id"], r["a"], r["b"]) for r in rows] == [(0, 1, "x"), (2, 3, "y\nz"), (5, 6, "u")]
    assert errors == [
        (1, "a.csv", 1, "1 columns instead of 2: 2"),
        (3, "a.csv", 3, "column `b`: invalid UTF-8 at byte 0"),
        (4, "a.csv", 4, "3 columns instead of 2: 5,v,w"),
        (6, "a.csv", 6, "1 columns instead of 2: 7"),
    ]


def test_csv_many_blocks(reading: Reading) -> None:
    draw = random.Random(1)
    broken = sorted(draw.sample(range(20_000), 500))
    lines = ["broken" if i in set(broken) else f'{i},"some\ntext {i}"' for i in range(20_000)]
    reading.write("a.csv", "i,t\n" + "\n".join(lines) + "\n")
    source = reading.open("a.csv")
    for max_bytes, max_rows in ((1 << 12, 8192), (1 << 16, 100), (8 << 20, 8192)):
        rows, errors = collect(source, max_bytes=max_bytes, max_rows=max_rows)
        assert [e[0] for e in errors] == broken
        assert all(r["sample_id"] == r["i"] and r["t"] == f"some\ntext {r['i']}" for r in rows)
        assert len(rows) == 19_500


def test_csv_header_and_quotes(reading: Reading) -> None:
    reading.write("a.csv", "a;b\n1;x,y\n")
    assert reading.rows("a.csv") == [{"a": 1, "b": "x,y"}]
    reading.write("b.csv", "a,a\n1,2\n")
    assert "error[duplicate-column]" in reading.refuse("b.csv")
    reading.write("c.tsv", 'a\tb\n"Hi" he said\tx\n"\ty\n')
    assert reading.rows("c.tsv") == [{"a": '"Hi" he said', "b": "x"}, {"a": '"', "b": "y"}]
    reading.write("d.tsv.gz", gzip.compress(b'a\tb\n"x\ty"\t1\n'))
    assert reading.rows("d.tsv.gz") == [{"a": "x\ty", "b": 1}]
    reading.write("e.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 10)[:-4])
    assert "error[truncated-file] `e.csv.gz`" in reading.refuse("e.csv.gz")
    for header in (b"a\xff,b\n1,2\n", b'"a\nb,c\n1,2\n', b'"a"b,c\n1,2\n'):
        reading.write("g.csv", header)
        assert "error[broken-csv] `g.csv` cannot be cut into rows" in reading.refuse("g.csv")
    reading.write("h.csv", "a,b\r1,2\r3,4\r")
    assert reading.rows("h.csv") == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    reading.write("f.csv", "a,b\n")
    source = reading.open("f.csv")
    assert source.schema.names == ["a", "b"] and collect(source) == ([], [])


def test_parquet_types(reading: Reading) -> None:
    stamp = datetime.datetime(2024, 1, 2, 3, 4, 5)
    table = pa.table(
        {
            "d": pa.array([decimal.Decimal("1.50"), None]),
            "when": pa.array([stamp, None], pa.timestamp("us")),
            "blob": pa.array([b"\xff", None]),
            "cat": pa.array(["x", "y"]).dictionary_encode(),
            "large": pa.array(["x", None], pa.large_string()),
            "o": [{"l": [1, 2]}, None],
        }
    )
    pq.write_table(table, reading.base / "a.parquet")
    assert reading.rows("a.parquet") == table.to_pylist()
    with duckdb.connect() as con:
        loaded = next(reading.open("a.parquet").morsels()).load().table
        assert len(con.from_arrow(loaded).fetchall()) == 2


def test_parquet_streams_and_reports_bad_text(reading: Reading) -> None:
    texts = [f"text {i}".encode() for i in range(5000)]
    texts[1234] = b"\xff\xfe"
    column = pa.array(texts, pa.binary())
    invalid = pa.Array.from_buffers(pa.string(), 5000, column.buffers())
    pq.write_table(pa.table({"i": range(5000), "t": invalid}), reading.base / "a.parquet")
    source = reading.open("a.parquet")
    rows, errors = collect(source, max_rows=500)
    assert len(rows) == 4999 and errors == [(1234, "a.parquet", 1234, "invalid UTF-8 in column `t`")]
    assert [m.rows for m in source.morsels(max_rows=500)] == [500] * 10
    assert sum(m.bytes for m in source.morsels(max_rows=500)) == source.total_bytes


def test_damaged_parquet(reading: Reading) -> None:
    path = reading.base / "a.parquet"
    pq.write_table(pa.table({"t": [str(random.random()) for _ in range(20_000)]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert "error[damaged-file] `a.parquet` is damaged" in reading.refuse("a.parquet")
    path.write_bytes(whole[:100] + bytes(len(whole) // 2) + whole[100 + len(whole) // 2 :])
    assert "error[damaged-file]" in reading.refuse("a.parquet")


def test_duckdb_tables_and_views(reading: Reading) -> None:
    with duckdb.connect(str(reading.base / "w.duckdb")) as con:
        con.execute(
            'create schema s; create table s."my t" as select i, i::varchar as text, [i] as l from range(20000) r(i)'
        )
        con.execute(
            "create view v as select text, map {'a': i} as m, 'x'::enum('x', 'y') as e, 1::hugeint h "
            'from s."my t" limit 3'
        )
    rows = reading.rows("duckdb:w.duckdb#s.my t")
    assert rows[0] == {"i": 0, "text": "0", "l": [0]} and [r["i"] for r in rows] == list(range(20_000))
    assert reading.rows("duckdb:w.duckdb#v")[1] == {"text": "1", "m": [("a", 1)], "e": "x", "h": decimal.Decimal(1)}
    assert "has no table or view `w`" in reading.refuse("duckdb:w.duckdb#w")
    assert "error[missing-file]" in reading.refuse("duckdb:no.duckdb#t")
    reading.write("bad.duckdb", b"no database" * 1000)
    assert "error[unreadable-source]" in reading.refuse("duckdb:bad.duckdb#t")
