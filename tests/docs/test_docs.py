"""The documentation cannot drift: commands exist, recipes plan, queries answer, pages equal the registry."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql
from juicesql.errors import RecipeError
from juicesql.planner import make_plan
from juicesql.recipe import render
from juicesql.registry import Registry

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
GUIDE = (ROOT / "docs/guide.md").read_text("utf-8")
STATS = (ROOT / "docs/stats-database.md").read_text("utf-8")
COLUMNS = (("id", "VARCHAR"), ("text", "VARCHAR"), ("meta", "STRUCT(kind VARCHAR)"), ("videos", "VARCHAR[]"))


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    found: list[tuple[str, list[str]]] = []
    inside = False
    for line in page.splitlines():
        if line.startswith("```"):
            inside = not inside
            if inside:
                found.append((line.removeprefix("```"), []))
        elif inside:
            found[-1][1].append(line)
    return ["\n".join([*lines, ""]) for name, lines in found if name == language]


RECIPES = [*blocks(README, "jinja"), *blocks(GUIDE, "jinja")]


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_recipes_of_the_pages_plan(number: int) -> None:
    registry = Registry()
    recipe = render(RECIPES[number], Path("page.sql.j2"), registry, {})
    try:
        assert make_plan(recipe, registry, COLUMNS).steps
    except RecipeError as error:
        assert {p.code for p in error.problems} == {"no-model"}  # a model that is not here


def test_make_targets_of_the_pages_exist() -> None:
    named = set(
        re.findall(r"\bmake ([a-z]+)(?=\s|`|$)", " ".join(re.findall(r"`[^`]+`|^make .*$", README + GUIDE, re.M)))
    )
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {"run", "test"} <= named <= targets


def test_the_set_up_commands_are_the_first_code_of_the_readme() -> None:
    first = blocks(README, "")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make run", "make test"]


def test_help_names_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("help", "deps", "seed", "compile", "run", "test", "lint", "docs", "bench", "clean"):
        assert f"make {target} " in said


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_commands_and_options_exist(page: str) -> None:
    commands = _commands()
    text = (ROOT / page).read_text("utf-8")
    named = [line for block in blocks(text, "") for line in block.splitlines() if line.startswith("juicesql ")]
    assert named
    for line in named:
        words = line.split()
        assert words[1] in commands, line
        command = commands[words[1]]
        command = command.commands[words[2]] if hasattr(command, "commands") else command
        known = {o for p in command.params for o in p.opts}
        for option in re.findall(r"(?<=[\s\[])--[a-z-]+", line.split("#")[0]):
            assert option in known, line


def test_every_command_is_documented() -> None:
    assert [name for name in _commands() if f"juicesql {name}" not in README + GUIDE] == []


def _commands() -> dict[str, Any]:
    import typer

    from juicesql.cli import _add_commands, app

    _add_commands()  # of our own packages too: the dashboard's
    found = typer.main.get_command(app).commands
    return {n: c for n, c in found.items() if _module(c).startswith("juicesql.")}


def _module(command: Any) -> str:
    """Where a command stands; a group stands where its first command does."""
    while command.callback is None:
        command = next(iter(command.commands.values()))
    return str(command.callback.__module__)


def test_generated_pages_equal_registry_and_database() -> None:
    generate = runpy.run_path(str(ROOT / "docs/generate.py"))
    assert generate["differing"]() == [], "run `make docs`"


@pytest.mark.parametrize(
    "page", sorted(str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_point_to_files(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_every_relation_and_column_of_the_database_has_a_comment() -> None:
    described = runpy.run_path(str(ROOT / "docs/schema.py"))["described"]()
    assert len(described) > 100
    for table, about, column, _, comment in described:
        assert about and comment, f"comment on {table}.{column} in juicesql/sql/schema.sql"
        assert f"### `{table}`: {about}\n" in STATS


def test_queries_of_the_stats_database_page_answer(demo_run: juicesql.RunResult) -> None:
    with duckdb.connect(demo_run.stats_database, read_only=True) as con:
        for query in [*blocks(STATS, "sql"), blocks(README, "sql")[0]]:
            con.execute(query).fetchall()
        [(rows_in, accounted)] = con.execute(
            "select rows_in, samples_kept + samples_dropped + samples_duplicate + samples_error from runs"
        ).fetchall()
        assert rows_in == accounted


def test_the_query_for_another_threshold_says_what_a_run_keeps(demo_run: juicesql.RunResult, tmp_path: Path) -> None:
    """The README's, beside a run of the recipe with that threshold on the same rows, in a project of its own."""
    query = blocks(README, "sql")[0]
    assert query.strip() in STATS and "stopwords_ratio >= 0.4" in query
    with duckdb.connect(demo_run.stats_database, read_only=True) as con:
        least, most = con.execute(query).fetchone()
        now = con.execute(query.replace("0.4", "0.3")).fetchone()
        looser = con.execute(query.replace("0.4", "0.1")).fetchone()
    assert now == (demo_run.kept, demo_run.kept)
    for number, (low, high) in (("0.4", (least, most)), ("0.1", looser)):
        recipe = tmp_path / "moved.sql.j2"
        template = Path(demo_run.recipe).read_text("utf-8")
        recipe.write_text(re.sub(r"(stopwords_ratio\(text\)\s*>=) 0\.3", rf"\1 {number}", template))
        moved = juicesql.run(recipe, source=demo_run.source, export=tmp_path / "out.jsonl", project=tmp_path)
        assert low <= moved.kept <= high and moved.kept != demo_run.kept
    assert least == most


