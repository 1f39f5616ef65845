"""A database of somebody else opens no file: as a source, as the stats database, or as an earlier run's."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from juicesql import inspect, query
from juicesql.errors import JuiceError, SourceError
from juicesql.store import Store
from juicesql.trace import trace

from .conftest import Workbench

assert inspect
SECRET = "the secret of the machine"
VIEWS = {
    "text": "create view v as select content as text from read_text('{0}')",
    "csv": "create view v as select * from '{0}'",
    "blob": "create view v as select content::varchar as text from read_blob('{0}')",
    "glob": "create view v as select file as text from glob('{1}/*')",
    "view over view": "create view inner_v as select content as text from read_text('{0}'); create view v as from inner_v",
    "macro": "create macro m() as table select content as text from read_text('{0}'); create view v as from m()",
    "scalar macro": "create macro m() as (select content from read_text('{0}')); create view v as select m() as text",
    "in a column": "create view v as select 'a' || (select content from read_text('{0}')) as text",
    "default of a query": "create view v as select * from query('select content as text from read_text(''{0}'')')",
}


def hostile(bench: Workbench, sql: str, name: str = "evil.duckdb") -> Path:
    secret = bench.root.parent / "secret.csv"
    secret.write_text(f"text\n{SECRET}\n")
    with duckdb.connect(str(bench.root / name)) as con:
        con.execute(sql.format(secret, bench.root.parent))
    return secret


@pytest.mark.parametrize("sql", VIEWS.values(), ids=VIEWS)
def test_a_view_of_a_source_reads_no_file(bench: Workbench, sql: str) -> None:
    hostile(bench, sql)
    bench.write("r.sql.j2", '{{ config(source="duckdb:evil.duckdb#v", export="out.jsonl") }}\nselect * from source')
    with pytest.raises(SourceError, match=r"error\[refused\] `duckdb:evil.duckdb#v` is a view that opens files"):
        bench.run()
    assert not (bench.root / "out.jsonl").exists()


def test_tables_and_honest_views_of_a_source_are_read(bench: Workbench) -> None:
    sql = "create table t as select 'a' as text; create view v as select upper(text) as text from t"
    hostile(bench, sql)
    for name, text in (("t", "a"), ("v", "A")):
        bench.write(
            "r.sql.j2",
            f'{{{{ config(source="duckdb:evil.duckdb#{name}", export="out.jsonl") }}}}\nselect * from source',
        )
        bench.run()
        assert bench.out() == [{"text": text}]


@pytest.mark.parametrize("relation", ["runs", "verdicts", "stats", "cuts", "errors"])
def test_views_of_a_stats_database_read_no_file(bench: Workbench, relation: str) -> None:
    """Its relations are views here that read a file of the machine."""
    bench.data(["some text"])
    bench.run()
    secret = hostile(bench, "select 1")
    with duckdb.connect(str(bench.root / "stats.duckdb")) as con:
        kind = con.execute(
            "select table_type from information_schema.tables where table_name = ?", [relation]
        ).fetchone()
        assert kind
        con.execute(f"drop {'view' if kind[0] == 'VIEW' else 'table'} {relation} cascade")
        con.execute(f"create view {relation} as select content as run_id, content as recipe from read_text('{secret}')")
    with pytest.raises(JuiceError) as caught, query.query(f"from {relation}", project=bench.root) as answer:
        assert SECRET not in str(list(answer.batches))
    assert SECRET not in str(caught.value)
    try:
        story = trace("r", 0, project=bench.root)
        assert SECRET not in str(story)
    except (JuiceError, duckdb.Error) as error:
        assert SECRET not in str(error)


def test_a_reader_of_the_stats_database_writes_nothing_either(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.run()
    with Store(bench.root).open(read_only=True) as con, pytest.raises(duckdb.Error, match="disabled by configuration"):
        con.execute(f"copy (select 1) to '{bench.root}/x.csv'")
    assert not (bench.root / "x.csv").exists()
