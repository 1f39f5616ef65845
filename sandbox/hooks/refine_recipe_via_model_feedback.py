"""`RefineRecipeViaModelFeedbackHook`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from juicesql.errors import JuiceError, Problem
from juicesql.running import Prepared
from juicesql.runs import RunRecord

from ..base import Ahead, Context
from ..errors import SandboxError
from ..refining.feedback import FeedbackRule, Goal, read_feedback, refine_by_feedback
from ..refining.hook import RefineHook
from ..refining.refine import Sides
from ..refining.thresholds import Refined
from ..registry import hook


@dataclass(frozen=True)
class FeedbackSettings:
    """Of `RefineRecipeViaModelFeedbackHook`. Shares are of the samples with feedback."""

    losses: str = ""  # a file of sample_id and loss or reward; by default what the newest job gave
    path_feedback_recipe: str = ""  # where the new recipe goes, *.sql.j2; the job's folder without
    column: str = ""  # what to read; by default `loss`, else `reward`
    goal: Goal | None = None  # by default minimize a loss, maximize a reward
    min_kept: float = 0.5  # the least share that a bound keeps
    min_dropped: float = 0.02  # the least share that makes a tail
    alpha: float = 0.01  # chance that any bound moves though no stat says anything about the feedback
    sides: Sides = "both"  # the bounds that may move
    leave: tuple[str, ...] = ()  # stats whose bounds stay

    def rule(self) -> FeedbackRule:
        """The settings as a rule. SandboxError when they make none."""
        rule = FeedbackRule(self.min_kept, self.min_dropped, self.alpha, self.sides, self.leave)
        if problems := rule.problems():
            raise SandboxError(problems)
        return rule


@hook("refine_recipe")
class RefineRecipeViaModelFeedbackHook(RefineHook):
    """Moves the cuts of a recipe to where a model's loss or reward of each sample changes.

    `dj_configs` is the recipe, `losses` a file of sample_id and loss or reward over its source, such as the
    ProbeViaModelInferHook gives. A bound whose stat says nothing about the feedback stays where it is.
    """

    Settings = FeedbackSettings

    def settings(self) -> FeedbackSettings:
        found: FeedbackSettings = super().settings()
        found.rule()
        return found

    def path(self) -> str:
        return self.settings().path_feedback_recipe

    def problems(self, ahead: Ahead) -> Iterator[Problem]:
        yield from super().problems(ahead)
        try:
            losses = self.settings().losses
        except JuiceError:
            return  # as was said
        if losses and not ahead.exists(losses):
            yield self.job.problem("no-file", f"there is no {losses}", "paths begin at the current directory")
        if not losses and not ahead.has("losses"):
            mend = "give losses in extra_configs, or put a ProbeViaModelInferHook before"
            yield self.job.problem("no-feedback", "no job before gives losses", mend)

    def refined(self, context: Context, prepared: Prepared, run: RunRecord) -> Refined:
        settings = self.settings()
        path = Path(settings.losses) if settings.losses else _probed(context, run)
        return refine_by_feedback(prepared, run, read_feedback(path, settings.column, settings.goal), settings.rule())


def _probed(context: Context, run: RunRecord) -> Path:
    """The losses of the newest job that gave some. SandboxError when they are of other rows than the recipe's."""
    given = [r for (pipeline, _), r in context.results.items() if "losses" in r and pipeline == context.job.pipeline]
    if not given:
        mend = "give losses in extra_configs, or put a ProbeViaModelInferHook before"
        raise SandboxError.of("no-feedback", "there are no losses to go by", mend)
    whole = run.source_fingerprint.partition("-sample-")[0]  # an analysis of a sample numbers rows as the whole does
    if given[-1].get("source_fingerprint", whole) != whole:
        mend = "give both jobs the same recipe in dj_configs, or the same data"
        raise SandboxError.of("other-samples", "the model was probed on other rows than the recipe's", mend)
    return Path(given[-1]["losses"])
