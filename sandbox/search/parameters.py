"""Parameters of a search in the shape of a wandb sweep: fixed values, choices, and ranges with a distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from juicesql.errors import Problem, nearest

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Kind = Literal["choice", "index", "real"]
DIGITS = 6  # significant digits of a real value, so that thresholds can be read in a recipe
_KEYS = {
    "constant": ("value",),
    "categorical": ("values",),
    "uniform": ("min", "max"),
    "int_uniform": ("min", "max"),
    "q_uniform": ("min", "max", "q"),
    "log_uniform": ("min", "max"),
    "log_uniform_values": ("min", "max"),
    "q_log_uniform": ("min", "max", "q"),
    "q_log_uniform_values": ("min", "max", "q"),
}
_OTHERS = ("normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta", "inv_log_uniform")


@dataclass(frozen=True)
class Parameter:
    """What a trial may choose. Optuna is given a code, from which `decode` makes the value.

    `choice`: an index into `values` without an order; `index`: a whole number from `low` to `high`, of which the value
    is the one in `values`, or that many times `q`; `real`: the value itself.
    """

    name: str
    kind: Kind
    low: float = 0
    high: float = 0
    log: bool = False
    q: float = 1
    values: tuple[Any, ...] = ()

    def distribution(self) -> BaseDistribution:
        """As Optuna wants it."""
        from optuna import distributions as d

        if self.kind == "choice":
            return d.CategoricalDistribution(tuple(range(len(self.values))))
        if self.kind == "index":
            return d.IntDistribution(int(self.low), int(self.high), log=self.log)
        return d.FloatDistribution(self.low, self.high, log=self.log)

    def decode(self, code: Any) -> Any:
        """The value that a code stands for."""
        if self.values:
            return self.values[int(code)]
        if self.kind == "index":
            return tidy(int(code) * self.q, 12)
        return min(max(tidy(float(code), DIGITS), self.low), self.high)

    @property
    def codes(self) -> tuple[int, ...] | None:
        """Every code there is; None when there are endlessly many."""
        if self.kind == "choice":
            return tuple(range(len(self.values)))
        return tuple(range(int(self.low), int(self.high) + 1)) if self.kind == "index" else None

    @property
    def example(self) -> Any:
        """Some value of it."""
        return self.decode(0 if self.values else self.low)


def tidy(number: float, digits: int) -> int | float:
    """A number without the noise of binary fractions; whole ones that came as such stay whole.

    >>> tidy(0.30000000000000004, 12), tidy(12, 12)
    (0.3, 12)
    """
    return number if isinstance(number, int) else float(f"{number:.{digits}g}")


def read_parameter(name: str, given: Any, problems: list[Problem]) -> Parameter | None:
    """The parameter; None after adding to `problems` all that is wrong with it."""
    before = len(problems)
    if not isinstance(given, Mapping):
        mend = f"write `{name}: {{value: {given}}}`, or give `values`, or `min` and `max`"
        problems.append(Problem("no-parameter", f"hpo_config.parameters.{name} is {given!r}", mend))
        return None
    distribution = str(given.get("distribution") or _guess(given))
    if distribution not in _KEYS:
        problems.append(_unknown(name, distribution))
        return None
    keys = _KEYS[distribution]
    for key in given:
        if key not in (*keys, "distribution"):
            mend = nearest(str(key), keys) or f"{distribution} takes {', '.join(keys)}"
            problems.append(_problem(name, f"{key} is no setting of it", mend))
    if "value" in keys:
        if "value" not in given:
            problems.append(_problem(name, "value is missing", "give one"))
        found = Parameter(name, "choice", values=(given.get("value"),))
    elif "values" in keys:
        found = _choices(name, given.get("values"), problems)
    else:
        found = _range(name, distribution, given, problems)
    return found if len(problems) == before else None


def _guess(given: Mapping[str, Any]) -> str:
    """As wandb does: whole bounds make whole numbers."""
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical"
    whole = all(isinstance(given.get(k), int) for k in ("min", "max"))
    return "int_uniform" if whole and "q" not in given else "q_uniform" if "q" in given else "uniform"


def _unknown(name: str, distribution: str) -> Problem:
    if distribution in _OTHERS:
        return _problem(name, f"the distribution {distribution} is not searched here", "give uniform, or `values`")
    mend = nearest(distribution, _KEYS) or f"known: {', '.join(_KEYS)}"
    return _problem(name, f"there is no distribution {distribution}", mend)


def _problem(name: str, message: str, mend: str) -> Problem:
    return Problem("bad-parameter", f"hpo_config.parameters.{name}: {message}", mend)


def _choices(name: str, values: Any, problems: list[Problem]) -> Parameter:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        problems.append(_problem(name, f"values is {values!r}", "give a list with a value or more"))
        return Parameter(name, "choice")
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        ordered = tuple(sorted(set(values)))  # a sampler learns more from numbers that have an order
        return Parameter(name, "index", 0, len(ordered) - 1, values=ordered)
    return Parameter(name, "choice", values=tuple(values))


def _range(name: str, distribution: str, given: Mapping[str, Any], problems: list[Problem]) -> Parameter:
    nothing = Parameter(name, "real")
    numbers = {k: _number(given.get(k, 1 if k == "q" else None)) for k in _KEYS[distribution]}
    wrong = [k for k, v in numbers.items() if v is None]
    problems += [_problem(name, f"{k} is {given.get(k)!r}", "give a number") for k in wrong]
    if wrong:
        return nothing
    low, high, q = numbers["min"], numbers["max"], numbers.get("q") or 1
    assert low is not None and high is not None
    if low > high or q <= 0:
        problems.append(_problem(name, f"min is {low}, max {high}, q {q}", "min <= max and q > 0"))
        return nothing
    log = "log" in distribution
    if log and not distribution.endswith("_values"):
        low, high = math.exp(low), math.exp(high)  # wandb gives exponents of e here
    if log and low <= 0:
        problems.append(_problem(name, f"min is {low}, which has no logarithm", "give a min above 0"))
        return nothing
    if distribution.startswith(("q_", "int_")):
        return _steps(name, low, high, q, log, problems)
    return Parameter(name, "real", float(low), float(high), log)


def _steps(name: str, low: float, high: float, q: float, log: bool, problems: list[Problem]) -> Parameter:
    """The multiples of q from low to high."""
    first, last = math.ceil(low / q - 1e-9), math.floor(high / q + 1e-9)
    if log:
        first = max(first, 1)
    if first > last:
        problems.append(_problem(name, f"no multiple of {q} lies between {low} and {high}", "give a smaller q"))
    return Parameter(name, "index", first, max(first, last), log, q)


def _number(value: Any) -> int | float | None:
    """YAML reads 1e-4 as a text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None


def every_choice(parameters: Sequence[Parameter]) -> Iterator[dict[str, int]]:
    """Every combination of codes, the last parameter fastest."""
    if not parameters:
        yield {}
        return
    for code in parameters[0].codes or ():
        for rest in every_choice(parameters[1:]):
            yield {parameters[0].name: code, **rest}
