"""docs/sandbox/tracking.md: its relations are those of a new store, its queries run, its example is a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from juicesql.sandbox.history_command import list_experiments, metrics, show
from juicesql.sandbox.store import SandboxStore

from tests.app.experiments_project import make_experiments

PAGE = (Path(__file__).parents[2] / "docs/sandbox/tracking.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SandboxStore:
    folder = tmp_path_factory.mktemp("project")
    make_experiments(folder)
    return SandboxStore(folder)


def test_the_relations_are_those_of_the_store(store: SandboxStore) -> None:
    with store.open(read_only=True) as con:
        found = con.execute("select table_name, column_name, data_type, comment from duckdb_columns() "
                            "where not internal order by table_oid, column_index").fetchall()  # fmt: skip
        about = dict(con.execute("select table_name, comment from duckdb_tables()").fetchall())
    written = []
    for name, what, rows in re.findall(r"### `(\w+)`: (.*)\n\| column .*\n\| --- .*\n((?:\|.*\n)+)", PAGE):
        assert what == about[name]
        written += [(name, *r) for r in re.findall(r"\| `(\w+)` \| (\w+) \| (.*) \|", rows)]
    assert sorted(w[:3] for w in written) == sorted(f[:3] for f in found)
    said = {w[:2]: w[3] for w in written}
    assert {f[:2]: said[f[:2]] for f in found if f[3]} == {f[:2]: f[3] for f in found if f[3]}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_find_something(store: SandboxStore, query: str) -> None:
    with store.open(read_only=True) as con:
        assert con.execute(query).fetchall()


def test_queries_find_the_right_thing(store: SandboxStore) -> None:
    moved = next(q for q in QUERIES if "json_each" in q)
    best = next(q for q in QUERIES if "quality.score" in q)
    with store.open(read_only=True) as con:
        rows = {r[0]: r[1:] for r in con.execute(moved).fetchall()}
        assert rows["text_len(text)"] == (418.0, 455.5, 37.5)
        scores = [r[1] for r in con.execute(best).fetchall()]
        assert len(scores) == 10 and scores == sorted(scores, reverse=True)


def test_the_example_reads() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(text)["tracker"] == "wandb"


def test_the_commands_are_there() -> None:
    assert set(re.findall(r"juicesql sandbox (\w+)", PAGE)) == {"list", "show", "metrics"}
    assert all(f.__doc__ for f in (list_experiments, show, metrics))
