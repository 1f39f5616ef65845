"""Exports: every format, shards, order, manifest, statistics, a full disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from .conftest import Workbench

HEAD = '{{ config(source="data.jsonl"%s) }} select *, text_len(text) as n from source where text_len(text) > 4'
TEXTS = [f"text number {i}" for i in range(1000)] + ["no"]


def _run(bench: Workbench, export: str, options: str = "") -> list[dict[str, object]]:
    bench.data(TEXTS)
    bench.write("r.sql.j2", HEAD % options)
    result = bench.run(export=bench.root / export)
    bench.check_accounts(result)
    assert result.rows_out == 1000
    manifest = json.loads(Path(result.export + ".manifest.json").read_text())
    folder = Path(result.export) if Path(result.export).is_dir() else Path(result.export).parent
    for said in manifest["files"]:
        content = (folder / said["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (said["bytes"], said["sha256"])
    assert manifest["rows"] == sum(f["rows"] for f in manifest["files"]) == 1000
    return manifest["files"]


EXPECTED = [{"text": t, "n": len(t)} for t in TEXTS[:1000]]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst", "deep/down/out.ndjson"])
def test_json_lines(bench: Workbench, name: str) -> None:
    _run(bench, name)
    content = (bench.root / name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    elif name.endswith(".zst"):
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    assert [json.loads(line) for line in content.splitlines()] == EXPECTED


def test_parquet(bench: Workbench) -> None:
    _run(bench, "out.parquet")
    file = pq.ParquetFile(bench.root / "out.parquet")
    assert file.read().to_pylist() == EXPECTED
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(("name", "comma"), [("out.csv", ","), ("out.tsv", "\t")])
def test_csv(bench: Workbench, name: str, comma: str) -> None:
    _run(bench, name)
    lines = (bench.root / name).read_text().splitlines()
    assert lines[:2] == [f"text{comma}n", f"text number 0{comma}13"] and len(lines) == 1001


def test_shards_by_rows_keep_the_order(bench: Workbench) -> None:
    files = _run(bench, "out.jsonl", ", shard_rows=300")
    assert [f["name"] for f in files] == [f"part-{i:05d}.jsonl" for i in range(4)]
    assert [f["rows"] for f in files] == [300, 300, 300, 100]
    lines = [line for f in files for line in (bench.root / "out" / str(f["name"])).read_text().splitlines()]
    assert [json.loads(line) for line in lines] == EXPECTED


def test_shards_by_bytes_are_near_the_size(bench: Workbench) -> None:
    files = _run(bench, "out.parquet", ", shard_bytes='10KB'")
    assert len(files) > 3
    rows = [r for f in files for r in pq.read_table(bench.root / "out" / str(f["name"])).to_pylist()]
    assert rows == EXPECTED


def test_a_second_run_replaces_the_shards_of_the_first(bench: Workbench) -> None:
    _run(bench, "out.jsonl", ", shard_rows=100")
    _run(bench, "out.jsonl", ", shard_rows=500")
    assert sorted(p.name for p in (bench.root / "out").iterdir()) == ["part-00000.jsonl", "part-00001.jsonl"]
    assert not list(bench.root.glob(".*.partial"))


def test_stats_and_ids_stay_when_asked(bench: Workbench) -> None:
    bench.data(["some text", "no", "more text here"])
    bench.write("r.sql.j2", HEAD % ', keep_stats=true, keep_sample_id=true, export="out.jsonl"')
    bench.run()
    assert bench.out() == [
        {"text": "some text", "n": 9, "sample_id": 0, "stats": {"text_len": 9}},
        {"text": "more text here", "n": 14, "sample_id": 2, "stats": {"text_len": 14}},
    ]


def test_a_full_disk_is_an_error_and_leaves_nothing(bench: Workbench) -> None:
    """A limit on the size of files stands in for the end of the disk."""
    bench.data([f"{i} " + "word " * 2000 for i in range(400)])  # 4 MB
    bench.write("r.sql.j2", HEAD % ', export="out.jsonl"')
    program = (
        "import resource, sys, juicesql, juicesql.errors as e\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))\n"
        "try: juicesql.run(sys.argv[1], threads=1)\n"
        "except e.JuiceError as error: print(error.problems[0].code); sys.exit(error.exit_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bench.root / "r.sql.j2")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr[-2000:]
    assert not (bench.root / "out.jsonl").exists()
    assert not list(bench.root.glob(".*.partial"))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 3 << 20
    assert bench.run().kept == 400


def test_a_ref_reads_the_output_of_another_recipe(bench: Workbench) -> None:
    bench.data(["some text", "more text here", "no"])
    bench.write("recipes_sql/first.sql.j2", HEAD % ', export="first.jsonl"')
    bench.write(
        "recipes_sql/second.sql.j2",
        "{{ config(export='out.jsonl') }} select text from {{ ref('first') }} where text_len(text) > 9",
    )
    bench.write(
        "recipes_sql/third.sql.j2",
        "{{ config(source='data.jsonl', export='third.jsonl') }} with long as (select * from {{ ref('first') }} "
        "where text_len(text) > 9) select source.* from source anti join long using (text)",
    )
    bench.run("recipes_sql/first.sql.j2")
    bench.check_accounts(bench.run("recipes_sql/second.sql.j2"))
    assert bench.out() == [{"text": "more text here"}]
    bench.check_accounts(bench.run("recipes_sql/third.sql.j2"))
    assert bench.out("third.jsonl") == [{"text": "some text"}, {"text": "no"}]
