"""The wheel holds everything under one name, and the linter of imports sees what it should."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"juicesql": "juicesql", "udfs": "juicesql/udfs", "macros": "juicesql/macros"}
FOLDERS |= {"recipes_sql": "juicesql/recipes_sql", "app": "juicesql/app", "sandbox": "juicesql/sandbox"}
ENDINGS = (".py", ".sql", ".sql.j2", ".yaml", ".json", ".bin", ".ftz")


def _copy(target: Path) -> Path:
    """The files of the checkout that a build reads."""
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.nbc", "*.nbi")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=skipped)
    for name in ("pyproject.toml", "juicesql_build.py", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    checkout = _copy(tmp_path_factory.mktemp("checkout"))
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", out], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("juicesql-*.whl"))


def test_the_wheel_holds_every_file_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    expected = {
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, place in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.name.endswith(ENDINGS) and "__pycache__" not in path.parts
    }
    assert expected - inside == set(), "add the folder to packages in pyproject.toml"
    assert {name.split("/")[0] for name in inside if ".dist-info/" not in name} == {"juicesql"}
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_a_folder_of_the_same_name_hides_nothing(tmp_path: Path) -> None:
    """In the folder above a clone that is called juicesql, and in any other that holds such a folder."""
    checkout, site = _copy(tmp_path / "juicesql"), tmp_path / "site"
    build = "import juicesql_build, sys; print(juicesql_build.build_editable(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("juicesql-*.whl"))) as archive:
        archive.extractall(site)
        record = next(n for n in archive.namelist() if n.endswith("RECORD"))
        for name, digest, size in (line.split(",") for line in archive.read(record).decode().splitlines()):
            if digest:
                data = archive.read(name)
                seen = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                assert (f"sha256={seen}", str(len(data))) == (digest, size), name
    (tmp_path / "elsewhere" / "juicesql").mkdir(parents=True)
    code = f"import site; site.addsitedir({str(site)!r}); import juicesql; print(juicesql.__file__)"
    for folder in (tmp_path, tmp_path / "elsewhere"):
        bare = subprocess.run([sys.executable, "-S", "-c", code], cwd=folder, capture_output=True, text=True)
        assert bare.stdout.split() == [str(checkout / "juicesql/__init__.py")], bare.stderr


def test_a_recipe_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (tmp_path / "in.jsonl").write_text('{"text": "one two"}\n{"text": "one two"}\n{"text": ""}\n')
    recipe = "with kept as (from source where text_len(text) > 0 and num_words(text) >= 1),\n"
    (tmp_path / "r.sql.j2").write_text(recipe + "exact as ({{ exact_dedup('kept') }})\nfrom exact")
    code = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if '__editable__' not in str(f)]\n"  # of the checkout
        "import juicesql, juicesql.udfs, juicesql.macros, juicesql.registry as g\n"
        "assert all('site' in str(r.path) for r in g.Registry().roots), g.Registry().roots\n"
        "r = juicesql.run('r.sql.j2', source='in.jsonl', project='.')\n"
        "print(juicesql.__file__, r.kept, r.dropped, r.duplicates)"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(site / "juicesql" / "__init__.py"), "1", "1", "1"]


PLANTED = {
    "the engine imports a stat": ("juicesql/running.py", "from juicesql.udfs.text import alnum_ratio"),
    "the engine imports the demo": ("juicesql/plan.py", "import juicesql.recipes_sql.demo.make_demo"),
    "the engine imports a screen": ("juicesql/sources/files.py", "def f():\n    from juicesql.cli import main"),
    "a stat imports the engine": ("udfs/text/alnum_ratio.py", "from juicesql.store import Store"),
    "a helper imports an insider": ("udfs/text/_words.py", "import juicesql.sqltext"),
}


@pytest.mark.skipif(importlib.util.find_spec("importlinter") is None, reason="`make lint` installs import-linter")
@pytest.mark.parametrize("planted", PLANTED)
def test_a_forbidden_import_is_found(planted: str, tmp_path: Path) -> None:
    checkout = _copy(tmp_path)
    file, line = PLANTED[planted]
    with (checkout / file).open("a") as handle:
        handle.write(f"\n{line}\n")
    done = subprocess.run([sys.executable, ROOT / ".ci/imports.py", checkout], capture_output=True, text=True)
    assert done.returncode != 0
    assert file.removesuffix(".py").replace("/", ".") in done.stdout, done.stdout
