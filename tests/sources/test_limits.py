"""Rows of more bytes than max_row_bytes: an error row each, never held whole, and the rows after them keep their numbers."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import juicesql

from .conftest import Reading, collect


def _three(name: str) -> bytes:
    values = [{"t": "a"}, {"t": "x" * 1003}, {"t": 'b "]},\\'}]
    texts = [json.dumps(v, separators=(",", ":")) for v in values]
    if ".json" in name.replace(".jsonl", ""):
        return ("[" + ", ".join(texts) + "]").encode()
    return "\n".join(texts).encode()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json", "a.json.gz"])
@pytest.mark.parametrize("max_bytes", [8 << 20, 100])
def test_a_long_row_is_an_error_row(reading: Reading, name: str, max_bytes: int) -> None:
    packs: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
    pack = packs.get(name.rpartition(".")[2], bytes)
    reading.write(name, pack(_three(name)))
    rows, errors = collect(reading.open(name, max_row_bytes=1000), max_bytes=max_bytes)
    assert rows == [{"sample_id": 0, "t": "a"}, {"sample_id": 2, "t": 'b "]},\\'}]
    assert [(e[0], e[2]) for e in errors] == [(1, 1)]
    assert errors[0][3].startswith("the row has 1,01") and errors[0][3].endswith("more than max_row_bytes (1,000)")


@given(
    st.lists(st.integers(0, 60), max_size=30),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(8, 200),
    st.integers(1, 7),
)
@settings(deadline=None)
def test_which_rows_are_long(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], end: bytes, last: bool, max_bytes: int, max_rows: int
) -> None:
    lines = [b'{"t":"%s"}' % (b"x" * size) for size in sizes]
    reading = Reading(tmp_path_factory.mktemp("limits"))
    reading.write("a.jsonl", b'{"t":""}\n' + end.join(lines) + (end if last and lines else b""))
    longest = [s if end == b"\n" or (i == len(sizes) - 1 and not last) else s + 1 for i, s in enumerate(sizes)]
    expected = [(i, sizes[i - 1] if i else 0) for i in range(len(sizes) + 1) if not i or longest[i - 1] <= 30]
    source = reading.open("a.jsonl", max_row_bytes=8 + 30)
    rows, errors = collect(source, max_bytes=max_bytes, max_rows=max_rows)
    assert [(r["sample_id"], len(r["t"])) for r in rows] == expected
    assert len(errors) == len(sizes) + 1 - len(expected)


@pytest.mark.parametrize("value", ["[[1,2],[3]]", '"a\\\\"', '{"a":"]\\"}"}', "12345678", '[{"t":"é"},{}]'])
def test_a_long_element_of_any_kind(reading: Reading, value: str) -> None:
    for blanks in ("", " " * ((1 << 20) - 12)):
        reading.write("a.json", '[{"t":1},' + value + blanks + ',{"t":2}]')
        rows, errors = reading.both("a.json", max_row_bytes=7)
        assert [r["t"] for r in rows] == [1, 2] and [e[2] for e in errors] == [1]
        assert errors[0][3].startswith("the row has ") == (len(value.encode()) > 7)


def test_a_long_element_whose_escapes_stand_at_the_edges_of_windows(reading: Reading) -> None:
    for shift in (0, 1):
        reading.write("a.json", '[{"t":1},"' + "x" * shift + '\\"' * 600_000 + '",{"t":2}]')
        rows, errors = reading.both("a.json", max_row_bytes=1000)
        assert [r["t"] for r in rows] == [1, 2]
        assert errors[0][3] == f"the row has {1_200_002 + shift:,} bytes, more than max_row_bytes (1,000)"


def test_documents(reading: Reading) -> None:
    reading.write("d/a.txt", "fine")
    reading.write("d/b.txt.gz", gzip.compress(b"x" * 5000))
    rows, errors = reading.both("d", max_row_bytes=1000)
    assert [r["text"] for r in rows] == ["fine"]
    assert [e[1:] for e in errors] == [("d/b.txt.gz", 0, "the document has more bytes than max_row_bytes (1,000)")]


BOMB = """
import resource, sys
from pathlib import Path
from juicesql.sources import SourceSpec, open_source
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = open_source(SourceSpec((sys.argv[1],), max_row_bytes=8 << 20))
for morsel in source.morsels():
    loaded = morsel.load()
    for row in loaded.table.to_pylist():
        print(row["sample_id"], row["t"])
    for e in loaded.errors:
        print(e.sample_id, e.message)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.json.gz"])
def test_a_bomb_is_not_held(tmp_path: Path, name: str) -> None:
    size = 100 << 20
    pack = zstandard.ZstdCompressor().compressobj() if name.endswith("zst") else gzip.compress
    head, middle, tail = (b"[", b",", b"]") if ".json." in name else (b"", b"\n", b"")
    with open(tmp_path / name, "wb") as f:
        for part in [
            head + b'{"t":"a"}' + middle + b'{"t":"',
            *[b"x" * (20 << 20)] * 5,
            b'"}' + middle + b'{"t":"b"}' + tail,
        ]:
            f.write(pack(part, 1) if callable(pack) else pack.compress(part))
        if not callable(pack):
            f.write(pack.flush())
    told = subprocess.run([sys.executable, "-c", BOMB, name], cwd=tmp_path, capture_output=True, text=True, check=True)
    *lines, grown = told.stdout.splitlines()
    assert sorted(lines) == [
        "0 a",
        f"1 the row has {size + 8 + (name == 'a.jsonl.zst'):,} bytes, more than max_row_bytes (8,388,608)",
        "2 b",
    ]
    assert int(grown) < 70_000  # kB


def test_the_option_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"t":"a"}\n{"t":"' + "x" * 2000 + '"}\n{"t":"b"}\n')
    (tmp_path / "juicesql.toml").touch()
    for most, kept in (("1KB", 2), (5000, 3)):
        recipe = f"{{{{ config(source='a.jsonl', max_row_bytes={most!r}, max_error_rate=1.0) }}}} select * from source"
        (tmp_path / "r.sql.j2").write_text(recipe)
        assert juicesql.run(tmp_path / "r.sql.j2", project=tmp_path).kept == kept
