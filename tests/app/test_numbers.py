"""Every number on a page is what SQL over the stats database gives: asked here, and not by the code of the pages."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql

pytest.importorskip("streamlit")
import streamlit
from streamlit.testing.v1 import AppTest

from .projects import make_project
from .test_samples_pages import html, said


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: the second, with a lower threshold, measures nothing again."""
    folder = tmp_path_factory.mktemp("numbers")
    make_project(folder)
    with (folder / "data.jsonl").open("a") as file:
        file.write('{"text": broken too\n{"text": broken as well\n')
    juicesql.run(folder / "r.sql.j2", project=folder)
    juicesql.run(folder / "r.sql.j2", project=folder, variables={"letters": 0.5})
    return folder


class Look:
    """Pages of a project, SQL over its stats database, and what pages gave to charts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.charts: dict[str, list[dict[str, Any]]] = {}
        monkeypatch.setattr(streamlit, "vega_lite_chart", self._chart)
        self.runs = [r[0] for r in self.sql("select run_id from runs order by started, run_id")]

    def _chart(self, data: Any, spec: Any = None, *, key: str = "", **_: Any) -> None:
        self.charts[key] = data.to_pylist()

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "stats.duckdb"), read_only=True) as con:
            return con.execute(query, list(values)).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        return self.sql(query, *values)[0][0]

    def page(self, name: str, **query: str) -> AppTest:
        script = (
            "from juicesql.app._shell import PageEntry, run_app\n"
            f"from juicesql.app.views import {name}\n"
            f"run_app((PageEntry({name!r}, {name.title()!r}, ':material/list:', {name}.show),))\n"
        )
        self.monkeypatch.setattr(sys, "argv", ["main.py", str(self.folder)])
        test = AppTest.from_string(script, default_timeout=122)
        for key, value in query.items():
            test.query_params[key] = value
        test.run()
        assert not test.exception and not test.error
        return test

    def verdicts(self, run: str) -> Counter[str]:
        return Counter(dict(self.sql("select verdict, count(*) from verdicts where run_id = ? group by 1", run)))


@pytest.fixture
def look(project: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    return Look(project, monkeypatch)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%".replace(".0%", "%")


def number(text: str) -> int:
    return int(text.replace(",", ""))


# Runs


@pytest.mark.parametrize("which", [0, 1])
def test_the_totals_of_a_run(look: Look, which: int) -> None:
    run = look.runs[which]
    ends, rows = look.verdicts(run), look.one("select count(*) from verdicts where run_id = ?", run)
    assert rows == 122 and all(ends[v] for v in ("kept", "dropped", "duplicate", "error"))
    found = {m.label: (m.value, m.delta) for m in look.page("runs", run=run).metric}
    wanted = {"Kept": "kept", "Dropped by cuts": "dropped", "Duplicates": "duplicate", "Errors": "error"}
    assert found["Rows in"] == (str(rows), "")
    for label, verdict in wanted.items():
        assert found[label] == (str(ends[verdict]), percent(ends[verdict], rows)), label
    assert re.fullmatch(r"\d+ ms|[\d.]+ s|\d+ min \d+ s", found["Time"][0])


@pytest.mark.parametrize("which", [0, 1])
def test_the_funnel_of_a_run(look: Look, which: int) -> None:
    run = look.runs[which]
    test = look.page("runs", run=run)
    table = test.table[0].value.to_dict("records")
    cuts = look.sql(
        "select sql, rows_in, dropped, dropped_null, dropped_alone from cuts where run_id = ? order by position", run
    )
    shown = [r for r in table if r["cut"]]
    assert [
        (r["cut"].strip("`"), number(r["rows in"]), number(r["dropped"]), number(r["NULL"]), number(r["only by this"]))
        for r in shown
    ] == cuts
    assert [number(r["left"]) for r in shown] == [rows_in - dropped for _, rows_in, dropped, *_ in cuts]
    assert sum(number(r["dropped"]) for r in shown) == look.verdicts(run)["dropped"]
    (dedup,) = (r for r in table if r["step"] == "exact")
    assert number(dedup["dropped"]) == look.verdicts(run)["duplicate"]
    assert number(table[-1]["left"]) == look.verdicts(run)["kept"]
    lefts = [number(r["left"]) for r in table]
    assert lefts == sorted(lefts, reverse=True)
    bars = look.charts["funnel"]
    assert [(b["rows_in"], b["dropped"], b["rows_out"]) for b in bars] == [
        (number(r["rows in"]), number(r["dropped"]), number(r["left"])) for r in table
    ]
    assert [b["says"] for b in bars if b["dropped"]] == [
        f"−{b['dropped']} · {percent(b['dropped'], b['rows_in'])}" for b in bars if b["dropped"]
    ]
    sql, rows_in, dropped, *_ = max(cuts, key=lambda c: c[2])
    assert f"Most rows go here: {dropped}, which is {percent(dropped, rows_in)}" in said(test)
    assert sql in [c.value for c in test.code]


def test_costs_errors_and_the_list_of_runs(look: Look) -> None:
    first, second = look.runs
    for run in look.runs:
        test = look.page("runs", run=run)
        costs, errors, runs = (d.value.to_dict("records") for d in test.dataframe)
        wanted = look.sql(
            'select function, sum(seconds), sum("rows"), sum(reused) from costs where run_id = ? group by 1', run
        )
        assert {c["Function"]: c for c in costs}.keys() == {w[0] for w in wanted}
        for name, seconds, measured, reused in wanted:
            (line,) = (c for c in costs if c["Function"] == name)
            assert line["Seconds"] == pytest.approx(seconds)
            assert line["Measured"] == measured
            assert line["Reused"] == pytest.approx(reused / (measured + reused))
            assert measured == 0 or line["Microseconds a row"] == pytest.approx(1e6 * seconds / measured)
        assert [(e["Function"], e["Rows"], e["First sample"]) for e in errors] == look.sql(
            "select function, count(*), min(sample_id) from errors where run_id = ? group by 1", run
        )
        assert [r["Run"] for r in runs] == [second, first]
        kept = {r["Run"]: (r["Rows in"], r["Kept"]) for r in runs}
        assert kept == {r: (122, look.verdicts(r)["kept"]) for r in look.runs}
    reused = look.one("select sum(reused) from costs where run_id = ?", second)
    assert reused > 0 and look.one('select sum("rows") from costs where run_id = ?', second) == 0


# Distributions


def metrics(test: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in test.metric}


def test_a_raised_threshold_loses_what_lies_below(look: Look) -> None:
    run = look.runs[0]
    kept = look.verdicts(run)["kept"]
    of_run = "from verdicts v join stats s using (sample_id) where v.run_id = ? and v.verdict = 'kept'"
    gone = look.one(f"select count(*) {of_run} and text_len < 60", run)
    assert 0 < gone < kept
    test = look.page("distributions", run=run, moves="0=60", look="lost")
    total = next(m for m in test.metric if m.label == "Rows kept")
    assert (total.value, total.delta) == (str(kept - gone), f"-{gone}")
    assert (metrics(test)["Go"], metrics(test)["Come back"], metrics(test)["May come back"]) == (str(gone), "0", "0")
    listed = set(test.dataframe[-1].value["Sample"])
    assert listed == {i for (i,) in look.sql(f"select sample_id {of_run} and text_len < 60", run)} or len(listed) >= 50


def test_a_lowered_threshold_brings_back_what_a_run_would(look: Look) -> None:
    """From the first run's 0.6 to the 0.5 of the second: its verdicts are the truth. A whole step has not seen them."""
    first, second = look.runs
    test = look.page("distributions", run=first, moves="var:letters=0.5")
    both = look.sql(
        "select a.verdict, b.verdict, count(*) from verdicts a join verdicts b using (sample_id) "
        "where a.run_id = ? and b.run_id = ? group by all", first, second,
    )  # fmt: skip
    truly = sum(n for before, now, n in both if now == "kept" and before != "kept")
    assert truly > 0
    found = metrics(test)
    come, may = number(found["Come back"]), number(found["May come back"])
    assert come <= truly <= come + may and come + may > 0
    assert found["Go"] == "0"


