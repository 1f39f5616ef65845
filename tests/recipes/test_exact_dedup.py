"""The dedup macro against an oracle in Python: Data-Juicer's document_deduplicator as operators describe it."""

from __future__ import annotations

import itertools
import json
import string
from pathlib import Path
from typing import Any

import duckdb
import pytest
import regex

import juicesql

PIECES = ["Ab", "ab", "aB1", "7", "\u0663", " ", "\u3000", "\x1c", "\x85", "-", "。", "ΑΣ", "ας", "İ", "é", ""]
TEXTS: list[str | None] = [*map("".join, itertools.product(PIECES, repeat=2)), None, None]


def _key(text: str, lowercase: bool, ignore_non_character: bool) -> str:
    text = text.lower() if lowercase else text
    if ignore_non_character:
        text = regex.sub(rf"\s+|\d+|[{regex.escape(string.punctuation)}]", "", text)
    return text.strip()


def _kept(options: dict[str, Any]) -> list[int]:
    seen: dict[object, int] = {}
    for i, text in enumerate(TEXTS):
        key = i if text is None else _key(text, options["lowercase"], options["ignore_non_character"])
        if options["keep"] == "last" or key not in seen:
            seen[key] = i
    return sorted(seen.values())


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("dedup") / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(TEXTS)))
    return path


@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("ignore_non_character", [False, True])
def test_keeps_what_the_oracle_keeps(texts, tmp_path, keep, lowercase, ignore_non_character) -> None:
    options = {"lowercase": lowercase, "ignore_non_character": ignore_non_character, "keep": keep}
    call = ", ".join(f"{k}={v!r}" for k, v in options.items())
    recipe = tmp_path / "dedup.sql.j2"
    recipe.write_text(f"with kept as (from source),\nexact as ({{{{ exact_dedup('kept', {call}) }}}})\nfrom exact\n")
    result = juicesql.run(recipe, source=str(texts), export=tmp_path / "out.jsonl", project=tmp_path)
    ids = [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").open()]
    assert ids == _kept(options)
    assert result.duplicates == len(TEXTS) - len(ids)
    with duckdb.connect(result.stats_database, read_only=True) as con:
        named = con.execute("select duplicate_of from verdicts where verdict = 'duplicate'").fetchall()
        kept = {r[0] for r in con.execute("select sample_id from verdicts where verdict = 'kept'").fetchall()}
    assert len(named) == result.duplicates
    assert {r[0] for r in named} <= kept, "a duplicate names a row that stayed"


ROWS = [("b", 1), ("a ", 2), (" a ", 1), ("a", 2), ("b ", None), ("c", 3), (None, 9), ("b  ", 1), (None, 9)]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("keep='longest'", [2, 5, 6, 7, 8]),
        ("order_by='quality desc'", [0, 1, 5, 6, 8]),
        ("order_by='quality desc', keep='last'", [3, 5, 6, 7, 8]),
        ("order_by='quality', keep='longest'", [2, 5, 6, 7, 8]),
        ("order_by='length(text), quality desc'", [0, 3, 5, 6, 8]),
    ],
)
def test_the_row_that_stays_can_be_chosen(tmp_path, options: str, kept: list[int]) -> None:
    rows = [{"id": i, "text": text, "quality": quality} for i, (text, quality) in enumerate(ROWS)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    recipe = tmp_path / "r.sql.j2"
    recipe.write_text("with exact as ({{ exact_dedup('source', " + options + ") }}) from exact")
    juicesql.run(recipe, source=str(tmp_path / "in.jsonl"), export=tmp_path / "out.jsonl", project=tmp_path)
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").open()] == kept


def test_a_hostile_column_name_is_quoted(tmp_path) -> None:
    name = 'a"; drop table x--'
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({name: t}) + "\n" for t in ["x", "x", "y"]))
    macro = "exact_dedup('source', text='" + name + "')"
    (tmp_path / "r.sql.j2").write_text("with exact as ({{ " + macro + " }}) from exact")
    result = juicesql.run(tmp_path / "r.sql.j2", source=str(tmp_path / "in.jsonl"), project=tmp_path)
    assert (result.kept, result.duplicates) == (2, 1)
