"""Comparing exports and writing the page, without either system."""

import json
from dataclasses import asdict

import measure
import outputs
import peer
import report
import systems


def export(path, rows):
    path.write_text("".join(json.dumps({"text": text, "meta": {"id": number}}) + "\n" for number, text in rows.items()))
    return path


def test_every_kind_of_difference_is_counted(tmp_path):
    ours = export(tmp_path / "ours.jsonl", {0: "same", 1: "one way", 2: "kept by us", 4: "copy"})
    peers = export(tmp_path / "peer.jsonl", {0: "same", 1: "one day", 3: "kept by it", 5: "copy"})
    found = outputs.compare(ours, peers)
    assert (found.rows_same, found.rows_other_text, found.rows_only_ours, found.rows_only_peer) == (1, 1, 2, 2)
    assert (found.texts_only_ours, found.texts_only_peer) == (2, 2)
    assert found.examples[0] == {"kind": "other text", "id": 1, "at": 4, "ours": "one way", "peer": "one day"}


def test_fingerprint_ignores_order_only(tmp_path):
    one = outputs.fingerprint(export(tmp_path / "a", {0: "x", 1: "y"}))
    assert one == outputs.fingerprint(export(tmp_path / "b", {1: "y", 0: "x"}))
    assert one != outputs.fingerprint(export(tmp_path / "c", {0: "y", 1: "x"}))


def test_without_fix_the_peer_has_no_fix(tmp_path):
    both = [peer.write_config(systems.PEER_CONFIG, tmp_path / str(fix), fix).read_text() for fix in (True, False)]
    assert "fix_unicode_mapper" in both[0]
    assert both[1].splitlines() == [line for line in both[0].splitlines() if "fix_unicode_mapper" not in line]


def test_page_judges_pairs():
    def run(cpu, memory, left):
        cost = measure.Cost(0, cpu, cpu, cpu, 0.0, memory, memory, 1, 9, 9, 0, 0.5)
        return systems.Run("x", cost, 10, 7, 100, "d", sum(left.values()), left).facts()

    pairs = [{"ours": run(2.0, 10**8, {"stats.duckdb": 5}), "peer": run(50.0, 10**9, {".arrow": 5000})}] * 2
    variant = {"with_fix": False, "pairs": pairs, "summary": report.summary(pairs)}
    comparison = outputs.Comparison(7, 7, 7, 0, 0, 0, 7, 7, 0, 0, True, [])
    result = {
        "date": "2026-01-01",
        "command": "c",
        "machine": {
            "processor": "p", "cores": 2, "memory": "m", "system": "s", "python": "3", "juicesql": "abc",
            "uncommitted_code": False, "versions": {"duckdb": "2"}, "peer_versions": {},
        },
        "corpus": {"documents": 10, "bytes": 9, "planted_copies": 1, "sha256": "0" * 64, "sources": {"a": 10}},
        "variants": [variant | {"comparison": asdict(comparison)}],
        "startup": {"ours": [0.5, 0.6, 2.0]},
        "reruns": {"cold": run(9.0, 1, {}), "moved": run(3.5, 1, {})},
        "million": {"memory_limit": "2GB", **run(9.0, 1, {})},
    }  # fmt: skip
    assert variant["summary"]["cpu_seconds"]["median_ratio"] == 25.0
    assert {name: met for name, _, met in report.judged(result)} == {
        "CPU without fix_unicode: at least 20x less": True,
        "memory without fix_unicode: at most a quarter": True,
        "left on disk without fix_unicode: only the stats database": True,
        "same rows without fix_unicode": True,
        "two documents: under 1 s": True,
        "rerun, moved: under 3 s": False,
    }
    assert "rerun, moved: under 3 s" in report.page(result)
