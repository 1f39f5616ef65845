"""Reads the file of an experiment and checks all of it before anything runs.

The keys are those of Data-Juicer's sandbox: `project_name`, `experiment_name`, `hpo_config` and the four job lists,
either at the top or below `pipelines`. Each job has `hook`, and may have `meta_name`, `dj_configs`, `extra_configs`,
`input`, `output` and `local`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem, nearest

from .base import Ahead, Job
from .errors import SandboxError
from .registry import find_hook, job_lists

ANONYMOUS = "anonymous"  # the pipeline of job lists at the top of the file
LARGEST = 1 << 20
MOST_NODES = 100_000
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


def check(experiment: Experiment, project: Path | None = None) -> list[Problem]:
    """Everything that is wrong with the jobs, found without running them: unknown hooks and settings, recipes that
    cannot be planned, names of results that no earlier job gives, files that are not there and will not be."""
    problems: list[Problem] = []
    ahead = Ahead(project)
    for jobs in experiment.pipelines.values():
        taken: dict[str, Job] = {}
        for job in jobs:
            problems += _job_problems(job, ahead, taken)
    if experiment.hpo is not None:
        from .search import check as check_search

        problems += check_search(experiment.hpo, experiment.jobs)
    return problems


def _job_problems(job: Job, ahead: Ahead, taken: dict[str, Job]) -> Iterator[Problem]:
    try:
        hook = find_hook(job.hook)(job)
    except JuiceError as error:
        yield from (Problem(p.code, p.message, p.mend, job.file, job.line) for p in error.problems)
        return
    if job.list not in hook.lists:
        key = next((k for k, name in job_lists().items() if name in hook.lists), hook.lists[0])
        yield job.problem("wrong-list", f"it does not work in the list `{job.list}`", f"move it to {key}")
    if hook.refines:
        known = [name for name, keys in ahead.keys.items() if "run_id" in keys or "losses" in keys]
        if job.meta_name not in known:
            mend = nearest(job.meta_name, known) or "give it the meta_name of the probe job whose result it shall use"
            yield job.problem("missing-meta-name", "no earlier probe has this meta_name", mend)
    elif job.meta_name in taken:
        yield job.problem("same-meta-name", f"{taken[job.meta_name].hook} has this meta_name too", "give it another")
    taken.setdefault(job.meta_name, job)
    yield from _input_problems(job, ahead, taken)
    if not any(target.startswith(("dj_configs", "extra_configs")) for target in job.input):
        yield from hook.problems(ahead)
    ahead.files |= {p.absolute() for p in _written(hook)}
    ahead.keys.setdefault(job.meta_name, set()).update((*hook.gives, *job.output))


def _written(hook: Any) -> list[Path]:
    try:
        return list(hook.writes())
    except JuiceError:  # the settings are wrong, which `problems` has said
        return []


def _input_problems(job: Job, ahead: Ahead, taken: Mapping[str, Job]) -> Iterator[Problem]:
    for target, wanted in job.input.items():
        if target.split(".")[0] not in ("dj_configs", "extra_configs"):
            yield job.problem("bad-input", f"input sets {target}", "set dj_configs... or extra_configs...")
        name = wanted.rpartition(".")[0].rpartition(".")[2] or wanted
        if "." not in wanted or (name not in ahead.keys and not re.fullmatch(r"-\d+", name)):
            mend = nearest(name, ahead.keys) or "write -1.key for the job before, or meta_name.key"
            yield job.problem("bad-input", f"input takes {wanted}, which no earlier job gives", mend)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def read(self) -> Experiment:
        root = _compose(self.path)
        raw, lines = _plain(root, self.path), _lines_of_lists(root)
        if not isinstance(raw, dict):
            raise self._error("bad-file", "the file is no mapping", "begin with `project_name: ...`")
        lists = job_lists()
        self._check_keys(raw, (*_TOP, *lists))
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
            bool(raw.get("resume", True)), str(tracker), int(raw.get("seed") or 42), raw,
        )  # fmt: skip

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
        for i, entry in enumerate(listed):
            if not isinstance(entry, dict) or len(entry) != 1:
                self._add("bad-setting", f"pipeline {i + 1} is no name with job lists", "write `- name:` and the lists")
                continue
            ((name, lists),) = entry.items()
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


def replaced(recipe: Any, extra: Mapping[str, Any], target: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """dj_configs and extra_configs with one place set, such as `extra_configs.train.lr`, or `dj_configs` as a whole.

    >>> replaced("a.sql.j2", {"train": {"lr": 1}}, "extra_configs.train.lr", 2)
    ('a.sql.j2', {'train': {'lr': 2}})
    """
    head, _, rest = target.partition(".")
    if head == "dj_configs":
        if rest and isinstance(recipe, str):
            recipe = {"recipe": recipe}
        return (_with(recipe or {}, rest.split("."), value) if rest else value), dict(extra)
    return recipe, (_with(extra, rest.split("."), value) if rest else dict(value))


def _with(mapping: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    below = mapping.get(first)
    inner = _with(below if isinstance(below, Mapping) else {}, rest, value) if rest else value
    return {**mapping, first: inner}


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a .yaml or .json file. SandboxError when it cannot be read."""
    if path.suffix == ".json":
        try:
            found = json.loads(_text(path))
        except ValueError as error:
            raise SandboxError.of("bad-file", f"{path} is not JSON: {error}", "mend the file") from error
    else:
        found = _plain(_compose(path), path)
    if not isinstance(found, dict):
        raise SandboxError.of("bad-file", f"{path} holds no mapping", "write `name: value` lines")
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise SandboxError.of("large-file", f"{path} is larger than 1 MB", "configurations are small")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        beside = [p.name for p in path.parent.glob("*.*")] if path.parent.is_dir() else []
        mend = nearest(path.name, beside) or "paths begin at the current directory"
        raise SandboxError.of("no-file", f"cannot read {path}: {error}", mend) from error


