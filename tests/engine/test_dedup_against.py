"""Dedup against what earlier runs kept, from their fingerprints alone: beside brute force over the texts."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

import juicesql
from juicesql.compiled import compile_recipe
from juicesql.dups import duplicates
from juicesql.errors import JuiceError

from .conftest import Workbench
from .test_near_dedup import shingles

WORDS = [f"word{i}" for i in range(400)]
HAN = [chr(0x4E00 + i) for i in range(900)]
NEAR = "with near as ({{ near_dedup('source') }}) select * from near"
DEVIATION = 0.045  # standard error of the estimate at 0.65, by the manual


def data(bench: Workbench, name: str, texts: list[str] | list[str | None]) -> None:
    bench.write(f"{name}.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in texts))


def run(bench: Workbench, name: str, body: str, **options: Any) -> juicesql.RunResult:
    """Run a recipe of this name over the source of this name."""
    head = f'{{{{ config(source="{name}.jsonl", export="{name}.out.jsonl") }}}}\n'
    bench.write(f"recipes_sql/{name}.sql.j2", head + body)
    result = bench.run(f"recipes_sql/{name}.sql.j2", project=bench.root, **options)
    bench.check_accounts(result)
    return result


def against(runs: object, more: str = "", macro: str = "near_dedup_against") -> str:
    """A recipe that takes out what earlier runs kept, then what is near-duplicate in itself."""
    steps = f"fresh as ({{{{ {macro}('source', {runs!r}{more}) }}}}), near as ({{{{ near_dedup('fresh') }}}})"
    return f"with {steps} select * from near"


def gone(bench: Workbench, result: juicesql.RunResult) -> dict[int, tuple[str, int, float]]:
    """Sample -> run, sample there, and similarity of the earlier row that its verdict names."""
    found = bench.query(
        "select sample_id, value, duplicate_of from verdicts "
        f"where verdict = 'duplicate' and cut = 'fresh' and run_id = '{result.run_id}'"
    )
    out = {}
    for sample, value, own in found:
        said = re.fullmatch(r"sample (\d+) of run (\S+), similarity (\d\.\d{3})", value)
        assert said is not None and own is None
        out[sample] = said.group(2), int(said.group(1)), float(said.group(3))
    return out


def texts_of(chosen: random.Random, words: list[str] = WORDS, join: str = " ", count: int = 60) -> list[str]:
    return [join.join(chosen.choice(words) for _ in range(chosen.randrange(60, 200))) for _ in range(count)]


def copies(chosen: random.Random, texts: list[str], words: list[str] = WORDS, join: str = " ") -> list[str]:
    """Each text with up to 12 % of its words changed, and as many texts of other words."""
    out = []
    for text in texts:
        parts = text.split() if join else list(text)
        rate = chosen.random() * 0.12
        out.append(join.join(chosen.choice(words) if chosen.random() < rate else w for w in parts))
        out.append(join.join(chosen.choice(words) for _ in parts))
    chosen.shuffle(out)
    return out


def jaccard(one: set[Any], other: set[Any]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


@pytest.mark.parametrize(("words", "join"), [(WORDS, " "), (HAN, "")], ids=["english", "chinese"])
def test_the_estimate_beside_all_pairs(bench: Workbench, words: list[str], join: str) -> None:
    chosen = random.Random(3)
    old = texts_of(chosen, words, join, 250)
    new = copies(chosen, old, words, join)
    data(bench, "old", old)
    data(bench, "new", new)
    first = run(bench, "old", NEAR)
    assert first.kept == len(old)
    found = gone(bench, run(bench, "new", against("old")))
    sets, others = [shingles(t) for t in new], [shingles(t) for t in old]
    errors = [value - jaccard(sets[sample], others[twin]) for sample, (_, twin, value) in found.items()]
    assert {run_id for run_id, _, _ in found.values()} == {first.run_id}
    assert (sum(e * e for e in errors) / len(errors)) ** 0.5 < DEVIATION
    assert max(map(abs, errors)) < 4 * DEVIATION
    true = {i: max(jaccard(one, other) for other in others) for i, one in enumerate(sets)}
    sure = {i for i, value in true.items() if value >= 0.8}
    near = {i for i, value in true.items() if 0.7 <= value < 0.8}
    far = {i for i, value in true.items() if value < 0.65 - 3 * DEVIATION}
    assert len(sure) > 50 and sure <= set(found)
    assert len(near) > 25 and len(near & set(found)) >= 0.8 * len(near)
    assert len(far) > 200 and not far & set(found)


def test_another_threshold_measures_nothing_again(bench: Workbench) -> None:
    chosen = random.Random(5)
    old = texts_of(chosen)
    data(bench, "old", old)
    data(bench, "new", copies(chosen, old))
    run(bench, "old", NEAR)
    loose = run(bench, "new", against("old"))
    strict = run(bench, "new", against("old", ", least=0.9"))
    assert (loose.measured > 0, strict.measured) == (True, 0)
    more, less = gone(bench, loose), gone(bench, strict)
    assert less.items() < more.items()
    assert set(less) == {s for s, (_, _, value) in more.items() if value >= 0.9}


def test_a_third_source_against_both(bench: Workbench) -> None:
    """Each source holds copies of what stood before; what the second run dropped is no row to compare with."""
    chosen = random.Random(7)
    a, b, c = texts_of(chosen), texts_of(chosen), texts_of(chosen)
    for name, texts in (("a", a), ("b", a[:20] + b), ("c", a[10:30] + b[:15] + c)):
        data(bench, name, texts)
    first = run(bench, "a", NEAR)
    second = run(bench, "b", against("a"))
    (bench.root / "a.jsonl").unlink()
    (bench.root / "b.jsonl").unlink()
    third = run(bench, "c", against(["a", "b"]))
    assert (first.kept, second.kept, third.kept) == (60, 60, 60)
    assert gone(bench, second) == {i: (first.run_id, i, 1.0) for i in range(20)}
    expected = {i: (first.run_id, i + 10, 1.0) for i in range(20)}
    assert gone(bench, third) == expected | {20 + i: (second.run_id, 20 + i, 1.0) for i in range(15)}


def test_only_rows_that_the_earlier_run_kept_count(bench: Workbench) -> None:
    """Cuts before and after the fingerprints, and its own near-duplicates."""
    chosen = random.Random(9)
    old = texts_of(chosen, count=40)
    old = [*old, *old[:10]]
    data(bench, "old", old)
    data(bench, "new", old[::-1])
    body = (
        "with some as (select * from source where text_len(text) >= 600),\n"
        "near as ({{ near_dedup('some', order_by='text') }}),\n"
        "kept as (select * from near where text_len(text) <= 1100) select * from kept"
    )
    run(bench, "old", body)
    kept = {i for (i,) in bench.query("select sample_id from verdicts where verdict = 'kept'")}
    assert 5 < len(kept) < 35
    result = run(bench, "new", against("old"))
    found = gone(bench, result)
    assert {old[::-1][i] for i in found} == {old[i] for i in kept}
    assert {twin for _, twin, _ in found.values()} <= kept
    assert result.duplicates - len(found) == len({t for t in old if old.count(t) == 2} - {old[i] for i in kept})


def test_short_texts_are_safe_and_crowds_are_bearable(bench: Workbench) -> None:
    data(bench, "old", ["one two", "", "!?", "你好", *["the same eight words stand here many times"] * 500])
    texts = [
        "One, two!",
        "one three",
        "",
        "!",
        "你好。",
        "你们好",
        *["The same eight words stand here many times"] * 500,
    ]
    data(bench, "new", [*texts, None])
    run(bench, "old", "select * from source where len(minhash_bands(text, jaccard_threshold := 0.7)) >= 0")
    found = gone(bench, run(bench, "new", against("old")))
    assert {s: twin for s, (_, twin, _) in found.items()} == {0: 0, 4: 3, **dict.fromkeys(range(6, 506), 4)}


def test_exact_texts_of_earlier_runs(bench: Workbench) -> None:
    data(bench, "a", ["x1", "x2", "long enough text"])
    data(bench, "b", ["x2", "x3", "x3", None, "X2", " x2"])
    data(bench, "c", ["x3", "x2", "x1", "x4"])
    first = run(bench, "a", "select * from source where text_len(text) <= 5")
    body = "with fresh as ({{{{ exact_dedup_against('source', {}) }}}}) select * from fresh"
    second = run(bench, "b", body.format("'a'"))
    assert gone(bench, second) == {0: (first.run_id, 1, 1.0)}
    third = run(bench, "c", body.format("['a', 'b']"))
    expected = {0: (second.run_id, 1, 1.0), 1: (first.run_id, 1, 1.0), 2: (first.run_id, 0, 1.0)}
    assert gone(bench, third) == expected
    assert run(bench, "c", body.format("['a', 'b']")).measured == 0


def test_runs_of_another_project(bench: Workbench, tmp_path: Path) -> None:
    other = Workbench(tmp_path / "other")
    other.write("juicesql.toml", "")
    chosen = random.Random(11)
    old = texts_of(chosen, count=20)
    data(other, "old", old)
    first = run(other, "old", NEAR)
    data(bench, "new", old[5:8] + texts_of(chosen, count=5))
    result = run(bench, "new", against("old", ", project='other'"))
    assert gone(bench, result) == {i: (first.run_id, i + 5, 1.0) for i in range(3)}


def test_what_people_see_of_such_a_duplicate(bench: Workbench) -> None:
    from juicesql.cli.columns import BRACKETS
    from juicesql.cli.dups import draw as draw_duplicates
    from juicesql.cli.trace import draw
    from juicesql.trace import trace

    old = texts_of(random.Random(13), count=5)
    data(bench, "old", old)
    data(bench, "new", [old[3], "a text of its own, with words enough", "a text of its own, with words enough"])
    first = run(bench, "old", NEAR)
    second = run(bench, "new", against("old"))
    twin = f"sample 3 of run {first.run_id}, similarity 1.000"
    assert draw(trace(second.run_id, 0, project=bench.root))[-1] == f"DUPLICATE of {twin}, by step fresh"
    listed = duplicates(second.run_id, project=bench.root)
    assert (listed.duplicates, listed.of_earlier_runs, listed.found) == (2, 1, 1)
    assert "1 duplicate in 1 cluster" in draw_duplicates(listed, 120, BRACKETS)[0]
    assert "and 1 duplicate of rows that earlier runs kept" in draw_duplicates(listed, 120, BRACKETS)[1]
    single = draw_duplicates(duplicates(second.run_id, 0, project=bench.root), 120, BRACKETS)
    assert single[1:] == [f"It is a duplicate of {twin}."]
    assert bench.query("select count(*) from clusters where sample_id = 0 and cluster <> 1") == [(0,)]
    assert json.loads(bench.query(f"select plan from runs where run_id = '{second.run_id}'")[0][0])["earlier"]


def test_the_compiled_recipe_runs_by_itself(bench: Workbench) -> None:
    old = texts_of(random.Random(15), count=5)
    data(bench, "old", old)
    data(bench, "new", [old[3], "a text of its own"])
    run(bench, "old", NEAR)
    run(bench, "new", against("old"))
    sql = compile_recipe(bench.root / "recipes_sql/new.sql.j2", project=bench.root)
    sql = sql.replace("'new.jsonl'", f"'{bench.root}/new.jsonl'")
    with juicesql.connect() as con:
        assert con.execute(sql).fetchall() == [(1, "a text of its own")]


def failure(bench: Workbench, body: str) -> str:
    data(bench, "new", ["a text"])
    with pytest.raises(JuiceError) as caught:
        run(bench, "new", body)
    return str(caught.value)


def test_errors_say_what_the_earlier_run_lacks(bench: Workbench) -> None:
    assert "run a recipe in this project first" in failure(bench, against("old"))
    data(bench, "old", ["some text", "another text"])
    run(bench, "old", "select * from source")
    assert "no finished run older" in failure(bench, against("older"))
    assert "did not measure `minhash_bands`" in failure(bench, against("old"))
    exact = against("old", macro="exact_dedup_against")
    assert "kept no content keys" in failure(bench, exact) and "text_len(" in failure(bench, exact)
    run(bench, "old", NEAR)
    said = failure(bench, against("old", ", jaccard=0.8"))
    assert "jaccard_threshold := 0.7 there, 0.85 here" in said and "use the same parameters" in said
    assert "is no call of a stat" in failure(bench, "select * from {{ fingerprints('old', 'lower(text)') }}")
    assert "did you mean" in failure(bench, "select * from {{ fingerprints('old', 'minhash_band(text)') }}")
    code = "lower(text) as text from source), near as ({{ near_dedup('a') }}), b as ("
    run(bench, "old", f"with a as (select {code} select * replace (upper(text) as text) from near), "
        "c as ({{ near_dedup('b') }}) select * from c")  # fmt: skip
    assert "give argument=... of: 'LOWER(text)', 'UPPER(LOWER(text))'" in failure(bench, against("old"))
    assert run(bench, "new", against("old", ", argument='UPPER(LOWER(text))'")).kept == 1


def test_a_changed_function_is_not_compared_with_what_it_was(bench: Workbench) -> None:
    data(bench, "old", ["one", "three"])
    run(bench, "old", "select * from source where slow_len(text) >= 1")
    body = "with old as (select * from {{ fingerprints('old', 'slow_len(text)') }}), " \
        "new as (select *, slow_len(text) as length from source) " \
        "select new.* from new anti join old on new.length = old.fingerprint"  # fmt: skip
    data(bench, "new", ["six", "seventy"])
    assert run(bench, "new", body).kept == 1
    code = bench.root / "udfs/slow_len.py"
    code.write_text(code.read_text().replace("FACTOR = 1.0", "FACTOR = 2.0"))
    with pytest.raises(JuiceError, match="the code or the model of `slow_len` has changed"):
        run(bench, "new", body)


def test_fingerprints_are_those_of_the_run_or_none(bench: Workbench) -> None:
    """Another run that finds other texts in the source, or under the same names, makes them stale."""
    old = texts_of(random.Random(17), count=6)
    data(bench, "old", old)
    data(bench, "new", old[:3])
    cleaned = (
        "with a as (select * replace ({} as text) from source), near as ({{{{ near_dedup('a') }}}}) select * from near"
    )
    bench.write("macros/tidy.sql", "-- mapper: tidy(text VARCHAR) -> VARCHAR\n-- Tidies a text up somehow. Source: none."
                "\ncreate or replace macro tidy(text) as lower(text);")  # fmt: skip
    run(bench, "old", cleaned.format("tidy(text)"))
    assert run(bench, "new", against("old")).duplicates == 3
    bench.write("recipes_sql/other.sql.j2", "{{ config(source='old.jsonl') }}\n" + cleaned.format("tidy(text)"))
    again = bench.run("recipes_sql/other.sql.j2", project=bench.root)
    assert again.measured == 0
    assert run(bench, "new", against("old")).duplicates == 3
    macro = bench.root / "macros/tidy.sql"
    macro.write_text(macro.read_text().replace("lower(text);", "upper(text) || ' and more';"))
    bench.run("recipes_sql/other.sql.j2", project=bench.root)
    with pytest.raises(JuiceError, match="has read the source of run"):
        run(bench, "new", against("old"))
    assert run(bench, "new", against("other")).duplicates >= 0
    data(bench, "old", [*old, "one more"])
    bench.run("recipes_sql/other.sql.j2", project=bench.root)
    with pytest.raises(JuiceError, match="run `juicesql run old` again"):
        run(bench, "new", against("old"))


def test_a_run_is_not_compared_with_its_own_source(bench: Workbench) -> None:
    data(bench, "old", ["some text", "another text"])
    run(bench, "old", NEAR)
    bench.write("again.sql.j2", "{{ config(source='old.jsonl') }}\n" + against("old"))
    with pytest.raises(JuiceError, match="read this very source"):
        bench.run("again.sql.j2")


def test_a_fresh_run_leaves_the_values_of_others(bench: Workbench) -> None:
    old = texts_of(random.Random(19), count=6)
    data(bench, "old", old)
    data(bench, "new", old[:3])
    run(bench, "old", NEAR)
    result = run(bench, "new", against("old"), fresh=True)
    assert (result.duplicates, result.measured > 0) == (3, True)
    assert run(bench, "new", against("old")).duplicates == 3


def test_a_stats_database_of_before_is_still_read(bench: Workbench) -> None:
    old = texts_of(random.Random(21), count=6)
    data(bench, "old", old)
    data(bench, "new", old[:3])
    run(bench, "old", NEAR)
    import duckdb

    with duckdb.connect(str(bench.root / "stats.duckdb")) as con:
        con.execute("drop table key_changes")
    assert run(bench, "new", against("old")).duplicates == 3
