"""Media beside the peer: the same stats of the same videos and images, with the values compared.

Usage: python benchmarks/media.py [--videos 48] [--images 120] [--pairs 2] [--job [NAME ...]] [--alone 500] [--publish]

Each job of `media_recipes/` is a recipe for ours and a YAML for the peer, which runs it by its own command `dj-process`
with as many processes as ours has threads. Both read the same list of files, alternating, each run with an empty home,
cache and stats database, in its whole process tree measured by measure.py. What is ours alone (text area, decodings,
memory by number of videos up to `--alone`; 0 leaves these out) follows.

The files are made by media_corpus.py below `work/media`. The peer needs av 13.1.0, which it asks for, and OpenCV: they
are installed into `work/peer-media`, which stands before its environment on its path. `--publish` writes results/ and
docs/media-speed.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import machine
import measure
import media_corpus
import media_page
import peer
from core import say

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
RESULTS = HERE / "results"
RECIPES = HERE / "media_recipes"
PAGE = HERE.parent / "docs" / "media-speed.md"
PEER_PACKAGES = ("av==13.1.0", "opencv-contrib-python-headless==4.14.0.94", "pillow==13.0.0", "ffmpeg-python==0.2.0")
WARM_FILES = 2
WARMED = ("video_stats", "frames", "image_stats")  # the other jobs need nothing else
MOTION_TOLERANCE = 0.01
WRITTEN = 1e-10  # the peer writes ten decimals
PEER_STATS = "__dj__stats__"
COUNTING = HERE / "media_counting"  # a function for the project of a run that counts decodings, and what counts


@dataclass(frozen=True)
class Job:
    """A recipe over a list of files. `exact` and `near` values are compared, `near` ones within a share; of `files`
    that are made, the number."""

    name: str
    over: str
    title: str
    exact: tuple[str, ...] = ()
    near: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()


SIZES = ("video_duration", "video_width", "video_height", "video_aspect_ratios")
IMAGE_SIZES = ("aspect_ratios", "image_width", "image_height", "image_sizes")
JOBS = (
    Job("video_facts", "videos", "duration, width, height, aspect ratio", SIZES),
    Job("video_stats", "videos", "the same and motion", SIZES, {"video_motion_score": MOTION_TOLERANCE}),
    Job("frames", "timed videos", "three frames and all key frames as JPEG", files=("uniform_frames", "key_frames")),
    Job("image_facts", "images", "aspect ratio, width, height, file size", IMAGE_SIZES),
    Job("image_stats", "images", "the same, face count and face ratio", (*IMAGE_SIZES, "face_counts", "face_ratios")),
)


class RunFailed(Exception):
    """The measured command ended with an error, or made no export."""


# Running either system


def peer_packages() -> Path:
    """The folder of what the peer's media operators need and its environment need not have."""
    folder = WORK / "peer-media"
    ready = folder / "ready.json"
    if not (ready.exists() and json.loads(ready.read_text()) == [*PEER_PACKAGES]):
        shutil.rmtree(folder, ignore_errors=True)
        line = [str(peer.peer_python(WORK)), "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*line, *PEER_PACKAGES], check=True)
        ready.write_text(json.dumps(PEER_PACKAGES))
    return folder


def run(system: str, name: str, source: Path, options: argparse.Namespace) -> tuple[measure.Cost, Path]:
    """Run a job by one system in an empty folder: its cost, and the folder."""
    folder = WORK / "runs" / f"media-{os.getpid()}-{system}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "project" / "udfs").mkdir(parents=True)
    environment = peer.clean_environment(folder / "home")
    environment["JUICESQL_CACHE_HOME"] = str(WORK / "kernels")  # compiled once, as the peer was installed once
    export = folder / "out" / "out.jsonl"
    if system == "peer":
        config = folder / "config.yaml"
        config.write_text((RECIPES / f"{name}.yaml").read_text().replace("FOLDER", str(folder / "made")))
        line = peer.command(WORK, config, source, export, options.threads)
        environment["PYTHONPATH"] = str(peer_packages())
    else:
        export.parent.mkdir()
        if name == "once":
            shutil.copy(COUNTING / "frame_brightness.py", folder / "project" / "udfs")
            environment |= {"PYTHONPATH": str(COUNTING), "DECODED": str(folder / "decoded.txt")}
        line = [str(Path(sys.executable).with_name("juicesql")), "run", str(RECIPES / f"{name}.sql.j2"), "--json"]
        line += ["--source", str(source), "--export", str(export), "--project", str(folder / "project")]
        line += ["--threads", str(options.threads), "--memory-limit", options.memory_limit]
    cost = measure.measure(line, folder, environment)
    if cost.exit_code or not export.exists():
        last = (folder / "stderr").read_text(errors="replace")[-3000:]
        raise RunFailed(f"exit code {cost.exit_code} from: {shlex.join(line)}\n{last}")
    say(
        f"  {name:12} {system:5} wall {cost.wall_seconds:8.2f} s  CPU {cost.cpu_seconds:8.2f} s"
        f"  PSS {cost.peak_pss_bytes / 1e6:6.0f} MB  RSS {cost.peak_rss_bytes / 1e6:6.0f} MB"
    )
    return cost, folder


def values(system: str, folder: Path) -> dict[int, dict[str, Any]]:
    """What a run measured or made, by the id of the row."""
    rows = _lines(folder / "out" / "out.jsonl")
    if system == "peer":
        stats = [row.get(PEER_STATS, {}) for row in _lines(folder / "out" / "out_stats.jsonl")]
        rows = [row | told for row, told in zip(rows, stats or [{}] * len(rows), strict=True)]
    return {row["id"]: row for row in rows}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# Comparing


def differences(job: Job, ours: Mapping[int, Any], theirs: Mapping[int, Any]) -> dict[str, Any]:
    """Of each value: rows compared, rows that differ with the first ones, and the largest relative difference."""
    found: dict[str, Any] = {"rows_only_ours": len(ours.keys() - theirs.keys()), "values": {}}
    both = sorted(ours.keys() & theirs.keys())
    for name in (*job.exact, *job.near, *job.files):
        pairs = [(row, _told(ours[row].get(name)), _told(theirs[row].get(name))) for row in both]
        pairs = [p for p in pairs if p[2]]  # the peer is given no Matroska for its length
        apart = {row: _apart(name, a, b) for row, a, b in pairs}
        limit = job.near.get(name, 0.0)
        wrong = [[row, a, b] for row, a, b in pairs if not apart[row] <= limit]
        found["values"][name] = {
            "rows": len(pairs),
            "differ": len(wrong),
            "largest": max(apart.values(), default=0.0),
            "examples": wrong[:3],
        }
    return found


def _told(value: Any) -> Any:
    """Lists of lists are those of the files that were made of each video: their number counts."""
    return [len(v) for v in value] if value and isinstance(value[0], list) else value


def _apart(name: str, ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference; infinite for another number of values."""
    if len(ours or ()) != len(theirs):
        return math.inf
    if name == "video_duration":
        theirs = [round(value) for value in theirs]  # ours are whole seconds
    pairs = list(zip(ours, theirs, strict=True))
    return max((abs(a - b) / max(abs(b), 1e-9) for a, b in pairs if abs(a - b) > WRITTEN), default=0.0)


def compare(job: Job, source: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All pairs of a job; yields what is known after each."""
    state: dict[str, Any] = {"title": job.title, "files": len(_lines(source)), "runs": {"ours": [], "peer": []}}
    for number in range(options.pairs):
        found = {}
        for system in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            cost, folder = run(system, job.name, source, options)
            found[system] = values(system, folder)
            state["runs"][system].append(asdict(cost))
            shutil.rmtree(folder)
        state["comparison"] = differences(job, found["ours"], found["peer"])
        yield state


# Ours alone


def alone(lists: Mapping[str, Path], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The area of text, how often each video is decoded, and memory by number of videos."""
    state: dict[str, Any] = {}
    few = _first(lists["videos"], WARM_FILES)
    run("ours", "text_area", few, options)
    cost, folder = run("ours", "text_area", lists["videos"], options)
    state["text_area"] = {"files": len(_lines(lists["videos"])), **asdict(cost)}
    yield state
    state["growth"] = []
    for count in (options.alone // 10, options.alone):
        source = media_corpus.build(WORK, count, 0)["videos"]
        cost, folder = run("ours", "once", source, options)
        opened = (folder / "decoded.txt").read_text().split("\n")[:-1]
        state["growth"].append(
            {
                "files": count,
                "errors": count - len(values("ours", folder)),
                "decodings": len(opened),
                "decoded_videos": len(set(opened)),
                **asdict(cost),
            }
        )
        shutil.rmtree(folder)
        yield state


def _first(source: Path, count: int) -> Path:
    short = source.with_name(f"first-{source.name}")
    short.write_text("".join(source.read_text().splitlines(keepends=True)[:count]))
    return short


# The whole


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for; the result is written after each step."""
    facts = machine.facts(peer.ensure(WORK))
    facts["versions"] |= {p: machine.version(p) for p in ("av", "opencv-python-headless", "pillow")}
    facts["peer_versions"] |= dict(package.split("==") for package in PEER_PACKAGES)
    line = shlex.join(["python", "benchmarks/media.py", *sys.argv[1:]])
    result: dict[str, Any] = {"date": date.today().isoformat(), "commands": [line], "machine": facts, "jobs": {}}
    say("making the files that are not there yet")
    lists = media_corpus.build(WORK, options.videos, options.images)
    jobs = [job for job in JOBS if options.job is None or job.name in options.job]
    for job in [j for j in JOBS if j.name in WARMED and {j.over} & {other.over for other in jobs}]:
        for system in ("ours", "peer"):  # what is installed, compiled or read at first
            shutil.rmtree(run(system, job.name, _first(lists[job.over], WARM_FILES), options)[1])
    for job in jobs:
        for state in compare(job, lists[job.over], options):
            result["jobs"][job.name] = state
            write(result, options)
    for state in alone(lists, options) if options.alone else ():
        result["alone"] = state
        write(result, options)
    return write(result, options)


def write(result: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Into the result of the day: what was measured before and not now stays in it. Returns the whole."""
    folder = RESULTS if options.publish else WORK / "results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['date']}-media.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    whole = before | result | {"jobs": before.get("jobs", {}) | result["jobs"]}
    whole["commands"] = list(dict.fromkeys([*before.get("commands", []), *result["commands"]]))
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return whole


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=48)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--pairs", type=int, default=2, help="how often both run each job")
    parser.add_argument("--job", nargs="*", choices=[job.name for job in JOBS], help="only these; without a name, none")
    parser.add_argument("--alone", type=int, default=500, help="videos of the run that shows memory; 0: none")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-limit", default="4GB", help="of ours")
    parser.add_argument("--publish", action="store_true", help="write results/ and docs/media-speed.md")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    WORK.mkdir(exist_ok=True)
    result = measured(options)
    print(media_page.page(result))
    if options.publish:
        PAGE.write_text(media_page.page(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
