"""Which files an input names, their weights, and every way that naming them goes wrong."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from juicesql.sources.weights import copies

from .conftest import Reading


def test_folders_and_globs_are_sorted_and_may_mix_formats(reading: Reading) -> None:
    reading.write("d/b.jsonl", '{"t": "b"}\n')
    reading.write("d/a.csv", "t\na\n")
    reading.write("d/sub/c.tsv", "t\tu\nc\t1\n")
    reading.write("d/photo.png", b"\x89PNG")
    reading.write("d/.hidden.jsonl", '{"t": "no"}\n')
    reading.write("d/README.md", "# About")
    assert reading.rows("d") == [{"t": "a", "u": None}, {"t": "b", "u": None}, {"t": "c", "u": 1}]
    assert reading.rows("d/*.jsonl") == [{"t": "b"}]
    assert [r["t"] for r in reading.rows("d/**/*.[ct]sv")] == ["a", "c"]
    assert [r["t"] for r in reading.rows("d/sub d/b.jsonl")] == ["c", "b"]


def test_documents(reading: Reading) -> None:
    reading.write("d/a.txt", b"\xef\xbb\xbfone\r\ntwo\n")
    reading.write("d/b.py", b"caf\xe9")
    reading.write("d/c.md", "")
    rows, errors = reading.both("d")
    assert rows == [
        {"sample_id": 0, "text": "one\r\ntwo\n", "path": "d/a.txt"},
        {"sample_id": 2, "text": "", "path": "d/c.md"},
    ]
    assert errors == [(1, "d/b.py", 0, "invalid UTF-8 at byte 3")]
    assert [m.rows for m in reading.open("d").morsels(max_rows=2)] == [2, 1]


def test_data_beside_documents_is_refused(reading: Reading) -> None:
    reading.write("d/a.txt", "one")
    reading.write("d/b.json", '{"a": 1}')
    assert "mixes data (d/b.json, ...) with documents (d/a.txt, ...)" in reading.refuse("d")
    assert reading.rows("d", format="txt") == [{"text": "one", "path": "d/a.txt"}]
    assert reading.rows("d", format="json") == [{"a": 1}]


def test_format_overrides_the_suffix(reading: Reading) -> None:
    reading.write("data.out", '{"a": 1}\n')
    assert "error[unknown-format] `data.out` has no suffix" in reading.refuse("data.out")
    assert reading.rows("data.out", format="jsonl") == [{"a": 1}]
    assert "`jsonq` is not a format" in reading.refuse("data.out", format="jsonq")


def test_hostile_names(reading: Reading) -> None:
    reading.write("my 2 file[1].jsonl", '{"a\\"; drop table x--": 1}\n')
    assert reading.rows("my 2 file[1].jsonl") == [{'a"; drop table x--': 1}]
    reading.write("two words.jsonl", '{"a": 1}\n')
    assert reading.rows("2 two words.jsonl") == [{"a": 1}, {"a": 1}]


def test_missing(reading: Reading) -> None:
    reading.write("corpus.jsonl", "{}")
    assert "`corpsu.jsonl` does not exist\n  mend: did you mean `corpus.jsonl`?" in reading.refuse("corpsu.jsonl")
    assert "error[no-match] no file matches `*.parquet`" in reading.refuse("*.parquet")
    assert "does not exist" in reading.refuse("none/of/it.jsonl")
    reading.write("empty/photo.png", b"")
    assert "holds no file that juicesql reads" in reading.refuse("empty")
    assert "error[no-input]" in reading.refuse()
    assert "error[empty-input]" in reading.refuse(" ")


def test_empty_files(reading: Reading) -> None:
    for name in ("a.jsonl", "a.csv", "a.json", "a.jsonl.gz", "a.jsonl.zst"):
        reading.write(name, "")
        assert "error[empty-source]" in reading.refuse(name)
    reading.write("b.jsonl", '{"t": "x"}\n')
    assert reading.rows("a.jsonl a.csv b.jsonl a.json") == [{"t": "x"}]


def test_weights(reading: Reading) -> None:
    reading.write("a.jsonl", "".join(f'{{"n": {i}}}\n' for i in range(1000)))
    reading.write("b.jsonl", '{"n": 5000}\nbroken\n')
    source = "0.5 a.jsonl 2 b.jsonl"
    rows, errors = reading.both(source)
    numbers = [r["n"] for r in rows]
    assert len(numbers) == 502 and numbers == sorted(numbers)
    assert Counter(n // 10 for n in numbers[:500]) == dict.fromkeys(range(100), 5)
    assert numbers[500:] == [5000, 5000]
    assert [(e[0], e[1], e[2]) for e in errors] == [(502, "b.jsonl", 1), (503, "b.jsonl", 1)]
    assert reading.both(source) == (rows, errors)
    assert [r["n"] for r in reading.both(source, seed=7)[0]] != numbers
    head = [r["n"] for m in reading.open("0.5 a.jsonl").morsels(max_rows=7) for r in m.load().table.to_pylist()]
    assert head == numbers[:500]


@pytest.mark.parametrize(
    ("text", "message"), [("0 a.jsonl", "not above 0"), ("-1 a.jsonl", "not above 0"), ("2 3 a", "no path")]
)
def test_bad_weights(reading: Reading, text: str, message: str) -> None:
    assert message in reading.refuse(text)


def test_copies_are_exact_and_do_not_move() -> None:
    assert copies(0, 1000, Fraction("0.5"), 1).sum() == 500
    assert copies(0, 1000, Fraction("0.001"), 1).sum() == 1
    assert copies(0, 100, Fraction("2.3"), 1).sum() == 230
    assert set(copies(0, 100, Fraction("2.3"), 1).tolist()) == {2, 3}
    whole = copies(0, 95, Fraction("0.7"), 1)
    assert [*copies(0, 13, Fraction("0.7"), 1), *copies(13, 82, Fraction("0.7"), 1)] == whole.tolist()


def test_fingerprint(reading: Reading) -> None:
    path = reading.write("a.jsonl", '{"n": 1}\n')
    first = reading.open("a.jsonl").fingerprint
    assert reading.open("a.jsonl").fingerprint == first
    assert reading.open("a.jsonl", seed=1).fingerprint != first
    assert reading.open("0.5 a.jsonl").fingerprint != first
    assert reading.open("a.jsonl", columns={"m": "n"}).fingerprint != first
    path.write_text('{"n": 1}\n{"n": 2}\n')
    assert reading.open("a.jsonl").fingerprint != first


def test_a_url_without_httpfs_says_what_to_install(reading: Reading) -> None:
    message = reading.refuse("https://localhost:1/a.parquet")
    assert "error[missing-extension]" in message or "error[unreadable-source]" in message
