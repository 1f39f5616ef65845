"""A project with experiments, as the sandbox leaves them in its store: one done, one failed, one that runs."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

from juicesql.sandbox.store import JobRecord, SandboxStore, now

HOSTILE = "<script>alert(1)</script> ![x](http://a.b) $x$ :red[y]"
DIFF = """--- a/web.sql.j2
+++ b/web.sql.j2
@@ -4,2 +4,2 @@
-    where text_len(text) between 20 and 1000
-      and alnum_ratio(text) >= 0.6
+    where text_len(text) between 31 and 842
+      and alnum_ratio(text) >= 0.712
"""


def move(stat: str, operator: str, old: float, new: float) -> dict[str, Any]:
    """A moved bound as RefineRecipeViaKSigmaHook gives it."""
    return {"stat": stat, "cut": "1.0", "sql": f"{stat} {operator} {old}", "line": 5, "operator": operator,
            "handle": "0", "old": old, "new": new, "facts": {"mean": 1.0, "std": 0.5, "k": 3}}  # fmt: skip


def stats(length: float, letters: float) -> dict[str, Any]:
    return {
        "text_len(text)": {"count": 5000, "mean": length, "std": 91.5, "median": length - 20},
        "alnum_ratio(text)": {"count": 5000, "mean": letters, "std": 0.08, "median": letters + 0.02},
        "word_rep_ratio(text, 10)": {"count": 5000, "mean": 0.113 / letters, "std": 0.04, "median": 0.1},
    }


JOBS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("probe", "ProbeViaAnalyzerHook", "analysis_ori_data", 3.1,
     {"rows": 5000, "kept": 3816, "stats": stats(418.0, 0.701), "dataset": "data/web.jsonl", "run_id": "a"}),
    ("refine_recipe", "RefineRecipeViaKSigmaHook", "k_sigma", 0.4,
     {"recipe": "out/k_sigma.sql.j2", "rows": 5000, "kept_before": 3816, "kept_after": 3402, "diff": DIFF,
      "moves": [move("text_len(text)", ">=", 20, 31), move("text_len(text)", "<=", 1000, 842),
                move("alnum_ratio(text)", ">=", 0.6, 0.712)]}),
    ("execution", "ProcessDataHook", "process", 1.9, {"dataset": "out/web.jsonl", "rows_in": 5000, "kept": 3402}),
    ("execution", "TrainModelHook", "train_random", 21.4, {"model": "out/random", "loss": 2.94}),
    ("execution", "TrainModelHook", "train_refined", 22.7, {"model": "out/refined", "loss": 2.31}),
    ("evaluation", "ProbeViaAnalyzerHook", "analysis_processed_data", 2.2,
     {"rows": 3402, "kept": 3402, "stats": stats(455.5, 0.794), "dataset": "out/web.jsonl", "run_id": "b"}),
    ("evaluation", "EvaluateModelHook", "eval_random", 4.2, {"perplexity": 19.2, "accuracy": 0.41, "loss": 2.95}),
    ("evaluation", "EvaluateModelHook", "eval_refined", 4.1, {"perplexity": 11.3, "accuracy": 0.52, "loss": 2.42}),
)  # fmt: skip
RANKING: list[dict[str, Any]] = sorted(
    [
        {"pool": f"{stat}_{part}", "stat": stat, "part": part, "control": False, "path": "p", "rows": 1666,
         "loss": round(base + slope * part, 3), "std": 0.01, "difference": 0.1, "by_seed": {"1": 2.0}}
        for stat, base, slope in (("alnum_ratio", 2.9, -0.21), ("text_len", 2.6, 0.05), ("word_rep_ratio", 2.4, 0.22))
        for part in (0, 1, 2)
    ] + [{"pool": "random", "stat": "random", "control": True, "rows": 1666, "loss": 2.68, "std": None}],
    key=lambda pool: pool["loss"],
)  # fmt: skip


def make_experiments(folder: Path, running: bool = True) -> None:
    """`demo/refine` is done, `demo/search` has trials and ranked pools, `demo/broken` failed, `demo/live` runs."""
    store = SandboxStore(folder)
    _done(store)
    _search(store)
    _broken(store, folder)
    if running:
        _live(store)


def record(store: SandboxStore, key: str, place: int, job: tuple[Any, ...], started: Any, **more: Any) -> None:
    kind, hook, name, took, result = job
    facts = {"status": "done", "log": "", "message": "", "pipeline": "anonymous", "seconds": took, **more}
    found = JobRecord(facts["pipeline"], place, kind, hook, name, facts["status"], "f", facts["seconds"], result,
                      facts["log"], facts["message"])  # fmt: skip
    store.record_job(key, found, started)


def _done(store: SandboxStore) -> None:
    key = store.begin("demo", "refine", "sandbox.yaml", {"project_name": "demo"})
    at = now() - timedelta(minutes=9)
    for place, job in enumerate(JOBS):
        record(store, key, place, job, at)
        at += timedelta(seconds=job[3] + 0.2)
    rows: list[Any] = []
    for name, floor, speed in (("train_random", 2.9, 40.0), ("train_refined", 2.28, 33.0)):
        rows += [(f"{name}.loss", s, floor + 3 * math.exp(-s / speed) + 0.06 * math.sin(s * 1.7), None)
                 for s in range(0, 200, 2)]  # fmt: skip
        rows += [(f"{name}.learning_rate", s, 5e-4 * (1 - s / 200), None) for s in range(0, 200, 2)]
    store.add_metrics(key, [*rows, ("eval_random.accuracy", None, 0.41, None)])
    store.end(key, "done")


def _search(store: SandboxStore) -> None:
    search = {"method": "bayes", "metrics": [{"name": "quality.score", "goal": "maximize"},
                                             {"name": "perplexity", "goal": "minimize"}]}  # fmt: skip
    key = store.begin("demo", "search", "hpo.yaml", {"hpo_config": search})
    found = {"ranking": RANKING, "metric": "loss", "goal": "minimize", "best_score": 2.4}
    ranked = ("evaluation", "ScorePoolsHook", "pools", 0.1, found)
    record(store, key, 0, ranked, now())
    for n in range(40):
        letters, length = 0.3 + (n * 7 % 40) / 80, 10 + (n * 13 % 40) * 5
        score = 0.9 - (letters - 0.6) ** 2 * 2 - ((length - 90) / 400) ** 2
        facts: dict[str, Any] = {"parameters": {"alnum_ratio.min": letters, "text_len.min": length, "source": "web"},
                                 "values": {"quality.score": score, "perplexity": 30 - 18 * score + n % 5},
                                 "kept": int(5000 * (1.2 - letters) - 4 * length), "measured": 0, "seconds": 0.4}  # fmt: skip
        state = "pruned" if n == 7 else "failed" if n == 9 else "complete"
        facts |= {"message": HOSTILE, "values": {}} if state == "failed" else {}
        store.record_trial(key, n, {"status": state, "started": now(), **facts})
    store.end(key, "done")


def _broken(store: SandboxStore, folder: Path) -> None:
    key = store.begin("demo", "broken", "broken.yaml", {})
    log = folder / "broken.log"
    log.write_text("".join(f"step {i} of the training\n" for i in range(40)) + f"RuntimeError: {HOSTILE}\n", "utf-8")
    record(store, key, 0, ("probe", "ProbeViaAnalyzerHook", "probe", 1.0, {"rows": 10}), now() - timedelta(seconds=9))
    job = ("execution", "TrainModelHook", HOSTILE, 2.0, {})
    message = f"error[job-failed] TrainModelHook: ended with code 1 {HOSTILE}"
    record(store, key, 1, job, now() - timedelta(seconds=8), status="failed", log=str(log), message=message)
    store.end(key, "failed", message)


def _live(store: SandboxStore) -> None:
    key = store.begin("demo", "live", "sandbox.yaml", {})
    at = now() - timedelta(seconds=40)
    record(store, key, 0, JOBS[0], at)
    train = ("execution", "TrainModelHook", "train", 0.0, {})
    record(store, key, 0, train, at + timedelta(seconds=5), status="running", seconds=None, pipeline="low")
    store.add_metrics(key, [("low.train.loss", s, 5.0 - s / 20 if s != 4 else math.nan, None) for s in range(20)])
