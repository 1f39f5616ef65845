"""The pages *Samples*, *Duplicates* and *Compare* drawn without a browser, over hostile data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import juicesql

pytest.importorskip("streamlit")
from juicesql.app._text import plain
from streamlit.testing.v1 import AppTest

from juicesql.store import Store

from .samples_project import HOSTILE, OUTSIDE, make_media, make_texts

PAGES = ("samples", "duplicates", "compare")


@dataclass
class Ready:
    folder: Path
    old: str
    new: str
    media: str


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("samples")
    media = make_media(folder)
    old, new = make_texts(folder)
    return Ready(folder, old, new, media)


@pytest.fixture
def page(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> Any:
    def open_(name: str, folder: Path | None = None, **query: str) -> AppTest:
        return draw(monkeypatch, name, folder or ready.folder, **query)

    return open_


def draw(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path, **query: str) -> AppTest:
    script = (
        "from juicesql.app._shell import PageEntry, run_app\n"
        f"from juicesql.app.views import {name}\n"
        f"run_app((PageEntry({name!r}, {name.title()!r}, ':material/list:', {name}.show),))\n"
    )
    monkeypatch.setattr(sys, "argv", ["main.py", str(folder)])
    test = AppTest.from_string(script, default_timeout=120)
    for key, value in query.items():
        test.query_params[key] = value
    test.run()
    assert not test.exception
    return test


def said(test: AppTest) -> str:
    """All that a page says in elements that read Markdown."""
    parts = [*test.title, *test.subheader, *test.markdown, *test.caption, *test.info, *test.warning, *test.error]
    return "\n".join(str(p.value) for p in parts)


def html(test: AppTest) -> str:
    """All that a page gives to be read as HTML, but its style."""
    return "\n".join(e.proto.body for e in test.get("html") if "<style>" not in e.proto.body)


def media_of(test: AppTest, kind: str) -> list[Any]:
    return list(test.get(kind))


def listed(test: AppTest) -> Any:
    """The first table of the page: column -> values."""
    return test.dataframe[0].value


@pytest.mark.parametrize("name", PAGES)
def test_a_project_without_runs_says_what_to_do(page: Any, name: str, tmp_path: Path) -> None:
    test = page(name, tmp_path)
    assert test.info and not test.error
    with Store(tmp_path).open():
        pass  # a database with nothing in it
    test.run()
    assert not test.exception
    assert test.info and not test.error


@pytest.mark.parametrize("name", PAGES)
def test_a_database_in_use_is_said_and_not_an_error(page: Any, ready: Ready, name: str, tmp_path: Path) -> None:
    (tmp_path / "juicesql.toml").touch()
    writer = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('ready', flush=True); input()"
    command = [sys.executable, "-c", writer, str(tmp_path / "stats.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        test = page(name, tmp_path)
        assert "writing the stats database" in said(test)
        holder.communicate(b"\n")


@pytest.mark.parametrize("name", PAGES)
def test_pages_speak_chinese(page: Any, ready: Ready, name: str) -> None:
    test = page(name, run=ready.new, language="zh")
    assert any("\u4e00" <= c <= "\u9fff" for c in said(test))


# Samples


def test_samples_are_listed_and_filtered(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.old)
    assert "40 samples of 40" in said(test)
    assert len(listed(test)) == 25
    test.selectbox(key=f"cut-{ready.old}").select("kept.1").run()
    assert list(listed(test)["Sample"]) == [6]
    assert list(listed(test)["Value"]) == ["5"]
    test.selectbox(key=f"cut-{ready.old}").select("").run()
    test.text_input(key=f"condition-{ready.old}").input("text_len < 10 or verdict = 'error'").run()
    assert list(listed(test)["Sample"]) == [6, 9]
    test.text_input(key=f"condition-{ready.old}").input("").run()
    test.text_input(key=f"words-{ready.old}").input("Rivers").run()
    assert list(listed(test)["Sample"]) == [2, 8]
    test.text_input(key=f"words-{ready.old}").input("no such words").run()
    assert "No sample fits" in said(test)
    assert not test.exception


@pytest.mark.parametrize(
    "text", ["drop table runs", "text_len > (select 1)", "read_text('/etc/passwd') = ''", "txt > 1"]
)
def test_what_is_no_condition_is_a_warning(page: Any, ready: Ready, text: str) -> None:
    test = page("samples", run=ready.old)
    test.text_input(key=f"condition-{ready.old}").input(text).run()
    assert not test.exception
    assert test.warning and not test.dataframe


def test_a_range_of_a_stat_and_its_order(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.old)
    test.selectbox(key=f"stat-{ready.old}").select("text_len").run()
    test.number_input(key=f"high-{ready.old}").set_value(10.0).run()
    assert list(listed(test)["Sample"]) == [6]
    test.checkbox(key=f"null-{ready.old}").check().run()
    assert list(listed(test)["Sample"]) == [9]
    test.selectbox(key=f"stat-{ready.old}").select("").run()
    test.selectbox(key=f"order-{ready.old}").select("text_len").run()
    assert listed(test)["Sample"].iloc[0] == 6


def test_a_link_opens_a_sample_with_its_story(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.old, sample="6")
    assert "Sample 6" in [s.value for s in test.subheader]
    assert "Dropped by <code>text_len(text) &gt;= 20</code>" in html(test)
    assert "✗ failed" in html(test)
    test.button(key="after").click().run()
    assert test.query_params["sample"] == "7"
    assert "A duplicate of sample 1" in html(test)
    test.button(key="close").click().run()
    assert "sample" not in test.query_params
    assert not test.subheader


def test_changes_of_mappers_are_marked(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.old, sample="0")
    assert "<del>" in html(test) and "changed by cleaned" in said(test)
    late = page("samples", run=ready.old, sample="39")  # not among the first ten, which a run records
    assert "<del>" in html(late) and "changed by cleaned" in said(late)


@pytest.mark.parametrize("asked", ["-1", "x", "1e3", "999999", "99999999999999999999", "<script>", "٣"])
def test_links_to_no_sample_do_no_harm(page: Any, ready: Ready, asked: str) -> None:
    test = page("samples", run=ready.old, sample=asked)
    assert not test.error and "40 samples of 40" in said(test)


def test_hostile_text_is_only_text(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.old, sample="5")
    body = html(test)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert "<script" not in body and "<img" not in body
    for name in ("duplicates", "compare"):
        assert "<script" not in html(page(name, run=ready.new))
    assert plain(HOSTILE).replace("\\<", "").count("<") == 0


def test_files_are_shown_and_played(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.media, sample="0")
    assert len(media_of(test, "video")) == 1 and len(media_of(test, "audio")) == 1
    assert len(media_of(test, "image")) >= 3
    assert "hills\\.mp4" in said(test)


def test_broken_files_say_so_in_their_place(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.media, sample="1")
    assert "This file cannot be shown" in said(test)
    names = page("samples", run=ready.media, sample="2")
    assert "\\<script\\>" in said(names) and "<script" not in html(names)


def test_no_file_outside_of_the_media_root_is_opened(page: Any, ready: Ready) -> None:
    test = page("samples", run=ready.media, sample=str(OUTSIDE))
    assert "outside the media root" in said(test).replace("\\", "")
    assert len(media_of(test, "video")) == 1  # the other file


def test_without_its_source_a_sample_keeps_its_story(page: Any, ready: Ready, tmp_path: Path) -> None:
    old, _ = make_texts(tmp_path)
    (tmp_path / "texts.jsonl").unlink()
    test = page("samples", tmp_path, run=old, sample="6")
    assert "cannot be read again" in said(test)
    assert "✗ failed" in html(test)
    assert page("duplicates", tmp_path, run=old, cluster="1").warning


@pytest.mark.parametrize("name", ["samples", "duplicates", "compare", "distributions"])
def test_every_page_says_why_texts_are_missing(page: Any, tmp_path: Path, name: str) -> None:
    old, new = make_texts(tmp_path)
    (tmp_path / "texts.jsonl").unlink()
    told = said(page(name, tmp_path, run=old if name == "duplicates" else new, left=old, right=new)).replace("\\", "")
    assert "Texts are missing: `texts.jsonl`" in told and "is there no more" in told and "Put it back" in told


def test_texts_are_there_wherever_it_is_started(page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run whose source was named from where the user stood, which is not the project."""
    (tmp_path / "p").mkdir()
    make_texts(tmp_path / "p")
    (tmp_path / "p" / "texts.jsonl").rename(tmp_path / "there.jsonl")
    monkeypatch.chdir(tmp_path)
    run = juicesql.run("p/texts.sql.j2", project="p", source="there.jsonl", max_error_rate=0.5)
    monkeypatch.chdir("/")
    test = page("samples", tmp_path / "p", run=run.run_id)
    assert "rivers, hills and valleys" in listed(test)["Text"][2]
    assert "rivers, hills and valleys" in html(page("samples", tmp_path / "p", run=run.run_id, sample="2"))


