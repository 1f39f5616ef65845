"""Every sample has its whole change, also where the run recorded none; and no code of the project runs for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import juicesql
from juicesql.inlinediff import diff_parts
from juicesql.replay import Changed
from juicesql.sheet import render
from juicesql.show import show

RECIPE = """{{ config(source="data.jsonl") }}
with tidy as (select * replace (whitespace_normalization(trim(text)) as text) from source),
kept as (select * from tidy where text_len(text) >= 8),
lower as (select * replace (lower(text) as text) from kept where text_len(text) < 1000),
one as ({{ exact_dedup('lower') }})
select * replace (text || '!' as text), upper(title) as title_up from one
"""
ROWS = ["  Plain\u3000text of a row ", "  Short ", "Same", " Same Text ", "same text", "lower already", "X" * 2000]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    lines = [json.dumps({"title": f"t{i}", "text": t, "n": {"i": i}}) for i, t in enumerate(ROWS)]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "r.sql.j2").write_text(RECIPE)
    (folder / "juicesql.toml").touch()
    return folder


def test_the_whole_way_of_every_sample(project: Path) -> None:
    run = juicesql.run(project / "r.sql.j2", project=project, trace=0)
    sheet = show(run.run_id, range(len(ROWS)), project=project)
    found = {c.story.place.sample_id: (c.story.verdict, c.changes) for c in sheet.cards}
    whole = ("tidy", "lower", "result")
    assert found[0] == ("kept", (Changed("text", whole, ROWS[0], "plain text of a row!"),))
    assert found[1] == ("dropped", (Changed("text", ("tidy",), ROWS[1], "Short"),))
    assert found[2] == ("dropped", ())
    assert found[3] == ("kept", (Changed("text", whole, ROWS[3], "same text!"),))
    assert found[4] == ("duplicate", ())  # it went before the last step, and no step before had changed it
    assert found[5] == ("kept", (Changed("text", ("result",), ROWS[5], "lower already!"),))
    assert found[6] == ("dropped", ())  # the cut of `lower` takes it before the projection of `lower`
    assert not sheet.hints
    assert "<ins>" in render(sheet)


def test_what_the_run_recorded_is_the_same(project: Path) -> None:
    run = juicesql.run(project / "r.sql.j2", project=project, trace=100)
    with_replay = show(run.run_id, range(len(ROWS)), project=project)
    without = show(run.run_id, range(len(ROWS)), project=project, changes=False)
    assert [c.changes for c in with_replay.cards] == [c.changes for c in without.cards]
    assert any(c.changes for c in without.cards)


def test_a_mapper_of_the_project_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "udfs").mkdir()
    (tmp_path / "juicesql.toml").touch()
    (tmp_path / "udfs" / "shout.py").write_text(
        f"with open({str(tmp_path / 'ran')!r}, 'a') as f: f.write('x')\n"
        "import pyarrow.compute as pc\nfrom juicesql.api import mapper\n"
        '@mapper("shout(text VARCHAR) -> VARCHAR", version=1)\n'
        'def shout(text):\n    """Upper case."""\n    return pc.utf8_upper(text)\n'
    )
    (tmp_path / "data.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n{"text": "three"}\n')
    (tmp_path / "r.sql.j2").write_text(
        "{{ config(source='data.jsonl') }}\nselect * replace (shout(text) as text) from source\n"
    )
    run = juicesql.run(tmp_path / "r.sql.j2", project=tmp_path, trace=1)
    (tmp_path / "ran").unlink(missing_ok=True)
    sheet = show(run.run_id, [0, 2], project=tmp_path)
    assert not (tmp_path / "ran").exists()
    assert [c.changes for c in sheet.cards] == [(Changed("text", ("result",), "one", "ONE"),), ()]
    assert "shout is code of the project" in sheet.hints[0] and "--trace N" in sheet.hints[0]


def test_a_whole_text_leaves_nothing_out() -> None:
    words = [f"word{i}" for i in range(3000)]
    before, after = " ".join(words), " ".join(["new", *words[:1500], *words[1502:], "end"])
    parts = diff_parts(before, after, whole=True)
    assert not any(mark == "gap" for mark, _ in parts)
    for side, text in (("ins", after), ("del", before)):
        shown = "".join(part for mark, part in parts if mark in ("same", side))
        assert shown.replace("␣", " ").split() == text.split()
    assert any(mark == "gap" for mark, _ in diff_parts(before, after))
