"""Runs the jobs of an experiment, one after another, and goes on where an earlier attempt stopped.

A job that is done is not done again while its settings, the files that it names, and the results before it are the
same; the first one that differs, and all after it, run in emptied folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError, Problem
from juicesql.project import open_project

from .base import Context, Hook, Job, Results, Watcher, job_failed
from .config import ANONYMOUS, Experiment, check, load, replaced
from .errors import JobError, SandboxError
from .recipes import recipe_facts
from .registry import find_hook, load_project
from .store import JobRecord, SandboxStore, metric_name, now
from .watcher import open_watcher

MOST_HASHED = 64 << 20
_MADE = ("dataset", "model", "recipe", "losses", "outputs")  # results that are paths
Say = Callable[[str], None]


@dataclass(frozen=True)
class JobDone:
    """A job of this run. `skipped`: an earlier attempt did it."""

    job: Job
    result: Mapping[str, Any]
    seconds: float
    skipped: bool
    log: Path


@dataclass
class Report:
    """What a run of an experiment did. `search` is its search, if it had one."""

    experiment: str
    folder: Path
    jobs: list[JobDone] = field(default_factory=list)
    results: Results = field(default_factory=Results)
    search: Any = None

    def to_dict(self) -> dict[str, Any]:
        jobs = [
            {"pipeline": d.job.pipeline, "list": d.job.list, "hook": d.job.hook, "meta_name": d.job.meta_name,
             "seconds": d.seconds, "skipped": d.skipped, "log": str(d.log), "result": dict(d.result)}
            for d in self.jobs
        ]  # fmt: skip
        found = {"experiment": self.experiment, "folder": str(self.folder), "jobs": jobs}
        return found | ({"search": self.search.to_dict()} if self.search else {})


def run_sandbox(
    path: Path,
    *,
    project: Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Report:
    """Run the experiment of a file. SandboxError with every problem of the file before anything runs; JobError when a
    job fails. `fresh` begins again; without, an experiment of the same name goes on where it stopped."""
    from juicesql.running import Quiet

    experiment, root = check_sandbox(path, project), project_of(path, project)
    return Session(experiment, root, fresh, threads, progress or Quiet(), say or (lambda _: None)).run()


def check_sandbox(path: Path, project: Path | None = None) -> Experiment:
    """The experiment of a file. SandboxError with every problem of it."""
    root = project_of(path, project)
    load_project(root)
    experiment = load(path)
    problems = check(experiment, root)
    if problems:
        raise SandboxError(problems)
    return experiment


def project_of(path: Path, project: Path | None) -> Path:
    """The project folder: the one given, else the nearest one above the file or here."""
    return open_project(project, near=path if path.exists() else None).root


class Session:
    """One attempt at an experiment."""

    def __init__(
        self, experiment: Experiment, project: Path, fresh: bool, threads: int | None, progress: Progress, say: Say
    ) -> None:
        self.experiment, self.project, self.threads, self.progress, self.say = (
            experiment,
            project,
            threads,
            progress,
            say,
        )
        self.store = SandboxStore(project)
        names = (experiment.project_name, experiment.experiment_name)
        self.folder = Path(experiment.work_dir) if experiment.work_dir else project.joinpath("sandbox", *names)
        self.again = fresh or not experiment.resume
        self.key = "/".join(names)
        self.total = len(experiment.jobs)
        self.report = Report(self.key, self.folder)

    def run(self) -> Report:
        """Run every pipeline. The experiment is `done`, `failed` or `interrupted` in the store afterwards."""
        experiment = self.experiment
        with _lock(self.folder):
            if self.again:
                self.store.forget(self.key)
            self.store.begin(experiment.project_name, experiment.experiment_name, experiment.file, experiment.raw)
            try:
                self._run()
            except BaseException as error:
                status = "failed" if isinstance(error, Exception) else "interrupted"
                with contextlib.suppress(JuiceError):
                    self.store.end(self.key, status, str(error))
                raise
            self.store.end(self.key, "done")
        return self.report

    def _run(self) -> None:
        hpo, first = self.experiment.hpo, "probe"
        if hpo is None:
            for jobs in self.experiment.pipelines.values():
                self.run_jobs(jobs, self.report.results, self._folder(jobs), self.report.jobs)
            return
        from .search import search

        probes = [tuple(j for j in jobs if j.list == first) for jobs in self.experiment.pipelines.values()]
        for jobs in probes:
            self.run_jobs(jobs, self.report.results, self._folder(jobs), self.report.jobs)
        with self._watcher(ANONYMOUS) as watcher:
            self.report.search = search(
                hpo, self.experiment.jobs, project=self.project, store=self.store, experiment=self.key, watcher=watcher,
                run_id=self.report.results.latest("run_id"), run_trial=self.run_trial, folder=self.folder / "search",
                seed=self.experiment.seed, progress=self.progress,
            )  # fmt: skip
        for line in self.report.search.lines():
            self.say(line)
        if not self.report.search.ran_jobs:
            for jobs in self.experiment.pipelines.values():
                rest = tuple(j for j in jobs if j.list != first)
                self.run_jobs(rest, self.report.results, self._folder(jobs), self.report.jobs)

    def run_trial(self, number: int, jobs: Sequence[Job]) -> Results:
        """Run changed jobs as one trial of a search; probes that are as in the file count as done."""
        results = Results()
        for (pipeline, meta), result in self.report.results.items():
            results.add(Job("", meta, None, {}, "probe", pipeline, 0), result)
        todo = [j for j in jobs if j.list != "probe" or j not in self.experiment.jobs]
        for name in dict.fromkeys(j.pipeline for j in todo):
            mine = tuple(j for j in todo if j.pipeline == name)
            self.run_jobs(mine, results, self.folder / "search" / f"trial_{number:04}" / name, [], f"trial {number}")
        return results

    def _folder(self, jobs: Sequence[Job]) -> Path:
        name = jobs[0].pipeline if jobs else ANONYMOUS
        return self.folder if name == ANONYMOUS else self.folder / name

    def run_jobs(
        self, jobs: Sequence[Job], results: Results, folder: Path, done: list[JobDone], trial: str = ""
    ) -> None:
        """Run jobs in order into a folder. Those that are done already are taken as they are."""
        if not jobs:
            return
        pipeline = f"{jobs[0].pipeline} {trial}".strip()
        earlier = {} if self.again else {r.position: r for r in self.store.jobs(self.key) if r.pipeline == pipeline}
        chain = _digest(json.dumps([list(r) for _, r in results.items()], default=str))
        going_on = True
        with self._watcher(pipeline) as watcher:
            for job in jobs:
                job = _resolved(job, results)
                chain = _digest(chain, _facts(job, self.project))
                record = earlier.get(job.position)
                going_on = going_on and record is not None and _still_done(record, chain)
                if record and going_on:
                    finished = JobDone(job, record.result, record.seconds or 0.0, True, Path(record.log))
                    self._tell(finished)
                else:
                    finished = self._work(job, results, folder, chain, pipeline, watcher)
                results.add(job, finished.result)
                done.append(finished)

    def _work(self, job: Job, results: Results, folder: Path, chain: str, pipeline: str, watcher: Watcher) -> JobDone:
        place = folder / f"{job.position + 1:02}_{job.meta_name}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        log, started, clock = place / "job.log", now(), time.perf_counter()
        record = JobRecord(
            pipeline, job.position, job.list, job.hook, job.meta_name, "running", chain, None, {}, str(log), ""
        )
        self.store.record_job(self.key, record, started)
        self.progress.stage(f"{job.hook} {job.meta_name}")
        try:
            context = Context(
                job, self.project, place, log, results, _Shown(watcher, self.progress), self.progress,
                int(job.extra.get("seed") or self.experiment.seed), self.threads,
            )  # fmt: skip
            result = _named(job, _run_hook(find_hook(job.hook)(job), context))
            watcher.watch(_numbers(result), job.meta_name)
        except BaseException as error:
            failed = replace(record, status="failed", seconds=time.perf_counter() - clock, message=str(error))
            with contextlib.suppress(JuiceError):
                self.store.record_job(self.key, failed, started)
            raise
        seconds = time.perf_counter() - clock
        self.store.record_job(self.key, replace(record, status="done", seconds=seconds, result=result), started)
        finished = JobDone(job, result, seconds, False, log)
        self._tell(finished)
        return finished

    def _tell(self, done: JobDone) -> None:
        job = done.job
        name = metric_name(job.pipeline, job.meta_name)
        how = "done before" if done.skipped else f"{done.seconds:.1f} s"
        self.say(f"[{len(self.report.jobs) + 1}/{self.total}] {job.hook}  {name}  ({how})")
        for line in find_hook(job.hook)(job).summary(done.result):
            self.say(f"    {line}")

    @contextmanager
    def _watcher(self, pipeline: str) -> Iterator[Watcher]:
        e = self.experiment
        with open_watcher(
            e.tracker, self.store, self.key, e.project_name, e.experiment_name, self.folder, pipeline
        ) as watcher:
            watcher.watch_cfgs({"experiment": e.raw})
            yield watcher


class _Shown:
    """A watcher that shows the newest number of a series where progress is shown."""

    def __init__(self, inner: Watcher, progress: Progress) -> None:
        self.inner, self.progress = inner, progress
        self.setup_sweep, self.watch_cfgs, self.query = inner.setup_sweep, inner.watch_cfgs, inner.query

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        self.inner.watch(value, name, step)
        if step is not None and isinstance(value, (int, float)):
            self.progress.stage(f"{name} {value:.4g} at step {step:,}")


def _run_hook(hook: Hook, context: Context) -> dict[str, Any]:
    """Run a hook with its output in the log. What it raises becomes a JobError; the traceback stands in the log only."""
    with open(context.log, "a", encoding="utf-8", buffering=1) as log:
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                return hook.run(context)
        except JobError:
            raise
        except JuiceError as error:
            raise JobError([_of(context.job, p) for p in error.problems]) from error
        except Exception as error:
            failure = job_failed(context.job, f"{type(error).__name__}: {error}", context.log)
            log.write(traceback.format_exc())
            raise failure from error


def _of(job: Job, problem: Problem) -> Problem:
    """A problem of the engine as one of the job: its own place goes into the message."""
    place = f" ({problem.file}{f':{problem.line}' if problem.line else ''})" if problem.file else ""
    return job.problem(
        problem.code, problem.message.removeprefix(f"{job.hook} ({job.meta_name}): ") + place, problem.mend
    )


def _named(job: Job, result: Mapping[str, Any]) -> dict[str, Any]:
    """The result, with the names that `output` gives to it, in the order in which the hook gives things."""
    gives = find_hook(job.hook).gives
    return {**result, **{name: result[key] for name, key in zip(job.output, gives, strict=False) if key in result}}


def _numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _resolved(job: Job, results: Results) -> Job:
    """The job with the results that its `input` asks for in their places."""
    recipe, extra = job.recipe, dict(job.extra)
    for target, wanted in job.input.items():
        recipe, extra = replaced(recipe, extra, target, _found(job, wanted, results))
    return replace(job, recipe=recipe, extra=extra)


def _found(job: Job, wanted: str, results: Results) -> Any:
    name, _, key = wanted.rpartition(".")
    pipeline, _, meta = name.rpartition(".")
    before = [(p, m) for (p, m), _ in results.items() if p == job.pipeline]
    if meta.startswith("-") and meta[1:].isdigit() and len(before) >= int(meta[1:]):
        pipeline, meta = before[int(meta)]
    result = results.of(meta, pipeline or None)
    if result is None or key not in result:
        mend = f"it has {', '.join(result)}" if result else "no such job has run"
        raise SandboxError(job.problem("bad-input", f"input asks for {wanted}, which is not there", mend))
    return result[key]


def _still_done(record: JobRecord, chain: str) -> bool:
    made = [record.result[k] for k in _MADE if isinstance(record.result.get(k), str)]
    gone = any("/" in m and Path(m).is_absolute() and not Path(m).exists() for m in made)
    return record.status == "done" and record.fingerprint == chain and not gone


def _facts(job: Job, project: Path) -> str:
    """What decides the result of a job besides the jobs before it."""
    named = [json.dumps([job.hook, job.meta_name, job.recipe, job.extra, job.output], default=str, sort_keys=True)]
    named += [recipe_facts(job, project)] if job.recipe else []
    return "\n".join([*named, *(_file_facts(Path(text)) for text in _texts(job.extra))])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) < 4096 and "\n" not in value:
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _file_facts(path: Path) -> str:
    """What tells one content of a file from another; "" for what is no file."""
    try:
        if not path.is_file():
            return ""
        size = path.stat().st_size
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if size <= MOST_HASHED else path.stat().st_mtime_ns
    except (OSError, ValueError):
        return ""
    return f"{size} {digest}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def _lock(folder: Path) -> Iterator[IO[str]]:
    """Only one process at a time works at an experiment. The lock ends with the process, however that ends."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            mend = "wait for it, or give another experiment_name"
            raise SandboxError.of("in-use", f"another process works at the experiment in {folder}", mend) from None
        yield handle
