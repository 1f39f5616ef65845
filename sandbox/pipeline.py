"""Runs the jobs of an experiment, one after another, and goes on where an earlier attempt stopped.

A job that is done is not done again while its settings, the files that it names, and the results before it are the
same; the first one that differs, and all after it, run in emptied folders.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError, Problem
from juicesql.project import open_project

from .base import ANONYMOUS, Context, Hook, Job, Results, Watcher
from .checking import check
from .config import Experiment, load
from .errors import JobError, SandboxError
from .executor import job_failed
from .passing import named, numbers, resolved
from .registry import find_hook, load_project
from .resume import digest, facts, still_done
from .search import heard
from .store import JobRecord, SandboxStore, metric_name, now
from .watcher import open_watcher

Say = Callable[[str], None]
PROBE = "probe"  # the list whose jobs run once, before a search


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
    if open_project(root).bounds is None:
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
        self.experiment, self.project, self.threads = experiment, project, threads
        self.progress, self.say = progress, say
        self.store = SandboxStore(project)
        names = (experiment.project_name, experiment.experiment_name)
        self.folder = (
            Path(experiment.work_dir) if experiment.work_dir else project.joinpath("sandbox", *names)
        ).absolute()
        self.again = fresh or not experiment.resume
        self.key = "/".join(names)
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
        if self.experiment.hpo is None:
            self._iterate()
        else:
            self._search(self.experiment.hpo)

    def _iterate(self) -> None:
        """Run the pipelines once, or in rounds."""
        rounds, pipelines = self.experiment.iterations, dict(self.experiment.pipelines)
        for number in count(1):
            results = self.report.results if rounds.most == 1 else Results()
            for name, jobs in pipelines.items():
                if rounds.most == 1:
                    self.run_jobs(jobs, results, self._folder(jobs), self.report.jobs)
                else:
                    self.say(f"iteration {number}  {name}".removesuffix(f"  {ANONYMOUS}"))
                    folder = self.folder / f"iter_{number}" / name
                    self.run_jobs(jobs, results, folder, self.report.jobs, f"iteration {number}")
            self.report.results = results
            if number == rounds.most or rounds.reached(results):
                return
            pipelines = {name: rounds.updated(jobs, results) for name, jobs in pipelines.items()}

    def _search(self, hpo: Mapping[str, Any]) -> None:
        """Run the probes, search, and run the other jobs unless the trials have run them."""
        from .search import search

        self._run_chosen(lambda job: job.list == PROBE)
        with self._watcher(ANONYMOUS) as watcher:
            self.report.search = search(
                hpo, self.experiment.jobs, project=self.project, store=self.store, experiment=self.key, watcher=watcher,
                run_id=self.report.results.latest("run_id"), run_trial=self.run_trial, folder=self.folder / "search",
                seed=self.experiment.seed, progress=self.progress,
            )  # fmt: skip
        for line in self.report.search.lines():
            self.say(line)
        if not self.report.search.ran_jobs:
            self._run_chosen(lambda job: job.list != PROBE)

    def _run_chosen(self, chosen: Callable[[Job], bool]) -> None:
        for jobs in self.experiment.pipelines.values():
            some = tuple(filter(chosen, jobs))
            self.run_jobs(some, self.report.results, self._folder(jobs), self.report.jobs)

    def run_trial(self, number: int, jobs: Sequence[Job]) -> Results:
        """Run changed jobs as one trial of a search; probes that are as in the file count as done."""
        results = self.report.results.copy()
        todo = [j for j in jobs if j.list != PROBE or j not in self.experiment.jobs]
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
        chain = digest(json.dumps([list(r) for _, r in results.items()], default=str))
        going_on = True
        with self._watcher(pipeline) as watcher:
            watcher = heard(watcher, jobs[0].pipeline)
            for job in jobs:
                job = resolved(job, results)
                chain = digest(chain, facts(job, self.project))
                record = earlier.get(job.position)
                going_on = going_on and record is not None and still_done(record, chain)
                if record and going_on:
                    finished = JobDone(job, record.result, record.seconds or 0.0, True, Path(record.log))
                else:
                    begun = record is not None and record.fingerprint == chain and find_hook(job.hook).continues
                    finished = self._work(job, results, folder, chain, pipeline, watcher, begun)
                self._tell(finished)
                results.add(job, finished.result)
                done.append(finished)

    def _work(
        self, job: Job, results: Results, folder: Path, chain: str, pipeline: str, watcher: Watcher, begun: bool
    ) -> JobDone:
        """Do a job in its folder, which is emptied unless the job has begun and goes on."""
        place = folder / f"{job.position + 1:02}_{job.meta_name}"
        if not begun:
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        log, started, clock = place / "job.log", now(), time.perf_counter()
        record = JobRecord(
            pipeline, job.position, job.list, job.hook, job.meta_name, "running", chain, None, {}, str(log), ""
        )
        self.store.record_job(self.key, record, started, begun)
        self.progress.stage(f"{job.hook} {job.meta_name}")
        try:
            context = Context(
                job, self.project, place, log, results, _Shown(watcher, self.progress), self.progress,
                int(job.extra.get("seed") or self.experiment.seed), self.threads,
            )  # fmt: skip
            configs = {"hook": job.hook, "dj_configs": job.recipe, "extra_configs": job.extra}
            watcher.watch_cfgs({job.meta_name: configs})
            result = named(job, _run_hook(find_hook(job.hook)(job), context))
            watcher.watch(numbers(result), job.meta_name)
        except BaseException as error:
            failed = replace(record, status="failed", seconds=time.perf_counter() - clock, message=str(error))
            with contextlib.suppress(JuiceError):
                self.store.record_job(self.key, failed, started)
            raise
        seconds = time.perf_counter() - clock
        self.store.record_job(self.key, replace(record, status="done", seconds=seconds, result=result), started)
        return JobDone(job, result, seconds, False, log)

    def _tell(self, done: JobDone) -> None:
        job = done.job
        name = metric_name(job.pipeline, job.meta_name)
        how = "done before" if done.skipped else f"{done.seconds:.1f} s"
        total = len(self.experiment.pipelines[job.pipeline])
        self.say(f"[{job.position + 1}/{total}] {job.hook}  {name}  ({how})")
        for line in find_hook(job.hook)(job).summary(done.result):
            self.say(f"    {line}")

    @contextmanager
    def _watcher(self, pipeline: str) -> Iterator[Watcher]:
        e = self.experiment
        with open_watcher(
            e.tracker, self.store, self.key, e.project_name, e.experiment_name, self.folder, pipeline
        ) as watcher:
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
    """Run a hook with its output in the log. What it raises becomes a JobError; the traceback stands in the log."""
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
