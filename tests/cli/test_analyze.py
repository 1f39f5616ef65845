"""`juicesql analyze` and `juicesql compare`, as a shell calls them."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from juicesql.analysis import diversity
from juicesql.analysis.bins import Edges, Histogram
from juicesql.analysis.charts import Line, Slice, histogram_chart, label_chart, sunburst
from juicesql.analysis.numbers import Numbers
from tests.cli.conftest import Shell

NASTY = '<script>alert(1)</script>" onload="x" <img src=http://a/b>'


def test_the_table(shell: Shell, project: Path) -> None:
    got = shell("analyze", "recipe.sql.j2")
    assert got.code == 0, got.err
    assert "20 rows of data.jsonl, 1 of them errors" in got.out
    line = next(x for x in got.out.splitlines() if x.startswith("text_len "))
    assert line.split()[1:3] == ["18", "5.3%"] and line.split()[-1] == "89.5%"  # 17 of 18 are long enough, one is NULL
    assert "all together keep 16 of 20 rows (80.0%)" in got.out
    assert "drops duplicates" in got.out and "std: n - 1" in got.out
    assert not Path("out.jsonl").exists()


def test_json_equals_pandas(shell: Shell, project: Path) -> None:
    got = shell("analyze", "recipe.sql.j2", "--json", "--percentiles", "10,90")
    stats = {s["label"]: s for s in got.json["stats"]}
    texts = [json.loads(line)["text"] for i, line in enumerate(Path("data.jsonl").read_text().splitlines()) if i != 8]
    lens = pd.Series([len(t.strip()) for t in texts if t is not None])
    found = stats["text_len"]["numbers"]
    assert found["count"] == lens.count() and found["mean"] == pytest.approx(lens.mean())
    assert found["std"] == pytest.approx(lens.std())
    percentiles = dict(map(tuple, found["percentiles"]))
    assert percentiles == pytest.approx({p: float(np.percentile(lens, p)) for p in (1, 10, 25, 50, 75, 90, 99)})


def test_files(shell: Shell, project: Path) -> None:
    got = shell("analyze", "recipe.sql.j2", "--csv", "a/t.csv", "--markdown", "t.md", "--html", "t.html")
    assert got.code == 0 and "wrote a/t.csv" in got.err
    rows = list(csv.DictReader(Path("a/t.csv").read_text().splitlines()))
    assert [r["stat"] for r in rows] == ["text_len", "alnum_ratio"]
    assert float(rows[0]["mean"]) == pytest.approx(
        shell("analyze", "recipe.sql.j2", "--json").json["stats"][0]["numbers"]["mean"]
    )
    assert "| text_len |" in Path("t.md").read_text()
    assert shell("analyze", "recipe.sql.j2", "--csv", "a/t.csv", "--markdown", "t.md", "--html", "t.html").code == 0


@pytest.mark.parametrize("option", ["--csv", "--markdown", "--html"])
def test_a_foreign_file_stays(shell: Shell, project: Path, option: str) -> None:
    before = Path("data.jsonl").read_text()
    got = shell("analyze", "recipe.sql.j2", option, "data.jsonl")
    assert got.code == 7 and "not-ours" in got.err and Path("data.jsonl").read_text() == before
    assert not Path("stats.duckdb").exists()  # known before anything is measured


class _Page(HTMLParser):
    """Tags with their attributes, and ids that open but do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "hr", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_escapes_and_loads_nothing(shell: Shell, project: Path) -> None:
    lines = [json.dumps({"text": f"{NASTY} number {i} {'word ' * i}"}) for i in range(30)]
    Path("data.jsonl").write_text("\n".join(lines))
    assert shell("analyze", "recipe.sql.j2", "--html", "t.html", "--spearman").code == 0
    text = Path("t.html").read_text()
    page = _Page(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "link", "iframe", "object"} and page.open == []
    assert "<script" not in text and "&lt;script&gt;" in text
    attributes = {name for _, given in page.tags for name in given}
    assert not {a for a in attributes if a.startswith("on")} | (attributes & {"style", "src"})
    links = [given["href"] for _, given in page.tags if "href" in given]
    assert links and all(re.fullmatch(r"#[\w-]+", link or "") for link in links)
    ids = {given.get("id") for _, given in page.tags}
    assert {(link or "")[1:] for link in links} <= ids
    assert "default-src &#39;none&#39;" in text and "url(" not in text and "@import" not in text


