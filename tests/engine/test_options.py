"""Every pair of options of `config(...)` works together: whatever the others say, the same rows come out, whole."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import juicesql
from juicesql.recipe import Config
from tests.engine.conftest import Workbench

TEXTS = [f"text number {i} with some words" for i in range(12)] + ["no"]
KEPT = TEXTS[:-1]
# Values of each option that are worth a try. One that is not named here has its default, and both values of a switch.
TRIED: dict[str, list[Any]] = {
    "source": ["data.jsonl", ["data.jsonl", "empty.jsonl"]],
    "export": ["out.jsonl", "out.parquet", "out.csv", "sub/out.jsonl.gz"],
    "format": ["", "jsonl"],
    "columns": [{}, {"body": "text", "place": "meta.n"}],
    "seed": [42, 7],
    "on_error": ["null", "stop"],
    "max_error_rate": [0.1, 0.0],
    "shard_rows": [0, 5],
    "shard_bytes": ["", "150B"],
    "media_root": ["", "."],
    "row_seconds": [300.0, 5],
    "max_row_bytes": ["64MB", 4096],
    "max_pixels": [1000, 10**8],
    "description": ["", "it's a {text}"],
}


def values() -> dict[str, list[Any]]:
    """Option -> what is tried of it."""
    out = {}
    for field in dataclasses.fields(Config):
        default = field.default if field.default is not dataclasses.MISSING else None
        out[field.name] = TRIED.get(field.name) or ([False, True] if isinstance(default, bool) else [])
    return {name: tried for name, tried in out.items() if tried}


def pairwise() -> Iterator[dict[str, Any]]:
    """Few settings of all options in which each pair of values of each two options stands together once."""
    tried = values()
    left = {
        frozenset({(a, i), (b, j)})
        for a, b in itertools.combinations(tried, 2)
        for i in range(len(tried[a]))
        for j in range(len(tried[b]))
    }
    while left:
        chosen = dict(min(left, key=lambda pair: sorted(pair)))
        for name in tried:
            if name not in chosen:
                gains = [
                    sum(frozenset({(name, i), other}) in left for other in chosen.items())
                    for i in range(len(tried[name]))
                ]
                chosen[name] = gains.index(max(gains))
        left -= {frozenset(pair) for pair in itertools.combinations(chosen.items(), 2)}
        yield {name: tried[name][i] for name, i in chosen.items()}


SETTINGS = list(pairwise())


def test_the_settings_hold_every_pair() -> None:
    tried = values()
    assert {"keep_stats", "keep_sample_id", "full_scan", *TRIED} <= set(tried)  # an option that is gone goes here too
    for a, b in itertools.combinations(tried, 2):
        for first, second in itertools.product(tried[a], tried[b]):
            assert any(s[a] == first and s[b] == second for s in SETTINGS), (a, first, b, second)
    assert len(SETTINGS) < 40


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: str(SETTINGS.index(s)))
def test_options_work_together(bench: Workbench, setting: dict[str, Any]) -> None:
    lines = [json.dumps({"text": t, "meta": {"n": i}}) for i, t in enumerate(TEXTS)]
    (bench.root / "data.jsonl").write_text("\n".join(lines) + "\n")
    (bench.root / "empty.jsonl").write_text("")
    text = next((new for new, old in setting["columns"].items() if old == "text"), "text")
    given = ", ".join(f"{name}={json_or_text(value)}" for name, value in setting.items())
    bench.write("r.sql.j2", f"{{{{ config({given}) }}}}\nselect * from source where text_len({text}) >= 5")
    result = juicesql.run(bench.root / "r.sql.j2")
    bench.check_accounts(result)
    assert (result.rows_in, result.kept, result.errors) == (13, 12, 0)
    export = Path(result.export)
    files = sorted(export.glob("part-*")) if export.is_dir() else [export]
    assert [f.name for f in result.files] == [f.name for f in files]
    assert (len(files) > 1) == bool(setting["shard_rows"] or setting["shard_bytes"])
    rows = [row for file in files for row in read(file)]
    assert [row[text] for row in rows] == KEPT
    assert ("sample_id" in rows[0], "stats" in rows[0]) == (setting["keep_sample_id"], setting["keep_stats"])
    if setting["keep_stats"]:
        stats = [json.loads(s) if (s := row["stats"]) and isinstance(s, str) and '"' in s else s for row in rows]
        assert all(str(len(t)) in str(s) for t, s in zip(KEPT, stats, strict=True))
    if setting["shard_rows"]:
        assert [f.rows for f in result.files] == [5, 5, 2]


def json_or_text(value: Any) -> str:
    """As a recipe writes it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