def test_the_stat_of_the_readme_works(tmp_path: Path) -> None:
    from juicesql.testing import load_cases, run_case, same

    (tmp_path / "macros").mkdir()
    (tmp_path / "udfs").mkdir()
    cases = tmp_path / "cases.yml"
    for page in (README, GUIDE):
        macro = next(b for b in blocks(page, "sql") if b.startswith("-- stat:"))
        for file, code in (
            ("macros/question_ratio.sql", macro),
            ("udfs/question_ratio.py", blocks(GUIDE, "python")[0]),
        ):
            (tmp_path / file).write_text(code)
            cases.write_text(next(b for b in blocks(page, "yaml") if b.startswith("stat:")))
            with juicesql.connect(project=tmp_path, functions=["question_ratio"]) as con:
                for case in load_cases(cases):
                    assert same(run_case(con, case, ["VARCHAR"]), case.out), case
            (tmp_path / file).unlink()


def test_the_picture_is_drawn_from_a_run(demo_run: juicesql.RunResult) -> None:
    picture = runpy.run_path(str(ROOT / "docs/picture.py"))
    heading, total, rows = picture["read"](Path(demo_run.stats_database))
    drawn = picture["draw"](heading, total, rows)
    assert f"{demo_run.kept:,} kept" in drawn
    assert rows[-1].rows_in - rows[-1].dropped == demo_run.kept
    assert (ROOT / "docs/funnel.svg").stat().st_size < 200_000


def test_no_file_of_the_repository_is_large() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        assert not path.exists() or path.stat().st_size < 1_000_000, name


def test_functions_of_the_migration_page_exist() -> None:
    page = (ROOT / "docs/from-data-juicer.md").read_text("utf-8")
    shown = " ".join(re.findall(r"`([^`]+)`", page))
    named = set(re.findall(r"\b([a-z_0-9]+)\(", shown)) | set(re.findall(r":\n`([a-z_]+)`", page))
    with duckdb.connect() as con:
        theirs = {r[0] for r in con.execute("select function_name from duckdb_functions()").fetchall()}
    words = {"in", "between", "alphanumeric_filter", "try_cast", "int"}  # syntax, and the peer's
    registry = Registry()
    assert len(named) > 25
    assert named - theirs - words <= {*registry.names(), *registry.jinja_macros}
