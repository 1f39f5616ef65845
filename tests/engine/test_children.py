"""Child processes end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

BUSY = "import sys; print('up', flush=True); sum(range(10**12))"  # native code that never looks at signals in Python
PARENT = f"""
import sys, time
from juicesql import children
child = children.start([sys.executable, "-c", {BUSY!r}], stdin=-1)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pipes that signal are tried on Linux")
def test_a_busy_child_is_gone_within_a_second_of_its_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    said = sorted([parent.stdout.readline().strip(), parent.stdout.readline().strip()])
    child = int(said[0])
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 1.0
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = running(child)
    if left:
        os.kill(child, signal.SIGKILL)
    assert not left


def running(pid: int) -> bool:
    """Whether a process is there and no zombie that its new parent has yet to collect."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
