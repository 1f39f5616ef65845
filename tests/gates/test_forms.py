"""Every form of the grammar, met and not met by rows written by hand, judged by great_expectations."""

from __future__ import annotations

from datetime import datetime

import pytest

import juicesql
from juicesql.gates.grammar import FORMS, parse
from juicesql.gates.validating import validate
from juicesql.gates.words import GrammarError

# line, whether it is met on the source's four rows, samples that fail
SOURCE = [
    ("at least 4 rows", True, None),
    ("at least 5 rows", False, None),
    ("between 1 and 3 rows", False, None),
    ("exactly 4 rows", True, None),
    ("more than 4 rows", False, None),
    ("less than 5 rows", True, None),
    ("column text exists", True, None),
    ("column txet exists", False, None),
    ("columns are id, text, lang, n, m, day, meta, tags", True, None),
    ("columns are id, text", False, None),
    ("columns include [id, text]", True, None),
    ("columns include id, url", False, None),
    ("column text is never null", True, []),
    ("lang is never null", False, [3]),
    ("lang is never null for 75 % of rows", True, [3]),
    ("lang is never null for 76 % of the rows", False, [3]),
    ("lang is always null", False, [0, 1, 2]),
    ("lang is always null for 25% of rows", True, [0, 1, 2]),
    ("n is between 1 and 10", True, []),
    ("n is between 1 and 3", False, [3]),
    ("n is between 1 and 3 for 75 % of rows", True, [3]),
    ("n is at least 2", False, [0]),
    ("n is at most 9.5", False, [3]),
    ("n is more than 1", False, [0]),
    ("n is less than 10", False, [3]),
    ("n is exactly 1", False, [1, 2, 3]),
    ("lang is one of [en, zh]", True, []),  # NULL is neither
    ("lang is one of [en]", False, [2]),
    ("lang is none of [zh, 'fr']", False, [2]),
    ("lang is none of [fr]", True, []),
    ("meta.kind is one of [news]", False, [2]),
    (r"text matches '^\S'", False, [2]),
    (r"text matches '^\S' for 75 % of rows", True, [2]),
    (r"text does not match 'row$'", False, [0]),
    (r"text does not match 'x'", True, []),
    ("text has between 1 and 9 characters", True, []),
    ("text has at least 6 characters", False, [3]),
    ("text has more than 1 characters", False, [3]),
    ("text has exactly 6 characters for 50 % of rows", True, [0, 3]),
    ("text is valid json", False, [0, 1, 2]),
    ("text is valid json for 25 % of rows", True, [0, 1, 2]),
    ("day is a date like '%Y-%m-%d'", True, []),
    ("day is a date like '%d.%m.%Y'", False, [0, 1, 2, 3]),
    ("n equals column m", False, [1, 2]),
    ("n equals column n", True, []),
    ("n is at least column m", False, [1]),
    ("n is more than column m", False, [0, 1, 3]),
    ("n is more than column m for 25 % of rows", True, [0, 1, 3]),
    ("n is unique", True, []),
    ("id is unique", False, [2, 3]),
    ("id is unique for 50 % of rows", True, [2, 3]),
    ("columns id, text are unique together", True, []),
    ("columns id, meta.kind are unique together", True, []),
    ("columns lang, meta.kind are unique together", False, [0, 1]),
    ("lang has exactly 2 distinct values", True, None),
    ("lang has at least 3 distinct values", False, None),
    ("lang contains every one of [en, zh]", True, None),
    ("lang contains every one of [en, fr]", False, None),
    ("mean of n is between 4 and 4", True, None),
    ("mean of n is at most 3", False, None),
    ("median of n is exactly 2.5", True, None),
    ("median of n is more than 2.5", False, None),
    ("minimum of n is at least 1", True, None),
    ("minimum of n is at least 2", False, None),
    ("maximum of n is at most 10", True, None),
    ("maximum of n is less than 10", False, None),
    ("sum of n is exactly 16", True, None),
    ("sum of n is at most 15", False, None),
    ("standard deviation of n is between 4 and 4.1", True, None),  # of 1, 2, 3, 10: the root of 50 / 3
    ("standard deviation of n is at most 4", False, None),
    ("percentile 50 of n is between 2.5 and 2.5", True, None),
    ("percentile 90 of n is at most 7", False, None),  # 3 + 0.7 * 7
]
CLEANED = [
    ("date is between 2024-01-01 and 2024-04-01", True, []),
    ("date is less than 2024-03-01", False, [2, 3]),
    ("minimum of date is at least 2024-01-15", False, None),
    ("maximum of date is at most 2024-04-01T00:00", True, None),
]
KEPT = [  # three rows; stats that no column holds
    ("exactly 3 rows", True, None),
    ("text_len is between 6 and 9", True, []),
    ("text_len is at most 6", False, [0]),
    ("mean of text_len is exactly 7", True, None),
    ("alnum_ratio is exactly 1 for 60 % of rows", False, [0, 2]),
    ("text_len is more than column n", True, []),
]


def test_every_form_on_rows_written_by_hand(project, suite) -> None:
    juicesql.run("recipe.sql.j2")
    lines = {"source": SOURCE, "cleaned": CLEANED, "kept": KEPT, "output": KEPT}
    suite(**{name: [line for line, _, _ in cases] for name, cases in lines.items()})
    checks = validate("recipe.sql.j2").checks
    wanted = [(name, *case) for name, cases in lines.items() for case in cases]
    assert len(checks) == len(wanted)
    for check, (name, line, success, failing) in zip(checks, wanted, strict=True):
        found = [x.sample_id for x in check.examples]
        assert (check.expectation.relation, check.expectation.text) == (name, line)
        assert not check.message, (line, check.message)
        assert (check.success, found if check.failing is not None else None) == (success, failing), line
        assert check.failing in (None, len(found))
    assert {c.expectation.type for c in checks} >= {f.type for f in FORMS}


