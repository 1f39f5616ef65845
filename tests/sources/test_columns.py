"""Mapped, nested, missing, reserved and conflicting columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from .conftest import Reading


def test_rename_and_nested(reading: Reading) -> None:
    reading.write("a.jsonl", '{"id": 1, "content": "x", "meta": {"text": "y", "deep": {"z": 2}}}\n{"id": 2}\n')
    assert reading.rows("a.jsonl", columns={"text": "content"}) == [
        {"id": 1, "text": "x", "meta": {"text": "y", "deep": {"z": 2}}},
        {"id": 2, "text": None, "meta": None},
    ]
    rows = reading.rows("a.jsonl", columns={"text": "meta.text", "z": "meta.deep.z"})
    assert rows[0] == {"id": 1, "content": "x", "meta": {"text": "y", "deep": {"z": 2}}, "text": "y", "z": 2}
    assert rows[1] == {"id": 2, "content": None, "meta": None, "text": None, "z": None}
    swapped = reading.rows("a.jsonl", columns={"id": "content", "content": "id"})
    assert swapped[0]["id"] == "x" and swapped[0]["content"] == 1


def test_missing_columns_are_all_named(reading: Reading) -> None:
    reading.write("a.jsonl", '{"content": "x", "meta": {"text": "y"}}\n')
    message = reading.refuse("a.jsonl", columns={"text": "contnet", "other": "meta.no"})
    assert "column `contnet`, mapped to `text`, does not exist" in message
    assert "did you mean `content`?   columns that exist: content, meta, meta.text" in message
    assert "column `meta.no`" in message


def test_reserved_and_double_names(reading: Reading) -> None:
    reading.write("a.jsonl", '{"sample_id": 1, "x": 2}\n')
    assert 'columns={"source_id": "sample_id"}' in reading.refuse("a.jsonl")
    assert reading.rows("a.jsonl", columns={"source_id": "sample_id"}) == [{"source_id": 1, "x": 2}]
    assert "error[reserved-column]" in reading.refuse("a.jsonl", columns={"Sample_ID": "x", "y": "sample_id"})
    reading.write("n.jsonl", '{"a\\u0000b": 1}\n')
    assert reading.rows("n.jsonl") == [{"ab": 1}]
    assert reading.rows("n.jsonl", columns={"ab": "a\0b"}) == [{"ab": 1}]
    reading.write("b.jsonl", '{"Text": 1, "text": 2}\n')
    assert reading.rows("b.jsonl") == [{"Text_2": 1, "text": 2}]
    reading.write("d.jsonl", '{"": 1, "__v0": 2, "v0": 3}\n')
    assert reading.rows("d.jsonl") == [{"unnamed": 1, "v0_2": 2, "v0": 3}]
    reading.write("b.csv", "Text,text\n1,2\n")
    assert "columns `Text` and `text` differ only in case" in reading.refuse("b.csv")
    reading.write("c.jsonl", '{"text": 1, "content": 2}\n')
    assert "columns `text` and `text` share a name" in reading.refuse("c.jsonl", columns={"text": "content"})


def test_union_by_name(reading: Reading) -> None:
    reading.write("a.jsonl", '{"a": 1, "o": {"x": 1}}\n')
    reading.write("b.jsonl", '{"o": {"y": "q"}, "b": "t", "a": 0.5}\n')
    pq.write_table(pa.table({"a": pa.array([2], pa.int32()), "c": [b"\x00"]}), reading.base / "c.parquet")
    assert reading.rows("a.jsonl b.jsonl c.parquet") == [
        {"a": 1.0, "o": {"x": 1, "y": None}, "b": None, "c": None},
        {"a": 0.5, "o": {"x": None, "y": "q"}, "b": "t", "c": None},
        {"a": 2.0, "o": None, "b": None, "c": b"\x00"},
    ]
    reading.write("d.csv", "o\n1\n")
    message = reading.refuse("a.jsonl d.csv")
    assert "error[conflicting-columns] column `o` is struct<x: int64> in `a.jsonl` and int64 in `d.csv`" in message
