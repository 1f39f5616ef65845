"""Watchers: nothing that is watched gets lost, and wandb gets the same (offline, read back from its own file)."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from juicesql.sandbox import watcher as watchers
from juicesql.sandbox.base import ANONYMOUS
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.store import SandboxStore
from juicesql.sandbox.watcher import LocalWatcher, open_watcher


@pytest.fixture
def store(tmp_path: Path) -> SandboxStore:
    return SandboxStore(tmp_path / "project")


@pytest.fixture
def experiment(store: SandboxStore) -> str:
    return store.begin("demo", "run0", "sandbox.yaml", {})


def rows_of(store: SandboxStore) -> list[tuple[Any, ...]]:
    with store.open(read_only=True) as con:
        return con.execute("select name, step, value, text from metrics order by rowid").fetchall()


def test_numbers_texts_and_mappings_are_kept_in_their_order(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        watcher.watch(1.5, "train.loss", 0)
        watcher.watch({"loss": 1, "by": {"part": "low", "ok": True}, "none": None}, "train", 1)
        watcher.watch(np.float32(0.25), "eval.score")
        watcher.watch([1, 2], "eval.places")
    assert rows_of(store) == [
        ("train.loss", 0, 1.5, None), ("train.loss", 1, 1.0, None), ("train.by.part", 1, None, "low"),
        ("train.by.ok", 1, 1.0, None), ("eval.score", None, 0.25, None), ("eval.places", None, None, "[1, 2]"),
    ]  # fmt: skip


def test_numbers_that_are_not_finite_stay_as_they_are(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        for value in (math.nan, math.inf, -math.inf):
            watcher.watch(value, "loss")
        assert watcher.query("loss") == -math.inf
    values = [row[2] for row in rows_of(store)]
    assert math.isnan(values[0]) and values[1:] == [math.inf, -math.inf]


def test_the_newest_value_answers_and_a_mapping_comes_back(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        assert watcher.query("eval") is None
        for step in range(30):
            watcher.watch(step / 2, "train.loss", step)
        assert watcher.query("train.loss") == 14.5
        watcher.watch({"rows": 3, "name": "x"}, "eval")
        assert watcher.query("eval") == {"rows": 3.0, "name": "x"}
        watcher.watch("none", "evaluation")  # another name that only begins like it
        assert watcher.query("eval") == {"rows": 3.0, "name": "x"}


def test_a_named_pipeline_stands_before_its_names(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, "pools") as watcher:
        watcher.watch(1.0, "train.loss", 0)
        watcher.watch_cfgs({"train": {"lr": 0.1}})
        assert watcher.query("train.loss") == 1.0
    assert rows_of(store)[0][0] == "pools.train.loss"
    with store.open(read_only=True) as con:
        assert con.execute("select name, config from configs").fetchall() == [("pools.train", '{"lr": 0.1}')]


def test_configurations_are_replaced_by_name(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        watcher.watch_cfgs({"train": {"lr": 0.1}, "name": "a"})
        watcher.watch_cfgs({"train": {"lr": 0.2}})
        assert watcher.setup_sweep({"method": "grid"}, "cuts") == "cuts"
    with store.open(read_only=True) as con:
        found = {n: json.loads(c) for n, c in con.execute("select name, config from configs").fetchall()}
    assert found == {"train": {"lr": 0.2}, "name": "a", "sweep": {"method": "grid", "name": "cuts"}}


def test_others_see_it_while_it_runs(store: SandboxStore, experiment: str) -> None:
    watcher = LocalWatcher(store, experiment, ANONYMOUS)
    try:
        watcher.watch(1.0, "loss", 0)
        until = time.monotonic() + 10
        while not rows_of(store) and time.monotonic() < until:
            time.sleep(0.1)
        assert rows_of(store) == [("loss", 0, 1.0, None)]
    finally:
        watcher.close()


def test_threads_lose_nothing(store: SandboxStore, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "FLUSH_SECONDS", 0.01)
    watcher = LocalWatcher(store, experiment, ANONYMOUS)

    def work(name: str) -> None:
        for step in range(200):
            watcher.watch(step, name, step)
            if step % 50 == 0:
                assert watcher.query(name) == step

    threads = [threading.Thread(target=work, args=(f"job{i}.loss",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watcher.close()
    watcher.close()  # twice does no harm
    for i in range(4):
        assert [r[1] for r in rows_of(store) if r[0] == f"job{i}.loss"] == list(range(200))


def test_a_store_that_is_in_use_for_a_while_loses_nothing(
    store: SandboxStore, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("juicesql.sandbox.store.PATIENCE", 0.1)
    monkeypatch.setattr(watchers, "FLUSH_SECONDS", 0.05)
    watcher = LocalWatcher(store, experiment, ANONYMOUS)
    hold = f"import duckdb; con = duckdb.connect({str(store.path)!r}); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        watcher.watch(1.0, "loss", 0)
        time.sleep(0.5)
        watcher.watch(2.0, "loss", 1)
        other.communicate("\n")
    watcher.close()
    assert rows_of(store) == [("loss", 0, 1.0, None), ("loss", 1, 2.0, None)]


def test_the_end_of_the_process_writes_the_rest(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from juicesql.sandbox.store import SandboxStore\n"
        "from juicesql.sandbox.watcher import LocalWatcher\n"
        f"store = SandboxStore(Path({str(tmp_path)!r})); key = store.begin('a', 'b', '', {{}})\n"
        "LocalWatcher(store, key, 'anonymous').watch(3, 'loss')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert rows_of(SandboxStore(tmp_path)) == [("loss", None, 3.0, None)]


def test_a_hundred_thousand_numbers_are_written_together(
    store: SandboxStore, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(store, "open", lambda *a, **k: (opened.append(1), SandboxStore.open(store, *a, **k))[1])
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        for step in range(100_000):
            watcher.watch(0.5, "train.loss", step)
    assert len(opened) < 1000  # each is a transaction: numbers are written together
    with store.open(read_only=True) as con:
        assert con.execute("select count(*), max(step) from metrics").fetchone() == (100_000, 99_999)


def test_an_unknown_tracker_is_refused(store: SandboxStore, experiment: str) -> None:
    with (
        pytest.raises(SandboxError, match="local or wandb"),
        open_watcher("tensorboard", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS),
    ):
        pass


def test_a_missing_wandb_says_what_to_install(
    store: SandboxStore, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "find_spec", lambda name: None)
    with (
        pytest.raises(SandboxError, match=r"pip install 'juicesql\[wandb\]'"),
        open_watcher("wandb", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS),
    ):
        pass


# wandb


def records(folder: Path) -> list[Any]:
    """The records of an offline run, whose last one says how it ended: wandb writes them in a process of its own."""
    until = time.monotonic() + 20
    while True:
        found = list(written(folder))
        if any(r.HasField("exit") for r in found) or time.monotonic() > until:
            return found
        time.sleep(0.05)


def written(folder: Path) -> Iterator[Any]:
    """What stands in a file of wandb: a LevelDB log with a head of 7 bytes, whose parts never cross 32 KiB."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    data = file.read_bytes()
    assert data[:4] == b":W&B"
    at, held = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        held += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(held)
            yield record
            held = b""


