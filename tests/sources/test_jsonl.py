"""JSON lines: every kind of broken line costs itself only, and no value is lost or changed without a word."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from juicesql.errors import SourceError
from juicesql.sources import SourceSpec, open_source
from juicesql.sources.jsonl import SAMPLE_BYTES

from .conftest import Reading, collect

BROKEN = {
    b'{"text": "a"': "broken JSON at column 13: Expecting ',' delimiter",
    b"not json": "broken JSON at column 1: Expecting value",
    b'{"text": "a"} {"text": "b"}': "broken JSON at column 15: Extra data",
    b"{'text': 'a'}": "broken JSON at column 2: Expecting property name enclosed in double quotes",
    b'{"text": "\xff"}': "invalid UTF-8 at byte 10",
    b'{"text": "a\tb"}': "broken JSON at column 12: Invalid control character at",
    b'{"text": "a\x00b"}': "broken JSON at column 12: Invalid control character at",
    b'{"text": "\\ud800"}': "column `text` holds invalid UTF-8 or half a surrogate pair",
    b'{"text": "a", "text": "b"}': "the key `text` stands twice in one object",
    b'{"n": NaN}': "`NaN` is no JSON",
    b'{"n": -Infinity}': "`-Infinity` is no JSON",
    b'{"n": 1e999}': "column `n`: the number is too big for DOUBLE",
    b"null": "no JSON object but null",
    b"[1, 2]": "no JSON object but a list",
    b'"text"': "no JSON object but a string",
    b"7": "no JSON object but a number",
    b"true": "no JSON object but a boolean",
    b"[" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize("line", BROKEN, ids=lambda line: line[:20].decode("latin-1"))
def test_a_broken_line_costs_one_row(reading: Reading, line: bytes) -> None:
    reading.write("a.jsonl", b'{"text": "x", "n": 0.5}\n' + line + b'\n{"text": "y", "n": 1.5}\n')
    rows, errors = reading.both("a.jsonl")
    assert rows == [{"sample_id": 0, "text": "x", "n": 0.5}, {"sample_id": 2, "text": "y", "n": 1.5}]
    ((sample_id, file, row, message),) = errors
    assert (sample_id, file, row) == (1, "a.jsonl", 1)
    assert message.startswith(BROKEN[line])


def test_line_ends_marks_and_blank_lines(reading: Reading) -> None:
    reading.write("a.jsonl", b'\xef\xbb\xbf{"t": "a"}\r\n\r\n  \n {"t": "b"} \n\n{"t": "c\\u0000"}')
    assert reading.rows("a.jsonl") == [{"t": "a"}, {"t": "b"}, {"t": "c\0"}]
    reading.write("b.jsonl", b'{"t": "a"}\r\n{"t": "b"}\r\n')
    assert reading.rows("b.jsonl") == [{"t": "a"}, {"t": "b"}]


def test_an_object_over_two_lines_is_two_errors(reading: Reading) -> None:
    reading.write("a.jsonl", '{"a":\n1}\n{"a": 2}{"a": 3}\n{"a": 4}\n')
    rows, errors = reading.both("a.jsonl")
    assert rows == [{"sample_id": 3, "a": 4}]
    assert [e[0] for e in errors] == [0, 1, 2]


def test_types(reading: Reading) -> None:
    lines = [
        {"i": 1, "d": 1, "b": True, "s": "é😀", "o": {"x": 1}, "l": [1], "m": 1, "big": 2**70, "e": {}, "none": None},
        {"i": -(2**63), "d": 0.5, "b": None, "o": {"y": [{"z": "q"}]}, "l": [], "m": "one", "big": 1, "e": {}},
        {"m": {"k": [1.5]}, "date": "2024-01-01"},
        {},
    ]
    reading.write("a.jsonl", "\n".join(map(json.dumps, lines)))
    source = reading.open("a.jsonl")
    assert dict(zip(source.schema.names, source.schema.types, strict=True)) == {
        "i": pa.int64(),
        "d": pa.float64(),
        "b": pa.bool_(),
        "s": pa.string(),
        "o": pa.struct([("x", pa.int64()), ("y", pa.list_(pa.struct([("z", pa.string())])))]),
        "l": pa.list_(pa.int64()),
        "m": pa.string(),
        "big": pa.string(),
        "e": pa.string(),
        "none": pa.string(),
        "date": pa.string(),
    }
    rows, errors = collect(source)
    assert errors == []
    assert rows[0] | {"sample_id": 0} == {
        "sample_id": 0,
        "i": 1,
        "d": 1.0,
        "b": True,
        "s": "é😀",
        "o": {"x": 1, "y": None},
        "l": [1],
        "m": "1",
        "big": "1180591620717411303424",
        "e": "{}",
        "none": None,
        "date": None,
    }
    assert rows[1]["m"] == "one" and rows[1]["i"] == -9223372036854775808
    assert rows[2]["m"] == '{"k": [1.5]}' and rows[2]["date"] == "2024-01-01"
    assert set(rows[3].values()) == {3, None}


def test_deep_nesting_is_text(reading: Reading) -> None:
    deep = '{"x":' * 400 + "1" + "}" * 400
    reading.write("a.jsonl", '{"b": 1}\n{"a": ' + "[" * 600 + "]" * 600 + '}\n{"o": ' + deep + "}\n")
    rows = reading.rows("a.jsonl")
    assert rows[0] == {"b": 1, "a": None, "o": None} and len(rows) == 3


def _big(reading: Reading, late: str) -> None:
    """A file whose last line lies between the sampled spots."""
    line = '{"n": 1, "t": "' + "x" * 1000 + '"}\n'
    head = line * (2 * SAMPLE_BYTES // len(line))
    reading.write("a.jsonl", head + late + "\n" + line * 900)


@pytest.mark.parametrize(
    ("late", "message"),
    [
        ('{"n": "abc"}', 'column `n` is BIGINT by the sample, a string does not fit: "abc"; full_scan=True widens it'),
        ('{"n": 1.5}', "column `n` is BIGINT by the sample, a number does not fit: 1.5; full_scan=True widens it"),
        (
            '{"n": 9223372036854775808}',
            "column `n` is BIGINT by the sample, a number does not fit: 9223372036854775808",
        ),
        ('{"n": true}', "column `n` is BIGINT by the sample, a boolean does not fit: true; full_scan=True widens it"),
        ('{"new": null}', "field `new` is not in the sample of the columns; full_scan=True adds it"),
    ],
)
def test_what_the_sample_did_not_show_is_an_error_and_full_scan_reads_it(
    reading: Reading, late: str, message: str
) -> None:
    _big(reading, late)
    rows, errors = reading.both("a.jsonl")
    assert len(errors) == 1 and errors[0][3].startswith(message)
    assert len(rows) == errors[0][2] + 900
    rows, errors = reading.both("a.jsonl", full_scan=True)
    assert errors == [] and len(rows) > 900


def test_a_text_column_takes_what_comes_later(reading: Reading) -> None:
    _big(reading, '{"t": 5}')
    rows, errors = reading.both("a.jsonl")
    assert errors == [] and "5" in {row["t"] for row in rows}


def test_a_line_longer_than_the_block(reading: Reading) -> None:
    reading.write("a.jsonl", '{"t": "a"}\n{"t": "' + "x" * 100_000 + '"}\n{"t": "b"}\n')
    rows, errors = collect(reading.open("a.jsonl"), max_bytes=16)
    assert [len(r["t"]) for r in rows] == [1, 100_000, 1] and errors == []


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed(reading: Reading, suffix: str) -> None:
    data = b"".join(b'{"n": %d}\n' % i for i in range(20_000))
    pack = gzip.compress if suffix == "gz" else zstandard.ZstdCompressor().compress
    packed = pack(data[:60]) + pack(data[60:])
    reading.write(f"a.jsonl.{suffix}", packed)
    source = reading.open(f"a.jsonl.{suffix}")
    assert sum(m.bytes for m in source.morsels(max_bytes=1 << 14)) == source.total_bytes == len(packed)
    rows, errors = collect(source, max_bytes=1 << 14)
    assert [r["n"] for r in rows] == list(range(20_000)) and errors == []
    reading.write(f"cut.jsonl.{suffix}", packed[:-9])
    assert f"error[truncated-file] `cut.jsonl.{suffix}` ends too early" in reading.refuse(f"cut.jsonl.{suffix}")
    reading.write(f"bad.jsonl.{suffix}", packed[:4] + b"not compressed at all")
    assert "error[damaged-file]" in reading.refuse(f"bad.jsonl.{suffix}")


def test_appending_keeps_ids_and_boundaries(reading: Reading) -> None:
    path = reading.write("a.jsonl", "".join(f'{{"n": {i}}}\n' for i in range(1000)))

    def bounds() -> list[tuple[int, int]]:
        return [(m.first_id, m.rows) for m in reading.open("a.jsonl").morsels(max_bytes=1000, max_rows=30)]

    before = bounds()
    assert max(rows for _, rows in before) == 30
    path.write_bytes(path.read_bytes() + b'{"n": 1000}\n{"n": 1001}\n')
    assert bounds()[: len(before) - 1] == before[:-1]
    assert [r["sample_id"] for r in collect(reading.open("a.jsonl"))[0]] == list(range(1002))


def test_a_file_that_changes(reading: Reading) -> None:
    path = reading.write("a.jsonl", '{"n": 1}\n{"n": 2}\n')
    source = reading.open("a.jsonl")
    source.check_unchanged()
    with path.open("a") as f:
        f.write('{"n": 3}\n')
    assert [r["n"] for r in collect(source)[0]] == [1, 2]
    with pytest.raises(SourceError, match=r"a\.jsonl` changed after it was opened"):
        source.check_unchanged()
    morsel = next(source.morsels())
    path.write_text("")
    with pytest.raises(SourceError, match="changed"):
        morsel.load()
    with pytest.raises(SourceError, match="changed"):
        list(source.morsels())
    path.unlink()
    with pytest.raises(SourceError, match="changed"):
        source.check_unchanged()


_VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.lists(st.text()) | st.booleans()
_ROWS = st.fixed_dictionaries({"text": st.text()}, optional={"n": st.integers(-5, 5), "any": _VALUES})
_LINES = st.one_of(_ROWS, _ROWS, _ROWS, st.sampled_from([*BROKEN][:-1]), st.just(b""))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(_LINES, max_size=40), st.sampled_from([1, 40, 300, 8 << 20]), st.sampled_from([1, 3, 8192]), st.booleans()
)
def test_round_trip(lines: list[object], max_bytes: int, max_rows: int, ascii_only: bool) -> None:
    planted = [line for line in lines if line != b""]
    good = {i: line for i, line in enumerate(planted) if isinstance(line, dict)}
    if not good:
        return
    columns = {key for line in good.values() for key in line}
    kinds = {type(line.get("any")) for line in good.values()} - {type(None)}
    as_text = len(kinds) != 1 or kinds == {str}

    def told(key: str, value: object) -> object:
        plain = key != "any" or not as_text or value is None or isinstance(value, str)
        return value if plain else json.dumps(value, ensure_ascii=False)

    data = [x if isinstance(x, bytes) else json.dumps(x, ensure_ascii=ascii_only).encode() for x in lines]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.jsonl").write_bytes(b"\n".join(data))
        source = open_source(SourceSpec(("a.jsonl",), base=Path(folder)))
        rows, errors = collect(source, max_bytes=max_bytes, max_rows=max_rows)
    expected = [{"sample_id": i} | {c: told(c, line.get(c)) for c in columns} for i, line in good.items()]
    assert rows == expected
    assert [e[0] for e in errors] == [i for i, x in enumerate(planted) if isinstance(x, bytes)]


def test_a_late_integer_that_a_double_rounds_is_not_rounded(reading: Reading) -> None:
    lines = [f'{{"m": {i % 7}.5, "o": {{"x": [{i}, 0.5]}}}}' for i in range(30_000)]
    lines[25_000] = '{"m": 9007199254740993, "o": null}'
    lines[26_000] = '{"m": 1, "o": {"x": [9007199254740993]}}'
    lines[27_000] = '{"m": 1e300, "o": null}'
    reading.write("a.jsonl", "\n".join(lines))
    rows, errors = reading.both("a.jsonl")
    assert [e[0] for e in errors] == [25_000, 26_000] and "9007199254740993" in errors[0][3]
    assert rows[26_998]["m"] == 1e300
    whole = reading.rows("a.jsonl", full_scan=True)
    assert whole[25_000]["m"] == "9007199254740993" and whole[0]["m"] == "0.5"
