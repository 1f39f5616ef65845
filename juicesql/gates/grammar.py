"""The words of an expectation: one line in, one expectation of great_expectations out.

A form is a pattern of words and slots; its first slot is mostly the name of a column. `FORMS` is the whole grammar, and
the table in docs/expectations.md is made of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juicesql.gates.words import GrammarError, Token, tokens_of

LONGEST = 2000  # characters of a line


@dataclass(frozen=True)
class Range:
    """What `between A and B` and its relatives say."""

    low: Any = None
    high: Any = None
    strict_low: bool = False
    strict_high: bool = False

    @property
    def kind(self) -> str:
        return "date" if any(isinstance(v, datetime) for v in (self.low, self.high)) else "number"

    def kwargs(self) -> dict[str, Any]:
        given = {"min_value": self.low, "max_value": self.high}
        given |= {"strict_min": self.strict_low or None, "strict_max": self.strict_high or None}
        return {k: v for k, v in given.items() if v is not None}

    def counted(self, noun: str) -> dict[str, Any]:
        """The same of whole numbers, without strict ends."""
        low, high = self.low, self.high
        for value in (low, high):
            if value is not None and (not isinstance(value, int) or value < 0):
                raise GrammarError(f"{value} is no number of {noun}", "write a whole number, such as 1000")
        if low is not None and self.strict_low:
            low += 1
        if high is not None and self.strict_high:
            high -= 1
        return Range(low, high).kwargs()


Slots = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """One shape of a line. `shares`: it judges rows, so that `for N % of rows` may follow."""

    pattern: str
    example: str
    type: str
    meaning: str
    shares: bool
    build: Callable[[Slots], dict[str, Any]]

    @property
    def ranged(self) -> bool:
        """Its range compares values of the column, not numbers of rows, characters or values."""
        return self.build in (_range, _percentile)


@dataclass(frozen=True)
class Parsed:
    """A line as great_expectations takes it."""

    type: str
    kwargs: Mapping[str, Any]
    names: tuple[str, ...]
    ranged: str = ""


def _column(slots: Slots) -> dict[str, Any]:
    return {"column": slots["NAME"]}


def _range(slots: Slots) -> dict[str, Any]:
    return {"column": slots["NAME"], **slots["RANGE"].kwargs()}


def _set(slots: Slots) -> dict[str, Any]:
    return {"column": slots["NAME"], "value_set": slots["VALUES"]}


def _pair(slots: Slots) -> dict[str, Any]:
    return {"column_A": slots["NAME"], "column_B": slots["OTHER"], "ignore_row_if": "either_value_is_missing"}


def _percentile(slots: Slots) -> dict[str, Any]:
    number = slots["NUMBER"]
    if not 0 <= number <= 100:
        raise GrammarError(f"there is no percentile {number}", "write a number from 0 to 100")
    given = slots["RANGE"]
    if given.strict_low or given.strict_high:
        raise GrammarError("a percentile is at least or at most something", "write `at least` or `at most`")
    return {
        "column": slots["NAME"],
        "quantile_ranges": {"quantiles": [number / 100], "value_ranges": [[given.low, given.high]]},
    }


def _aggregate(word: str, example: str, type_: str, meaning: str) -> Form:
    return Form(f"{word} of NAME is RANGE", f"{word} of {example}", type_, meaning, False, _range)


FORMS: tuple[Form, ...] = (
    Form("RANGE rows", "at least 1000 rows", "expect_table_row_count_to_be_between", "how many rows there are", False,
         lambda s: s["RANGE"].counted("rows")),
    Form("column NAME exists", "column text exists", "expect_column_to_exist", "the column is there", False, _column),
    Form("columns are NAMES", "columns are id, text, lang", "expect_table_columns_to_match_set",
         "these columns and no others, in any order", False,
         lambda s: {"column_set": s["NAMES"], "exact_match": True}),
    Form("columns include NAMES", "columns include id, text", "expect_table_columns_to_match_set",
         "these columns, and maybe others", False, lambda s: {"column_set": s["NAMES"], "exact_match": False}),
    Form("NAME is never null", "column text is never null", "expect_column_values_to_not_be_null",
         "every row has a value", True, _column),
    Form("NAME is always null", "error is always null", "expect_column_values_to_be_null",
         "no row has a value", True, _column),
    Form("NAME is RANGE", "stopwords_ratio is between 0.3 and 1", "expect_column_values_to_be_between",
         "numbers, or dates such as 2024-01-31, in a range", True, _range),
    Form("NAME is one of VALUES", "lang is one of [en, zh]", "expect_column_values_to_be_in_set",
         "one of the values listed", True, _set),
    Form("NAME is none of VALUES", "license is none of [unknown, 'all rights reserved']",
         "expect_column_values_to_not_be_in_set", "none of the values listed", True, _set),
    Form("NAME matches REGEX", r"text matches '^\S'", "expect_column_values_to_match_regex",
         "the regular expression (RE2) is found in the text", True,
         lambda s: {"column": s["NAME"], "regex": s["REGEX"]}),
    Form("NAME does not match REGEX", r"text does not match 'lorem ipsum'", "expect_column_values_to_not_match_regex",
         "the regular expression (RE2) is not found in the text", True,
         lambda s: {"column": s["NAME"], "regex": s["REGEX"]}),
    Form("NAME has RANGE characters", "text has between 100 and 50000 characters",
         "expect_column_value_lengths_to_be_between", "the length of the text", True,
         lambda s: {"column": s["NAME"], **s["RANGE"].counted("characters")}),
    Form("NAME is valid json", "meta is valid json", "expect_column_values_to_be_json_parseable",
         "the text can be parsed as JSON", True, _column),
    Form("NAME is a date like FORMAT", "day is a date like '%Y-%m-%d'", "expect_column_values_to_match_strftime_format",
         "the text is a date in this format (of strftime)", True,
         lambda s: {"column": s["NAME"], "strftime_format": s["FORMAT"]}),
    Form("NAME equals column OTHER", "url equals column final_url", "expect_column_pair_values_to_be_equal",
         "the same value in both columns", True, _pair),
    Form("NAME is more than column OTHER", "end is more than column start",
         "expect_column_pair_values_a_to_be_greater_than_b", "greater than the other column", True,
         lambda s: {**_pair(s), "or_equal": False}),
    Form("NAME is at least column OTHER", "end is at least column start",
         "expect_column_pair_values_a_to_be_greater_than_b", "greater than the other column, or equal", True,
         lambda s: {**_pair(s), "or_equal": True}),
    Form("NAME is unique", "column id is unique", "expect_column_values_to_be_unique",
         "no value stands in two rows", True, _column),
    Form("columns NAMES are unique together", "columns url, page are unique together",
         "expect_compound_columns_to_be_unique", "no two rows have the same values in all of them", True,
         lambda s: {"column_list": s["NAMES"]}),
    Form("NAME has RANGE distinct values", "lang has at least 2 distinct values",
         "expect_column_unique_value_count_to_be_between", "how many different values there are", False,
         lambda s: {"column": s["NAME"], **s["RANGE"].counted("values")}),
    Form("NAME contains every one of VALUES", "lang contains every one of [en, zh]",
         "expect_column_distinct_values_to_contain_set", "each of the values stands in some row", False, _set),
    _aggregate("mean", "text_len is between 500 and 5000", "expect_column_mean_to_be_between", "the mean of all rows"),
    _aggregate("median", "text_len is at least 300", "expect_column_median_to_be_between", "the median of all rows"),
    _aggregate("minimum", "text_len is at least 100", "expect_column_min_to_be_between", "the least value"),
    _aggregate("maximum", "text_len is at most 50000", "expect_column_max_to_be_between", "the greatest value"),
    _aggregate("sum", "num_words is at least 1000000", "expect_column_sum_to_be_between", "all values added up"),
    _aggregate("standard deviation", "quality is at least 0.05", "expect_column_stdev_to_be_between",
               "how far the values are spread (of a sample)"),
    Form("percentile NUMBER of NAME is RANGE", "percentile 95 of perplexity is at most 1500",
         "expect_column_quantile_values_to_be_between", "a percentile, interpolated between two values", False,
         _percentile),
)  # fmt: skip


def parse(line: str) -> Parsed:
    """Read one line. GrammarError says what is wrong and names the nearest form."""
    if len(line) > LONGEST:
        raise GrammarError(f"the line has {len(line):,} characters", f"at most {LONGEST:,} are read")
    tokens = tokens_of(line)
    body, share = _split_share(tokens)
    for form in FORMS:
        slots = _match(form.pattern.split(), body)
        if slots is None:
            continue
        kwargs = form.build(slots)
        if share is not None and not form.shares:
            raise GrammarError("this expectation judges all rows together", "leave out `for ... % of rows`")
        if share is not None:
            kwargs["mostly"] = share
        names = [slots[k] for k in ("NAME", "OTHER") if k in slots] or kwargs.get("column_list", [])
        if form.type == "expect_column_to_exist":
            names = []
        return Parsed(form.type, kwargs, tuple(names), slots["RANGE"].kind if form.ranged else "")
    raise GrammarError("this is no expectation", _nearest(body))


def _split_share(tokens: list[Token]) -> tuple[list[Token], float | None]:
    """The line without `for 99 % of rows`, and the share."""
    words = [t.text.lower() for t in tokens]
    for tail in (["%", "of", "rows"], ["%", "of", "the", "rows"]):
        at = len(tokens) - len(tail) - 2
        if at > 0 and words[at] == "for" and words[at + 2 :] == tail and tokens[at + 1].kind == "number":
            percent = tokens[at + 1].value
            if not 0 <= percent <= 100:
                raise GrammarError(f"{percent} % is no share of rows", "write a number from 0 to 100")
            return tokens[:at], percent / 100
    return tokens, None


def _match(pattern: Sequence[str], tokens: Sequence[Token]) -> dict[str, Any] | None:
    """The slots of a pattern that the tokens fit whole."""
    slots: dict[str, Any] = {}
    at = 0
    for place, word in enumerate(pattern):
        rest = tokens[at:]
        if word.isupper():
            if word == "NAME" and place == 0 and len(rest) > 1 and _says(rest[0], "column"):
                at, rest = at + 1, rest[1:]
            found = _SLOTS[word](rest)
            if found is None:
                return None
            slots[word], used = found
            at += used
        elif rest and _says(rest[0], word):
            at += 1
        else:
            return None
    return slots if at == len(tokens) else None


def _says(token: Token, word: str) -> bool:
    return token.kind == "word" and token.text.lower() == word


Found = tuple[Any, int] | None


def _name(tokens: Sequence[Token]) -> Found:
    if tokens and (tokens[0].kind == "word" or tokens[0].text.startswith('"')):
        return (tokens[0].text if tokens[0].kind == "word" else tokens[0].value), 1
    return None


def _names(tokens: Sequence[Token]) -> Found:
    """`a, b`, or the same in brackets."""
    inside = bool(tokens) and tokens[0].text == "["
    at, names = int(inside), []
    while found := _name(tokens[at:]):
        names.append(found[0])
        at += 1
        if at < len(tokens) and tokens[at].text == ",":
            at += 1
            continue
        break
    if inside and (at >= len(tokens) or tokens[at].text != "]"):
        return None
    return (names, at + inside) if names and len(set(names)) == len(names) else None


def _values(tokens: Sequence[Token]) -> Found:
    """`[a, 'b c', 3]`; words side by side are one text."""
    if not tokens or tokens[0].text != "[":
        return None
    values: list[Any] = []
    item: list[Token] = []
    for at, token in enumerate(tokens[1:], 1):
        if token.kind == "mark" and token.text in ",]":
            if not item:
                return None
            values.append(item[0].value if len(item) == 1 else " ".join(t.text for t in item))
            item = []
            if token.text == "]":
                return values, at + 1
        else:
            item.append(token)
    return None


def _text(tokens: Sequence[Token]) -> Found:
    return (tokens[0].value, 1) if tokens and tokens[0].kind == "quoted" else None


def _number(tokens: Sequence[Token]) -> Found:
    return (tokens[0].value, 1) if tokens and tokens[0].kind == "number" else None


def _range_of(tokens: Sequence[Token]) -> Found:
    words = [t.text.lower() if t.kind == "word" else "" for t in tokens[:3]]
    if words[:1] == ["between"] and len(tokens) > 3 and _says(tokens[2], "and"):
        low, high = _bound(tokens[1]), _bound(tokens[3])
        if low is None or high is None:
            return None
        if isinstance(low, datetime) != isinstance(high, datetime):
            raise GrammarError(
                f"{tokens[1].text} and {tokens[3].text} are of two kinds", "give two numbers, or two dates"
            )
        if low > high:
            raise GrammarError(
                f"nothing is between {tokens[1].text} and {tokens[3].text}",
                f"write `between {tokens[3].text} and {tokens[1].text}`",
            )
        return Range(low, high), 4
    used = 1 if words[:1] == ["exactly"] else 2
    value = _bound(tokens[used]) if len(tokens) > used else None
    if value is None:
        return None
    said = " ".join(words[:used])
    given = {
        "exactly": Range(value, value), "at least": Range(low=value), "at most": Range(high=value),
        "more than": Range(low=value, strict_low=True), "less than": Range(high=value, strict_high=True),
    }.get(said)  # fmt: skip
    return (given, used + 1) if given else None


def _bound(token: Token) -> Any:
    return token.value if token.kind in ("number", "date") else None


_SLOTS: dict[str, Callable[[Sequence[Token]], Found]] = {
    "NAME": _name, "OTHER": _name, "NAMES": _names, "VALUES": _values, "REGEX": _text, "FORMAT": _text,
    "NUMBER": _number, "RANGE": _range_of,
}  # fmt: skip


def _nearest(tokens: Sequence[Token]) -> str:
    """The mend line: the form whose example is made of the most similar words."""
    said = _skeleton(tokens)
    scored = [(difflib.SequenceMatcher(a=said, b=_skeleton(tokens_of(f.example))).ratio(), f) for f in FORMS]
    best = max(scored, key=lambda pair: pair[0])[1]
    return f"the nearest form is `{best.pattern}`, such as `{best.example}`"


def _skeleton(tokens: Sequence[Token]) -> list[str]:
    """The words that forms are made of, and what kind the others are."""
    known = {w for f in FORMS for w in f.pattern.split() if not w.isupper()}
    known |= {"between", "and", "at", "least", "most", "more", "less", "than", "exactly"}
    words = [t.text.lower() for t in tokens]
    return [w if w in known else t.kind for w, t in zip(words, tokens, strict=True) if w != "column"]


def table() -> str:
    """The grammar as a Markdown table."""
    lines = ["| line | example | means | great_expectations |", "| --- | --- | --- | --- |"]
    for form in FORMS:
        star = " \\*" if form.shares else ""
        lines.append(f"| `{form.pattern}`{star} | `{form.example}` | {form.meaning} | `{form.type}` |")
    return "\n".join(lines) + "\n"
