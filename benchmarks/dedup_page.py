"""The page and the picture in docs/ that dedup.py writes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from plot import Chart, Series, svg
from report import number, table, versions

RECALL_AIMS = {"0.7 to 0.8": 0.9, "0.8 to 0.9": 0.99}
PRECISION_AIM = 0.999
DATA_JUICER_AIM, RENSA_AIM = 20.0, 1.5
INTRODUCTION = """\
Every tool reads JSON lines and writes the rows that stay. Of the rows three in ten are copies of others in which 0 to
30 % of the words are replaced, deleted or preceded by another word, some with two sentences swapped. Similarity is the
Jaccard similarity of the sets of 5-grams (of words between spaces, in Chinese of letters), computed exactly and by none
of the tools.

- **recall** by similarity: of the planted pairs, the share of which either row was dropped
- **precision**: of the dropped rows, the share that has a row of its family, or one at a similarity of 0.65 or more,
  among the kept ones
- **strict**: the share that has a kept row at 0.65 or more. Tools that merge chains of candidates, or check none, drop
  rows that resemble no kept one
- **CPU** is of the whole process tree, start-up included; **memory** is the sum over the tree, a shared page counted
  once

How it is measured: [benchmarks/README.md](../benchmarks/README.md). Speed differs from machine to machine; the ratios
of one run are what counts."""

NOTES = """\
## How the tools were run

- `juicesql`: `near_dedup('source')` with every setting at its default, for both languages
- `py-data-juicer`: `document_minhash_deduplicator` with its defaults; `character`: with `tokenization: character`, as
  it recommends for Chinese
- `datatrove`: its four MinHash steps with their defaults; `cmn`: with the language of the word tokenizer set to Chinese
- `text-dedup`: its command `text_dedup.minhash` with its defaults
- `datasketch`, `rensa`: 5-grams of words, or of characters where it says so, 256 permutations, threshold 0.7. The
  libraries leave the shingles to their user, whose Python is most of rensa's CPU. `R-MinHash` and `C-MinHash` are
  rensa's deduplicators, `LSH alone` its index, in which every candidate counts as a duplicate"""


def page(compared: dict[str, Any] | None, growing: dict[str, Any] | None) -> str:
    """The page in docs/ of the results that there are."""
    parts = ["<!-- Written by `python benchmarks/dedup.py --publish`. -->\n# Near-deduplication: speed and quality"]
    if compared:
        parts += [INTRODUCTION, *(_language(name, s) for name, s in compared["languages"].items())]
        parts.append("## Aims\n\n" + table(["aim", "measured", "met"], list(_judged(compared["languages"]))))
        parts += [NOTES, _circumstances(compared)]
    if growing:
        parts.append(_growth(growing))
    return "\n\n".join(parts) + "\n"


def _language(name: str, state: dict[str, Any]) -> str:
    corpus = state["corpus"]
    pairs = ", ".join(f"{count:,} at {bin_}" for bin_, count in state["pairs_by_similarity"].items())
    ours = _middle(state["runs"].get("juicesql", []), "cpu_seconds")
    rows = [_row(tool, runs, ours) for tool, runs in state["runs"].items() if runs]
    head = ["tool", "wall, s", "CPU, s", "x ours", "memory, MB", "kept", *state["pairs_by_similarity"]]
    return (
        f"## {name.capitalize()}: {corpus['documents']:,} documents, {corpus['bytes'] / 1e6:,.0f} MB\n\n"
        f"Planted pairs by similarity: {pairs}.\n\n" + table([*head, "precision", "strict"], rows)
    )


def _row(tool: str, runs: Sequence[dict[str, Any]], ours: float | None) -> list[str]:
    cpu, last = _middle(runs, "cpu_seconds"), runs[-1]
    cells = [number(_middle(runs, "wall_seconds")), number(cpu), number(cpu / ours if ours and cpu else None)]
    cells += [number(_middle(runs, "peak_pss_bytes", 1e6)), f"{last['kept']:,}"]
    shares = [*last["recall"].values(), last["precision"], last["strict_precision"]]
    return [tool, *cells, *map(share, shares)]


def share(value: float | None) -> str:
    """Four decimals, never rounded up to 1."""
    if value is None:
        return "-"
    return "1" if value == 1 else f"{int(value * 10_000) / 10_000:.4f}"


