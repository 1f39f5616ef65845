"""One run of either system on one input, in a folder of its own, measured."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import measure
import outputs
import peer

HERE = Path(__file__).resolve().parent
RECIPE, PEER_CONFIG = HERE / "core.sql.j2", HERE / "core_peer.yaml"
NOT_LEFT = ("stdout", "stderr", "cost.json", "config.yaml")  # ours, not the measured system's


@dataclass(frozen=True)
class Job:
    """What is run: the input, with or without `fix_unicode`, on how many threads or processes."""

    work: Path
    source: Path
    rows_in: int
    with_fix: bool
    threads: int
    memory_limit: str


@dataclass(frozen=True)
class Run:
    """What one run cost, made and left behind."""

    system: str
    cost: measure.Cost
    rows_in: int
    rows_out: int
    export_bytes: int
    digest: str
    left_bytes: int
    left: dict[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        rest = {key: value for key, value in asdict(self).items() if key != "cost"}
        return {"system": rest.pop("system"), **asdict(self.cost), **rest}


class RunFailed(Exception):
    """The measured command ended with an error, or made no export."""


def command(system: str, job: Job, folder: Path, variables: dict[str, str]) -> tuple[list[str], Path]:
    """The command line and the export it writes."""
    if system == "peer":
        export = folder / "out" / "out.jsonl"
        config = peer.write_config(PEER_CONFIG, folder / "config.yaml", job.with_fix)
        return peer.command(job.work, config, job.source, export, job.threads), export
    export = folder / "out.jsonl"
    arguments = ["run", str(RECIPE), "--source", str(job.source), "--export", str(export)]
    arguments += ["--project", str(folder / "project"), "--threads", str(job.threads)]
    arguments += ["--memory-limit", job.memory_limit, "--json"]
    for name, value in {"with_fix": "1" if job.with_fix else "0", **variables}.items():
        arguments += ["--var", f"{name}={value}"]
    return [str(Path(sys.executable).with_name("juicesql")), *arguments], export


def run(system: str, job: Job, folder: Path, variables: dict[str, str] | None = None, fresh: bool = True) -> Run:
    """Run one system and measure it. With `fresh` its folder, home, caches and stats database start empty."""
    if fresh and folder.exists():
        shutil.rmtree(folder)
    (folder / "project").mkdir(parents=True, exist_ok=True)
    line, export = command(system, job, folder, variables or {})
    export.unlink(missing_ok=True)
    kernels = {"JUICESQL_CACHE_HOME": str(job.work / "kernels")}  # compiled once, as the peer was installed once
    cost = measure.measure(line, folder, peer.clean_environment(folder / "home") | kernels)
    if cost.exit_code or not export.exists():
        last = (folder / "stderr").read_text(errors="replace")[-3000:]
        raise RunFailed(f"exit code {cost.exit_code} from: {' '.join(line)}\n{last}")
    left = measure.files_under(folder, [export, *(folder / name for name in NOT_LEFT)])
    rows_out, digest = outputs.fingerprint(export)
    return Run(
        system=system,
        cost=cost,
        rows_in=job.rows_in,
        rows_out=rows_out,
        export_bytes=export.stat().st_size,
        digest=digest,
        left_bytes=sum(left.values()),
        left=by_kind(left),
    )


def by_kind(left: dict[str, int]) -> dict[str, int]:
    """Bytes left behind by file name for stats databases and by suffix for the rest, largest first."""
    kinds: dict[str, int] = {}
    for path, size in left.items():
        name = Path(path).name
        kind = name if name.startswith("stats.duckdb") else Path(path).suffix or name
        kinds[kind] = kinds.get(kind, 0) + size
    return dict(sorted(kinds.items(), key=lambda item: -item[1])[:12])


def export_of(system: str, folder: Path) -> Path:
    return folder / "out" / "out.jsonl" if system == "peer" else folder / "out.jsonl"
