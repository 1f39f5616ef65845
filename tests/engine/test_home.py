"""A project's hidden folder: juicesql keeps its own files there, and touches no other."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import juicesql
from juicesql.analysis.analyze import analyze
from juicesql.errors import JuiceError
from juicesql.home import Home
from juicesql.runs import forget_everything, forget_runs
from juicesql.segments import write_segment
from juicesql.store import Store

from .conftest import Workbench

TEXTS = ["some text", "more text here", "no"]


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _old_segment(bench: Workbench, text: str, value: float, folder: str) -> None:
    """As an earlier version left one: no CRC in its name, below `stats/`."""
    key = duckdb.execute("select md5_number(?)", [text]).fetchall()[0][0]
    halves = {"key_high": pa.array([key >> 64], pa.uint64()), "key_low": pa.array([key & (2**64 - 1)], pa.uint64())}
    path = bench.root / "stats" / folder / f"{uuid.uuid4().hex}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**halves, "value": pa.array([value])}), path)


@pytest.mark.parametrize("marked", [False, True])
def test_a_folder_stats_of_the_users_own_stays(bench: Workbench, marked: bool) -> None:
    bench.data(TEXTS)
    if marked:
        bench.run()
    bench.write("stats/2025/results.csv", "my thesis numbers")
    bench.write("stats/notes.md", "hi")
    bench.write("stats/len@0123456789abcdef/aa.parquet", "")
    bench.write(f"stats/len@0123456789abcdef/{'a' * 32}.parquet", "not ours either")
    before = _tree(bench.root / "stats")
    bench.run()
    analyze(bench.root / "r.sql.j2")
    with pytest.raises(JuiceError):
        bench.run(fresh=True, max_error_rate=0, source=str(bench.data(["\x00"], "broken.jsonl")))
    forget_runs(Store(bench.root), 0)
    forget_everything(Store(bench.root))
    assert _tree(bench.root / "stats") == before


def test_an_export_may_lie_in_stats(bench: Workbench) -> None:
    bench.data(TEXTS)
    for _ in range(2):
        bench.run(export=bench.root / "stats/x.jsonl")
    assert len(bench.out("stats/x.jsonl")) == 2


def test_segments_of_an_earlier_version_move_in_once(bench: Workbench) -> None:
    bench.data(TEXTS)
    first = bench.run()
    name = bench.query("select table_name from stat_columns where function = 'slow_len'")[0][0]
    (bench.root / "stats.duckdb").unlink()
    forget_everything(Store(bench.root))
    bench.calls()
    for text in TEXTS[:2]:
        _old_segment(bench, text, 55.0, name)
    bench.write("stats/mine.txt", "mine")
    second = bench.run()
    assert (first.measured, second.measured, bench.calls()) == (6, 4, 1)
    assert _tree(bench.root / "stats") == {"mine.txt": b"mine"}
    _old_segment(bench, "no", 55.0, name)  # after the move, what lies there is the user's
    bench.run()
    assert len(_tree(bench.root / "stats")) == 2


def test_the_marker_says_what_is_ours_and_the_rest_stays(bench: Workbench) -> None:
    bench.data(TEXTS)
    bench.run()
    home = bench.root / ".juicesql"
    assert json.loads((home / "juicesql.json").read_text())["made by"] == "juicesql"
    bench.write(".juicesql/mine/notes.md", "hi")
    bench.write(".juicesql/20260101-120000-abcd/spool/x.parquet", "")
    bench.run()
    assert forget_runs(Store(bench.root), 1).leftovers == 0
    bench.write(".juicesql/20260101-120000-abcd/spool/x.parquet", "")
    assert forget_runs(Store(bench.root), 1).leftovers == 1
    forget_everything(Store(bench.root))
    assert _tree(home) == {"mine/notes.md": b"hi"}


def test_a_folder_where_ours_would_be_is_refused(bench: Workbench) -> None:
    bench.data(TEXTS)
    bench.write(".juicesql/segments/thesis.csv", "1")
    with pytest.raises(JuiceError, match="not-ours"):
        bench.run()
    assert (bench.root / ".juicesql/segments/thesis.csv").read_text() == "1"


@pytest.mark.parametrize(("version", "code"), [("v1.0.0", "not-ours"), ("latest", "store-version")])
def test_a_database_of_somebody_else_is_left_alone(bench: Workbench, version: str, code: str) -> None:
    bench.data(TEXTS)
    with duckdb.connect() as con:
        con.execute(f"attach '{bench.root}/stats.duckdb' as mine (storage_version '{version}')")
        con.execute("create table mine.thesis as select 1 as n")
    for act in (bench.run, lambda: forget_everything(Store(bench.root)), lambda: forget_runs(Store(bench.root), 0)):
        with pytest.raises(JuiceError, match=code):
            act()
    with duckdb.connect(str(bench.root / "stats.duckdb")) as con:
        assert con.execute("show tables").fetchall() == [("thesis",)]


def test_a_file_in_the_place_of_the_folder_is_told(bench: Workbench) -> None:
    bench.data(TEXTS)
    bench.write(".juicesql", "mine")
    with pytest.raises(JuiceError, match="project-folder"):
        bench.run()
    assert (bench.root / ".juicesql").read_text() == "mine"


@pytest.mark.parametrize("damage", ["empty", "short", "zeros"])
def test_a_torn_segment_is_set_aside_and_measured_again(bench: Workbench, damage: str) -> None:
    bench.data(TEXTS)
    bench.run()
    expected = bench.out()
    identity = bench.query("select identity from stat_columns where function = 'slow_len'")[0][0]
    forget_everything(Store(bench.root))
    keys = np.arange(400, dtype=np.uint64)
    path = write_segment(Home(bench.root).segments, "slow_len", identity, keys, keys, pa.array(np.arange(400.0)))
    content = path.read_bytes()
    torn = {"empty": b"", "short": content[:-9], "zeros": content[:800] + bytes(400) + content[1200:]}[damage]
    path.write_bytes(torn)
    result = bench.run()
    assert bench.out() == expected and result.measured == 6
    assert not path.exists() and len(list((bench.root / ".juicesql/torn").iterdir())) == 1
    assert any("torn" in line for line in result.warnings)
    assert not bench.run().warnings


def test_a_run_without_a_project_folder_that_can_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"text":"a"}\n')
    (tmp_path / "r.sql.j2").write_text("{{ config(source='d.jsonl') }} select * from source")
    (tmp_path / "p").write_text("")
    with pytest.raises(JuiceError, match="project-folder"):
        juicesql.run(tmp_path / "r.sql.j2", source=str(tmp_path / "d.jsonl"), project=tmp_path / "p")