def test_every_chart_has_a_name(shell: Shell, project: Path) -> None:
    shell("analyze", "recipe.sql.j2", "--html", "t.html")
    page = _Page(Path("t.html").read_text())
    charts = [given for tag, given in page.tags if tag == "svg"]
    assert charts and all(g.get("aria-label") or g.get("aria-hidden") for g in charts)


def test_data_instead_of_a_recipe(shell: Shell, project: Path) -> None:
    got = shell("analyze", "data.jsonl", "--sample", 10, "--json")
    assert got.code == 0 and got.json["rows"] == 10 and len(got.json["stats"]) > 20
    assert any("model" in s["why"] for s in got.json["skipped"])
    both = shell("analyze", "recipe.sql.j2", "--auto", "--stat", "length(text) > 3", "--json")
    assert both.code == 0 and len(both.json["stats"]) >= len(got.json["stats"])


def test_what_is_wrong(shell: Shell, project: Path) -> None:
    assert shell("analyze", "nothing.jsonl").code == 3
    assert shell("analyze", "recipe.sql.j2", "--percentiles", "200").code == 2
    assert shell("analyze", "data.jsonl", "--column", "nope").code == 3
    assert "add" in shell("analyze", "recipe.sql.j2", "--stat", "text_len(text)").err
    Path("n.jsonl").write_text('{"n": 1}\n')
    assert "no stat fits" in shell("analyze", "n.jsonl").err


def test_comparing_runs(shell: Shell, project: Path) -> None:
    shell("run", "recipe.sql.j2")
    shell("run", "recipe.sql.j2", "--var", "lo=31")
    got = shell("compare", "latest~1", "latest")
    assert got.code == 0 and "lo  " in got.out and "moved  kept" in got.out
    data = shell("compare", "latest~1", "latest", "--json").json
    assert data["old"]["kept"] > data["new"]["kept"]
    stat = next(s for s in data["stats"] if s["label"] == "text_len")
    assert 0 < stat["ks"]["statistic"] <= 1
    assert shell("compare", "latest", "nope").code == 6


def test_comparing_data(shell: Shell, project: Path) -> None:
    Path("b.jsonl").write_text("\n".join(json.dumps({"text": "word " * i}) for i in range(20)))
    got = shell("compare", "data.jsonl", "b.jsonl", "--recipe", "recipe.sql.j2")
    assert got.code == 0 and "text_len" in got.out and "20" in got.out
    assert shell("compare", "data.jsonl", "b.jsonl", "--sample", 5, "--json").json["new"]["rows_in"] == 5


# Charts


def test_bars_that_a_cut_drops() -> None:
    found = Histogram(Edges(0, 10, 10), tuple(range(1, 11)), 0, 3)
    numbers = Numbers(55, 0, 5.0, 1.0, 0.0, 10.0, ((1, 0.1), (25, 2.0), (50, 5.0), (75, 7.0), (99, 9.9)))
    svg = histogram_chart(found, numbers, [Line(">=", 3), Line("<=", 40.0)], NASTY)
    assert svg.count('class="lost"') == 3 and svg.count('class="bar"') == 7
    assert svg.count('class="cut"') == 1 and "≤ 40 →" in svg and "3 above" in svg
    assert "<script" not in svg


def test_labels_and_rings_escape() -> None:
    assert "<script" not in label_chart([(NASTY, 3), ("x", 1)], 5, NASTY)
    svg = sunburst([Slice(NASTY, 3, ((NASTY, 2),)), Slice("run", 1, ())])
    assert "<script" not in svg and svg.count("<path") == 3


def test_verbs_and_their_objects() -> None:
    if not diversity.can_parse():
        pytest.skip("no spaCy model")
    texts = ["Write a poem about the sea.", "Write a letter.", "Hello there.", "Translate this sentence into French."]
    found = diversity.diversity(texts)
    assert found.texts == 4
    assert {v: n for v, n, _ in found.verbs}["write"] == 2
