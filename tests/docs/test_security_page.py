"""The threat model names the test that proves each line, and each such test exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_that_the_page_names_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 40
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text("utf-8"), re.M), f"{file}::{test}"


def test_every_attack_has_a_test() -> None:
    tables = re.findall(r"^\| Attack .*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.M)
    attacks = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 5 and len(attacks) > 40
    for row in attacks:
        assert NAMED.search(row), row


def test_every_file_of_attacks_stands_on_the_page() -> None:
    for path in sorted((ROOT / "tests/security").glob("test_*.py")):
        assert f"`tests/security/{path.name}::" in PAGE, path.name
    assert "docs/security.md" in (ROOT / "README.md").read_text("utf-8")
