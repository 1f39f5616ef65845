"""Finding samples: every filter against the rows it must give, and conditions that may not be asked."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from juicesql.errors import StoreError
from juicesql.inspect import samples
from juicesql.inspect.columns import stat_columns
from juicesql.inspect.condition import read_condition
from juicesql.inspect.samples import Filter, find_samples, find_words, limited, verdict_counts

COLUMNS = ["sample_id", "verdict", "cut", "value", "duplicate_of", "text_len", "lang_id.score", "durations"]


def ids(con: Any, run: Any, **wanted: Any) -> list[int]:
    return [r.sample_id for r in find_samples(con, run, Filter(**wanted), limit=100).rows]


def test_verdicts_are_counted(con: Any, ready: Any) -> None:
    counts = verdict_counts(con, ready.old)
    assert sum(n for _, _, n in counts) == ready.old.rows_in == 40
    assert sum(n for verdict, _, n in counts if verdict == "kept") == ready.old.kept
    assert ("error", "", 1) in counts


def test_filters_give_the_samples_that_they_name(con: Any, ready: Any) -> None:
    run = ready.old
    assert len(ids(con, run)) == 40
    assert ids(con, run, cuts=("kept.1",)) == [6]
    assert ids(con, run, verdicts=("error",)) == [9]
    assert 7 in ids(con, run, verdicts=("duplicate",))
    assert ids(con, run, verdicts=("kept", "error"), ids=(3, 9, 6)) == [3, 9]
    assert ids(con, run, ids=()) == []
    assert ids(con, run, stat="text_len", high=10) == [6]
    assert ids(con, run, stat="text_len", unmeasured=True) == [9]
    assert ids(con, run, condition="text_len < 10 or verdict = 'error'") == [6, 9]
    assert ids(con, run, condition="Verdict ilike 'ERR%'") == [9]


def test_values_are_those_of_the_run(con: Any, ready: Any) -> None:
    texts = [json.loads(x)["text"] for x in (ready.project.root / "texts.jsonl").read_text().splitlines()[:9]]
    found = find_samples(con, ready.old, Filter(), limit=9, show=["text_len"])
    assert [r.values[0] for r in found.rows] == [len(t.strip()) for t in texts]


def test_pages_follow_each_other_in_any_order(con: Any, ready: Any) -> None:
    whole = [r.sample_id for r in find_samples(con, ready.old, Filter(), limit=40, order="text_len").rows]
    parts = [
        r.sample_id
        for offset in range(0, 40, 7)
        for r in find_samples(con, ready.old, Filter(), offset=offset, limit=7, order="text_len").rows
    ]
    assert parts == whole
    assert whole[0] == 6 and whole[-1] == 9  # NULL last
    down = find_samples(con, ready.old, Filter(), limit=40, order="text_len", descending=True).rows
    assert down[-1].sample_id == 9


def test_words_are_looked_for_in_the_source(con: Any, ready: Any) -> None:
    hits = find_words(con, ready.old, ready.project, Filter(), "RIVERS")
    assert hits.ids == (2, 8) and hits.read == hits.total == 40
    assert find_words(con, ready.old, ready.project, Filter(verdicts=("kept",)), "rivers").ids == (2,)
    few = find_words(con, ready.old, ready.project, Filter(), "rivers", limit=5)
    assert few.ids == (2,) and (few.read, few.total) == (5, 40)


def test_stats_of_dedup_steps_are_no_columns(ready: Any) -> None:
    assert [c.label for c in stat_columns(ready.old)] == ["text_len", "alnum_ratio"]


@pytest.mark.parametrize(
    "text",
    [
        "text_len > 10", "not (text_len between 1 and 5)", "verdict in ('kept', 'error')", "value is null",
        "text_len::double / 3 > 1", "case when text_len > 5 then true else false end", "lang_id.score >= 0.5",
        "list_max(durations) < 3 and len(durations) > 0", "durations[1] > 2", "verdict ~ 'k.*'",
        "text_len > 1 -- a remark", "coalesce(text_len, 0) = 0", '"text_len" > 1', "TEXT_LEN > 1e3",
    ],
)  # fmt: skip
def test_conditions_over_columns_are_read(text: str) -> None:
    assert read_condition(text, COLUMNS).sql


@pytest.mark.parametrize(
    "text",
    [
        "", "1; 2", "select 1", "text_len > (select 1)", "text_len in (select 1)", "exists (select 1)",
        "read_text('/etc/passwd') = 'a'", "getenv('HOME') = 'a'", "current_setting('threads') = 1", "other > 1",
        "pragma version", "attach 'a'", "copy t to 'a'", "drop table runs", "set threads = 1", "*", "count(*) > 1",
        "runs.run_id = 'a'", "row_number() over () > 1", "text_len > ?", "text_len > $1", "text_len > $x",
        "text_len > 1 union select 1", "text_len > 1) or (1 = 1", "(" * 900, "x -> 1", "lambda x: x", "{'a': 1}.a = 1",
        "cast(verdict as blob) = 'a'", "text_len as x", "columns('a') > 1", "nextval('a') > 1", "t.* = 1",
        "query('select 1') = 1", "'a' in glob('/*')", "regexp_matches(verdict, 'a') or write_blob('a')", "a" * 3000,
        "sleep_ms(1) = 1", "current_user = 'a'", "now() > '2020-01-01'", "random() < 0.5", "text_len > 1 limit 1",
    ],
)  # fmt: skip
def test_what_is_more_than_a_condition_is_refused(text: str) -> None:
    with pytest.raises(StoreError) as raised:
        read_condition(text, COLUMNS)
    assert raised.value.problems[0].code == "bad-condition"


def test_names_are_only_names() -> None:
    hostile = 'x"; drop table runs --'
    assert read_condition('"x""; drop table runs --" > 1', [hostile]).sql == '"x""; drop table runs --" > 1'


@pytest.mark.parametrize(
    "text", ["text_len > 'a'", "text_len[1] > 2", "cast(verdict as bigint) > 1", "list_max(text_len) > 1"]
)
def test_conditions_that_do_not_fit_their_columns_are_problems(con: Any, ready: Any, text: str) -> None:
    with pytest.raises(StoreError) as raised:
        find_samples(con, ready.old, Filter(condition=text))
    assert raised.value.problems[0].code == "bad-condition"


def test_a_query_that_takes_too_long_is_stopped(con: Any, monkeypatch: Any) -> None:
    start = time.monotonic()
    with pytest.raises(StoreError) as raised, limited(con, 0.2):
        con.execute(
            "select count(*) from range(1000000000) a, range(1000000) b where a.range * b.range % 7 = 3"
        ).fetchone()
    assert raised.value.problems[0].code == "too-slow"
    assert time.monotonic() - start < 10
    assert threading.active_count() < 50


def test_a_filtered_connection_reaches_no_file(con: Any, ready: Any) -> None:
    find_samples(con, ready.old, Filter())
    with pytest.raises(Exception, match="disabled"):
        con.execute("select * from read_text('/etc/hostname')")
    assert samples.find_samples(con, ready.old, Filter()).total == 40  # and can be asked again


def test_unknown_columns_are_refused(con: Any, ready: Any) -> None:
    for wrong in (Filter(stat="nothing", low=1), Filter(condition="nothing > 1")):
        with pytest.raises(StoreError):
            find_samples(con, ready.old, wrong)
    with pytest.raises(StoreError):
        find_samples(con, ready.old, Filter(), order="nothing")
