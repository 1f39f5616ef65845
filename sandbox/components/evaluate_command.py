"""The model evaluator `command`: whatever a program prints about a model."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead, Evaluator
from ..executor import describe_exit, die_with_parent, job_failed
from ..missing import missing_file
from ..registry import component

GRACE = 5.0  # seconds between asking a program to end and ending it
LONGEST = 1 << 20  # bytes of the last line


@dataclass(frozen=True)
class CommandSettings:
    """What the evaluator may be told."""

    command: tuple[str, ...]  # program and arguments; {model}, {dataset} and {folder} are filled in
    model: str | None = None  # by default what the newest job trained
    dataset_path: str | None = None  # by default what the newest job wrote
    timeout: float = 3600.0  # seconds
    env: Mapping[str, str] = field(default_factory=dict)  # further environment variables


@component("ModelEvaluator", "command")
class Command(Evaluator):
    """The metrics that a program prints as JSON: the last line of its standard output that is a JSON object.

    The program gets its arguments as they are, without a shell; `{model}`, `{dataset}` and `{folder}` (the job's own,
    to write in) are filled in. Metrics inside metrics are named `outer.inner`; each must be a finite number, other
    values are kept as they are. What it prints to standard error stands in the job's log.
    """

    Settings = CommandSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        if not settings.command:
            yield Problem("bad-setting", "command is empty", "give the program and its arguments as a list")
        elif not shutil.which(settings.command[0]) and "{" not in settings.command[0]:
            yield Problem("no-program", f"there is no program {settings.command[0]}", "give its path, or install it")
        yield from missing_file(settings.dataset_path, ahead)
        wanted = " ".join(settings.command)
        if "{model}" in wanted and not settings.model and not ahead.has("model"):
            yield Problem("no-model", "the command wants {model}, and there is none", "give `model`, or train one")

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        printed = self.context.folder / "stdout.txt"
        printed.parent.mkdir(parents=True, exist_ok=True)
        self._execute([self._filled(w, eval_obj) for w in self.settings.command], printed)
        last = last_object(printed)
        if last is None:
            raise self._failed("it printed no line that is a JSON object", printed)
        return dict(self._metrics(last))

    def _filled(self, word: str, eval_obj: Any) -> str:
        if "{model}" in word:
            word = word.replace("{model}", self.context.model(eval_obj or self.settings.model))
        if "{dataset}" in word:
            word = word.replace("{dataset}", str(self.context.dataset(self.settings.dataset_path)))
        return word.replace("{folder}", str(self.context.folder))

    def _execute(self, words: list[str], printed: Path) -> None:
        with open(printed, "wb") as out, open(self.context.log, "ab") as log:
            try:
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True,
                    env={**os.environ, **self.settings.env}, preexec_fn=die_with_parent,
                )  # fmt: skip
            except OSError as error:
                raise self._failed(f"cannot start {words[0]}: {error}", self.context.log) from error
            try:
                code = process.wait(self.settings.timeout)
            except subprocess.TimeoutExpired:
                raise self._failed(f"it took more than {self.settings.timeout:g} seconds", self.context.log) from None
            finally:
                end(process)
        if code:
            raise self._failed(f"{Path(words[0]).name} ended with {describe_exit(code)}", self.context.log)

    def _metrics(self, found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
        for name, value in found.items():
            if isinstance(value, Mapping):
                yield from self._metrics(value, f"{above}{name}.")
            elif isinstance(value, float) and not math.isfinite(value):
                raise self._failed(f"the metric {above}{name} is {value}", self.context.log)
            else:
                yield f"{above}{name}", value

    def _failed(self, message: str, log: Path) -> Exception:
        return job_failed(self.context.job, message, log)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started: asked first, then ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return


def last_object(path: Path) -> dict[str, Any] | None:
    """The last line of a file that is a JSON object; None when there is none in its last megabyte."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST))
        lines = file.read().decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return None
