"""Runs import-linter over the tree as it is installed: `udfs/`, `macros/` and `recipes_sql/` inside `juicesql/`.

The contracts are in pyproject.toml. The checkout maps those folders by name, which import-linter cannot follow, so
they are copied to where a wheel puts them. Give a folder to check another checkout than this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

# The finder of an editable install would answer before the tree that is to be checked.
_LINT = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
from importlinter.cli import lint_imports_command
sys.exit(lint_imports_command())
"""


def stage(checkout: Path, folder: Path) -> None:
    """Copy the Python files of every package of pyproject.toml to its installed place below `folder`."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    places = settings["tool"]["setuptools"]["package-dir"]
    for name in sorted(places):
        target = folder.joinpath(*name.split("."))
        for path in (checkout / places[name]).rglob("*.py"):
            copy = target / path.relative_to(checkout / places[name])
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def main(checkout: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        stage(checkout, Path(name))
        command = [
            sys.executable,
            "-c",
            _LINT,
            "--no-cache",
            "--config",
            checkout / "pyproject.toml",
        ]
        paths = os.pathsep.join([name, str(Path(__file__).parent.resolve())])
        return subprocess.run(command, cwd=name, env={**os.environ, "PYTHONPATH": paths}).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()))
