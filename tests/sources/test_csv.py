"""csv: every record that Python's csv module reads is read alike, and a broken one costs its own line."""

from __future__ import annotations

import csv
import gzip
import io
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from juicesql.sources.records import Dialect, records

from .conftest import Reading, collect

FIELD = st.text(st.sampled_from('a1,;"\n\r é'), max_size=6)


def cut(data: bytes, dialect: Dialect, max_bytes: int, most: int = 1 << 20) -> tuple[list[bytes], list[int]]:
    """(the good records, the numbers of the bad ones)"""
    good: list[bytes] = []
    bad: list[int] = []
    rows = 0
    for block in records(io.BytesIO(data), dialect, max_bytes, most):
        starts = [0, *block.ends[:-1]]
        good += [block.data[a:b] for a, b in zip(starts, block.ends, strict=True)] if len(block.ends) else []
        assert block.rows == len(block.ends) + len(block.bad)
        bad += [rows + b.position for b in block.bad]
        rows += block.rows
    return good, bad


@given(
    st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 60),
    st.booleans(),
)
@settings(deadline=None)
def test_written_rows_come_back(
    rows: list[list[str]], end: str, delimiter: str, quoting: Any, max_bytes: int, last: bool
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # Python 3.11 leaves a carriage return without quotes
        rows = [[field.replace("\r", "") for field in row] for row in rows]
    out = io.StringIO()
    csv.writer(out, lineterminator=end, delimiter=delimiter, quoting=quoting).writerows(rows)
    text = out.getvalue() if last else out.getvalue().removesuffix(end)
    good, bad = cut(text.encode(), Dialect(delimiter, True, 3), max_bytes)
    read = [next(csv.reader(io.StringIO(r.decode(), newline=""), delimiter=delimiter, strict=True)) for r in good]
    assert bad == [] and read == rows


def slow(text: str) -> tuple[list[str], list[int]]:
    """What `cut` promises, by the definition: try the longest well-formed record, else the line is broken."""
    good, bad, at, row = [], [], 0, 0
    while at < len(text):
        line_end = next((i for i in range(at, len(text)) if text[i] == "\n"), len(text))
        if line_end == at:
            at += 1
            continue
        i, state, end = at, "start", None
        while i < len(text) and end is None:
            c = text[i]
            if state == "quoted":
                state = "closing" if c == '"' else state
            elif state == "closing" and c == '"':
                state = "quoted"
            elif c == "\n":
                end = i
            elif c == ",":
                state = "start"
            elif state == "closing":
                break
            elif state == "start":
                state = "quoted" if c == '"' else "bare"
            i += 1
        if end is None and i == len(text) and state != "quoted":
            end = i
        if end is None:
            bad.append(row)
            end = line_end
        else:
            good.append(text[at:end])
        at, row = end + 1, row + 1
    return good, bad


@given(st.text(st.sampled_from('a,"\n'), max_size=40), st.integers(1, 50))
@example('1,"\n2,"ok"\n3,x\n', 5)
@example('a,b\n"x""\n"\n', 3)
@settings(deadline=None, max_examples=400)
def test_broken_quotes_cost_their_line(text: str, max_bytes: int) -> None:
    good, bad = cut(text.encode(), Dialect(",", True, 2), max_bytes)
    assert ([g.decode().strip("\n") for g in good], bad) == ([g.strip("\n") for g in slow(text)[0]], slow(text)[1])


@pytest.mark.parametrize("broken", ['"t', '"t"x', '"t""', '"a "b" c"'])
@pytest.mark.parametrize("quoted_later", [False, True])
def test_an_open_quote_costs_one_row(reading: Reading, broken: str, quoted_later: bool) -> None:
    lines = [f'{i},"t, {i}"' if quoted_later and i > 150 else f"{i},t" for i in range(30_000)]
    lines[100] = f"100,{broken}"
    reading.write("a.csv", "id,text\n" + "\n".join(lines) + "\n")
    for bounds in ({}, {"max_bytes": 1000, "max_rows": 77}):
        rows, errors = collect(reading.open("a.csv"), **bounds)
        assert [r["id"] for r in rows] == [i for i in range(30_000) if i != 100]
        assert all(r["id"] == r["sample_id"] for r in rows)
        assert [(e[0], e[2]) for e in errors] == [(100, 100)]
    assert errors[0][3].startswith(("a quote that opens here is never closed", "a quote is closed before other text"))


def test_a_long_record(reading: Reading) -> None:
    long = '1,"' + "some words, of a text\n\n" * 100 + '",x\n'
    reading.write("a.csv", "a,b,c\n0,y,z\n" + long + "2,u,v\n")
    rows, errors = reading.both("a.csv")
    assert [r["a"] for r in rows] == [0, 1, 2] and errors == []
    for bounds in ({"max_bytes": 64}, {"max_bytes": 700}, {}):
        rows, errors = collect(reading.open("a.csv", max_row_bytes=1000), **bounds)
        assert [(r["sample_id"], r["a"]) for r in rows] == [(0, 0), (2, 2)]
        assert errors[0][0] == 1 and "more than max_row_bytes (1,000)" in errors[0][3]
    reading.write("b.csv.gz", gzip.compress(b"a,b\n1," + b"x" * 5000 + b"\n2,y\n"))
    rows, errors = collect(reading.open("b.csv.gz", max_row_bytes=1000), max_bytes=100)
    assert [r["a"] for r in rows] == [2] and [e[0] for e in errors] == [0]


def test_a_long_field_whose_lines_have_as_many_fields_as_rows(reading: Reading) -> None:
    reading.write("b.csv", 'a,b\n1,"open,5,6\n' + "2,x\n" * 1000)
    assert [e[0] for e in collect(reading.open("b.csv", max_row_bytes=1000), max_bytes=500)[1]] == [0]
    reading.write("a.csv", 'a,b\n0,y\n1,"' + "some words, of a text\n" * 200 + '"\n2,v\n')
    rows, errors = collect(reading.open("a.csv", max_row_bytes=1000), max_bytes=500)
    assert [r["a"] for r in rows] == [0, 2] and [e[0] for e in errors] == [1]


def test_an_open_quote_before_much_text_is_no_long_record(reading: Reading) -> None:
    reading.write("a.csv", 'a,b\n0,"open\n' + "".join(f"{i},text\n" for i in range(1, 5000)))
    rows, errors = collect(reading.open("a.csv", max_row_bytes=1000), max_bytes=500)
    assert [r["a"] for r in rows] == list(range(1, 5000)) and [e[0] for e in errors] == [0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "int64"),
        (["1.5", "2"], "double"),
        (["true", "False"], "bool"),
        (["1", "x"], "string"),
        (["true", "1"], "string"),
        (["007", "8"], "string"),
        (["1.5", "NaN"], "double"),
        (["1", "nan", "-inf", "Infinity"], "double"),
        (["NaN"], "string"),
        (["true", "NaN"], "string"),
        (["x", "nan"], "string"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["9223372036854775808", "1"], "string"),
        (["-99999999999999999999"], "string"),
        (["9007199254740993", "1.5"], "string"),
        (["9007199254740993", "NaN"], "string"),
        (["9007199254740992", "1.5"], "double"),
        (["9007199254740993", "1"], "int64"),
        (["9007199254740993.0"], "string"),
    ],
)
def test_the_type_is_that_of_all_values(reading: Reading, values: list[str], kind: str) -> None:
    _check_type(reading, values, kind, 0)


