"""The core against the peer on real text: the same recipe on both, alternating, with the rows compared.

Usage: python benchmarks/core.py [--pairs 5] [--docs 100000] [--quick] [--million] [--only ours|peer]

Prints a table and writes `results/YYYY-MM-DD-core.json` and `.md` (for `--quick`, `--only` or fewer than the default
documents: below `work/`). Everything else it makes is below `work/`, which can be deleted at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import corpus
import machine
import outputs
import peer
import report
import systems
from systems import Job

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
STANDARD_DOCUMENTS = 100_000
RERUNS = {
    "nothing changed": {},
    "num_words >= 10 moved to 30": {"words": "30"},
    "special_char_ratio <= 0.4 moved to 0.45": {"special": "0.45"},
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def small_source(source: Path, count: int) -> Path:
    """The first `count` documents of prose in a file of their own: texts that no filter of the recipe cuts."""
    path = WORK / f"prose-{count}.jsonl"
    with source.open("rb") as lines:
        prose = (line for line in lines if letters_share(json.loads(line)["text"]) > 0.75)
        path.write_bytes(b"".join(islice(prose, count)))
    return path


def letters_share(text: str) -> float:
    return sum(map(str.isalpha, text)) / len(text)


def measured(system: str, job: Job, label: str, **options: Any) -> systems.Run:
    """One run, told on stderr."""
    run = systems.run(system, job, WORK / "runs" / label, **options)
    cost = run.cost
    say(
        f"  {label:16} wall {cost.wall_seconds:8.2f} s  CPU {cost.cpu_seconds:8.2f} s"
        f"  PSS {cost.peak_pss_bytes / 1e6:7.0f} MB  RSS {cost.peak_rss_bytes / 1e6:7.0f} MB"
        f"  left {run.left_bytes / 1e6:7.1f} MB  rows {run.rows_out:,}"
    )
    return run


def variant(job: Job, names: list[str], pairs: int) -> Iterator[dict[str, Any]]:
    """All pairs of one variant; yields what is known after each. Which system begins alternates."""
    state: dict[str, Any] = {"with_fix": job.with_fix, "pairs": []}
    kind = "fix" if job.with_fix else "nofix"
    for number in range(pairs):
        runs = {}
        for system in names if number % 2 == 0 else names[::-1]:
            runs[system] = measured(system, job, f"{kind}-{number + 1}-{system}").facts()
        state["pairs"].append(runs)
        state["summary"] = report.summary(state["pairs"])
        if number == 0 and len(runs) == 2:
            exports = [systems.export_of(s, WORK / "runs" / f"{kind}-1-{s}") for s in ("ours", "peer")]
            state["comparison"] = asdict(outputs.compare(*exports))
        for system in names:
            shutil.rmtree(WORK / "runs" / f"{kind}-{number + 1}-{system}")
        yield state


def startup(job: Job, names: list[str], source: Path) -> dict[str, list[float]]:
    """Wall seconds of three runs on two documents."""
    two = replace(job, source=small_source(source, 2), rows_in=2)
    walls: dict[str, list[float]] = {name: [] for name in names}
    for number in range(3):
        for system in names:
            run = measured(system, two, f"two-{number + 1}-{system}")
            walls[system].append(run.cost.wall_seconds)
            shutil.rmtree(WORK / "runs" / f"two-{number + 1}-{system}")
    return walls


def reruns(job: Job) -> dict[str, Any]:
    """Ours cold, then again on the same stats database with one thing changed each time."""
    found = {"cold": measured("ours", job, "rerun").facts()}
    for name, variables in RERUNS.items():
        say(f"  {name}")
        found[name] = measured("ours", job, "rerun", variables=variables, fresh=False).facts()
    shutil.rmtree(WORK / "runs" / "rerun")
    return found


def million(job: Job, documents: int) -> dict[str, Any]:
    """Ours on many documents under 2 GB, cold."""
    source = WORK / f"corpus-{documents}.jsonl"
    facts = corpus.build(source, documents, WORK, peer.code_folders(WORK))
    big = replace(job, source=source, rows_in=int(str(facts["documents"])), memory_limit="2GB")
    run = measured("ours", big, "million")
    shutil.rmtree(WORK / "runs" / "million")
    return {"memory_limit": big.memory_limit, "input_bytes": facts["bytes"], **run.facts()}


def write(result: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(report.page(result))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--docs", type=int, default=STANDARD_DOCUMENTS)
    parser.add_argument("--quick", action="store_true", help="one pair on 2,000 documents")
    parser.add_argument("--only", choices=["ours", "peer"], help="run one system")
    parser.add_argument("--variant", choices=["fix", "nofix", "both"], default="both")
    parser.add_argument("--million", action="store_true", help="only: ours on 1,000,000 documents under 2 GB")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-limit", default="8GB")
    found = parser.parse_args()
    if found.quick:
        found.pairs, found.docs = 1, min(found.docs, 2_000)
    return found


def result_path(options: argparse.Namespace) -> Path:
    """Where the result goes: beside the code only for a full comparison."""
    name = f"{date.today().isoformat()}-core" + ("-million" if options.million else "")
    full = not options.only and options.docs >= STANDARD_DOCUMENTS and options.variant == "both"
    return (HERE / "results" if options.million or full else WORK / "results") / name


def main() -> int:
    options = arguments()
    names = [options.only] if options.only else ["ours", "peer"]
    WORK.mkdir(exist_ok=True)
    peer_python = peer.ensure(WORK)  # also a source of the corpus
    source = WORK / f"corpus-{options.docs}.jsonl"
    facts: dict[str, Any] = corpus.build(source, options.docs, WORK, peer.code_folders(WORK))
    job = Job(WORK, source, int(facts["documents"]), True, options.threads, options.memory_limit)
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/core.py", *sys.argv[1:]]),
        "machine": machine.facts(peer_python),
        "corpus": facts,
        "unfinished": True,
        "variants": [],
    }
    path = result_path(options)
    try:
        if options.million:
            result["million"] = million(replace(job, with_fix=True), 1_000_000)
        else:
            compare_all(job, names, options, result, path)
    except systems.RunFailed as error:
        say(str(error))
        return 1
    del result["unfinished"]
    write(result, path)
    print(report.page(result))
    say(f"written to {path}.json and .md")
    return 0


def compare_all(job: Job, names: list[str], options: argparse.Namespace, result: dict[str, Any], path: Path) -> None:
    """Warm both up, then every part of the comparison; the result is written after each pair."""
    say("warming up: the peer installs what it misses, ours compiles its kernels")
    warm = replace(job, source=small_source(job.source, 50), rows_in=50)
    for system in names:
        measured(system, warm, f"warm-{system}")
        shutil.rmtree(WORK / "runs" / f"warm-{system}")
    say("start-up")
    result["startup"] = startup(job, names, job.source)
    if "ours" in names:
        say("reruns")
        result["reruns"] = reruns(replace(job, with_fix=True))
    for with_fix in {"fix": [True], "nofix": [False], "both": [False, True]}[options.variant]:
        say(f"{options.pairs} pairs {'with' if with_fix else 'without'} fix_unicode, {job.rows_in:,} documents")
        done = result["variants"]
        for state in variant(replace(job, with_fix=with_fix), names, options.pairs):
            result["variants"] = [*done, state]
            write(result, path)


if __name__ == "__main__":
    sys.exit(main())
