"""Near-deduplication beside the peers: time, CPU, memory, recall and precision on corpora with planted duplicates.

Usage: python benchmarks/dedup.py [--documents 10000] [--pairs 1] [--language english chinese] [--tool NAME ...]
       python benchmarks/dedup.py --growth [10000 100000 1000000 2000000] [--memory-limit 4GB]

Every tool reads the same JSON lines from disk and writes the rows that stay, in its whole process tree measured by
measure.py; a later round of `--pairs` goes through the tools the other way round. Each run starts with an empty home,
cache and stats database; all tools ran once before on 200 documents, so what is compiled once is there. What is planted
is in planted.py, what recall and precision mean in dedup_score.py, how the libraries are called in dedup_peers.py.

`--growth` measures ours alone on short generated documents of about 1 KB under a memory limit, each corpus written for
its run and deleted afterwards.

The peers live in `work/peer-venv` (see peer.py) and in `work/dedup-venv`, which is made by itself and holds what
`python -m pip install` gives for REQUIREMENTS and, with --no-deps, for LAST: most that text-dedup asks for serves its
other commands, and it names versions that datasets does not take. `--publish` writes results/ and docs/dedup-speed.md,
`--page` only the page, out of the newest results.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dedup_page
import duckdb
import machine
import measure
import peer
import planted
from core import say
from dedup_score import Score, Truth, score
from planted import Planted

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
RESULTS = HERE / "results"
RECIPE = HERE / "near_dedup.sql.j2"
DOCS = HERE.parent / "docs"
LANGUAGES = ("english", "chinese")
GROWTH = (10_000, 100_000, 1_000_000, 2_000_000)
WARM_DOCUMENTS = 200
REQUIREMENTS = (
    *("datatrove==0.10.1", "datasketch==2.0.0", "rensa==0.5.0", "datasets==4.8.0", "spacy==3.8.18", "jieba==0.42.1"),
    *("tokenizers==0.23.3", "nltk==3.10.4", "orjson==3.13.0", "xxhash==3.8.2", "scipy==1.17.1", "regex==2026.11.15"),
    *("click==8.5.1", "click-option-group==0.5.9", "ftfy==6.3.1", "psutil==7.2.2", "rich==15.0.0"),
)
LAST = "text-dedup==0.4.0"


@dataclass(frozen=True)
class Tool:
    """A tool as it is run: `call` is a function of dedup_peers.py and its LANGUAGE, or Data-Juicer's tokenization."""

    name: str
    by: str
    call: tuple[str, ...] = ()


ENGLISH = (
    Tool("juicesql", "ours"),
    Tool("py-data-juicer", "peer", ("space",)),
    Tool("datatrove", "library", ("datatrove", "words")),
    Tool("text-dedup", "library", ("text_dedup", "words")),
    Tool("datasketch", "library", ("datasketch", "words")),
    Tool("rensa, R-MinHash", "library", ("rensa_r", "words")),
    Tool("rensa, C-MinHash", "library", ("rensa_c", "words")),
    Tool("rensa, LSH alone", "library", ("rensa_lsh", "words")),
)
CHINESE = (
    Tool("juicesql", "ours"),
    Tool("py-data-juicer", "peer", ("space",)),
    Tool("py-data-juicer, character", "peer", ("character",)),
    Tool("datatrove", "library", ("datatrove", "words")),
    Tool("datatrove, cmn", "library", ("datatrove", "characters")),
    Tool("text-dedup", "library", ("text_dedup", "words")),
    Tool("datasketch, characters", "library", ("datasketch", "characters")),
    Tool("rensa, R-MinHash, characters", "library", ("rensa_r", "characters")),
    Tool("rensa, C-MinHash, characters", "library", ("rensa_c", "characters")),
    Tool("rensa, LSH alone, characters", "library", ("rensa_lsh", "characters")),
)
TOOLS = {"english": ENGLISH, "chinese": CHINESE}


class ToolFailed(Exception):
    """A tool ended with an error, or wrote nothing."""


