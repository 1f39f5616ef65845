"""Two runs of anything give the same bytes, on any number of threads."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import juicesql
from juicesql.recipe import load_recipe
from juicesql.registry import Registry

from .conftest import Workbench

SHIPPED = Path(juicesql.__file__).parent.parent / "recipes_sql"
PAIRS = "with near as ({{ near_dedup('source', jaccard=0.5) }}) select * from near"
LINES = """with l as (select * from ({{ explode_lines('source') }})), c as (select * exclude (line), line, text_len(line) as n from l
 where text_len(line) > 3), d as ({{ join_lines('c') }}) select * from d"""


def texts() -> list[str]:
    """Documents with near copies of each other in every degree, and lines of their own."""
    pick = random.Random(3)
    words = [f"word{i}" for i in range(60)]
    out = []
    for _ in range(40):
        base = [pick.choice(words) for _ in range(40)]
        for share in (0, 1, 2, 4, 8):
            changed = [pick.choice(words) if pick.random() < share / 40 else w for w in base]
            out.append(" ".join(changed[:20]) + ".\n" + " ".join(changed[20:]) + ".")
    return out


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "data.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t, "url": f"u{i}"}) + "\n" for i, t in enumerate(texts())))
    return path


def shipped() -> list[str]:
    """The recipes that ship and read nothing but texts."""
    registry, names = Registry(), []
    for path in sorted(SHIPPED.rglob("*.sql.j2")):
        text = path.read_text("utf-8")
        if "video" not in text and "images" not in text and "audios" not in text and "var(" not in text:
            load_recipe(path, registry)
            names.append(str(path.relative_to(SHIPPED)))
    return names


@pytest.mark.parametrize("recipe", [*shipped(), PAIRS, LINES])
def test_the_same_bytes(bench: Workbench, pool: Path, recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small morsels, so that threads end in any order, and the stats beside the rows."""
    monkeypatch.setattr("juicesql.engines.embedded.MORSEL_ROWS", 16)
    text = (SHIPPED / recipe).read_text("utf-8") if recipe.endswith(".j2") else "{{ config(keep_stats=true) }}" + recipe
    bench.write(
        "r.sql.j2", text.replace("config(", "config(keep_stats=true, ", 1) if "keep_stats" not in text else text
    )
    outputs = set()
    for threads in (1, 4):
        out = bench.root / f"{threads}.jsonl"
        result = bench.run(
            source=str(pool), export=out, threads=threads, fresh=True, allow_empty=True, max_error_rate=1
        )
        assert result.rows_in == 200
        outputs.add(out.read_bytes())
    assert len(outputs) == 1
