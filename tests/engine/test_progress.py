"""A person sees which stage of a run works and how far it is, also while DuckDB is in one long query."""

from __future__ import annotations

import time

import duckdb
import pytest

from juicesql.cli.lines import Lines
from juicesql.engines import watch

from .conftest import Workbench


class Heard:
    def __init__(self) -> None:
        self.rows, self.stages, self.shares = 0, list[str](), list[float | None]()

    def begin(self, total_bytes: int) -> None:
        assert not self.stages

    def advance(self, rows: int, bytes_: int) -> None:
        self.rows += rows

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def share(self, part: float | None) -> None:
        self.shares.append(part)


def test_every_stage_is_named_in_its_turn(bench: Workbench) -> None:
    bench.data([f"text number {i} of many" for i in range(50)])
    bench.write("r.sql.j2", '{{ config(source="data.jsonl") }} with near as ({{ near_dedup("source") }}) from near')
    heard = Heard()
    bench.run(progress=heard)
    assert heard.rows == 50
    assert heard.stages[-2:] == ["writing", "recording"]
    numbered = [s.rpartition(", ") for s in heard.stages[:-2]]
    last = len(numbered) + 1
    assert [n for _, _, n in numbered] == [f"{i} of {last}" for i in range(2, last + 1)]
    assert {"near: shared", "near: neighbours", "near: edges", "near"} <= {name for name, _, _ in numbered}
    assert all(part is None or 0 <= part <= 1 for part in heard.shares)


def test_a_long_query_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.02)
    heard = Heard()
    with duckdb.connect(config={"threads": 1}) as con:
        watch.make_watchable(con)
        with watch.watched(con, heard.share):
            con.execute(
                "create table t as select i % 1000003 as k, count(*) as n from range(20000000) r(i) group by all"
            )
    known = [part for part in heard.shares if part is not None]
    assert len(known) >= 3
    assert known == sorted(known) and 0 <= known[0] < known[-1] <= 1


def test_lines_come_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    said: list[str] = []
    lines = Lines(said.append)
    lines.begin(1000)
    for now in (5.0, 31.0, 40.0, 62.0):  # noqa: B007
        lines.advance(100, 100)
    now = 95.0
    lines.stage("near: edges, 3 of 9")
    for now, part in ((100.0, 0.1), (126.0, 0.5), (160.0, None)):  # noqa: B007
        lines.share(part)
    assert said == [
        "31 s: cleaning: 200 rows, 20%", "62 s: cleaning: 400 rows, 40%", "95 s: near: edges, 3 of 9",
        "126 s: near: edges, 3 of 9: 50%", "160 s: near: edges, 3 of 9",
    ]  # fmt: skip
