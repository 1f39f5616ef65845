"""Law L3: kill -9 at any moment leaves no half output, and a rerun goes on from what was measured."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from .conftest import Workbench

TEXTS = [f"sentence number {i} " * (1 + i % 9) for i in range(1500)]
SLOWER = '    with open(LOG, "a") as log:\n        log.write("x")\n'
PROGRAM = "import sys, juicesql; juicesql.run(sys.argv[1], threads=2)"


def _whole_or_absent(root: Path) -> None:
    out, manifest = root / "out.jsonl", root / "out.jsonl.manifest.json"
    if out.exists():
        said = json.loads(manifest.read_text())["files"][0]
        assert hashlib.sha256(out.read_bytes()).hexdigest() == said["sha256"]


def test_five_kills_then_the_same_output(bench: Workbench, tmp_path: Path) -> None:
    slow = (bench.root / "udfs/slow_len.py").read_text()
    bench.write("udfs/slow_len.py", slow.replace(SLOWER, SLOWER + "    import time\n\n    time.sleep(0.002)\n"))
    bench.data(TEXTS)
    bench.run(export=tmp_path / "undisturbed" / "out.jsonl", project=bench.root)
    expected = (tmp_path / "undisturbed" / "out.jsonl").read_bytes()
    (bench.root / "stats.duckdb").unlink()
    bench.calls()

    pick = random.Random(7)
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(bench.root / "r.sql.j2")], cwd=bench.root)
        time.sleep(pick.uniform(0.3, 4.0))
        child.send_signal(signal.SIGKILL)
        child.wait()
        _whole_or_absent(bench.root)
    time.sleep(0.5)  # orphaned workers see the end of their pipe
    bench.calls()

    result = bench.run()
    assert (bench.root / "out.jsonl").read_bytes() == expected
    bench.check_accounts(result)
    statuses = {row[0] for row in bench.query("select status from runs")}
    assert statuses <= {"done", "interrupted"}
    assert not list(bench.root.glob(".*.partial"))
    assert not [p for p in (bench.root / ".juicesql").iterdir() if p.is_dir()]


def test_values_of_a_killed_run_are_not_measured_again(bench: Workbench) -> None:
    slow = (bench.root / "udfs/slow_len.py").read_text()
    bench.write("udfs/slow_len.py", slow.replace(SLOWER, SLOWER + "    import time\n\n    time.sleep(0.001)\n"))
    bench.data([f"{i} {'word ' * 2000}" for i in range(4000)])  # 40 MB: about ten morsels
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(bench.root / "r.sql.j2")], cwd=bench.root)
    deadline = time.monotonic() + 60
    while len(list(bench.root.glob(".juicesql/segments/slow_len@*/*.parquet"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.5)
    bench.calls()
    kept = len(list(bench.root.glob(".juicesql/segments/slow_len@*/*.parquet")))
    assert kept >= 4
    result = bench.run()
    assert result.rows_in == result.kept + result.dropped
    assert 0 < bench.calls() < 4000 - 250 * kept  # a morsel here holds about 400 rows


def test_a_killed_dedup_gives_the_same_output_and_keeps_its_fingerprints(bench: Workbench, tmp_path: Path) -> None:
    pick = random.Random(11)
    words = [f"word{i}" for i in range(3000)]
    texts = [" ".join(pick.choice(words) for _ in range(150)) for _ in range(5000)]
    bench.data([*texts, *(t + " and a little more" for t in texts[::3])])
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }}\n'
        "with near as ({{ near_dedup('source', order_by='text') }}) select * from near",
    )
    undisturbed = bench.run(export=tmp_path / "undisturbed" / "out.jsonl", project=bench.root)
    expected = (tmp_path / "undisturbed" / "out.jsonl").read_bytes()
    assert undisturbed.duplicates > 1000
    (bench.root / "stats.duckdb").unlink()

    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(bench.root / "r.sql.j2")], cwd=bench.root)
        time.sleep(pick.uniform(0.5, 2.5 * undisturbed.seconds))
        child.send_signal(signal.SIGKILL)
        child.wait()
        _whole_or_absent(bench.root)
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(bench.root / "r.sql.j2")], cwd=bench.root)
    while not list(bench.root.glob(".juicesql/*/spool/near__shared/*.parquet")) and child.poll() is None:
        time.sleep(0.002)  # the first whole-relation step has begun: all keys are measured
    child.send_signal(signal.SIGKILL)
    child.wait()

    result = bench.run()
    assert (bench.root / "out.jsonl").read_bytes() == expected
    assert result.reused >= 6667
    bench.check_accounts(result)
    assert not [p for p in (bench.root / ".juicesql").iterdir() if p.is_dir()]
