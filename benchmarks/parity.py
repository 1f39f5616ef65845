"""Does every function give the peer's value? Prints each difference; exit code 1 when one is not explained.

Usage: python benchmarks/parity.py [FUNCTION ...] [--fresh] [--corpus N]

Each check of parity_checks.py is made on the texts of tricky.py and tricky_documents.py, and with `--corpus N` on N
documents of the benchmark's corpus too. The peer's values are kept in `work/golden` and computed again when a check
or the texts change, or with `--fresh`. Counts and text must be equal, ratios within 1e-9, figures of models as close
as single precision allows. What is known to differ, and why, is said in known_differences.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import known_differences
import models
import parity_checks
import peer
import samples
import tricky
import tricky_documents
from parity_checks import Check
from report import table

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
GOLDEN = WORK / "golden"


@dataclass(frozen=True)
class Difference:
    """One value that is not the peer's; `reason` when that is known."""

    call: str
    text: str
    peer: object
    ours: object
    reason: str


def all_checks() -> list[Check]:
    files = {
        "tokenizer": models.tokenizer(),
        "embedding": models.embedding(),
        "spacy": str(models.SPACY),
        "valid": str(models.VALID),
        "valid_texts": models.VALID_TEXTS,
        "chain": str(models.TINY / "chain"),
    }
    return parity_checks.checks(str(models.LISTS), files)


def all_texts(documents: int) -> list[str]:
    """Tricky ones first, each once."""
    found = [*tricky.texts(models.LISTS), *tricky_documents.texts()]
    if documents:
        found += islice(samples.prose(WORK), documents)
    return list(dict.fromkeys(found))


def golden_path(check: Check, texts: Sequence[str]) -> Path:
    asked = [check.operator, check.parameters, check.reads, check.most, list(texts[: check.most])]
    return GOLDEN / f"{check.function}-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]}.json"


def ask_peer(checks: Sequence[Check], texts: Sequence[str]) -> None:
    """Compute what is not yet known of the peer."""
    asked = [
        {"operator": c.operator, "parameters": c.parameters, "reads": c.reads, "most": c.most, "path": str(path)}
        for c in checks
        if not (path := golden_path(c, texts)).exists()
    ]
    if not asked:
        return
    GOLDEN.mkdir(parents=True, exist_ok=True)
    environment = peer.clean_environment(WORK / "parity-home") | models.environment()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"checks": asked, "texts": list(texts)}, file)
        file.flush()
        command = [str(peer.ensure(WORK)), str(HERE / "peer_values.py"), file.name]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def raised(peers: object) -> bool:
    """Whether the peer's operator failed on this text: nothing is asked of us then, and the report says how often."""
    return isinstance(peers, dict)


def same(peers: Any, ours: Any, tolerance: float) -> bool:
    """Equal, or numbers closer than the tolerance; the peer has a number in a list where we have the number."""
    if isinstance(peers, list) and not isinstance(ours, list):
        return same(peers[0] if peers else None, ours, tolerance)
    if isinstance(peers, float) and isinstance(ours, float):
        return math.isclose(peers, ours, rel_tol=tolerance if tolerance > 1e-9 else 0, abs_tol=tolerance)
    return peers == ours and isinstance(peers, str) == isinstance(ours, str)


def our_values(checks: Sequence[Check], texts: Sequence[str]) -> Iterator[tuple[Check, list[Any] | str]]:
    """Our value of every text by check; a message instead of the values where the function cannot be called."""
    import pyarrow as pa

    import juicesql

    with juicesql.connect(functions=sorted({c.function for c in checks})) as con:
        for check in checks:
            rows = texts[: check.most]
            con.register("texts", pa.table({"place": range(len(rows)), "text": rows}))
            try:
                found = con.execute(f"select {check.call} from texts order by place").fetchall()
            except Exception as error:  # a function that cannot be called is one line of the report, not its end
                yield check, f"{type(error).__name__}: {str(error).splitlines()[0]}"
            else:
                yield check, [row[0] for row in found]


@dataclass(frozen=True)
class Outcome:
    """What one check found."""

    check: Check
    values: int
    failed: int
    differences: list[Difference]
    problem: str = ""

    @property
    def unexplained(self) -> list[Difference]:
        return [d for d in self.differences if not d.reason]


def compare(checks: Sequence[Check], texts: Sequence[str]) -> Iterator[Outcome]:
    for check, ours in our_values(checks, texts):
        peers = json.loads(golden_path(check, texts).read_text())
        failed = sum(map(raised, peers))
        if isinstance(ours, str) or failed == len(peers):
            yield Outcome(check, 0, failed, [], ours if isinstance(ours, str) else peers[0]["error"])
            continue
        found = [
            Difference(check.call, text, theirs, mine, known_differences.reason(check, text, theirs, mine))
            for text, theirs, mine in zip(texts, peers, ours, strict=False)
            if not raised(theirs) and not same(theirs, mine, check.tolerance)
        ]
        yield Outcome(check, len(peers) - failed, failed, found)


def shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-90:]}"


def parts_that_differ(difference: Difference) -> str:
    """Two long mapped texts from their first difference on; other values whole."""
    peers, ours = difference.peer, difference.ours
    if not (isinstance(peers, str) and isinstance(ours, str) and len(difference.text) > 200):
        return f"  peer {shown(peers)}\n  ours {shown(ours)}\n  text {shown(difference.text)}"
    pairs = zip(peers, ours, strict=False)
    at = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(peers), len(ours)))
    begin = max(0, at - 20)
    return f"  at {at}\n  peer {shown(peers[begin : at + 60])}\n  ours {shown(ours[begin : at + 60])}"


def report(outcomes: Sequence[Outcome]) -> str:
    """A line for each function: its checks together."""
    by_function: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_function[outcome.check.function].append(outcome)
    rows, reasons = [], Counter[tuple[str, str]]()
    for function, found in by_function.items():
        all_found = [d for o in found for d in o.differences]
        reasons.update((function, d.reason) for d in all_found if d.reason)
        counts = [len(found), sum(o.values for o in found), sum(o.failed for o in found), len(all_found)]
        rows.append([function, *map(str, counts), str(sum(len(o.unexplained) for o in found))])
    head = ["function", "settings", "values", "peer failed", "differences", "unexplained"]
    lines = [f"- {function}, {count}: {why}" for (function, why), count in sorted(reasons.items())]
    return "\n".join([table(head, rows), "", "Explained:", *lines])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="only these")
    parser.add_argument("--fresh", action="store_true", help="ask the peer again")
    parser.add_argument("--corpus", type=int, default=0, metavar="N", help="also N documents of the corpus")
    parser.add_argument("--show", type=int, default=10, help="unexplained differences to print for each check")
    arguments = parser.parse_args()
    models.ensure(list(islice(samples.prose(WORK), 2000)), peer.ensure(WORK))
    texts = all_texts(arguments.corpus)
    checks = [c for c in all_checks() if not arguments.functions or c.function in arguments.functions]
    if arguments.fresh:
        for check in checks:
            golden_path(check, texts).unlink(missing_ok=True)
    ask_peer(checks, texts)
    outcomes = []
    for outcome in compare(checks, texts):
        outcomes.append(outcome)
        if outcome.problem:
            print(f"{outcome.check.call}\n  {outcome.problem}")
        for difference in outcome.unexplained[: arguments.show]:
            print(f"{difference.call}\n{parts_that_differ(difference)}")
    print(f"{len(texts)} texts\n{report(outcomes)}")
    return 1 if any(o.problem or o.unexplained for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
