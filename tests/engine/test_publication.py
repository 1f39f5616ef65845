"""Publishing: whole or not at all at every instant, never over what is somebody else's, by one run at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest

import juicesql
from juicesql import publication
from juicesql.errors import ExportError, JuiceError
from juicesql.home import RUN_ID

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl", export="out.jsonl"%s) }} select * from source where text_len(text) > %d'
KILLED = 99
server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload(["juicesql.running", "juicesql.publication", "tests.engine.test_publication"])


def watch(points: list[tuple[object, str]], act: Callable[[str], None]) -> None:
    """Call `act` before each call of these functions."""
    for owner, name in points:
        true = getattr(owner, name) if name != "fsync" else lambda handle: None  # a kill loses nothing that was written

        def wrapped(*given: Any, true: Any = true, name: str = name, **options: Any) -> Any:
            act(name)
            return true(*given, **options)

        setattr(owner, name, wrapped)


class Connection:
    """A DuckDB connection whose commits are seen."""

    def __init__(self, con: Any, act: Callable[[str], None]) -> None:
        self.con, self.act = con, act

    def execute(self, sql: str, *given: Any) -> Any:
        if sql in ("commit", "detach stats"):
            self.act(sql)
        return self.con.execute(sql, *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.con, name)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *given: Any) -> None:
        self.con.close()


def killed_run(recipe: str, sealed: bool, stop: int, exchange: bool, seen: Any) -> None:
    """A run that ends as by kill -9 before its `stop`-th change of files or commit, counted from the seal or the start."""
    count = -1 if sealed else 0

    def act(name: str) -> None:
        nonlocal count
        if count == stop:
            os._exit(KILLED)
        count += count >= 0 or name == "seal"

    points = [(os, "replace"), (os, "fsync"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"), (shutil, "rmtree")]
    watch([*points, (publication, "_exchange"), (publication.Publication, "seal")], act)
    if not exchange:
        publication._exchange = lambda one, other: False
    connect = duckdb.connect
    duckdb.connect = lambda *given, **options: Connection(connect(*given, **options), act)  # type: ignore[assignment]
    juicesql.run(recipe, threads=1)
    seen.value = count


def contents(root: Path) -> dict[str, bytes]:
    places = [root / "out.jsonl", root / "out"]
    return {str(p.relative_to(root)): p.read_bytes() for q in places for p in (q, *q.glob("*")) if p.is_file()}


def leftovers(root: Path, status: str) -> frozenset[tuple[str, int]]:
    """What a killed run left: states that are alike are mended alike."""
    files = {p for p in root.rglob("*") if ".duckdb" not in p.name}
    named = {(RUN_ID.sub("run", str(p.relative_to(root))), p.stat().st_size if p.is_file() else 0) for p in files}
    return frozenset({*named, (status, -1)})


def reset(root: Path, saved: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(saved, root)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder where syncing, of which these runs do much, takes no time; where there is none, any folder."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize(("options", "exchange"), [("", True), (", shard_rows=2", True), (", shard_rows=2", False)])
def test_a_kill_at_any_change_leaves_the_old_output_or_the_new(
    in_memory: Path, options: str, exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    bench, saved = Workbench(in_memory / "bench"), in_memory / "saved"
    bench.write("juicesql.toml", "")
    bench.data(["a", "bb", "ccc", "dddd", "eeeee"])
    bench.write("r.sql.j2", HEAD % (options, 3))
    bench.run()
    old = contents(bench.root)
    bench.write("r.sql.j2", HEAD % (options, 1))
    shutil.copytree(bench.root, saved)
    new, after, states, mended = {}, {}, set(), set()
    early = [(False, stop) for stop in (0, 7, 14, 21)]  # what comes before the seal changes nothing under the name
    for sealed, stop in chain(early, ((True, stop) for stop in count(0, 1 if exchange else 3))):
        seen = server.Value("i", -1)
        child = server.Process(target=killed_run, args=(str(bench.root / "r.sql.j2"), sealed, stop, exchange, seen))
        child.start()
        child.join()
        found = contents(bench.root)
        if seen.value >= 0:
            assert child.exitcode == 0
            new = found
            break
        assert child.exitcode == KILLED
        status = bench.query("select status from runs order by started desc, run_id desc limit 1")[0][0]
        states.add((status, "old" if found == old else "gone" if not found else "new"))
        if (left := leftovers(bench.root, status)) in mended:
            reset(bench.root, saved)
            continue
        mended.add(left)
        bench.run()
        after = contents(bench.root)
        manifest = json.loads(next(bench.root.glob("out*.manifest.json")).read_text())
        latest = bench.query("select run_id, status from runs order by started desc, run_id desc limit 1")
        assert latest == [(manifest["run_id"], "done")]
        assert not bench.query("select status from runs where status in ('publishing', 'running')")
        assert not list(bench.root.glob(".out*")) and not (bench.root / ".juicesql/journal").exists()
        assert after not in (old, {}) and (found in (old, after) or (found == {} and not exchange)), stop
        reset(bench.root, saved)
    assert new == after and stop > 15
    possible = {("running", "old"), ("done", "old"), ("publishing", "old"), ("publishing", "new"), ("done", "new")}
    assert states <= possible | (set() if exchange else {("publishing", "gone")})
    assert {("running", "old"), ("publishing", "old"), ("publishing", "new"), ("done", "new")} <= states


def test_an_output_that_was_begun_is_finished_by_the_next_run(bench: Workbench, monkeypatch) -> None:
    """Also by one of another recipe: `runs` says that it is done."""
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    bench.write("other.sql.j2", '{{ config(source="data.jsonl") }} select * from source')

    def stops(folder: Path, target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publication, "_name_manifest", stops)
        with pytest.raises(JuiceError, match="No space left"):
            bench.run()
    assert bench.out() == [{"text": "some text"}] and not (bench.root / "out.jsonl.manifest.json").exists()
    assert bench.query("select status from runs") == [("publishing",)]
    bench.run("other.sql.j2")
    assert bench.query("select status from runs order by started") == [("done",), ("done",)]
    assert json.loads((bench.root / "out.jsonl.manifest.json").read_text())["rows"] == 1
    assert bench.run().kept == 1


def test_a_run_that_cannot_publish_has_failed_and_changed_nothing(bench: Workbench, monkeypatch) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    bench.run()
    before = contents(bench.root)
    bench.data(["other text"])

    def stops(one: Path, other: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(publication, "_place", stops)
        with pytest.raises(ExportError, match="cannot put the output in place"):
            bench.run()
    assert contents(bench.root) == before and not list(bench.root.glob(".out*"))
    assert bench.query("select status from runs order by started") == [("done",), ("failed",)]


def test_files_that_juicesql_did_not_write_stop_a_sharded_export(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % (", shard_rows=1", 1))
    bench.run()
    mine = bench.write("out/notes.md", "mine")
    with pytest.raises(ExportError, match=r"did not write: notes\.md\n  mend: move them away"):
        bench.run(overwrite=True)
    assert mine.read_text() == "mine" and (bench.root / "out/part-00000.jsonl").exists()
    mine.unlink()
    assert bench.run().kept == 1


def test_files_that_come_while_a_run_works_stay(bench: Workbench, monkeypatch) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % (", shard_rows=1", 1))
    bench.run()
    true = publication.Publication.seal

    def seal(self: Any, *given: Any) -> None:
        bench.write("out/late.md", "mine")
        true(self, *given)

    monkeypatch.setattr(publication.Publication, "seal", seal)
    with pytest.raises(ExportError, match=r"late\.md"):
        bench.run()
    assert sorted(p.name for p in (bench.root / "out").iterdir()) == ["late.md", "part-00000.jsonl"]
    assert bench.query("select status from runs order by started") == [("done",), ("failed",)]


def test_one_recipe_does_not_take_the_place_of_another(bench: Workbench) -> None:
    bench.data(["some text", "a"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    bench.write("q.sql.j2", HEAD % ("", 0))
    bench.run()
    with pytest.raises(ExportError, match=r"the output of another recipe, .*r\.sql\.j2 .*\n  mend: .*--overwrite"):
        bench.run("q.sql.j2")
    assert len(bench.out()) == 1
    bench.run("q.sql.j2", overwrite=True)
    assert len(bench.out()) == 2
    (bench.root / "sub").mkdir()
    (bench.root / "q.sql.j2").rename(bench.root / "sub/q.sql.j2")
    bench.run(
        "sub/q.sql.j2", source=str(bench.root / "data.jsonl"), export=bench.root / "out.jsonl", project=bench.root
    )


def test_a_folder_is_no_file(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    (bench.root / "out.jsonl").mkdir()
    with pytest.raises(ExportError, match="export-exists"):
        bench.run()
    bench.write("out.jsonl.manifest.json", '{"run_id": "x", "recipe": "r", "files": []}')
    with pytest.raises(ExportError, match=r"out\.jsonl is a folder"):
        bench.run()


@pytest.mark.parametrize("name", ["x" * 300 + ".jsonl", "长" * 80 + ".jsonl", "a\0b.jsonl"])
def test_names_that_no_file_can_have(bench: Workbench, name: str) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", (HEAD % ("", 1)).replace("out.jsonl", name.replace("\0", "\\0")))
    with pytest.raises(JuiceError, match=r"export-name|export is a path"):
        bench.run()


def test_two_projects_do_not_write_one_output_at_once(bench: Workbench, tmp_path: Path) -> None:
    """The second is refused with the name of the first, whose staging stays; that of a killed run goes."""
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    other = publication.Publication(
        publication.Target(bench.root / "out.jsonl", ".jsonl", ""), "20260101-000000-aaaa", "theirs.sql.j2", tmp_path
    )
    other.begin([])
    with pytest.raises(ExportError, match=r"written by run 20260101-000000-aaaa of theirs\.sql\.j2, in the project"):
        bench.run()
    assert (other.folder / "owner.json").exists()
    mine = bench.write(".out.jsonl.mine.partial/notes.md", "mine")
    other._owner.close()  # as when its process is gone
    assert bench.run().kept == 1
    assert not other.folder.exists() and mine.exists()


def test_the_folder_of_an_output_that_cannot_be_written(bench: Workbench) -> None:
    bench.data(["some text"])
    bench.write("r.sql.j2", HEAD % ("", 1))
    bench.write("file", "")
    with pytest.raises(ExportError, match=r"export-folder.*\n  mend: choose another --export"):
        bench.run(export=bench.root / "file/out.jsonl")
