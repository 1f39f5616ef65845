"""Changes single operators, constants and branches of the code and asks the tests whether they notice.

    python .ci/mutants.py AREA [--sample 40] [--seed 1]

The areas are in mutants.toml. A copy of the checkout is changed, never the checkout itself. Mutants are drawn by the
seed, so two people with one seed see the same; each that no test noticed is printed with its line.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parent.parent
SECONDS = 300.0  # for the tests of one mutant: one that hangs is noticed


def copied(folder: Path) -> Path:
    """A copy of the tracked files in which `juicesql` is one package, as it is installed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    checkout = folder / "checkout"
    for name in filter(None, listed.stdout.split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, checkout / name)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for package, place in settings["tool"]["setuptools"]["package-dir"].items():
        if "." in package:
            (checkout / package.replace(".", "/")).symlink_to(checkout / place, target_is_directory=True)
    return checkout


def configuration(checkout: Path, modules: list[str], tests: list[str]) -> Path:
    """What cosmic-ray reads."""
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {' '.join(tests)}"
    quoted = ", ".join(f'"{checkout / m}"' for m in modules)
    text = (
        f"[cosmic-ray]\nmodule-path = [{quoted}]\ntimeout = {SECONDS}\nexcluded-modules = []\n"
        f'test-command = "{command}"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
    )
    path = checkout.parent / "config.toml"
    path.write_text(text, "utf-8")
    return path


def in_annotation(mutation: MutationSpec) -> bool:
    """Whether a mutant only changes a type, which nothing looks at."""
    return any(start <= mutation.start_pos < end for start, end in annotations(str(mutation.module_path)))


@cache
def annotations(path: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the types of a module stand: (line, column) of their begin and end."""
    tree = ast.walk(ast.parse(Path(path).read_text("utf-8")))
    types = [getattr(n, name, None) for n in tree for name in ("annotation", "returns")]
    found = [t for t in types if isinstance(t, ast.expr)]
    return [((t.lineno, t.col_offset), (t.end_lineno or 0, t.end_col_offset or 0)) for t in found]


def draw(session: Path, sample: int, seed: int) -> None:
    """Leave so many mutants in the session."""
    with use_db(str(session), WorkDB.Mode.open) as db:
        items = sorted((i for i in db.work_items if not in_annotation(i.mutations[0])), key=lambda i: str(i.mutations))
        chosen = random.Random(seed).sample(items, min(sample, len(items)))
        db.clear()
        db.add_work_items(chosen)


def report(session: Path, checkout: Path) -> int:
    """Print what was noticed and what was not; the number of survivors."""
    outcomes: dict[str, int] = {}
    survivors = []
    with use_db(str(session), WorkDB.Mode.open) as db:
        items = {i.job_id: i for i in db.work_items}
        for job, result in db.results:
            outcome = result.test_outcome or TestOutcome.INCOMPETENT
            outcomes[outcome.value] = outcomes.get(outcome.value, 0) + 1
            if outcome is TestOutcome.SURVIVED:
                survivors.append((items[job].mutations[0], result.diff or ""))
    for mutation, diff in sorted(survivors, key=lambda s: (str(s[0].module_path), s[0].start_pos)):
        place = os.path.relpath(mutation.module_path, checkout)
        changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        print(f"{place}:{mutation.start_pos[0]} survives", *(f"    {line}" for line in changed), sep="\n")
    told = sum(outcomes.values()) - outcomes.get("incompetent", 0)
    print(f"{outcomes.get('killed', 0)} of {told} noticed", outcomes)
    return len(survivors)


def main() -> int:
    areas = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", choices=sorted(areas))
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout = copied(Path(folder))
        config = configuration(checkout, areas[asked.area]["modules"], areas[asked.area]["tests"])
        session = Path(folder) / "session.sqlite"
        environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
        run = [str(Path(sys.executable).with_name("cosmic-ray"))]
        subprocess.run([*run, "init", str(config), str(session)], cwd=checkout, env=environment, check=True)
        draw(session, asked.sample, asked.seed)
        subprocess.run([*run, "baseline", str(config)], cwd=checkout, env=environment, check=True)
        subprocess.run([*run, "exec", str(config), str(session)], cwd=checkout, env=environment, check=True)
        return 1 if report(session, checkout) else 0


if __name__ == "__main__":
    sys.exit(main())