def _compose(path: Path) -> Any:
    """The nodes of a YAML file, which know their lines."""
    import yaml

    try:
        root = yaml.compose(_text(path), yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        cause = getattr(error, "problem", None) or "it is too deep"
        mend = "put a value with `: ` or ` #` into quotes"
        raise SandboxError.of(
            "bad-file", f"not YAML: {cause}", mend, path.name, mark.line + 1 if mark else None
        ) from error
    if _size(root, {}) > MOST_NODES:
        raise SandboxError.of("large-file", f"{path.name} has too many values", "configurations are small")
    return root


def _size(node: Any, known: dict[int, int]) -> int:
    """Values below a node, those of aliases counted as often as they are named."""
    if node is None or node.id == "scalar":
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # of a node inside itself
        below = [n for item in node.value for n in (item if node.id == "mapping" else (item,))]
        known[id(node)] = 1 + sum(_size(n, known) for n in below)
    return known[id(node)]


def _plain(root: Any, path: Path) -> Any:
    import yaml

    try:
        return yaml.SafeLoader("").construct_document(root) if root is not None else {}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        cause = getattr(error, "problem", None) or error
        raise SandboxError.of("bad-file", f"{path.name}: {cause}", "write plain values") from error


def _lines_of_lists(root: Any, above: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], int]:
    """The line of each value, by the keys and places that lead to it."""
    found = {above: root.start_mark.line + 1} if root is not None else {}
    pairs: list[tuple[Any, Any]] = []
    if root is not None and root.id == "mapping":
        pairs = [(key.value, value) for key, value in root.value]
    elif root is not None and root.id == "sequence":
        pairs = list(enumerate(root.value))
    for key, value in pairs if len(above) < 6 else ():
        found |= _lines_of_lists(value, (*above, key))
    return found


def _default_name(hook: str, taken: set[str]) -> str:
    """A name for a job without one: `ProcessDataHook` is `process_data`, the next one `process_data_2`."""
    base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", hook.removesuffix("Hook")).lower() or "job"
    number = 2
    name = base
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name
