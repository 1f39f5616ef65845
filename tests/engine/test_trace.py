"""What a trace says of each cut follows the order of the work, not that of the recipe."""

from __future__ import annotations

import json

from juicesql.trace import trace

from .conftest import Workbench


def outcomes(bench: Workbench, sample: int) -> list[str]:
    return [c.outcome for s in trace("latest", sample, project=bench.root).steps for c in s.cuts]


def test_a_cut_that_ran_and_passed_is_passed(bench: Workbench) -> None:
    rows = [{"text": "abc", "n": 1}, {"text": "abc", "n": 5}, {"text": "abcdefgh", "n": 5}, {"text": "abcdef", "n": 5}]
    bench.write("data.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl") }}\n'
        "select * from source\n"
        "where slow_len(text) >= 5\n"  # dear: it runs last
        "  and n >= 2\n"
        "  and upper(text) != 'ABCDEF'\n",
    )
    bench.run()
    assert outcomes(bench, 0) == ["not reached", "failed", "not reached"]
    assert outcomes(bench, 1) == ["failed", "passed", "passed"]
    assert outcomes(bench, 2) == ["passed", "passed", "passed"]
    assert outcomes(bench, 3) == ["not reached", "passed", "failed"]
