"""A search as a sweep of wandb: its server chooses the trials, and this process runs them.

A sweep needs a server, so WANDB_MODE=offline has none. Written by the documented interface of wandb 0.31
(`wandb.sweep`, `wandb.agent`, `wandb.init`); it was run against a stand-in of these three, never against a server.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.errors import JuiceError, Problem

from ..errors import SandboxError
from ..store import now
from .config import Hpo
from .kept import KeptTrials
from .trials import Pruned, Report, Status, Trial, Work

_NO_SERVER = ("offline", "dryrun", "disabled", "shared")
_NUMBERS = ("min", "max", "q", "mu", "sigma")


def problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What keeps a sweep from running here."""
    if find_spec("wandb") is None:
        yield Problem(
            "missing-extra", "hpo_config.tracker is wandb, which is not installed", "pip install 'juicesql[wandb]'"
        )
    mode = os.environ.get("WANDB_MODE", "online")
    if mode in _NO_SERVER:
        mend = "unset WANDB_MODE, or search with `tracker: local`"
        yield Problem("no-server", f"hpo_config.tracker: a sweep needs wandb's server, and WANDB_MODE is {mode}", mend)
    if int(raw.get("parallel") or 1) > 1:
        mend = "remove parallel: start the same file on other machines to add agents"
        yield Problem("bad-setting", "hpo_config.parallel: an agent of wandb runs one trial at a time", mend)


def config_of(hpo: Hpo) -> dict[str, Any]:
    """The sweep as wandb wants it: our own keys are taken away."""
    method = "bayes" if hpo.given.method in ("tpe", "nsga2") else hpo.given.method
    metric = {"name": hpo.metrics[0].name, "goal": hpo.metrics[0].goal}
    found = {"name": hpo.given.sweep_name, "method": method, "metric": metric, "parameters": _plain(hpo)}
    early = hpo.raw.get("early_terminate")
    return found | ({"early_terminate": dict(early)} if early else {})


def _plain(hpo: Hpo) -> dict[str, Any]:
    """The parameters; YAML reads 1e-4 as a text, which wandb does not take for a number."""
    return {
        name: {k: float(v) if k in _NUMBERS and isinstance(v, str) else v for k, v in given.items()}
        for name, given in hpo.raw["parameters"].items()
    }


def run(hpo: Hpo, work: Work, kept: KeptTrials, folder: Path, each: Callable[[Trial], None]) -> str:
    """Make a sweep, run its trials until there are as many as wanted, and return its id. SandboxError when wandb
    refuses."""
    import wandb

    wrong = list(problems(hpo.raw))
    if wrong:
        raise SandboxError(wrong)
    project = kept.experiment.partition("/")[0]
    agent = _Agent(hpo, work, kept, folder, each)
    try:
        sweep = str(wandb.sweep(config_of(hpo), project=project))
        wandb.agent(sweep, function=agent.trial, project=project, count=hpo.count)
    except wandb.Error as error:
        mend = "log in (`wandb login`, or WANDB_API_KEY), and compare hpo_config with wandb's sweep configuration"
        raise SandboxError.of("wandb-failed", f"wandb does not run the sweep: {error}", mend) from error
    if agent.broken:
        raise agent.broken
    return sweep


class _Agent:
    """Runs the trials that the server chose."""

    def __init__(self, hpo: Hpo, work: Work, kept: KeptTrials, folder: Path, each: Callable[[Trial], None]) -> None:
        self.hpo, self.work, self.kept, self.folder, self.each = hpo, work, kept, folder, each
        self.number = 0
        self.broken: Exception | None = None  # wandb swallows what a trial raises

    def trial(self) -> None:
        """One trial; wandb calls it."""
        import wandb

        number, self.number = self.number, self.number + 1
        wandb_run: Any = wandb.init(dir=str(self.folder), reinit="create_new")
        status: Status = "failed"
        try:
            chosen = dict(wandb_run.config)
            parameters = {name: chosen[name] for name in self.hpo.raw["parameters"]}
            trial = self._worked(number, parameters, self._report(wandb_run))
            status = trial.status
            wandb_run.log({k: v for k, v in trial.values.items() if v is not None})
            self.kept.keep(trial)
            self.each(trial)
        except Exception as error:
            self.broken = error
            raise
        finally:
            wandb_run.finish(exit_code=int(status == "failed"))

    def _report(self, wandb_run: Any) -> Report:
        name = self.hpo.metrics[0].name

        def report(_: int, value: float) -> None:
            if math.isfinite(value):
                wandb_run.log({name: value})  # the server counts these for early_terminate

        return report

    def _worked(self, number: int, parameters: Mapping[str, Any], report: Report) -> Trial:
        started, clock = now(), time.perf_counter()
        try:
            scored = self.work(number, parameters, report)
        except Pruned as error:
            return Trial(number, "pruned", parameters, {}, started=started, message=str(error))
        except JuiceError as error:
            return Trial(number, "failed", parameters, {}, started=started, message=str(error))
        status: Status = "failed" if any(scored.values.get(m.name) is None for m in self.hpo.metrics) else "complete"
        return Trial(
            number, status, parameters, scored.values, scored.kept, scored.measured, time.perf_counter() - clock,
            started, scored.message,
        )  # fmt: skip
