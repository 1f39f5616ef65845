"""How long a search over thresholds takes: 50 trials over 100,000 documents, after they were probed once.

    python benchmarks/search.py [--rows 100000] [--trials 50] [--parallel 1]

The documents are made here; a quality model is trained on a thousand of them, so that `quality_score` can be searched.
The recipe has eleven stats. Prints the seconds of the probe (everything is measured) and of the search (nothing is).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT = "the of and to in is that for it as was with be by on not he his but at are this have from or an they which one"
WORDS = TEXT.split(" ")
RECIPE = """{{ config(source="docs.jsonl") }}
select * from source
where text_len(text)            between 20 and {{ var('longest', 5000) }}
  and num_words(text)           >= 5
  and avg_line_length(text)     >= 10
  and max_line_length(text)     <= 5000
  and alnum_ratio(text)         >= 0.4
  and special_char_ratio(text)  <= 0.5
  and char_rep_ratio(text, 10)  <= 0.5
  and word_rep_ratio(text, 10)  <= 0.5
  and stopwords_ratio(text)     >= 0.05
  and flagged_words_ratio(text) <= 0.1
  and quality_score(text, 'bench') >= 0.0
"""
PARAMETERS = {
    "text_len.min": {"min": 20, "max": 400},
    "longest": {"distribution": "q_log_uniform_values", "min": 500, "max": 5000, "q": 100},
    "num_words": {"min": 5, "max": 80},
    "alnum_ratio": {"min": 0.4, "max": 0.75},
    "special_char_ratio": {"min": 0.25, "max": 0.5},
    "word_rep_ratio.max": {"min": 0.1, "max": 0.5},
    "stopwords_ratio": {"min": 0.05, "max": 0.4},
}


def document(chance: random.Random, good: bool) -> str:
    """Words; a bad document has noise among them."""
    noise = 0.0 if good else chance.random() * 0.5
    words = [
        "".join(chance.choice("$%#@!~^0123456789") for _ in range(chance.randint(2, 9)))
        if chance.random() < noise
        else chance.choice(WORDS)
        for _ in range(chance.randint(5, 150))
    ]
    return " ".join(words)


def write(path: Path, rows: int, chance: random.Random, good: bool | None = None) -> None:
    with path.open("w", encoding="utf-8") as file:
        for _ in range(rows):
            kind = chance.random() < 0.5 if good is None else good
            file.write(json.dumps({"text": document(chance, kind)}) + "\n")


def juicesql(*words: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("juicesql")), *words], check=True, stdout=subprocess.DEVNULL)


def search(rows: int, trials: int, parallel: int) -> dict[str, float]:
    """Seconds of the probe and of the search, in the current folder."""
    from juicesql.sandbox.search import search as run_search
    from juicesql.sandbox.store import SandboxStore
    from juicesql.sandbox.watcher import LocalWatcher

    from juicesql.analysis.analyze import analyze
    from juicesql.running import Quiet

    here = Path.cwd()
    begun = time.perf_counter()
    probe = analyze("recipe.sql.j2", project=here)
    probed = time.perf_counter()
    hpo = {
        "recipe": "recipe.sql.j2", "method": "bayes", "sweep_max_count": trials, "parallel": parallel,
        "metrics": [{"name": "quality_score"}, {"name": "kept"}], "parameters": PARAMETERS,
    }  # fmt: skip
    store = SandboxStore(here)
    found = run_search(
        hpo, [], project=here, store=store, experiment="bench/search", watcher=LocalWatcher(store, "bench/search", ""),
        run_id=probe.run_id, run_trial=lambda *_: sys.exit("no trial runs a job"), folder=here / "search", seed=42,
        progress=Quiet(),
    )  # fmt: skip
    ended = time.perf_counter()
    assert len(found.trials) == trials and found.rows == rows
    print("\n".join(found.lines()))
    return {"probe": probed - begun, "search": ended - probed, "trials": found.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["JUICESQL_MODELS_CACHE"] = folder
        chance = random.Random(42)
        write(Path("docs.jsonl"), given.rows, chance)
        write(Path("good.jsonl"), 500, chance, True)
        write(Path("bad.jsonl"), 500, chance, False)
        Path("recipe.sql.j2").write_text(RECIPE)
        Path("juicesql.toml").write_text("")
        juicesql("models", "train-quality", "good.jsonl", "bad.jsonl", "--out", "bench")
        seconds = search(given.rows, given.trials, given.parallel)
    print(f"\n{given.rows:,} documents, {given.trials} trials, {len(os.sched_getaffinity(0))} cores")
    print(f"probe: {seconds['probe']:.1f} s    search: {seconds['search']:.1f} s, its trials {seconds['trials']:.1f} s")


if __name__ == "__main__":
    main()