# Duplicates


def test_clusters_are_listed_and_opened(page: Any, ready: Ready) -> None:
    test = page("duplicates", run=ready.old)
    assert int(test.metric[0].value) >= 2
    assert 1 in list(listed(test)["Stayed"])
    opened = page("duplicates", run=ready.old, cluster="2")
    assert "Duplicates of sample 2" in [s.value for s in opened.subheader]
    assert "<del>" in html(opened) and "<ins>" in html(opened)
    exact = page("duplicates", run=ready.old, cluster="1", step="exact")
    assert "the same, letter by letter" in said(exact)
    exact.button(key="close-cluster").click().run()
    assert "cluster" not in exact.query_params and not exact.exception


@pytest.mark.parametrize("asked", ["6", "x", "999999"])
def test_links_to_no_cluster_do_no_harm(page: Any, ready: Ready, asked: str) -> None:
    test = page("duplicates", run=ready.old, cluster=asked)
    assert not test.error and not test.exception


def test_a_run_without_duplicates_says_how_to_find_some(page: Any, ready: Ready) -> None:
    test = page("duplicates", run=ready.media)
    assert "found no duplicates" in said(test)
    assert any("near_dedup" in c.value for c in test.code)


# Compare


def test_two_runs_are_compared(page: Any, ready: Ready) -> None:
    test = page("compare", run=ready.new, left=ready.old, right=ready.new)
    body = html(test)
    assert "text_len(text)" in body
    assert "text_len(text) &gt;= 20" in body and "text_len(text) &gt;= 100" in body
    gained, lost = test.metric
    with duckdb.connect(str(ready.folder / "stats.duckdb"), read_only=True) as con:
        sql = (
            "select count(*) from verdicts a join verdicts b using (sample_id) where a.run_id = ? and b.run_id = ? "
            "and a.verdict = 'kept' and b.verdict <> 'kept'"
        )
        assert int(lost.value) == con.execute(sql, [ready.old, ready.new]).fetchall()[0][0] > 0
        assert int(gained.value) == con.execute(sql, [ready.new, ready.old]).fetchall()[0][0]


