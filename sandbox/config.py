"""Reads the file of an experiment.

The keys are those of Data-Juicer's sandbox: `project_name`, `experiment_name`, `hpo_config` and the four job lists,
either at the top or below `pipelines`. Each job has `hook`, and may have `meta_name`, `dj_configs`, `extra_configs`,
`input`, `output` and `local`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem, nearest

from . import settings
from .base import ANONYMOUS, Job
from .errors import SandboxError
from .iterations import Iterations
from .passing import replaced
from .registry import job_lists
from .yaml_file import compose, lines_of, plain, read_mapping

_ITERATIONS = {
    "max_iter_num": "most", "iter_targets": "targets", "iter_targets_mode": "mode", "iter_updater": "updates",
}  # fmt: skip
_TOP = ("project_name", "experiment_name", "work_dir", "resume", "hpo_config", "tracker", "seed", "pipelines")
_JOB = ("hook", "meta_name", "dj_configs", "extra_configs", "input", "output", "local")
_NAME = re.compile(r"\w[\w. +-]*")
_TRACKERS = ("local", "wandb")


@dataclass(frozen=True)
class Experiment:
    """An experiment as its file says: pipelines in order, each with its jobs in the order of work."""

    file: str
    project_name: str
    experiment_name: str
    pipelines: Mapping[str, tuple[Job, ...]]
    hpo: Mapping[str, Any] | None = None
    work_dir: str = ""
    resume: bool = True
    tracker: str = "local"
    seed: int = 42
    iterations: Iterations = field(default_factory=Iterations)
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(job for jobs in self.pipelines.values() for job in jobs)


def load(path: Path) -> Experiment:
    """Read a file. SandboxError that carries every problem of its shape; `check` looks at the jobs themselves."""
    reader = _Reader(path)
    found = reader.read()
    if reader.problems:
        raise SandboxError(reader.problems)
    return found


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def read(self) -> Experiment:
        root = compose(self.path)
        raw, lines = plain(root, self.path), lines_of(root)
        if not isinstance(raw, dict):
            raise self._error("bad-file", "the file is no mapping", "begin with `project_name: ...`")
        lists = job_lists()
        self._check_keys(raw, (*_TOP, *_ITERATIONS, *lists))
        pipelines = dict(self._pipelines(raw, lines))
        if not any(pipelines.values()):
            self._add("no-jobs", "the file has no jobs", f"give one of {', '.join(lists)}")
        hpo = raw.get("hpo_config")
        tracker = raw.get("tracker") or "local"
        if tracker not in _TRACKERS:
            self._add("bad-setting", f"tracker is {tracker!r}", f"give one of {', '.join(_TRACKERS)}")
        for name in ("project_name", "experiment_name"):
            if not isinstance(raw.get(name), str) or not _NAME.fullmatch(raw[name]):
                self._add("missing-setting", f"{name} is {raw.get(name)!r}", "give a name: letters, digits, - and _")
        return Experiment(
            str(self.path), str(raw.get("project_name")), str(raw.get("experiment_name")), pipelines,
            self._mapping(hpo, "hpo_config") if hpo is not None else None, str(raw.get("work_dir") or ""),
            bool(raw.get("resume", True)), str(tracker), int(raw.get("seed") or 42), self._iterations(raw), raw,
        )  # fmt: skip

    def _iterations(self, raw: Mapping[str, Any]) -> Iterations:
        given = {name: raw[key] for key, name in _ITERATIONS.items() if raw.get(key) is not None}
        try:
            return settings.read(Iterations, given)
        except SandboxError as error:
            keys = {name: key for key, name in _ITERATIONS.items()}
            for p in error.problems:
                name, _, rest = p.message.partition(" ")
                self._add(p.code, f"{keys.get(name, name)} {rest}", p.mend)
            return Iterations()

    def _pipelines(self, raw: Mapping[str, Any], lines: Mapping[tuple[Any, ...], int]) -> Iterator[tuple[str, Any]]:
        at_top = {k: v for k, v in raw.items() if k in job_lists() and v}
        listed = raw.get("pipelines") or []
        if at_top and listed:
            self._add("two-shapes", "job lists stand both at the top and below pipelines", "put all below pipelines")
        if at_top:
            yield ANONYMOUS, tuple(self._jobs(ANONYMOUS, at_top, lines, ()))
        if not isinstance(listed, list):
            self._add("bad-setting", "pipelines is no list", "write `- name: {probe_job_configs: [...]}`")
            return
        seen: set[str] = set()
        for i, entry in enumerate(listed):
            if not isinstance(entry, dict) or len(entry) != 1:
                self._add("bad-setting", f"pipeline {i + 1} is no name with job lists", "write `- name:` and the lists")
                continue
            ((name, lists),) = entry.items()
            if not _NAME.fullmatch(str(name)) or str(name) in seen:
                self._add(
                    "bad-name", f"pipeline {i + 1} is called {name!r}", "give each a name: letters, digits, - and _"
                )
            seen.add(str(name))
            self._check_keys(lists or {}, tuple(job_lists()))
            yield str(name), tuple(self._jobs(str(name), lists or {}, lines, ("pipelines", i, name)))

    def _jobs(
        self, pipeline: str, lists: Mapping[str, Any], lines: Mapping[tuple[Any, ...], int], above: tuple[Any, ...]
    ) -> Iterator[Job]:
        position, names = 0, set[str]()
        for key, list_name in job_lists().items():
            entries = lists.get(key) or []
            if not isinstance(entries, list):
                self._add(
                    "bad-setting", f"{key} is no list", "begin each job with `- hook: ...`", lines.get((*above, key))
                )
                continue
            for i, entry in enumerate(entries):
                line = lines.get((*above, key, i))
                job = self._job(entry, list_name, pipeline, position, line, names)
                if job:
                    names.add(job.meta_name)
                    position += 1
                    yield job

    def _job(
        self, entry: Any, list_name: str, pipeline: str, position: int, line: int | None, names: set[str]
    ) -> Job | None:
        if not isinstance(entry, dict) or not isinstance(entry.get("hook"), str):
            self._add("missing-hook", "a job has no hook", "begin it with `- hook: NameOfTheHook`", line)
            return None
        self._check_keys(entry, _JOB, line)
        recipe = entry.get("dj_configs")
        extra = self._mapping(entry.get("extra_configs"), "extra_configs", line)
        for name, value in self._mapping(entry.get("local"), "local", line).items():
            recipe, extra = replaced(recipe, extra, name, value)
        meta = str(entry.get("meta_name") or "") or _default_name(entry["hook"], names)
        if not _NAME.fullmatch(meta):
            self._add("bad-meta-name", f"meta_name is {meta!r}", "use letters, digits, _ and -", line)
        output = entry.get("output") or ()
        return Job(
            entry["hook"], meta, recipe, extra, list_name, pipeline, position, self.path.name, line,
            self._mapping(entry.get("input"), "input", line), (output,) if isinstance(output, str) else tuple(output),
        )  # fmt: skip

    def _mapping(self, value: Any, name: str, line: int | None = None) -> dict[str, Any]:
        """A mapping as it stands, or out of the file that is named."""
        if value is None:
            return {}
        if isinstance(value, str):
            try:
                value = read_mapping(Path(value))
            except JuiceError as error:
                self.problems += [Problem(p.code, p.message, p.mend, self.path.name, line) for p in error.problems]
                return {}
        if not isinstance(value, dict):
            self._add(
                "bad-setting", f"{name} is {value!r}", "give a mapping, or the path of a .yaml or .json file", line
            )
            return {}
        return value

    def _check_keys(self, given: Mapping[str, Any], known: tuple[str, ...], line: int | None = None) -> None:
        for key in given:
            if key not in known:
                self._add("unknown-setting", f"{key} is no setting", nearest(str(key), known) or ", ".join(known), line)

    def _add(self, code: str, message: str, mend: str, line: int | None = None) -> None:
        self.problems.append(Problem(code, message, mend, self.path.name, line))

    def _error(self, code: str, message: str, mend: str) -> SandboxError:
        return SandboxError.of(code, message, mend, self.path.name)


def _default_name(hook: str, taken: set[str]) -> str:
    """A name for a job without one: `ProcessDataHook` is `process_data`, the next one `process_data_2`."""
    base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", hook.removesuffix("Hook")).lower() or "job"
    number = 2
    name = base
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