@pytest.fixture
def wandb_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for place in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(place, str(tmp_path / "home"))
    return tmp_path / "experiment"


def test_wandb_gets_the_same(
    store: SandboxStore, experiment: str, wandb_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_watcher("wandb", store, experiment, "demo", "run0", wandb_folder, ANONYMOUS) as watcher:
        watcher.watch_cfgs({"train": {"lr": 0.1}})
        watcher.watch_cfgs({"train": {"lr": 0.2}})
        for step in range(3):
            watcher.watch(3.0 - step, "train.loss", step)
        for step in range(2):  # another job counts its own steps
            watcher.watch(5.0 - step, "again.loss", step)
        watcher.watch({"score": 0.5, "note": "good"}, "eval")
        assert watcher.query("train.loss") == 1.0
        assert watcher.setup_sweep({"method": "grid"}, "cuts") == "cuts"
    assert capsys.readouterr().out == ""  # stdout is for data
    found = records(wandb_folder)
    (run,) = [r.run for r in found if r.HasField("run")]
    assert (run.project, run.display_name) == ("demo", "run0")
    history = [{i.nested_key[0] if i.nested_key else i.key: json.loads(i.value_json) for i in r.history.item}
               for r in found if r.HasField("history")]  # fmt: skip
    assert [(h["train.step"], h["train.loss"]) for h in history if "train.loss" in h] == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert [(h["again.step"], h["again.loss"]) for h in history if "again.loss" in h] == [(0, 5.0), (1, 4.0)]
    assert [(h["eval.score"], h["eval.note"]) for h in history if "eval.score" in h] == [(0.5, "good")]
    configs = [u for r in found if r.HasField("config") for u in r.config.update]
    learned = [json.loads(u.value_json) for u in configs if "train" in (u.key, *u.nested_key)]
    assert learned[-1] == {"lr": 0.2}
    assert [r.exit.exit_code for r in found if r.HasField("exit")] == [0]
    assert len(rows_of(store)) == 7


def test_a_failed_experiment_is_a_failed_run_of_wandb(store: SandboxStore, experiment: str, wandb_folder: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        open_watcher("wandb", store, experiment, "demo", "run0", wandb_folder, "pools") as watcher,
    ):
        watcher.watch(1.0, "train.loss", 7)
        raise ZeroDivisionError
    found = records(wandb_folder)
    assert [r.exit.exit_code for r in found if r.HasField("exit")] == [1]
    keys = {i.key or i.nested_key[0] for r in found if r.HasField("history") for i in r.history.item}
    assert {"pools.train.loss", "pools.train.step"} <= keys
    assert rows_of(store) == [("pools.train.loss", 7, 1.0, None)]


def test_wandb_answers_from_its_summary(wandb_folder: Path) -> None:
    watcher = watchers.WandbWatcher("demo", "run0", wandb_folder, ANONYMOUS)
    watcher.watch(2.0, "train.loss", 0)
    watcher.watch(1.0, "train.loss", 1)
    watcher.watch("good", "eval.note")
    assert (watcher.query("train.loss"), watcher.query("eval.note"), watcher.query("no")) == (1.0, "good", None)
    watcher.close()


def test_a_wandb_that_is_not_logged_in_is_explained(wandb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    def refuse(**_: Any) -> None:
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(SandboxError, match="WANDB_MODE=offline"):
        watchers.WandbWatcher("demo", "run0", wandb_folder, ANONYMOUS)


def test_the_store_can_be_read_by_duckdb_alone(store: SandboxStore, experiment: str) -> None:
    with open_watcher("local", store, experiment, "demo", "run0", store.path.parent, ANONYMOUS) as watcher:
        watcher.watch(1.0, "loss")
    with duckdb.connect(str(store.path), read_only=True) as con:
        assert con.execute("select status from experiments").fetchall() == [("running",)]


def test_wandb_is_imported_only_when_asked() -> None:
    code = "import sys, juicesql.sandbox.watcher; assert 'wandb' not in sys.modules"
    assert find_spec("juicesql.sandbox.watcher")
    subprocess.run([sys.executable, "-c", code], check=True)
