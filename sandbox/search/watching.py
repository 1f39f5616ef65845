"""Lets the numbers that a training reports end its trial."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ..base import ANONYMOUS, Watcher
from .trials import Pruned, Report

_TRIAL: ContextVar[Listening | None] = ContextVar("trial", default=None)


def heard(watcher: Watcher, pipeline: str = ANONYMOUS) -> Watcher:
    """The watcher of a pipeline, heard by the trial of a search if one is running; else as it is."""
    listening = _TRIAL.get()
    return _Heard(watcher, listening, pipeline) if listening else watcher


class Listening:
    """While it is entered, series with the metric's name are reported; `pruned` is set once the trial shall end."""

    def __init__(self, pipeline: str | None, name: str, report: Report) -> None:
        self.pipeline, self.name, self._report = pipeline, name, report
        self.pruned: Pruned | None = None

    def __enter__(self) -> Listening:
        self._token = _TRIAL.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _TRIAL.reset(self._token)

    def hear(self, value: Any, name: str, step: int | None, pipeline: str) -> None:
        """Report a number of the metric's series. Raises Pruned."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self.hear(inner, f"{name}.{key}", step, pipeline)
        elif name == self.name and self.pipeline in (None, pipeline) and step is not None and self.pruned is None:
            try:
                self._report(step, float(value))
            except Pruned as error:
                self.pruned = error
                raise


class _Heard:
    def __init__(self, inner: Watcher, listening: Listening, pipeline: str) -> None:
        self.inner, self._listening, self._pipeline = inner, listening, pipeline
        self.setup_sweep, self.watch_cfgs, self.query = inner.setup_sweep, inner.watch_cfgs, inner.query

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        self.inner.watch(value, name, step)
        self._listening.hear(value, name, step, self._pipeline)
