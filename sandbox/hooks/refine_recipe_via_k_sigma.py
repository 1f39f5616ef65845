"""`RefineRecipeViaKSigmaHook`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from juicesql.running import Prepared
from juicesql.runs import RunRecord

from ..base import Context
from ..errors import SandboxError
from ..refining.hook import RefineHook
from ..refining.refine import Kind, Rule, Sides, refine
from ..refining.thresholds import Refined
from ..registry import hook

T = TypeVar("T")


@dataclass(frozen=True)
class KSigmaSettings:
    """Of `RefineRecipeViaKSigmaHook`. Stats are named by label, by function, or by the variable of their bound."""

    path_k_sigma_recipe: str = ""  # where the new recipe goes, *.sql.j2; the job's folder without
    k: float | Mapping[str, float] = 3.0  # a number, or stat -> number with `default`
    method: Kind = "sigma"  # mean and deviation; `robust`: median and MAD; `percentile`
    sides: Sides | Mapping[str, Sides] = "both"  # the bounds that move, or stat -> bounds with `default`
    percentiles: tuple[float, ...] = (1.0, 99.0)  # of lower and upper bounds, for the method `percentile`
    leave: tuple[str, ...] = ()  # stats whose bounds stay

    def rule(self) -> Rule:
        """The settings as a rule. SandboxError when they make none."""
        if len(self.percentiles) != 2:
            message = f"percentiles has {len(self.percentiles)} numbers"
            raise SandboxError.of("bad-percentiles", message, "give two: of lower bounds and of upper ones")
        k, stat_k = _apart(self.k, 3.0)
        default: Sides = "both"
        sides, stat_sides = _apart(self.sides, default)
        rule = Rule(self.method, k, stat_k, sides, stat_sides, *self.percentiles, self.leave)
        if problems := rule.problems():
            raise SandboxError(problems)
        return rule


@hook("refine_recipe")
class RefineRecipeViaKSigmaHook(RefineHook):
    """Moves the cuts of a recipe to mean ± k standard deviations (or median ± k MAD, or percentiles) of their stats.

    `dj_configs` is the recipe, `meta_name` that of the ProbeViaAnalyzerHook whose numbers count; if that looked at
    another recipe, this one is analysed first. Only numbers change, so a run of the new recipe measures nothing again.
    """

    Settings = KSigmaSettings
    refines = True

    def settings(self) -> KSigmaSettings:
        found: KSigmaSettings = super().settings()
        found.rule()
        return found

    def path(self) -> str:
        return self.settings().path_k_sigma_recipe

    def refined(self, context: Context, prepared: Prepared, run: RunRecord) -> Refined:
        return refine(prepared, run, self.settings().rule())


def _apart(given: T | Mapping[str, T], default: T) -> tuple[T, dict[str, Any]]:
    """What holds for all stats, and what each has of its own."""
    if not isinstance(given, Mapping):
        return given, {}
    return given.get("default", default), {name: value for name, value in given.items() if name != "default"}