def libraries() -> Path:
    """The Python of the environment of the libraries, made unless it is there."""
    folder = WORK / "dedup-venv"
    python, ready = folder / "bin" / "python", folder / "ready.json"
    wanted = [*REQUIREMENTS, LAST]
    if not (ready.exists() and json.loads(ready.read_text()) == wanted):
        say(f"making {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for requirements in (REQUIREMENTS, ("--no-deps", LAST)):
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
        ready.write_text(json.dumps(wanted))
    return python


def command(tool: Tool, source: Path, export: Path, threads: int, memory_limit: str) -> list[str]:
    """The command line of a tool; its files go below the folder of the export."""
    folder = export.parent
    if tool.by == "ours":
        line = [str(Path(sys.executable).with_name("juicesql")), "run", str(RECIPE), "--json"]
        line += ["--source", str(source), "--export", str(export), "--project", str(folder / "project")]
        return [*line, "--threads", str(threads), "--memory-limit", memory_limit]
    if tool.by == "peer":
        config = folder / "config.yaml"
        operator = {"document_minhash_deduplicator": {"tokenization": tool.call[0]}}
        config.write_text(json.dumps({"project_name": "near", "process": [operator]}))  # YAML holds JSON
        return peer.command(WORK, config, source, export, threads)
    line = [str(libraries()), str(HERE / "dedup_peers.py"), tool.call[0]]
    return [*line, str(source), str(export), str(folder), str(threads), tool.call[1]]


def run(tool: Tool, source: Path, options: argparse.Namespace) -> tuple[measure.Cost, list[int], dict[str, Any]]:
    """Run a tool in an empty folder: its cost, the ids of the rows that it kept, and what ours tells of itself."""
    folder = WORK / "runs" / f"dedup-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "project").mkdir(parents=True)
    export = folder / "out.jsonl"
    line = command(tool, source, export, options.threads, options.memory_limit)
    kernels = {"JUICESQL_CACHE_HOME": str(WORK / "kernels")}  # compiled once, as the peers were installed once
    cost = measure.measure(line, folder, peer.clean_environment(folder / "home") | kernels)
    if cost.exit_code or not export.exists():
        last = (folder / "stderr").read_text(errors="replace")[-3000:]
        raise ToolFailed(f"exit code {cost.exit_code} from: {shlex.join(line)}\n{last}")
    with export.open("rb") as lines:
        kept = [int(json.loads(row)["id"]) for row in lines]
    told = of_itself(folder) if tool.by == "ours" else {}
    shutil.rmtree(folder)
    return cost, kept, told


def of_itself(folder: Path) -> dict[str, Any]:
    """Rows and seconds of each function in the newest run of ours, and what its files take."""
    stats = folder / "project" / "stats.duckdb"
    with duckdb.connect(str(stats), read_only=True) as con:
        functions = con.execute("select function, rows, round(seconds, 3) from costs order by seconds desc").fetchall()
    return {"functions": functions, "stats_database_bytes": stats.stat().st_size}


def told(name: str, cost: measure.Cost, found: Score | None = None) -> str:
    line = f"  {name:30} wall {cost.wall_seconds:8.2f} s  CPU {cost.cpu_seconds:8.2f} s"
    line += f"  PSS {cost.peak_pss_bytes / 1e6:6.0f} MB  RSS {cost.peak_rss_bytes / 1e6:6.0f} MB"
    if found:
        recall = " ".join("-" if share is None else f"{share:.4f}" for share in found.recall.values())
        line += f"  kept {found.kept:,}  recall {recall}  precision {found.precision} strict {found.strict_precision}"
    return line


def truth_of(corpus: Planted, language: str) -> Truth:
    with corpus.path.open("rb") as lines:
        return Truth([json.loads(line)["text"] for line in lines], corpus.families, language)


def chosen(language: str, names: Sequence[str]) -> list[Tool]:
    return [tool for tool in TOOLS[language] if not names or tool.name.partition(",")[0] in names]


def compare(language: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every tool on the corpus of a language; yields what is known after each run."""
    tools = chosen(language, options.tool)
    warm = planted.build(language, WARM_DOCUMENTS, WORK)
    for tool in list(tools):
        try:
            run(tool, warm.path, options)
        except ToolFailed as error:
            say(f"{tool.name} is left out: {error}")
            tools.remove(tool)
    corpus = planted.build(language, options.documents, WORK)
    truth = truth_of(corpus, language)
    state: dict[str, Any] = {"corpus": corpus.facts, "runs": {tool.name: [] for tool in tools}}
    folder = WORK / "results" / "kept"  # for a look at what a tool dropped
    folder.mkdir(parents=True, exist_ok=True)
    say(f"{language}: {options.documents:,} documents, {corpus.facts['bytes'] / 1e6:.0f} MB")
    for number in range(options.pairs):
        for tool in tools if number % 2 == 0 else tools[::-1]:
            cost, kept, more = run(tool, corpus.path, options)
            (folder / f"{language}, {tool.name}.json").write_text(json.dumps(kept))
            found = score(truth, kept)
            say(told(tool.name, cost, found))
            state["pairs_by_similarity"] = found.pairs
            state["runs"][tool.name].append({**asdict(cost), **asdict(found), **more})
            yield state


def comparison(options: argparse.Namespace) -> dict[str, Any]:
    """All languages; the result is written after each run."""
    result = heading(libraries())
    result["languages"] = {}
    for language in options.language:
        for state in compare(language, options):
            result["languages"][language] = state
            write(result, "dedup", options)
    return result


def growth(options: argparse.Namespace) -> dict[str, Any]:
    """Ours alone on corpora of growing size."""
    ours, result = ENGLISH[0], heading(None)
    result |= {"memory_limit": options.memory_limit, "growth": []}
    run(ours, planted.build("generated", WARM_DOCUMENTS, WORK).path, options)
    for count in options.growth or GROWTH:
        corpus = planted.build("generated", count, WORK, planted.STREAM_BLOCK)
        cost, kept, more = run(ours, corpus.path, options)
        corpus.delete()
        say(f"{count:10,} documents" + told("", cost))
        result["growth"].append({**corpus.facts, **asdict(cost), "kept": len(kept), **more})
        write(result, "dedup-growth", options)
    return result


def heading(python: Path | None) -> dict[str, Any]:
    facts = machine.facts(peer.ensure(WORK) if python else None)
    if python:
        names = [requirement.partition("==")[0] for requirement in (*REQUIREMENTS[:3], LAST)]
        facts["peer_versions"] |= machine.versions(python, names)
    line = shlex.join(["python", "benchmarks/dedup.py", *sys.argv[1:]])
    return {"date": date.today().isoformat(), "command": line, "machine": facts}


def write(result: dict[str, Any], name: str, options: argparse.Namespace) -> None:
    folder = RESULTS if options.publish else WORK / "results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['date']}-{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def publish() -> None:
    """Write the page and the picture out of the newest results of both modes."""
    newest = {name: sorted(RESULTS.glob(f"????-??-??-{name}.json"))[-1:] for name in ("dedup", "dedup-growth")}
    found = {name: json.loads(paths[0].read_text()) for name, paths in newest.items() if paths}
    if growing := found.get("dedup-growth"):
        (DOCS / "dedup-growth.svg").write_text(dedup_page.picture(growing))
    (DOCS / "dedup-speed.md").write_text(dedup_page.page(found.get("dedup"), growing))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=1, help="how often every tool is run")
    parser.add_argument("--language", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--tool", nargs="+", default=[], help="only these, such as juicesql rensa")
    parser.add_argument(
        "--growth", nargs="*", type=int, metavar="DOCUMENTS", help="ours alone on corpora of these sizes"
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-limit", help="of ours; 8GB, and 4GB with --growth")
    parser.add_argument("--publish", action="store_true", help="write results/ and docs/dedup-speed.md")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page again")
    found = parser.parse_args()
    found.memory_limit = found.memory_limit or ("8GB" if found.growth is None else "4GB")
    return found


def main() -> int:
    options = arguments()
    WORK.mkdir(exist_ok=True)
    if options.page:
        publish()
        return 0
    if options.growth is None:
        print(dedup_page.page(comparison(options), None))
    else:
        print(dedup_page.page(None, growth(options)))
    if options.publish:
        publish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
