"""Recipes with mistakes in them: each is planned or told in words, and none is worked on for long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from juicesql.errors import JuiceError
from juicesql.planner import make_plan
from juicesql.recipe import render
from juicesql.registry import Registry

from .conftest import Within

SHIPPED = sorted((Path(__file__).parents[2] / "recipes_sql").rglob("*.sql.j2"))
REGISTRY = Registry()
COLUMNS = (
    ("text", "VARCHAR"), ("images", "VARCHAR[]"), ("videos", "VARCHAR[]"), ("audios", "VARCHAR[]"),
    ("meta", "STRUCT(url VARCHAR, source VARCHAR)"), ("url", "VARCHAR"), ("path", "VARCHAR"),
)  # fmt: skip
SIDE = {f"ref_{n}": (("text", "VARCHAR"),) for n in ("benchmark", "demo/text")}
PIECES = [
    "\n@",
    "$",
    "'",
    '"',
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "--",
    "/*",
    "*/",
    "$$",
    ";",
    ":",
    "::",
    ":=",
    ",",
    ".",
    "..",
    "...",
    "*",
    "**",
    "+",
    "-",
    "/",
    "//",
    "%",
    "%%",
    "&",
    "&&",
    "|",
    "||",
    "!",
    "!=",
    "<>",
    "<=",
    ">=",
    "=",
    "==",
    "=>",
    "->",
    "->>",
    "~",
    "~~\n^",
    "\\",
    "#",
    "?",
    "@>",
    "<@",
    "0",
    "1",
    "-1",
    ".5",
    "1e999",
    "1e-5",
    "0x1",
    "1_000",
    "9999999999999999999999",
    "null",
    "true",
    "case",
    "when",
    "then",
    "else",
    "end",
    "not",
    "and",
    "or",
    "in",
    "is",
    "between",
    "like\nselect",
    "from",
    "where",
    "with",
    "as",
    "group",
    "by",
    "order",
    "having",
    "qualify",
    "limit",
    "union",
    "all",
    "exclude",
    "replace",
    "columns",
    "unnest",
    "list",
    "lambda",
    "x:",
    "over",
    "partition\nrecursive",
    "using",
    "join",
    "left",
    "semi",
    "anti",
    "on",
    "distinct",
    "cast",
    "date",
    "interval",
    "struct_pack",
    "pivot",
    "values",
    "table",
    "describe",
    "set",
    "copy",
    "attach\ntext",
    "source",
    "text_len(text)",
    "alnum_ratio(text)",
    "exact_dedup",
    "near_dedup",
    "config(",
    "var(",
    "ref(",
    "fingerprints(",
    "range(3)",
    "for",
    "endfor",
    "if",
    "endif\nset",
    "macro",
    "endmacro",
    "raw",
    "endraw",
    "filter",
    "include",
    "import",
    "block",
    "|sql",
    "|identifier",
    "|join",
    "|int",
    "|tojson",
    "\x00",
    "\x01",
    "\x7f",
    "é",
    "ß",
    "中",
    "\u202e",
    "😀\n",
]


def mutated(template: str, random: random.Random) -> str:
    """The template with one to four mistakes: characters and pieces left out, moved, doubled or put in."""
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(template))
        end = min(len(template), start + random.choice([1, 1, 1, 2, 5, 20, 100]))
        other = random.randrange(len(template))
        piece = random.choice(PIECES).strip() or " "
        template = random.choice([
            template[:start] + template[end:],
            template[:start] + piece + template[start:],
            template[:start] + f" {piece} " + template[end:],
            template[:start] + template[start:end] * random.randint(2, 5) + template[end:],
            template[:other] + template[start:end] + template[other:],
            template[:start] + random.choice(PIECES)[:1] + template[start + 1:],
        ])  # fmt: skip
    return template


def plan(template: str, name: str) -> None:
    """As every command does before it reads a row."""
    recipe = render(template, Path(name), REGISTRY, {})
    make_plan(recipe, REGISTRY, COLUMNS, SIDE)


def mistakes(count: int, seed: int) -> Iterator[tuple[str, str]]:
    chosen = random.Random(seed)
    texts = {path: path.read_text("utf-8") for path in SHIPPED}
    for _ in range(count):
        path = chosen.choice(SHIPPED)
        yield path.name, mutated(texts[path], chosen)


@pytest.mark.parametrize("seed", range(4))
def test_recipes_with_mistakes_end_in_words(seed: int, within: Within) -> None:
    for number, (name, template) in enumerate(mistakes(60, seed)):
        try:
            with within(20):
                plan(template, name)
        except JuiceError:
            pass
        except BaseException as error:
            raise AssertionError(f"mutation {number} of seed {seed}, {name}: {error!r}\n{template}") from error


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_what_ships_is_planned(path: Path) -> None:
    """The mutations start from recipes without mistakes."""
    try:
        plan(path.read_text("utf-8"), path.name)
    except JuiceError as error:
        assert all(p.code in ("sql", "missing-variable", "missing-model", "no-model") for p in error.problems), error


DEEP = {
    "brackets": lambda n: "(" * n + "text_len(text)" + ")" * n + " > 1",
    "not": lambda n: "not " * n + "text_len(text) > 1",
    "case": lambda n: "case when true then " * n + "true" + " end" * n,
    "calls": lambda n: "lower(" * n + "text" + ")" * n + " = 'a'",
    "minus": lambda n: "- " * n + "1 < 1",
    "lists": lambda n: "[" * n + "1" + "]" * n + " is not null",
    "casts": lambda n: "text" + "::varchar" * n + " = 'a'",
    "subqueries": lambda n: "(select " * n + "1" + ")" * n + " = 1",
    "lambdas": lambda n: "list_transform([1], lambda x: " * n + "x" + ")" * n + " is not null",
}


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("depth", [20, 500, 5000])
def test_deep_expressions_are_planned_or_told(name: str, depth: int, within: Within) -> None:
    """500 brackets ended in a raw RecursionError; 20 lambdas took DuckDB a minute."""
    with within(60):
        try:
            plan("select * from source where " + DEEP[name](depth), "r.sql.j2")
        except JuiceError as error:
            assert depth > 20 or name == "lambdas"
            assert [p.code for p in error.problems] == ["too-deep"]


def test_a_thousand_relations_are_the_limit(within: Within) -> None:
    with within(60), pytest.raises(JuiceError, match="CTEs and queries; 1,000 is the limit"):
        plan("select * from source" + " union all select * from source" * 20_000, "r.sql.j2")