@pytest.mark.parametrize(
    ("values", "kind"), [(["1", "x"], "string"), (["1", "nan"], "double"), (["9007199254740993", "1.5"], "string")]
)
def test_types_far_apart(reading: Reading, values: list[str], kind: str) -> None:
    _check_type(reading, values, kind, 45_000)


def _check_type(reading: Reading, values: list[str], kind: str, between: int) -> None:
    reading.write("a.csv", "n,t\n" + (f",{'y' * 200}\n" * between).join(f"{v},\n" for v in values))
    source = reading.open("a.csv")
    assert str(source.schema.field("n").type) == kind
    rows, errors = collect(source)
    assert errors == []
    found = [r["n"] for r in rows if r["n"] is not None]
    if kind == "string":
        assert found == values
    elif kind == "bool":
        assert found == [v.lower() == "true" for v in values]
    else:
        exact = int if kind == "int64" else float
        assert [repr(v) for v in found] == [repr(exact(v)) for v in values]


def test_sorted_data_with_a_late_type(reading: Reading) -> None:
    reading.write("a.csv", "n,t\n" + "".join(f"{i},{'x' * 80}\n" for i in range(100_000)) + "abc,y\n")
    rows, errors = reading.both("a.csv")
    assert errors == [] and len(rows) == 100_001
    assert rows[99_999]["n"] == "99999" and rows[-1]["n"] == "abc"


