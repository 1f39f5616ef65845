"""What hooks and components are: the classes to derive your own from, and what a job is given to work with.

A hook puts a component into a job list. A component does the work: an `Executor` runs a model (trains, infers) in a log
that is watched while it grows, an `Evaluator` gives numbers for a dataset or a model. Both are chosen by `type`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from juicesql.engines.watch import Progress
from juicesql.errors import JuiceError, Problem

from . import settings
from .errors import SandboxError
from .registry import find_component

ANONYMOUS = "anonymous"  # the pipeline of job lists at the top of a file


@dataclass(frozen=True)
class NoSettings:
    """Of a hook or component that takes none."""


@dataclass(frozen=True)
class Job:
    """One job of a file. `recipe` is `dj_configs`: a path or listed name, or a mapping with `recipe` or `sql` and the
    options of a run. `line` counts from 1."""

    hook: str
    meta_name: str
    recipe: str | Mapping[str, Any] | None
    extra: Mapping[str, Any]
    list: str  # probe, refine_recipe, execution, evaluation
    pipeline: str
    position: int  # in its pipeline, from 0
    file: str = ""
    line: int | None = None
    input: Mapping[str, str] = field(default_factory=dict)
    output: tuple[str, ...] = ()

    def problem(self, code: str, message: str, mend: str) -> Problem:
        """A problem of this job, at its place in the file."""
        return Problem(code, f"{self.hook} ({self.meta_name}): {message}", mend, self.file, self.line)


class Results:
    """What earlier jobs gave: meta_name -> key -> value, of all pipelines, oldest first."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, job: Job, result: Mapping[str, Any]) -> None:
        key = (job.pipeline, job.meta_name)
        earlier = self._of.pop(key, {})  # a later job of the same name adds to it, and counts as the newest
        self._of[key] = earlier | dict(result)

    def copy(self) -> Results:
        """The same results, to which others can be added apart."""
        found = Results()
        found._of = dict(self._of)
        return found

    def of(self, meta_name: str, pipeline: str | None = None) -> dict[str, Any] | None:
        """The result of the newest job of this name, in the pipeline if one is given."""
        found = [r for (p, m), r in self._of.items() if m == meta_name and pipeline in (None, p)]
        return found[-1] if found else None

    def latest(self, key: str, pipeline: str | None = None) -> Any:
        """The newest value of this key, such as `dataset` (path), `model` (folder), `recipe` (path); None if no job
        gave one."""
        found = [r[key] for (p, _), r in self._of.items() if key in r and pipeline in (None, p)]
        return found[-1] if found else None

    def items(self) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        """(pipeline, meta_name) and result, oldest first."""
        yield from self._of.items()


class Watcher(Protocol):
    """Keeps what is found out while an experiment runs: in the local store, and in wandb when asked."""

    def setup_sweep(self, hpo_config: Mapping[str, Any], name: str) -> str:
        """Announce a search over parameters. Returns its id."""

    def watch_cfgs(self, configs: Mapping[str, Any]) -> None:
        """Keep or update configurations by name."""

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        """Keep a number (or a mapping of numbers) under a name such as `train.loss`; `step` makes it a series."""

    def query(self, name: str) -> Any:
        """The newest value kept under a name; None when there is none."""


@dataclass(frozen=True)
class Context:
    """What a job may use besides its own settings."""

    job: Job
    project: Path  # the project: its stats database
    folder: Path  # the job's own folder, empty at its start; what it makes goes here unless its settings say otherwise
    log: Path
    results: Results
    watcher: Watcher
    progress: Progress
    seed: int = 42
    threads: int | None = None

    def dataset(self, given: str | None = None) -> Path:
        """The data to work on: the path given, or what the newest job of this pipeline wrote. SandboxError without."""
        mine = self.job.pipeline
        found = given or self.results.latest("dataset", mine) or self.results.latest("source", mine)
        if not found:
            mend = "give dataset_path in extra_configs, or process data in an earlier job"
            raise SandboxError(self.job.problem("no-dataset", "there is no dataset to work on", mend))
        return Path(found)

    def model(self, given: str | None = None) -> str:
        """The model to work with: the one given, or what the newest job of this pipeline trained."""
        found = given or self.results.latest("model", self.job.pipeline)
        if not found:
            mend = "give model in extra_configs, or train one in an earlier job"
            raise SandboxError(self.job.problem("no-model", "there is no model to work with", mend))
        return str(found)

    def watched(self, name: str, value: float, step: int | None = None) -> None:
        """Keep a number under this job's name."""
        self.watcher.watch(value, f"{self.job.meta_name}.{name}", step)


