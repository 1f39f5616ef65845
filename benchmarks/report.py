"""The summary of a comparison: ratios pair by pair, judged against the aims, as a table and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

METRICS = (
    ("wall_seconds", "wall", 1.0, "s"),
    ("cpu_seconds", "CPU, user + system", 1.0, "s"),
    ("peak_pss_bytes", "peak memory, PSS of the tree", 1e6, "MB"),
    ("peak_rss_bytes", "peak memory, RSS summed over the tree", 1e6, "MB"),
    ("left_bytes", "left on disk without the export", 1e6, "MB"),
)
CPU_AIM = {True: 10.0, False: 20.0}
MEMORY_AIM = 4.0
STARTUP_AIM, RERUN_AIM = 1.0, 3.0


def summary(pairs: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """By metric: the values of both systems pair by pair, their medians, and the ratios peer to ours."""
    found = {}
    for key, _, _, _ in METRICS:
        both = [(pair["ours"][key], pair["peer"][key]) for pair in pairs if "ours" in pair and "peer" in pair]
        ratios = [peer / ours if ours else None for ours, peer in both]
        real = [ratio for ratio in ratios if ratio is not None]
        found[key] = {
            "ours": [pair["ours"][key] for pair in pairs if "ours" in pair],
            "peer": [pair["peer"][key] for pair in pairs if "peer" in pair],
            "ratios": ratios,
            "median_ratio": median(real) if real else None,
        }
    return found


def judged(result: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """What was asked, what came out, and whether that is enough."""
    lines = []
    for variant in result["variants"]:
        name = "with fix_unicode" if variant["with_fix"] else "without fix_unicode"
        cpu = variant["summary"]["cpu_seconds"]["median_ratio"]
        memory = variant["summary"]["peak_pss_bytes"]["median_ratio"]
        if cpu is not None:
            aim = CPU_AIM[variant["with_fix"]]
            lines.append((f"CPU {name}: at least {aim:.0f}x less", f"{cpu:.1f}x", cpu >= aim))
        if memory is not None:
            lines.append((f"memory {name}: at most a quarter", f"1/{memory:.1f}", memory >= MEMORY_AIM))
        for run in (pair["ours"] for pair in variant["pairs"][:1] if "ours" in pair):
            other = [kind for kind in run["left"] if not kind.startswith("stats.duckdb")]
            told = ", ".join(other) or "nothing else"
            lines.append((f"left on disk {name}: only the stats database", told, not other))
        if comparison := variant.get("comparison"):
            differing = sum(comparison[key] for key in ("rows_other_text", "rows_only_ours", "rows_only_peer"))
            lines.append((f"same rows {name}", f"{differing} of {comparison['rows_peer']} differ", differing == 0))
    if startup := result.get("startup", {}).get("ours"):
        wall = median(startup)
        lines.append((f"two documents: under {STARTUP_AIM:.0f} s", f"{wall:.2f} s", wall < STARTUP_AIM))
    for name, run in result.get("reruns", {}).items():
        wall = run["wall_seconds"]
        if name != "cold":
            lines.append((f"rerun, {name}: under {RERUN_AIM:.0f} s", f"{wall:.2f} s", wall < RERUN_AIM))
    return lines


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(header, widths, strict=True)) + " |"]
    lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        lines.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    return "\n".join(lines)


def variant_table(variant: dict[str, Any]) -> str:
    rows = []
    for key, title, scale, unit in METRICS:
        found = variant["summary"][key]
        middle = [number(median(found[system]) / scale) if found[system] else "-" for system in ("ours", "peer")]
        ratios = " ".join(number(ratio) for ratio in found["ratios"])
        rows.append([f"{title}, {unit}", *middle, number(found["median_ratio"]), ratios])
    for key, title in (("rows_in", "rows in"), ("rows_out", "rows out")):
        counts = [
            "/".join(sorted({f"{pair[system][key]:,}" for pair in variant["pairs"] if system in pair})) or "-"
            for system in ("ours", "peer")
        ]
        rows.append([title, *counts, "", ""])
    return table(["median", "juicesql", "peer", "peer / juicesql", "pair by pair"], rows)


def comparison_text(comparison: dict[str, Any]) -> str:
    """Counts of the same and the differing rows, and the examples."""
    lines = [
        f"{comparison['rows_same']:,} rows are the same; {comparison['rows_other_text']:,} have another text, "
        f"{comparison['rows_only_ours']:,} are only in ours, {comparison['rows_only_peer']:,} only in the peer's. "
        f"Distinct texts: {comparison['texts_ours']:,} and {comparison['texts_peer']:,}, "
        f"{comparison['texts_only_ours']:,} only in ours, {comparison['texts_only_peer']:,} only in the peer's. "
        f"Order of the common rows is {'the same' if comparison['same_order'] else 'not the same'}."
    ]
    for example in comparison["examples"]:
        lines.append(f"- {example['kind']}, id {example['id']}, at {example['at']}:")
        lines.append(f"  - ours `{example['ours']!a}`")
        lines.append(f"  - peer `{example['peer']!a}`")
    return "\n".join(lines)


def page(result: dict[str, Any]) -> str:
    """The whole report in Markdown."""
    machine, corpus = result["machine"], result["corpus"]
    dirty = " with uncommitted changes" if machine["uncommitted_code"] else ""
    out = [
        f"# The core against the peer, {result['date']}",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, "
        f"Python {machine['python']}; juicesql {machine['juicesql']}{dirty}.",
        f"Ours: {versions(machine['versions'])}. Peer: {versions(machine['peer_versions']) or 'not run'}.",
        f"Command: `{result['command']}`",
        f"Corpus: {corpus['documents']:,} documents, {corpus['bytes'] / 1e6:,.0f} MB, "
        f"{corpus['planted_copies']:,} planted copies, SHA-256 {corpus['sha256'][:16]}; "
        + ", ".join(f"{name} {count:,}" for name, count in corpus["sources"].items())
        + ".",
        "Each run starts with empty home, caches and stats database; both systems had run once before, so files of "
        "the operating system's cache are warm for both. CPU seconds are those of every process of the tree. "
        "Memory is sampled every 50 ms (PSS less often when reading it is slow).",
    ]
    if result.get("unfinished"):
        out.append("**Unfinished: this page was written while the benchmark was still running.**")
    if lines := judged(result):
        out.append("## Aims")
        out.append(table(["aim", "measured", "met"], [[a, b, "yes" if c else "NO"] for a, b, c in lines]))
    for variant in result["variants"]:
        name = "With" if variant["with_fix"] else "Without"
        out += [f"## {name} fix_unicode, {len(variant['pairs'])} pairs", variant_table(variant)]
        if variant.get("comparison"):
            out += ["### Rows", comparison_text(variant["comparison"])]
    if result.get("startup"):
        rows = [
            [name, number(median(walls)), " ".join(map(number, walls))] for name, walls in result["startup"].items()
        ]
        out += ["## Two documents", table(["system", "median wall, s", "runs"], rows)]
    if result.get("reruns"):
        rows = [
            [name, number(run["wall_seconds"]), number(run["cpu_seconds"]), f"{run['rows_out']:,}"]
            for name, run in result["reruns"].items()
        ]
        out += ["## Reruns of ours on the same stats database", table(["run", "wall, s", "CPU, s", "rows out"], rows)]
    if run := result.get("million"):
        out += [
            f"## {run['rows_in']:,} documents under a memory limit of {run['memory_limit']}",
            f"Wall {number(run['wall_seconds'])} s, CPU {number(run['cpu_seconds'])} s, peak PSS "
            f"{number(run['peak_pss_bytes'] / 1e6)} MB, peak summed RSS {number(run['peak_rss_bytes'] / 1e6)} MB, "
            f"{run['rows_out']:,} rows out, {number(run['left_bytes'] / 1e6)} MB left on disk.",
        ]
    return "\n\n".join(out) + "\n"


def versions(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())