def _middle(runs: Sequence[dict[str, Any]], key: str, scale: float = 1.0) -> float | None:
    return median(run[key] for run in runs) / scale if runs else None


def _judged(languages: dict[str, Any]) -> Sequence[list[str]]:
    """What was asked of ours, what came out, and whether that is enough."""
    rows = []
    for name, state in languages.items():
        ours = state["runs"].get("juicesql")
        if not ours:
            continue
        for bin_, aim in RECALL_AIMS.items():
            found = ours[-1]["recall"][bin_]
            rows.append([f"{name}: recall {aim} at {bin_}", share(found), _met(found, aim)])
        found = ours[-1]["precision"]
        rows.append([f"{name}: precision {PRECISION_AIM}", share(found), _met(found, PRECISION_AIM)])
        own = _middle(ours, "cpu_seconds")
        if peer := _least_cpu(state["runs"], "py-data-juicer"):
            aim = f"{name}: {DATA_JUICER_AIM:g} times less CPU than py-data-juicer's cheapest run"
            rows.append([aim, f"{peer / own:.1f}", _met(peer / own, DATA_JUICER_AIM)])
        if peer := _least_cpu(state["runs"], "rensa"):
            aim = f"{name}: at most {RENSA_AIM:g} times the CPU of rensa's cheapest run"
            rows.append([aim, f"{own / peer:.2f}", _met(-own / peer, -RENSA_AIM)])
    return rows


def _met(found: float | None, aim: float) -> str:
    return "-" if found is None else "yes" if found >= aim else "NO"


def _least_cpu(runs: dict[str, Any], name: str) -> float | None:
    """Of the runs of a peer that did not drop most texts without reason."""
    able = [r for tool, r in runs.items() if tool.startswith(name) and r and r[-1]["precision"] > 0.9]
    return min((_middle(r, "cpu_seconds") for r in able), default=None)


def _circumstances(result: dict[str, Any]) -> str:
    machine = result["machine"]
    changed = " with uncommitted changes" if machine["uncommitted_code"] else ""
    lines = [
        f"{result['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory']}, Python "
        f"{machine['python']}; juicesql {machine['juicesql']}{changed}; {versions(machine['versions'])}."
    ]
    if machine["peer_versions"]:
        lines.append(f"Peers: {versions(machine['peer_versions'])}.")
    return "\n".join([*lines, f"Command: `{result['command']}`"])


def _growth(result: dict[str, Any]) -> str:
    head = ["documents", "input, MB", "wall, s", "CPU, s", "CPU, s a million", "PSS, MB", "RSS, MB", "kept"]
    rows = []
    for run in result["growth"]:
        cells = [run["bytes"] / 1e6, run["wall_seconds"], run["cpu_seconds"]]
        cells += [run["cpu_seconds"] / run["documents"] * 1e6, run["peak_pss_bytes"] / 1e6, run["peak_rss_bytes"] / 1e6]
        rows.append([f"{run['documents']:,}", *map(number, cells), f"{run['kept']:,}"])
    return (
        f"## Growth\n\nOurs alone on short generated documents under `--memory-limit {result['memory_limit']}`, "
        "from an empty cache.\n\n![Seconds and memory by number of documents](dedup-growth.svg)\n\n"
        f"{table(head, rows)}\n\n{_circumstances(result)}"
    )


def picture(result: dict[str, Any]) -> str:
    """docs/dedup-growth.svg."""
    runs = result["growth"]
    counts = [run["documents"] for run in runs]
    last = runs[-1]

    def of(key: str, scale: float = 1.0) -> list[tuple[float, float]]:
        return [(run["documents"], run[key] / scale) for run in runs]

    proportional = [(count, last["cpu_seconds"] * count / last["documents"]) for count in counts]
    seconds = [
        Series("CPU", of("cpu_seconds"), "a"),
        Series("wall", of("wall_seconds"), "b"),
        Series("in proportion", proportional, "c", dashed=True),
    ]
    memory = [
        Series("peak memory", of("peak_pss_bytes", 1e6), "a"),
        Series("input", of("bytes", 1e6), "b"),
    ]
    return svg(
        f"Near-deduplication of documents of about 1 KB, memory limit {result['memory_limit']}",
        [Chart("seconds", "documents", seconds), Chart("MB", "documents", memory)],
    )