def test_data_sets_and_before_and_after(page: Any, ready: Ready) -> None:
    data = page("compare", run=ready.new, compare="data")
    assert "text_len(text)" in html(data) and "different sources" in said(data)
    before = page("compare", run=ready.new, compare="before")
    assert "text_len(text)" in html(before)
    assert page("compare", compare="nonsense", left="x", right="<b>").tabs


def test_one_run_has_nothing_to_be_compared_with(page: Any, tmp_path: Path) -> None:
    make_texts(tmp_path)
    with duckdb.connect(str(tmp_path / "stats.duckdb")) as con:
        con.execute("delete from runs where run_id = (select max(run_id) from runs)")
    assert "A second one is needed" in said(page("compare", tmp_path))


def test_an_analysis_has_samples_too(page: Any, ready: Ready, tmp_path: Path) -> None:
    analysis = pytest.importorskip("juicesql.analysis.analyze")
    make_texts(tmp_path)
    found = analysis.analyze(str(tmp_path / "texts.sql.j2"), project=tmp_path)
    test = page("samples", tmp_path, run=found.run_id, sample="6")
    assert "Sample 6" in [s.value for s in test.subheader]


def test_compare_never_opens_with_an_error(page: Any, tmp_path: Path) -> None:
    """Runs of other recipes and sources, without stats, without rows, failed, and analyses of all and of some rows."""
    from juicesql.analysis.analyze import analyze
    from juicesql.errors import JuiceError

    old, new = make_texts(tmp_path)
    recipe = tmp_path / "texts.sql.j2"
    (tmp_path / "few.jsonl").write_text('{"text": "a"}\n{"text": "b c"}\n')
    head = "{{ config(source='few.jsonl', on_error='stop') }}\n"
    bodies = {
        "bare": "select * from source", "gone": "select * from source where text_len(text) > 999",
        "groups": "select text, count(*) as n from source group by text", "other": "select * from source where alnum_ratio(text) > 0.1",
        "fails": "select *, cast(text as integer) as n from source",
    }  # fmt: skip
    ids = [old]
    for name, body in bodies.items():
        (tmp_path / f"{name}.sql.j2").write_text(head + body + "\n")
        try:
            ids.append(juicesql.run(tmp_path / f"{name}.sql.j2", project=tmp_path).run_id)
        except JuiceError:
            assert name == "fails"
    ids += [analyze(str(recipe), project=tmp_path, sample=n).run_id for n in (None, 5)]
    with duckdb.connect(str(tmp_path / "stats.duckdb"), read_only=True) as con:
        ids += [r[0] for r in con.execute("select run_id from runs where status = 'failed'").fetchall()]
    for other in ids:
        test = page("compare", tmp_path, left=other, right=new)
        assert not test.error and test.tabs, other
    assert not page("compare", tmp_path, run=ids[-2], compare="before").error
    assert not page("compare", tmp_path, run=ids[-1], compare="data").error