@pytest.mark.parametrize("moves", ["", "0=60"])
def test_histograms_hold_every_row_under_its_fate(look: Look, moves: str) -> None:
    run, least = look.runs[0], 60 if moves else 0
    look.page("distributions", run=run, **({"moves": moves} if moves else {}))
    (key,) = (k for k in look.charts if _is_length(look, k))
    bars = [b for b in look.charts[key] if b["kind"] == "bar"]
    values = look.sql(
        "select s.text_len, v.verdict from verdicts v join stats s using (sample_id) "
        "where v.run_id = ? and s.text_len is not null", run,
    )  # fmt: skip
    for bar in {(b["x0"], b["x1"]) for b in bars}:
        inside = [(n, v) for n, v in values if bar[0] <= n < bar[1]]
        kept = sum(1 for n, v in inside if v == "kept" and n >= least)
        assert sum(b["rows"] for b in bars if (b["x0"], b["x1"]) == bar and b["fate"] == "kept") == kept
        gone = sum(b["rows"] for b in bars if (b["x0"], b["x1"]) == bar and b["fate"] == "gone")
        assert gone == len(inside) - kept
    assert all(b["y1"] - b["y0"] == b["rows"] for b in bars)
    now = {b["x0"] for b in look.charts[key] if b["kind"] == "now"}
    assert now == {60.0 if moves else 20.0, 1000.0}
    assert {b["x0"] for b in look.charts[key] if b["kind"] == "before"} == ({20.0} if moves else set())


