"""Repeated spans against their definition: dictionaries of all windows of bytes, on texts that repeat themselves."""

from __future__ import annotations

import itertools
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import juicesql
from juicesql.call import apply
from juicesql.errors import FunctionError
from juicesql.registry import Registry

from .conftest import Workbench

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl", keep_sample_id=true) }}
with a as ({{ dedup_substrings('source', length=var('length'), slack=var('slack')) }})
select * from a
"""


def windows(name: str, *columns: list[object], **parameters: int) -> list[list[dict[str, int]]]:
    """The rows of `window_anchors` or `window_hashes`."""
    types = [pa.string(), pa.list_(pa.int32()), pa.list_(pa.int32())]
    arrays = [pa.array(values, type_) for values, type_ in zip(columns, types, strict=False)]
    return apply(Registry().get(name), arrays, parameters).to_pylist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("abé", max_size=80), min_size=1, max_size=5), st.integers(1, 12), st.integers(0, 11))
def test_anchors_are_windows_at_most_the_slack_apart(texts: list[str], length: int, slack: int) -> None:
    slack = min(slack, length - 1)
    keys: dict[int, bytes] = {}
    rows = windows("window_anchors", texts, length=length, slack=slack)
    for text, row in zip(texts, rows, strict=True):
        data = text.encode()
        places = [w["place"] for w in row]
        last = len(data) - length
        assert [w["rest"] for w in row] == [last - p for p in places]
        assert (places[0], places[-1]) == (0, last) if last >= 0 else places == []
        assert all(0 < b - a <= slack + 1 for a, b in itertools.pairwise(places))
        for w in row:
            window = data[w["place"] : w["place"] + length]
            assert keys.setdefault(w["key"], window) == window
    assert len(set(keys.values())) == len(keys)
    assert rows == [windows("window_anchors", [text], length=length, slack=slack)[0] for text in texts]


@settings(deadline=None)
@given(st.text("abc", max_size=40), st.text("abc", max_size=40), st.text("abcd", min_size=14, max_size=40))
def test_texts_with_a_common_span_have_an_anchor_of_it_in_common(before: str, after: str, span: str) -> None:
    rows = windows("window_anchors", [before + span + after, after + span + before], length=8, slack=6)
    inside = [
        {(w["key"], w["place"] - at) for w in row if at <= w["place"] <= at + len(span) - 8}
        for row, at in zip(rows, (len(before), len(after)), strict=True)
    ]
    assert inside[0] & inside[1]


@settings(deadline=None)
@given(st.text("abé", max_size=60), st.lists(st.tuples(st.integers(-9, 70), st.integers(-9, 80)), max_size=4))
def test_hashes_are_those_of_all_windows_that_are_asked_for(text: str, ranges: list[tuple[int, int]]) -> None:
    keys = {w["place"]: w["key"] for w in windows("window_anchors", [text], length=5, slack=0)[0]}
    places = sorted({p for first, stop in ranges for p in range(first, stop)} & keys.keys())
    starts, stops = [r[0] for r in ranges], [r[1] for r in ranges]
    rows = windows("window_hashes", [text, "", text], [starts, [0], starts], [stops, [9], stops], length=5)
    assert rows == [[{"key": keys[p], "place": p} for p in places], [], rows[0]]


def test_windows_of_no_size_are_refused() -> None:
    for length, slack in ((0, 0), (5, 5), (5, -1)):
        with pytest.raises(FunctionError, match=r"length|slack"):
            windows("window_anchors", ["a"], length=length, slack=slack)
    with pytest.raises(FunctionError, match="different lengths"):
        windows("window_hashes", ["a"], [[1]], [[1, 2]], length=1)


def covered(texts: list[bytes], length: int) -> list[list[bool]]:
    """For each byte whether it lies in a window that stands at an earlier place too, without overlap."""
    first: dict[bytes, tuple[int, int]] = {}
    out = []
    for t, text in enumerate(texts):
        marks = [False] * len(text)
        for s in range(len(text) - length + 1):
            sample, place = first.setdefault(text[s : s + length], (t, s))
            if sample < t or place + length <= s:
                marks[s : s + length] = [True] * length
        out.append(marks)
    return out


def whole_characters(text: str, marks: list[bool]) -> list[bool]:
    """For each character whether all its bytes are marked."""
    out, at = [], 0
    for char in text:
        size = len(char.encode())
        out.append(all(marks[at : at + size]))
        at += size
    return out


def can_become(text: str, must: list[bool], may: list[bool], result: str) -> bool:
    """Whether `result` is `text` without all characters that must go and some of those that may."""
    ways = {0}
    for char, gone, optional in zip(text, must, may, strict=True):
        stays = set() if gone else {w + 1 for w in ways if result[w : w + 1] == char}
        ways = stays | (ways if gone or optional else set())
    return len(result) in ways


def repetitive(seed: int, many: int) -> list[str]:
    """Texts over few characters, made of passages that other texts have too, runs and periods."""
    draw = random.Random(seed)
    alphabets = ["ab", "abcd", "aé中😀", "中文字"]
    passages = ["".join(draw.choices(draw.choice(alphabets), k=draw.randrange(3, 60))) for _ in range(25)]
    passages += ["a" * 90, "ab" * 40, "中é" * 20, passages[0] + passages[1]]
    out = []
    for _ in range(many):
        parts = [
            draw.choice(passages)[draw.randrange(4) :]
            if draw.random() < 0.5
            else "".join(draw.choices("abcdefgh中文", k=draw.randrange(12)))
            for _ in range(draw.randrange(6))
        ]
        out.append("".join(parts))
    return out


@pytest.mark.parametrize(("length", "slack"), [(12, 0), (12, 6), (30, 29), (1, 0), (3, 1)])
def test_long_repeats_go_and_what_stands_once_stays(bench: Workbench, length: int, slack: int) -> None:
    texts = repetitive(length, 150)
    bench.data(texts)
    bench.write("r.sql.j2", RECIPE)
    result = bench.run(variables={"length": length, "slack": slack})
    bench.check_accounts(result)
    assert result.dropped == 0 and result.duplicates > 0
    data = [t.encode() for t in texts]
    may, must = covered(data, length), covered(data, length + slack)
    rows = {row["sample_id"]: row for row in bench.out()}
    for i, text in enumerate(texts):
        may_go, must_go = whole_characters(text, may[i]), whole_characters(text, must[i])
        if i not in rows:
            assert all(may_go), text
            continue
        left = rows[i]["text"]
        assert can_become(text, must_go, may_go, left), (text, left)
        assert rows[i]["removed_chars"] == len(text) - len(left)
        assert left.strip() or left == text
        if slack == 0:
            assert left == "".join(c for c, gone in zip(text, may_go, strict=True) if not gone)


def test_the_default_cuts_a_passage_of_prose_once(bench: Workbench) -> None:
    draw = random.Random(4)
    words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randrange(2, 9))) for _ in range(400)]

    def prose(k: int) -> str:
        return " ".join(draw.choices(words, k=k))

    notice, own = prose(60), [prose(80) for _ in range(6)]
    texts: list[str | None] = [o + "\n" + notice + "\n" + prose(30) for o in own[:4]]
    texts += [own[4], None, "", notice, own[5][:150], own[5][:150], own[4] + "\n"]
    bench.data(texts)
    bench.write("r.sql.j2", RECIPE.replace("length=var('length'), slack=var('slack'), ", "").replace(
        ", length=var('length'), slack=var('slack')", ""))  # fmt: skip
    result = bench.run()
    bench.check_accounts(result)
    rows = {row["sample_id"]: row for row in bench.out()}
    assert rows[0]["text"] == texts[0] and [rows[i]["removed_chars"] for i in (0, 4, 5, 6, 8, 9)] == [0] * 6
    for i in (1, 2, 3):
        text = texts[i] or ""
        # The line ends around the notice repeat too.
        assert rows[i]["text"] == text.replace("\n" + notice + "\n", "")
    assert 7 not in rows and 10 not in rows and rows[5]["text"] is None
    of = bench.query("select sample_id, duplicate_of from verdicts where verdict = 'duplicate' order by all")
    assert of == [(7, 0), (10, 4)]


def test_threads_and_another_column_change_nothing(bench: Workbench) -> None:
    bench.data(repetitive(7, 120))
    recipe = """{{ config(source="data.jsonl", export="out.jsonl") }}
    with named as (select text as body, length(text) as size from source),
    a as ({{ dedup_substrings('named', text='body', length=16, removed='') }})
    select * from a"""
    bench.write("r.sql.j2", recipe)
    outputs = []
    for threads in (1, 4):
        juicesql.run(bench.root / "r.sql.j2", threads=threads)
        outputs.append((bench.root / "out.jsonl").read_bytes())
    assert outputs[0] == outputs[1]
    assert list(bench.out()[0]) == ["body", "size"]
