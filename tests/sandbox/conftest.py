"""Jobs of the sandbox without the pipeline: a context made by hand."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from juicesql.sandbox.base import Context, Job, Results


@dataclass
class Kept:
    """A watcher that keeps everything in a list: (name, value, step), and when it came."""

    numbers: list[tuple[str, Any, int | None]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    configs: dict[str, Any] = field(default_factory=dict)

    def setup_sweep(self, hpo_config: Mapping[str, Any], name: str) -> str:
        return name

    def watch_cfgs(self, configs: Mapping[str, Any]) -> None:
        self.configs |= configs

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        self.numbers.append((name, value, step))
        self.times.append(time.time())

    def query(self, name: str) -> Any:
        return next((v for n, v, _ in reversed(self.numbers) if n == name), None)

    def series(self, name: str) -> list[tuple[int | None, Any]]:
        """(step, value) of a name, in the order of coming."""
        return [(step, value) for n, value, step in self.numbers if n == name]


class Quiet:
    """Progress that nobody looks at, but for its last share."""

    last: float | None = None

    def begin(self, total_bytes: int) -> None: ...

    def advance(self, rows: int, bytes_: int) -> None: ...

    def stage(self, name: str) -> None: ...

    def share(self, part: float | None) -> None:
        self.last = part


@pytest.fixture(scope="session")
def make_context() -> Callable[..., Context]:
    """`make_context(tmp_path, hook, extra, recipe=None, results=None)`: a context for one job, with a `Kept` watcher.
    `results` is meta_name -> result of earlier jobs."""

    def make(
        tmp_path: Path,
        hook: str = "TrainModelHook",
        extra: Mapping[str, Any] | None = None,
        recipe: Any = None,
        results: Mapping[str, Mapping[str, Any]] | None = None,
        meta_name: str = "job",
        threads: int | None = 1,
    ) -> Context:
        job = Job(hook, meta_name, recipe, extra or {}, "execution", "anonymous", 0)
        earlier = Results()
        for name, result in (results or {}).items():
            earlier.add(Job("Earlier", name, None, {}, "execution", "anonymous", 0), result)
        folder = tmp_path / "jobs" / meta_name
        folder.mkdir(parents=True, exist_ok=True)
        return Context(job, tmp_path / "project", folder, folder / "job.log", earlier, Kept(), Quiet(), 42, threads)

    return make


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the work of `juicesql.sandbox.inference` in this process: loading its libraries once saves seconds a test."""
    from juicesql.sandbox.inference import run as inference
    from juicesql.sandbox.inference.child import ModelExecutor

    async def run(self: ModelExecutor, words: list[str], env: Any = None, cwd: Any = None) -> None:
        if code := inference.main(list(words[3:])):
            raise self.failed(f"python ended with code {code}")

    monkeypatch.setattr(ModelExecutor, "command", run)