def _is_length(look: Look, key: str) -> bool:
    return any(b.get("kind") == "now" and b["x0"] == 1000.0 for b in look.charts[key])


def test_numbers_of_stats(look: Look) -> None:
    test = look.page("distributions", run=look.runs[0], look="numbers")
    table = {r["Stat"]: r for r in test.dataframe[-1].value.to_dict("records")}
    facts = look.sql(
        "select count(text_len), avg(text_len), stddev_samp(text_len), min(text_len), quantile_cont(text_len, 0.25), "
        "median(text_len), quantile_cont(text_len, 0.75), max(text_len) from stats"
    )[0]
    names = ("values", "mean", "deviation", "least", "quarter", "median", "three quarters", "most")
    assert [table["text_len"][n] for n in names] == pytest.approx(list(map(float, facts)))


# Samples


def test_samples_page_by_page(look: Look) -> None:
    run = look.runs[0]
    wanted = look.sql("select sample_id, verdict, cut, value from verdicts where run_id = ? order by sample_id", run)
    test = look.page("samples", run=run)
    counts = look.verdicts(run)
    names = {"kept": "kept", "dropped": "dropped", "duplicate": "duplicate", "error": "error"}
    assert set(test.get("button_group")[0].options) == {f"{names[v]} {n}" for v, n in counts.items()}
    assert list(test.dataframe[0].value["Sample"]) == [r[0] for r in wanted[:25]]
    test.session_state[f"page-{run}"] = 3
    test.run()
    assert list(test.dataframe[0].value["Sample"]) == [r[0] for r in wanted[50:75]]
    test.session_state[f"page-{run}"] = 5
    test.run()
    assert list(test.dataframe[0].value["Sample"]) == [r[0] for r in wanted[100:]]
    assert "122 samples of 122" in said(test)
    by_cut = look.sql("select cut, count(*) from verdicts where run_id = ? and cut is not null group by 1", run)
    options = test.selectbox(key=f"cut-{run}").options
    assert sorted(int(o.rsplit("(", 1)[1].rstrip(")")) for o in options[1:]) == sorted(n for _, n in by_cut)
    test.text_input(key=f"condition-{run}").input("text_len between 100 and 150").run()
    fitting = look.sql("select sample_id from stats where text_len between 100 and 150 order by 1")
    assert list(test.dataframe[0].value["Sample"]) == [i for (i,) in fitting][:25]
    assert f"{len(fitting)} samples of 122" in said(test)


# Duplicates


def test_clusters(look: Look) -> None:
    run = look.runs[0]
    test = look.page("duplicates", run=run)
    sizes = look.sql("select cluster, count(*) from clusters where run_id = ? group by 1 order by 2 desc, 1", run)
    assert metrics(test) == {
        "Duplicates": str(look.verdicts(run)["duplicate"]), "Clusters": str(len(sizes)), "Largest cluster": str(sizes[0][1]),
    }  # fmt: skip
    shown = test.dataframe[0].value
    assert list(zip(shown["Stayed"], shown["Samples"], strict=True)) == sizes[:15]


# Compare


def test_two_runs_beside_each_other(look: Look) -> None:
    first, second = look.runs
    test = look.page("compare", left=first, right=second)
    kept = "from verdicts v join stats s using (sample_id) where v.run_id = ? and v.verdict = 'kept'"
    facts = [
        look.sql(f"select count(*), avg(alnum_ratio), stddev_samp(alnum_ratio), median(alnum_ratio) {kept}", r)[0]
        for r in look.runs
    ]
    cells = re.search(r"<code>alnum_ratio\(text\)</code>.*?</tr>", html(test), re.S)
    assert cells
    found = re.findall(r"<td[^>]*>(.*?)</td>", cells.group())
    left, right = facts
    assert found[0] == f"{left[0]} → {right[0]}"
    assert found[1] == f"{left[1]:.4g} → {right[1]:.4g}"
    shift = (right[1] - left[1]) / left[2]
    assert float(found[-1]) == pytest.approx(shift, abs=0.02) and float(found[-1]) < 0
    ranks = [sorted(v for (v,) in look.sql(f"select alnum_ratio {kept}", r)) for r in look.runs]
    points = sorted({*ranks[0], *ranks[1]})
    ks = max(abs(sum(v <= p for v in ranks[0]) / left[0] - sum(v <= p for v in ranks[1]) / right[0]) for p in points)
    assert float(found[-2]) == pytest.approx(ks, abs=0.0006)
    rows = [re.sub(r"<[^>]+>", " ", r) for r in re.findall(r"<tr>(.*?)</tr>", html(test), re.S)]
    for run in look.runs:
        for sql, left_over, dropped in look.sql(
            "select sql, rows_in - dropped, dropped from cuts where run_id = ? and dropped > 0", run
        ):
            assert any(f" {left_over:,} " in r and f" {dropped:,} " in r for r in rows), (sql, left_over, dropped)
