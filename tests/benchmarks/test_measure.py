"""The measuring code against commands whose cost is known."""

import sys

import measure
import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("the benchmarks read /proc", allow_module_level=True)

BURN = "import time\nwhile time.process_time() < {0}: pass"
HOLD = "import time; block = b'x' * {0}; time.sleep(0.4)"


def python(script: str) -> list[str]:
    return [sys.executable, "-S", "-c", script]


def test_cpu_and_memory_of_one_process(tmp_path):
    cost = measure.measure(python(HOLD.format(100_000_000) + "\n" + BURN.format(0.3)), tmp_path)
    assert cost.exit_code == 0
    assert 0.25 < cost.cpu_seconds < 0.7
    assert cost.wall_seconds >= 0.4
    assert 100e6 < cost.peak_rss_bytes < 140e6
    assert 95e6 < cost.peak_pss_bytes < 140e6
    assert cost.peak_processes == 1


def test_processes_of_a_tree_are_added_up(tmp_path):
    child = HOLD.format(60_000_000) + "\n" + BURN.format(0.2)
    script = f"import subprocess, sys\nc = subprocess.Popen([sys.executable, '-S', '-c', {child!r}])\n{child}\nc.wait()"
    cost = measure.measure(python(script), tmp_path)
    assert cost.peak_processes == 2
    assert 0.35 < cost.cpu_seconds < 1.0
    assert cost.peak_rss_bytes > 120e6


def test_a_child_that_nobody_waits_for_is_counted(tmp_path):
    child = BURN.format(0.3)
    script = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-S', '-c', {child!r}])"
    cost = measure.measure(python(script), tmp_path)
    assert cost.cpu_seconds > 0.28
    assert cost.killed_processes == 0


def test_exit_code_and_output(tmp_path):
    cost = measure.measure(python("print('said'); raise SystemExit(7)"), tmp_path)
    assert cost.exit_code == 7
    assert (tmp_path / "stdout").read_text() == "said\n"


def test_files_left_behind(tmp_path):
    for name, size in {"out.jsonl": 10, "home/cache/a.arrow": 20, "home/b": 30}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert measure.files_under(tmp_path, [tmp_path / "out.jsonl"]) == {"home/cache/a.arrow": 20, "home/b": 30}