@dataclass
class Ahead:
    """What is known of the jobs before one, while the file is checked: files they will write, keys they will give."""

    project: Path | None = None
    files: set[Path] = field(default_factory=set)
    keys: dict[str, set[str]] = field(default_factory=dict)  # meta_name -> keys
    exports: dict[Path, Path] = field(default_factory=dict)  # recipe -> the file that its config exports to

    def exists(self, path: str | Path) -> bool:
        """Whether a path is there or will be by then."""
        return Path(path).exists() or Path(path).absolute() in self.files

    def has(self, key: str) -> bool:
        return any(key in found for found in self.keys.values())


class Hook(ABC):
    """One kind of job. Derive, register with `@hook("probe", ...)`, and the name of the class is what a file says.

    `run` returns a mapping that JSON can hold; later jobs find it under the job's `meta_name`. Its numbers are watched.
    """

    lists: ClassVar[tuple[str, ...]] = ()
    factory: ClassVar[str] = ""  # the factory whose `type` extra_configs choose; "" when Settings reads them
    default_type: ClassVar[str] = ""
    Settings: ClassVar[type] = NoSettings
    gives: ClassVar[tuple[str, ...]] = ()  # keys of the result that other jobs may rely on
    takes_recipe: ClassVar[bool] = False  # whether dj_configs must be given
    continues: ClassVar[bool] = False  # whether it goes on with what an interrupted attempt at the same left behind
    refines: ClassVar[bool] = False  # whether it works on the result of an earlier probe with its own meta_name

    def __init__(self, job: Job) -> None:
        self.job = job

    def component(self) -> type[Component]:
        """What `type` chooses. SandboxError for one that is not there."""
        type_ = self.job.extra.get("type", self.default_type)
        if not type_:
            mend = f"give `type` in extra_configs; `juicesql sandbox hooks` lists those of {self.factory}"
            raise SandboxError.of("missing-type", "extra_configs has no `type`", mend)
        return find_component(self.factory, str(type_))

    def settings(self) -> Any:
        """extra_configs, read into the settings of the component or of the hook."""
        given = {k: v for k, v in self.job.extra.items() if k != "type"} if self.factory else self.job.extra
        return settings.read(self.component().Settings if self.factory else self.Settings, given, "extra_configs")

    def make(self, context: Context) -> Any:
        """The component, ready to run."""
        return self.component()(self.settings(), context)

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        """What is wrong with the job, found before anything runs. Derived hooks add to it."""
        if self.takes_recipe:
            from .recipes import recipe_problems

            yield from recipe_problems(self.job, ahead)
        try:
            found = self.settings()
            if self.factory:
                yield from (self._at(p) for p in self.component().problems(found, ahead))
        except JuiceError as error:
            yield from (self._at(p) for p in error.problems)

    def _at(self, problem: Problem) -> Problem:
        return self.job.problem(problem.code, problem.message, problem.mend)

    def writes(self) -> Iterator[Path]:
        """Files that the job will write at places that its settings name, so that later jobs may read them."""
        yield from ()

    @abstractmethod
    def run(self, context: Context) -> dict[str, Any]:
        """Do the work."""

    def summary(self, result: Mapping[str, Any]) -> list[str]:
        """What to show a person when the job is done: a line or a few, the first without an indent."""
        numbers = [f"{k} {v:.6g}" for k, v in result.items() if isinstance(v, (int, float)) and not isinstance(v, bool)]
        return [", ".join(numbers)] if numbers else []


class Component:
    """What a factory makes for a `type`. `Settings` is a dataclass of what extra_configs may say besides `type`."""

    Settings: ClassVar[type] = NoSettings
    extra: ClassVar[str] = ""  # the pip extra that has what it imports

    def __init__(self, settings: Any, context: Context) -> None:
        self.settings, self.context = settings, context

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        """What is wrong with the settings, or missing on this machine, found before anything runs."""
        yield from ()


class Evaluator(Component):
    """Gives numbers for a dataset or a model."""

    @abstractmethod
    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        """`eval_type` is `data` or `model`; `eval_obj` what to judge, by default what the newest job made. Returns
        metric -> number; other values (paths, lists) may stand beside them."""
