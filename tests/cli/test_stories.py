"""`trace`, `diff` and `clean`: what the stats database tells afterwards."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from juicesql.runs import forget_runs
from juicesql.store import Store


@pytest.fixture
def ran(shell, project: Path) -> str:
    return shell("run", "recipe.sql.j2", "--json").json["run_id"]


def story(shell, sample: int, name: str = "recipe.sql.j2") -> dict:
    answer = shell("trace", name, "--sample", sample, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_trace_a_kept_sample(shell, ran: str) -> None:
    told = story(shell, 1)
    assert told["verdict"] == "kept"
    assert told["place"] == {"sample_id": 1, "file": "data.jsonl", "row": 1}
    assert told["stands_for"] == [7]
    cleaned, kept = told["steps"]
    assert cleaned["changes"][0]["before"] == "  a plain document with number 1  "
    assert cleaned["changes"][0]["after"] == "a plain document with number 1"
    assert [c["outcome"] for c in kept["cuts"]] == ["passed", "passed"]
    assert kept["cuts"][0]["values"] == {"text_len(text)": 30}
    assert kept["cuts"][0]["line"] == 9


def test_trace_each_way_to_leave(shell, ran: str) -> None:
    short = story(shell, 5, ran)
    assert (short["verdict"], short["by"], short["value"], short["by_line"]) == ("dropped", "kept.1", "5", 9)
    assert [c["outcome"] for c in short["steps"][-1]["cuts"]] == ["failed", "passed"]
    symbols = story(shell, 6, "latest")
    assert (symbols["by"], symbols["by_sql"], symbols["by_line"]) == ("kept.2", "alnum_ratio(text) >= 0.1", 10)
    twin = story(shell, 7)
    assert (twin["verdict"], twin["by"], twin["duplicate_of"]["sample_id"]) == ("duplicate", "exact", 1)
    broken = story(shell, 8)
    assert (broken["verdict"], broken["steps"], broken["place"]["row"]) == ("error", [], 8)
    assert "JSON" in broken["errors"][0][1]
    empty = story(shell, 9)
    assert empty["steps"][-1]["cuts"][0]["outcome"] == "not measured"


def test_trace_tells_it_in_words(shell, ran: str) -> None:
    text = shell("trace", "recipe.sql.j2", "--sample", 5).out
    assert "from data.jsonl, row 5" in text
    assert "FAILED  text_len(text) BETWEEN 20 AND 1000  text_len(text) = 5" in text
    assert "DROPPED by kept.1" in text and "(line 9) with the value 5" in text
    assert "DUPLICATE of sample 1" in shell("trace", ran[:-2], "--sample", 7).out
    assert "could not be measured" in shell("trace", "latest", "--sample", 9).out


def test_trace_says_what_is_wrong(shell, ran: str, project: Path) -> None:
    answer = shell("trace", "latest", "--sample", 99)
    assert answer.code == 6
    assert "0 to 19" in answer.err
    assert "did you mean `latest`?" in shell("trace", "lates", "--sample", 1).err
    (project / "other.sql.j2").write_text("{{ config(source='data.jsonl') }}\nselect * from source")
    assert "`juicesql run other.sql.j2` first" in shell("trace", "other.sql.j2", "--sample", 1).err


def test_trace_before_any_run(shell, project: Path) -> None:
    answer = shell("trace", "latest", "--sample", 1)
    assert answer.code == 6
    assert "run a recipe in this project first" in answer.err


def test_a_changed_source_is_said(shell, ran: str, project: Path) -> None:
    (project / "data.jsonl").write_text('{"text": "something else entirely, of good length"}\n')
    shell("run", "recipe.sql.j2", "--var", "lo=1")
    assert story(shell, 0, ran)["source_changed"] is True
    assert story(shell, 0, "latest")["source_changed"] is False


def test_diff_of_a_moved_cut(shell, ran: str) -> None:
    shell("run", "recipe.sql.j2", "--var", "lo=31")
    found = shell("diff", ran, "latest", "--json", "--limit", 3).json
    (cut,) = found["cuts"]
    assert (cut["kind"], cut["step"], cut["new_line"]) == ("moved", "kept", 9)
    assert (cut["old"], cut["new"]) == ("text_len(text) BETWEEN 20 AND 1000", "text_len(text) BETWEEN 31 AND 1000")
    assert found["variables"] == [{"name": "lo", "old": None, "new": 31}]
    assert found["gained"] == [] and found["same_source"] and found["steps"] == [] and found["functions"] == []
    (reason,) = found["lost"]
    assert (reason["verdict"], reason["by"], reason["line"]) == ("dropped", "kept.1", 9)
    lost = [s["sample_id"] for s in reason["samples"]]
    assert lost == [0, 1, 2]
    assert reason["count"] == 5  # samples 0 to 4: their numbers have one digit
    assert reason["samples"][0]["value"] == "30"
    back = shell("diff", "latest", "latest~1")
    assert "gained 5" in back.out and "lost 0" in back.out
    assert "dropped by kept.1 before" in back.out


def test_diff_of_cuts_steps_and_functions(shell, ran: str, project: Path) -> None:
    recipe = project / "recipe.sql.j2"
    text = recipe.read_text()
    text = text.replace("alnum_ratio(text) >= 0.1", "num_words(text) >= 2 and max_line_length(text) < 900")
    recipe.write_text(text.replace("order by sample_id", "order by sample_id desc"))
    shell("run", "recipe.sql.j2")
    found = shell("diff", "latest~1", "latest", "--json").json
    kinds = {(c["kind"], c["old"] or c["new"]) for c in found["cuts"]}
    assert kinds == {
        ("added", "num_words(text) >= 2"),
        ("added", "max_line_length(text) < 900"),
        ("removed", "alnum_ratio(text) >= 0.1"),
    }
    assert [(s["kind"], s["step"]) for s in found["steps"]] == [("changed", "exact")]
    gained, lost = found["gained"], found["lost"]
    assert {(r["verdict"], s["sample_id"]) for r in gained for s in r["samples"]} == {("duplicate", 7)}
    assert {(r["verdict"], s["sample_id"], s["duplicate_of"]) for r in lost for s in r["samples"]} == {
        ("duplicate", 1, 7)
    }


def test_diff_sees_changed_code(shell, project: Path) -> None:
    (project / "macros").mkdir()
    macro = project / "macros" / "half_len.sql"
    head = "-- stat: half_len(text VARCHAR) -> DOUBLE\n-- Half of it.\ncreate or replace macro half_len(text) as\n    "
    (project / "recipe.sql.j2").write_text(
        "{{ config(source='data.jsonl') }}\nselect * from source where half_len(text) > 5"
    )
    for body in ("length(text) / 2;", "length(text) / 2.5;"):
        macro.write_text(head + body + "\n")
        assert shell("run", "recipe.sql.j2").code == 0
    assert shell("diff", "latest~1", "latest", "--json").json["functions"] == ["half_len(text)"]


def test_clean_keeps_the_newest_runs_and_every_value(shell, project: Path) -> None:
    for low in (20, 21, 22):
        assert shell("run", "recipe.sql.j2", "--var", f"lo={low}").code == 0
    (project / ".juicesql" / "20260101-120000-abcd" / "spool").mkdir(parents=True)
    (project / ".juicesql" / "of-somebody").mkdir()
    answer = shell("clean", "--runs-keep", 1)
    assert answer.code == 0
    assert "removed 2 runs" in answer.out and "1 leftover folder" in answer.out
    assert (project / ".juicesql" / "of-somebody").is_dir()
    with duckdb.connect(str(project / "stats.duckdb"), read_only=True) as con:
        assert con.execute("select count(*), count(distinct run_id) from verdicts").fetchall() == [(20, 1)]
        assert con.execute("select vars->>'lo' from runs").fetchall() == [("22",)]
        assert con.execute("select count(text_len) from stats").fetchall() == [(18,)]
        assert con.execute("select count(*) from samples where content_keys is not null").fetchall() == [(18,)]
    again = shell("run", "recipe.sql.j2", "--var", "lo=20", "--json").json
    assert again["reused"] >= 36
    assert shell("diff", "latest~1", "latest").code == 0


def test_clean_frees_room(shell, project: Path) -> None:
    shell("run", "recipe.sql.j2")
    store = Store(project)
    with store.open() as con:
        for number in range(4):
            con.execute("insert into runs (run_id, started, status) values (?, '2020-01-01', 'done')", [f"old{number}"])
            con.execute(
                "insert into verdicts select ?, i, 'kept', null, md5(i::varchar), null from range(200000) t(i)",
                [f"old{number}"],
            )
    done = forget_runs(store, 1)
    assert (done.runs, done.rows) == (4, 800_004)
    assert done.bytes > 1 << 20
    assert shell("trace", "latest", "--sample", 1).code == 0


def test_clean_all_asks_first(shell, ran: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert shell("clean", "--all").code == 1
    assert (project / "stats.duckdb").exists()
    assert shell("clean", "--all", "--yes").code == 0
    assert not (project / "stats.duckdb").exists()
    assert (project / "out.jsonl").exists()
