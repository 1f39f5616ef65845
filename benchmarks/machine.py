"""On what a benchmark ran: machine, versions, state of the code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent


def first_line(path: str, key: str) -> str:
    """The value after the colon of the first line of a /proc file that begins with `key`."""
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def facts(peer_python: Path | None) -> dict[str, object]:
    """Everything a reader needs to judge the numbers."""
    return {
        "processor": first_line("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": first_line("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "juicesql": git("rev-parse", "--short", "HEAD") or version("juicesql"),
        "uncommitted_code": bool(git("status", "--porcelain", "--", "../juicesql", "../udfs", "../macros")),
        "versions": {name: version(name) for name in ("duckdb", "pyarrow", "numpy", "numba", "ftfy")},
        "peer_versions": peer_versions(peer_python) if peer_python else {},
    }


def peer_versions(python: Path) -> dict[str, str]:
    """Versions of what the peer's run depends on."""
    return versions(python, ("py-data-juicer", "datasets", "pyarrow", "numpy", "ftfy", "regex", "torch", "ray"))


def versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    """Versions of packages in another environment."""
    script = "import sys, importlib.metadata as m; print(*(m.version(n) for n in sys.argv[1:]))"
    done = subprocess.run([str(python), "-c", script, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split(), strict=True))
