"""Runs mypy over packages that stand outside of `juicesql/` in the checkout, where a wheel puts them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from imports import stage

PACKAGES = ("juicesql.app", "juicesql.sandbox")


def main(checkout: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        stage(checkout, Path(name))
        words = [word for package in PACKAGES for word in ("-p", package)]
        settings = ["--config-file", str(checkout / "pyproject.toml"), "--cache-dir", str(checkout / ".mypy_cache")]
        return subprocess.run([str(Path(sys.executable).with_name("mypy")), *settings, *words], cwd=name).returncode


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
