"""`dups`: the clusters of a run, and the words in which two samples differ."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juicesql.cli.columns import BRACKETS, COLOURS, Marks, cells, side_by_side
from juicesql.cli.dups import draw
from juicesql.dups import duplicates
from juicesql.worddiff import compare_words, words_of

NEAR = "{{ config(source='near.jsonl') }}\nwith near as ({{ near_dedup('source') }}) select * from near"
LONG = " ".join(f"word{i}" for i in range(100))
TEXTS = [
    LONG,
    "something else altogether, of no interest",
    LONG.replace("word50", "changed to this"),
    LONG + " and\x1b[31m a tail",
    "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉",
    "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌",
]


@pytest.fixture
def ran(shell, project: Path) -> str:
    return shell("run", "recipe.sql.j2", "--json").json["run_id"]


@pytest.fixture
def near(shell, project: Path) -> Path:
    (project / "near.jsonl").write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(TEXTS)))
    (project / "near.sql.j2").write_text(NEAR)
    assert shell("run", "near.sql.j2").code == 0
    return project


def test_clusters_of_exact_duplicates(shell, ran: str) -> None:
    found = shell("dups", ran, "--json").json
    assert (found["duplicates"], found["found"], found["note"], found["column"]) == (1, 1, "", "text")
    assert found["clusters"] == [
        {
            "step": "exact", "representative": 1, "size": 2, "least_similarity": 1.0, "mean_similarity": 1.0,
            "text": "  a plain document with number 1  ",
        }
    ]  # fmt: skip
    text = shell("dups", "recipe.sql.j2").out
    assert "1 duplicate in 1 cluster of run" in text
    assert re.search(r"exact +2 +1 +1\.000 +1\.000 +a plain document with number 1$", text, re.M)


def test_the_largest_clusters_come_first(shell, near: Path) -> None:
    found = shell("dups", "latest", "--json").json
    assert [(c["representative"], c["size"]) for c in found["clusters"]] == [(0, 3), (4, 2)]
    assert 0.8 < found["clusters"][0]["least_similarity"] < found["clusters"][0]["mean_similarity"] < 1
    text = shell("dups", "latest", "--limit", 1).out
    assert "甲" not in text and "and 1 more: --limit N" in text


def test_a_duplicate_beside_the_row_that_stayed(shell, near: Path) -> None:
    lines = shell("dups", "near.sql.j2", "--sample", 2).out.splitlines()
    assert lines[0].startswith("sample 2 in run ")
    assert re.fullmatch(r"near: similarity 0\.\d+, 1 word of the one kept against 3 words of the duplicate", lines[2])
    assert lines[3:5] == ["kept       sample 0  near.jsonl, row 0", "duplicate  sample 2  near.jsonl, row 2"]
    assert lines[6].split(" | ")[0].rstrip() == "kept 0" and lines[6].endswith(" | duplicate 2")
    left, right = (" ".join(line.split(" | ")[side].strip() for line in lines[9:-1]) for side in (0, 1))
    around = [" ".join(f"word{i}" for i in part) for part in (range(42, 50), range(51, 59))]
    assert left == f"{around[0]} [-word50-] {around[1]}"
    assert right == f"{around[0]} {{+changed to this+}} {around[1]}"
    assert [lines[i].strip() for i in (8, -1)] == ["... 42 words the same ...", "... 41 words the same ..."]


def test_a_representative_beside_its_duplicates(shell, near: Path) -> None:
    found = shell("dups", "near.sql.j2", "--sample", 0, "--json").json
    assert found["found"] == 2
    assert {p["duplicate"]["sample_id"] for p in found["pairs"]} == {2, 3}
    assert {p["kept"]["sample_id"] for p in found["pairs"]} == {0}
    for pair in found["pairs"]:
        for side, place in (("left", "kept"), ("right", "duplicate")):
            assert "".join(w for s in pair["stretches"] for w in s[side]) == TEXTS[pair[place]["sample_id"]]
    shown = shell("dups", "near.sql.j2", "--sample", 0).out
    assert "\x1b" not in shown and "{+and\\x1b[31m a tail+}" in shown


def test_colours_on_a_terminal(near: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = duplicates("near.sql.j2", 2)
    text = "\n".join(draw(found, 100, COLOURS))
    assert "\x1b[1;31mword50\x1b[0m" in text and "\x1b[1;32mchanged to this\x1b[0m" in text
    assert "[-" not in text


def test_samples_without_a_pair(shell, ran: str) -> None:
    assert "no duplicate" in shell("dups", ran, "--sample", 0).out
    answer = shell("dups", ran, "--sample", 99)
    assert answer.code == 6 and "had no sample 99" in answer.err
    assert shell("dups", "latst").code == 6


def test_equal_words_and_other_columns(shell, ran: str, near: Path) -> None:
    assert "no word differs" in shell("dups", ran, "--sample", 7).out
    pair = shell("dups", "near.sql.j2", "--sample", 5, "--column", "id", "--json").json["pairs"][0]
    assert pair["stretches"] == [{"same": False, "left": ["4"], "right": ["5"]}]
    answer = shell("dups", "near.sql.j2", "--column", "txt")
    assert answer.code == 4 and "did you mean `text`?" in answer.err


def test_a_source_from_the_command_line(shell, near: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (near / "in").mkdir()
    (near / "in" / "a.jsonl").write_text("".join((near / "near.jsonl").read_text().splitlines(keepends=True)[:3]))
    (near / "in" / "b.csv").write_text(f"text\n{LONG}\nunlike\n")
    shell("run", "near.sql.j2", "--source", "in/a.jsonl", "--source", "in/b.csv")
    found = shell("dups", "latest", "--json").json
    assert (found["note"], [c["size"] for c in found["clusters"]]) == ("", [3])
    pair = shell("dups", "latest", "--sample", 3, "--json").json["pairs"][0]
    assert (pair["duplicate"]["file"], pair["duplicate"]["row"], pair["similarity"]) == ("in/b.csv", 0, 1.0)
    assert [s["same"] for s in pair["stretches"]] == [True]


def test_a_source_that_changed_or_went(shell, near: Path) -> None:
    source = near / "near.jsonl"
    source.write_text(source.read_text() + json.dumps({"text": "more"}) + "\n")
    found = shell("dups", "near.sql.j2", "--json").json
    assert "has changed since the run" in found["note"] and found["clusters"][0]["text"].startswith("word0")
    source.unlink()
    found = shell("dups", "near.sql.j2", "--sample", 2)
    assert found.code == 0
    assert "cannot be read again" in found.out and "kept       sample 0  near.jsonl, row 0" in found.out


TEXT = st.lists(
    st.sampled_from(["a", "b", "cc", " ", "\n", "  ", "中", "文", "ไทย", "e\u0301", "x" * 70, "\x1b", "\u202e", "😀"])
).map("".join)


@given(TEXT, TEXT)
def test_stretches_are_both_texts(left: str, right: str) -> None:
    stretches = compare_words(left, right)
    assert "".join(w for s in stretches for w in s.left) == (left if left.strip() else "")
    assert "".join(w for s in stretches for w in s.right) == (right if right.strip() else "")
    assert all([w.strip() for w in s.left] == [w.strip() for w in s.right] for s in stretches if s.same)
    assert all(a.same != b.same for a, b in itertools.pairwise(stretches))


def test_long_texts_are_compared_in_bounded_time() -> None:
    left, right = ("".join(f"w{i * i % p} " for i in range(15_000)) for p in (9973, 7919))
    assert "".join(w for s in compare_words(left, right) for w in s.left) == left
    assert len(compare_words("a b " * 30_000, "x " + "b a " * 30_000)) <= 3
    assert len(words_of(" " * 100_000 + "a")) == 1


def test_a_word_of_a_megabyte_is_shown_in_part() -> None:
    stretches = compare_words("a " + "x" * 1_000_000, "a " + "y" * 1_000_000)
    assert len(side_by_side(("kept 1", "duplicate 2"), stretches, 100, BRACKETS)) < 12


@given(TEXT, TEXT, st.sampled_from([BRACKETS, COLOURS]), st.integers(60, 130))
def test_lines_fit_the_screen(left: str, right: str, marks: Marks, width: int) -> None:
    lines = side_by_side(("kept 1", "duplicate 2"), compare_words(left, right), width, marks)
    ends = (*marks.left, *marks.right) if marks is COLOURS else ()
    for line in lines:
        for end in ends:
            line = line.replace(end, "")
        assert cells(line) <= width and line.isprintable()