def test_long_forms(project) -> None:
    juicesql.run("recipe.sql.j2")
    (project / "recipe.expectations.yml").write_text("""source:
  - expect_column_values_to_be_between: {column: n, min_value: 0, max_value: 5, mostly: 0.7}
  - expect_column_value_z_scores_to_be_less_than: {column: n, threshold: 3, double_sided: true}
  - expect_column_values_to_be_increasing: {column: m}
  - expect_column_values_to_match_regex_list: {column: text, regex_list: ['^f', '^s'], match_on: any}
  - expect_column_values_to_not_match_regex_list: {column: text, regex_list: ['^4', '^s']}
  - expect_column_most_common_value_to_be_in_set: {column: lang, value_set: [en]}
  - expect_table_columns_to_match_ordered_list: {column_list: [id, text, lang, n, m, day, meta, tags]}
  - expect_multicolumn_sum_to_equal: {column_list: [n, m], sum_total: 5, mostly: 0.5}
  - expect_column_proportion_of_unique_values_to_be_between: {column: id, min_value: 0.75, max_value: 0.75}
""")
    checks = validate("recipe.sql.j2").checks
    assert [c.message for c in checks] == [""] * len(checks)
    assert [c.success for c in checks] == [True, True, False, False, False, True, True, True, True]
    assert [x.sample_id for x in checks[3].examples] == [2, 3]
    assert [x.sample_id for x in checks[4].examples] == [1, 3]


def test_the_frames_of_a_relation_add_up(project, suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("juicesql.gates.frames.FRAME_ROWS", 1)
    (project / "data.jsonl").write_text(
        "".join(f'{{"id": {i}, "text": "row {i}", "day": "2024-01-01"}}\n' for i in range(20_000))
    )
    juicesql.run("recipe.sql.j2")
    suite(source=["id is less than 19990 for 99 % of rows", "id is less than 5"], kept=["text_len is less than 9"])
    first, second, third = validate("recipe.sql.j2").checks
    assert (first.success, first.failing, first.rows) == (True, 10, 20_000)
    assert (second.success, second.failing) == (False, 19_995)
    assert [x.sample_id for x in second.examples] == list(range(5, 25))
    assert (third.success, third.failing) == (False, 10_000)


def test_no_rows(project, suite) -> None:
    (project / "recipe.sql.j2").write_text(
        "{{ config(source='data.jsonl') }}\nselect * from source where text_len(text) > 999"
    )
    juicesql.run("recipe.sql.j2")
    suite(output=["text is never null", "id is unique", "at least 1 rows", "mean of n is at least 0"])
    assert [c.success for c in validate("recipe.sql.j2").checks] == [True, True, False, False]


# The grammar


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.pattern)
def test_examples_are_of_their_form(form) -> None:
    found = parse(form.example)
    assert found.type == form.type
    if form.shares:
        assert parse(form.example + " for 99.5 % of rows").kwargs["mostly"] == 0.995
    else:
        with pytest.raises(GrammarError, match="judges all rows together"):
            parse(form.example + " for 99 % of rows")


def test_names_and_values() -> None:
    assert parse('"my column" is unique').kwargs == {"column": "my column"}
    assert parse('column "a ""b""" is unique').kwargs == {"column": 'a "b"'}
    assert parse("column column is unique").kwargs == {"column": "column"}
    values = parse("x is one of [no, 1_000, -2.5, 'it''s', two words, true]").kwargs["value_set"]
    assert values == ["no", 1000, -2.5, "it's", "two words", True]
    assert parse("day is at least 2024-02-29").kwargs["min_value"] == datetime(2024, 2, 29)


@pytest.mark.parametrize(
    ("line", "cause", "mend"),
    [
        ("text is not null", "no expectation", "column text is never null"),
        ("text in [en]", "no expectation", "lang is one of [en, zh]"),
        ("text matches ^a", "no expectation", r"text matches '^\S'"),
        ("mean of x is betwen 1 and 2", "no expectation", "mean of NAME is RANGE"),
        ("at least 1,000 rows", "no expectation", "RANGE rows"),
        ("id unique for 50 % of rows", "no expectation", "NAME is unique"),
        ("columns a, a are unique together", "no expectation", "columns NAMES are unique together"),
        ("x is between 5 and 1", "nothing is between 5 and 1", "between 1 and 5"),
        ("x is between 5 and 2024-01-01", "two kinds", "two dates"),
        ("x is at least 2024-02-30", "is no date", "2024-01-31"),
        ("text matches 'a", "is not closed", "into quotes"),
        ("at least 1.5 rows", "is no number of rows", "whole number"),
        ("x is unique for 101 % of rows", "no share", "0 to 100"),
        ("percentile 101 of x is at most 1", "no percentile", "0 to 100"),
        ("percentile 5 of x is less than 1", "at least or at most", "at least"),
        ("x" * 3000, "3,000 characters", "2,000"),
        ("", "no expectation", ""),
    ],
)
def test_mistakes(line: str, cause: str, mend: str) -> None:
    with pytest.raises(GrammarError) as found:
        parse(line)
    assert cause in found.value.cause and mend in found.value.mend
