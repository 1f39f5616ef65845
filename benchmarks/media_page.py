"""The page in docs/ that media.py writes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from report import number, table

CPU_AIM = 3.0
GROWTH_AIM = 1.25  # of memory, with ten times the videos
INTRODUCTION = """\
Both systems get the same list of files and measure the same stats, juicesql as one recipe
([benchmarks/media_recipes](../benchmarks/media_recipes)), the peer, py-data-juicer, as one YAML file with its defaults,
with as many processes. Each run starts with an empty cache. CPU is of the whole process tree, start-up included; memory
is the sum over the tree, a shared page counted once. The files are synthetic
([media_corpus.py](../benchmarks/media_corpus.py)): videos of 4 to 15 seconds, mostly of 320 x 240 to 640 x 360 pixels,
H.264 and others; JPEG and PNG images of 0.1 to 2 megapixels. Ratios are medians over pairs of runs, taken one after the
other; speed differs from machine to machine, the ratios of one run are what counts."""


def page(result: dict[str, Any]) -> str:
    parts = ["<!-- Written by `python benchmarks/media.py --publish`. -->\n# Media: speed and values", INTRODUCTION]
    jobs = {name: state for name, state in result["jobs"].items() if state.get("comparison")}
    if jobs:
        parts += [_costs(jobs), "## Values", VALUES, _values(jobs)]
    if "alone" in result:
        parts += ["## Ours alone", *_alone(result["alone"])]
    if lines := _judged(result):
        parts += ["## Aims", table(["aim", "measured", "met"], lines)]
    return "\n\n".join([*parts, _circumstances(result)]) + "\n"


def ratios(runs: dict[str, list[dict[str, Any]]], key: str) -> list[float]:
    """The peer's by ours, pair by pair."""
    return [theirs[key] / ours[key] for ours, theirs in zip(runs["ours"], runs["peer"], strict=True)]


def _costs(jobs: dict[str, Any]) -> str:
    rows = []
    for state in jobs.values():
        runs = state["runs"]
        cells = [state["title"], f"{state['files']:,}"]
        for key, scale in (("wall_seconds", 1.0), ("cpu_seconds", 1.0), ("peak_pss_bytes", 1e6)):
            cells += [number(median(run[key] for run in runs[system]) / scale) for system in ("ours", "peer")]
        rows.append([*cells, number(median(ratios(runs, "cpu_seconds")))])
    head = ["stats", "files", "wall, s", "peer", "CPU, s", "peer", "memory, MB", "peer", "CPU, peer / ours"]
    return table(head, rows)


VALUES = """\
Lengths of ours are whole seconds, so the peer's are rounded. The peer writes ten decimals. It is not given Matroska and
WebM for lengths and frames, for which it fails. Of frames the number per video is compared."""


def _values(jobs: dict[str, Any]) -> str:
    rows = []
    for name, state in jobs.items():
        for value, found in state["comparison"]["values"].items():
            rows.append([name, value, f"{found['rows']:,}", f"{found['differ']:,}", f"{found['largest']:.2g}"])
    return table(["job", "value", "files", "differ", "largest relative difference"], rows)


def _alone(alone: dict[str, Any]) -> Sequence[str]:
    area = alone["text_area"]
    parts = [
        f"`video_ocr_area_ratio` of {area['files']:,} videos, three frames each: {number(area['wall_seconds'])} s, "
        f"{number(area['cpu_seconds'])} s of CPU, {number(area['cpu_seconds'] / area['files'])} s a video. The peer's "
        "operator loads its detector from a server when it starts; without it, it cannot be measured."
    ]
    if growth := alone.get("growth"):
        rows = [
            [
                f"{run['files']:,}",
                f"{run['decodings']:,}",
                *(number(run[k] / s) for k, s in (("wall_seconds", 1), ("cpu_seconds", 1))),
                *(number(run[k] / 1e6) for k in ("peak_pss_bytes", "peak_rss_bytes")),
            ]
            for run in growth
        ]
        parts += [
            "Length, motion, black, still and letterboxed shares, frame hashes and the brightness of three frames in "
            "one recipe (`once.sql.j2`): how often a video was decoded, and memory.",
            table(["videos", "decodings", "wall, s", "CPU, s", "PSS, MB", "RSS, MB"], rows),
        ]
    return parts


def _judged(result: dict[str, Any]) -> list[list[str]]:
    lines = []
    if state := result["jobs"].get("video_stats"):
        found = median(ratios(state["runs"], "cpu_seconds"))
        lines.append([f"{CPU_AIM:g} times less CPU for the stats of videos", f"{found:.1f}", _met(found >= CPU_AIM)])
    for state in result["jobs"].values():
        found = state.get("comparison", {}).get("values", {})
        differing = sum(value["differ"] for value in found.values())
        aim = f"equal values: {state['title']}" + (" within 1 %" if "video_motion_score" in found else "")
        lines.append([aim, f"{differing:,} differ", _met(differing == 0)])
    for run in result.get("alone", {}).get("growth", []):
        same = run["decodings"] == run["decoded_videos"] == run["files"]
        lines.append([f"{run['files']:,} videos decoded once", f"{run['decodings']:,} decodings", _met(same)])
    if len(growth := result.get("alone", {}).get("growth", [])) == 2:
        few, many = growth
        found = many["peak_pss_bytes"] / few["peak_pss_bytes"]
        aim = f"{many['files']:,} videos in at most {GROWTH_AIM:g} times the memory of {few['files']:,}"
        lines.append([aim, f"{found:.2f}", _met(found <= GROWTH_AIM)])
    return lines


def _met(found: bool) -> str:
    return "yes" if found else "NO"


def _circumstances(result: dict[str, Any]) -> str:
    machine = result["machine"]
    changed = " with uncommitted changes" if machine["uncommitted_code"] else ""
    ours, peers = (
        ", ".join(f"{name} {version}" for name, version in machine[key].items())
        for key in ("versions", "peer_versions")
    )
    return (
        f"{result['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory']}, Python "
        f"{machine['python']}; juicesql {machine['juicesql']}{changed}; {ours}.\nPeer: {peers}.\n"
        "Commands: " + ", ".join(f"`{line}`" for line in result["commands"])
    )