def test_heads(reading: Reading) -> None:
    reading.write("a.csv", '"a\nb",c\n1,2\n')
    assert reading.rows("a.csv") == [{"a\nb": 1, "c": 2}]
    reading.write("b.csv", ",text,\n0,x,\n1,y,z\n")
    assert reading.rows("b.csv") == [
        {"column0": 0, "text": "x", "column2": None},
        {"column0": 1, "text": "y", "column2": "z"},
    ]
    reading.write("c.csv", "\r\n\na,b\n1,2")
    assert reading.rows("c.csv") == [{"a": 1, "b": 2}]
    reading.write("d.csv", '"x;y",b\n1,2\n')
    assert reading.rows("d.csv") == [{"x;y": 1, "b": 2}]
    reading.write("e.csv", "column0,,b\n1,2,3\n")
    assert list(reading.rows("e.csv")[0]) == ["column0", "column1", "b"]


def test_long_fields(reading: Reading) -> None:
    reading.write("a.csv", "a,b\n1," + "x" * 200_000 + '\n2,"open ' + "y" * 200_000 + "\n3,z\n")
    rows, errors = reading.both("a.csv")
    assert [(r["a"], len(r["b"])) for r in rows] == [(1, 200_000), (3, 1)] and [e[0] for e in errors] == [1]
    reading.write("b.csv", "x" * 200_000 + ",b\n1,2\n")
    assert "error[broken-csv]" in reading.refuse("b.csv")


def test_one_column_has_a_row_for_each_line(reading: Reading) -> None:
    reading.write("a.csv", 't\nx\n\n""\n"y\n\nz"\n')
    assert [r["t"] for r in reading.rows("a.csv")] == ["x", None, "", "y\n\nz"]


def test_a_quote_in_tsv_is_text_where_it_is_not_closed(reading: Reading) -> None:
    lines = [f"{i}\ttext" for i in range(20_000)]
    lines[15_000], lines[16_000] = '15000\t"open', '16000\t"Hi" he said'
    reading.write("a.tsv", "a\tb\n" + "\n".join(lines) + "\n")
    rows, errors = reading.both("a.tsv")
    assert errors == [] and len(rows) == 20_000
    assert rows[15_000]["b"] == '"open' and rows[16_000]["b"] == '"Hi" he said'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(reading: Reading, end: str) -> None:
    draw = random.Random(3)
    rows = [[i, draw.choice(["x", 'q "', f"a{end}b", "", ","])] for i in range(500)]
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([["a", "b"], *rows])
    for text in (out.getvalue(), out.getvalue().removesuffix(end)):
        reading.write("a.csv", text.encode())
        for bounds in ({}, {"max_bytes": 37}):
            found, errors = collect(reading.open("a.csv"), **bounds)
            assert errors == [] and [[r["a"], r["b"] or ""] for r in found] == rows
