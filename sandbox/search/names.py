"""What the thresholds and stats of a recipe are called in a search."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from juicesql.errors import Problem, nearest
from juicesql.running import Prepared
from juicesql.runs import RunRecord
from juicesql.whatif import Funnel, Value, read_funnel

# Operators of Data-Juicer with one pair of bounds -> the stat that takes their place (docs/from-data-juicer.md).
PEER = {
    "alphanumeric_filter": "alnum_ratio",
    "average_line_length_filter": "avg_line_length",
    "character_repetition_filter": "char_rep_ratio",
    "flagged_words_filter": "flagged_words_ratio",
    "language_id_score_filter": "lang_score",
    "llm_perplexity_filter": "llm_perplexity",
    "maximum_line_length_filter": "max_line_length",
    "perplexity_filter": "perplexity",
    "special_characters_filter": "special_char_ratio",
    "stopwords_filter": "stopwords_ratio",
    "text_action_filter": "num_action",
    "text_embd_similarity_filter": "text_embd_similarity",
    "text_length_filter": "text_len",
    "text_pair_similarity_filter": "text_pair_similarity",
    "token_num_filter": "num_token",
    "word_repetition_filter": "word_rep_ratio",
    "words_num_filter": "num_words",
}
_SIDES = {">=": "min", ">": "min", "<=": "max", "<": "max"}


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of a recipe by every name that a parameter may have: name -> keys of handles."""

    names: Mapping[str, frozenset[str]]

    def find(self, name: str) -> str | Problem:
        """The key of the handle, or what is wrong with the name."""
        known = from_peer(name)
        keys = self.names.get(known) or frozenset()
        if len(keys) == 1:
            return next(iter(keys))
        head = f"hpo_config.parameters.{name}"
        if keys:
            clear = sorted(n for n, k in self.names.items() if len(k) == 1 and k <= keys)
            return Problem("ambiguous-threshold", f"{head} may be {len(keys)} thresholds", f"give one of {_few(clear)}")
        clear = sorted(n for n, k in self.names.items() if len(k) == 1)
        mend = nearest(known, clear) or (f"its thresholds: {_few(clear)}" if clear else "no cut of it has a number")
        return Problem("unknown-threshold", f"{head} is no threshold of the recipe", mend)


def _few(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def thresholds(funnel: Funnel) -> Thresholds:
    """`lang_score.min`, `kept.3.min` (the third cut of the step `kept`), both also without the side where there is only
    one bound, and the name of a recipe variable. A stat goes by its function or its column of the `stats` view."""
    known = labelled(funnel)
    called = {v.column: tuple(dict.fromkeys((_label(v, known), v.function))) for v in funnel.values}
    names: dict[str, set[str]] = {}
    for handle in funnel.handles:
        if handle.target and handle.target.startswith("var:"):
            names.setdefault(handle.target.removeprefix("var:"), set()).add(handle.key)
        for gate, bound in handle.uses:
            side = _SIDES.get(bound.operator)
            for what in (gate, *called.get(bound.column or "", ())):
                for name in (what, f"{what}.{side}") if side else (what,):
                    names.setdefault(name, set()).add(handle.key)
    return Thresholds({name: frozenset(keys) for name, keys in names.items()})


def from_peer(name: str) -> str:
    """The name of a threshold for a parameter of an operator of Data-Juicer; other names stay.

    >>> from_peer("text_length_filter.min_len"), from_peer("lang_score.min")
    ('text_len.min', 'lang_score.min')
    """
    operator, _, parameter = name.rpartition(".")
    side = parameter.partition("_")[0]
    return f"{PEER[operator]}.{side}" if operator in PEER and side in ("min", "max") else name


def labelled(funnel: Funnel) -> dict[str, Value]:
    """The stats of a recipe by their columns of the `stats` view; of one that several steps measure, the first."""
    found: dict[str, Value] = {}
    for value in funnel.values:
        found.setdefault(_label(value, found), value)
    return found


def _label(value: Value, taken: Mapping[str, Value]) -> str:
    """As the `stats` view names it: other parameters or another argument make a name of their own."""
    label, number = value.label, 2
    while label in taken and (taken[label].identity, taken[label].lineage) != (value.identity, value.lineage):
        label, number = f"{value.label}_{number}", number + 1
    return label


def record_of(prepared: Prepared) -> RunRecord:
    """A recipe as if it had been run, to be asked for its cuts."""
    recipe, plan = prepared.recipe, json.loads(json.dumps(prepared.plan.to_dict(), default=str))
    return RunRecord(
        "", recipe.name, str(recipe.path), recipe.template, dict(recipe.variables), " ".join(prepared.inputs), None,
        prepared.source.fingerprint, plan, "analyzed", datetime.now(), None, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def funnel_of(prepared: Prepared) -> Funnel:
    """The cuts of a recipe."""
    return read_funnel(record_of(prepared), set())


def same_file(a: str, b: str) -> bool:
    """Whether two names of recipes are the same name or file."""
    return a == b or (Path(a).exists() and Path(b).exists() and Path(a).samefile(b))
