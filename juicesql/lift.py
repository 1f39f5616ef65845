"""Lifts the function calls out of a step's expressions: each distinct call becomes a `Call` and a column."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import sqlglot
from sqlglot import exp

from juicesql.api import Function
from juicesql.argtypes import Given
from juicesql.assets import asset_digest
from juicesql.errors import FunctionError, Problem, nearest
from juicesql.plan import COST_CLASSES, Call
from juicesql.registry import Registry
from juicesql.restricted import check_parameters
from juicesql.signature import constant

LONGEST_LABEL = 60
_MACRO = re.compile(r"create\s+(?:or\s+replace\s+)?macro\s+\w+\s*\((.*?)\)\s*as\s+(.*?);?\s*$", re.S | re.I)


def to_sql(node: exp.Expr) -> str:
    """SQL text of a tree as the author's dialect has it, without comments."""
    return node.sql(dialect="duckdb", normalize_functions=False, comments=False)


def call_name(node: exp.Expr) -> str:
    """Lower-case name of a function node; an empty string for anything else."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()  # quoted or not
    return node.sql_name().lower() if isinstance(node, exp.Func) and node.sql_names() else ""


class Lifter:
    """Lifts calls of one step. `lineage` says for each input column how it comes from the source's columns."""

    def __init__(
        self,
        registry: Registry,
        lineage: dict[str, str],
        number: Iterator[int],
        line: Callable[[exp.Expr], int | None],
        report: Callable[[Problem], None],
    ) -> None:
        self.registry, self.lineage, self.number, self.line, self.report = registry, dict(lineage), number, line, report
        self.calls: dict[str, Call] = {}
        self.by_content: dict[str, str] = {}
        self.macros: set[str] = set()
        self.given: list[Given] = []  # arguments whose types are still to be looked at

    def lift(self, node: exp.Expr) -> exp.Expr:
        """A copy of the tree in which calls that must be measured are columns."""
        return self._lift(node.copy(), frozenset())

    def _lift(self, node: exp.Expr, bound: frozenset[str]) -> exp.Expr:
        if isinstance(node, exp.Lambda):
            bound |= {e.name for e in node.expressions}
        name = call_name(node)
        original = to_sql(node) if name in self.registry else ""
        for child in list(node.iter_expressions()):
            new = self._lift(child, bound)
            if new is not child:
                child.replace(new)
        if name not in self.registry:
            return node
        return self._call(node, name, original, bound)

    def _call(self, node: exp.Expr, name: str, original: str, bound: frozenset[str]) -> exp.Expr:
        function = self.registry.get(name)
        plain = function.runs_on == "sql" and not self._calls_python(name)
        inside_lambda = any(i.name in bound for i in node.find_all(exp.Identifier))
        if plain and (function.kind != "stat" or inside_lambda):
            self.macros.add(name)
            if not inside_lambda:
                self._note(function, list(node.iter_expressions()), node, lifted=False)
            return node
        if inside_lambda:
            mend = "unnest the list in a step of its own and call it on the rows"
            self.report(
                Problem("call-in-lambda", f"`{name}` cannot be called inside a lambda", mend, line=self.line(node))
            )
            return node
        try:
            columns, parameters = bind_arguments(function, node)
            self._note(function, columns, node, lifted=True)
            expression = ""
            if function.runs_on == "sql":
                noted = len(self.given)
                body = self._inlined(function, columns, parameters)
                del self.given[noted:]  # calls inside the body get what was looked at already
                if function.kind != "stat":
                    return exp.paren(body)
                expression = to_sql(body)
                self.macros.update([name] if plain else [])
            return self._record(function, columns, parameters, expression, original, node)
        except FunctionError as error:
            for problem in error.problems:
                self.report(Problem(problem.code, problem.message, problem.mend, line=self.line(node)))
            return node

    def _note(self, function: Function, given: list[exp.Expr], node: exp.Expr, lifted: bool) -> None:
        """Note what a call is given for its columns; a wrong number of arguments is somebody else's to refuse."""
        for argument, value in zip(function.signature.columns, given, strict=False):
            if not isinstance(value, (exp.PropertyEQ, exp.Kwarg)):
                one = Given(function.name, argument, to_sql(value), self._written(value), self.line(node), lifted)
                self.given.append(one)

    def _written(self, node: exp.Expr) -> str:
        """The SQL of an expression with the calls in it as the author wrote them."""

        def put(part: exp.Expr) -> exp.Expr:
            call = self.calls.get(part.name) if isinstance(part, exp.Column) else None
            return exp.var(call.sql) if call else part

        return to_sql(node.copy().transform(put))

    def _calls_python(self, name: str) -> bool:
        function = self.registry.get(name)
        if function.runs_on != "sql":
            return True
        body = function.sql.partition(" as")[2]
        words = {w for w in re.findall(r"\w+(?=\s*\()", body) if w in self.registry and w != name}
        return any(self._calls_python(w) for w in words)

    def _inlined(self, function: Function, columns: list[exp.Expr], parameters: dict[str, exp.Expr]) -> exp.Expr:
        """The body of a SQL function with its arguments put in; calls of Python functions inside it are lifted."""
        found = _MACRO.search(function.sql)
        if found is None:
            mend = "write `create or replace macro name(args) as expression;`"
            raise FunctionError.of("bad-macro", f"cannot read the body of `{function.name}`", mend, str(function.file))
        body = sqlglot.parse_one(found.group(2), dialect="duckdb")
        names = [a.name for a in function.signature.columns]
        given = {**dict(zip(names, columns, strict=True)), **parameters}

        def put(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column) and not node.table and node.name in given:
                value = given[node.name].copy()
                return value if isinstance(value, (exp.Column, exp.Literal)) else exp.paren(value)
            return node

        return self._lift(body.transform(put), frozenset())

    def _record(
        self,
        function: Function,
        columns: list[exp.Expr],
        parameters: dict[str, exp.Expr],
        expression: str,
        original: str,
        node: exp.Expr,
    ) -> exp.Expr:
        arguments = tuple(
            f"cast({to_sql(c)} as {a.type})" for c, a in zip(columns, function.signature.columns, strict=True)
        )
        values = tuple((a.name, a.value(to_sql(parameters[a.name]))) for a in function.signature.parameters)
        content = json.dumps([function.name, arguments, values])
        if content not in self.by_content:
            column = f"__v{next(self.number)}"
            used = [c for a in columns for c in a.find_all(exp.Column)]
            needs = {c.name for c in used if c.name in self.calls}
            needs |= {w for w in re.findall(r"__v\d+", expression) if w in self.calls}
            phase = max([COST_CLASSES.index(function.runs_on), *(self.calls[n].phase for n in needs)])
            defaults = {a.name: a.value(a.default or "null") for a in function.signature.parameters}
            label = self._free(_label(function.name, [(n, v) for n, v in values if v != defaults[n]]), columns)
            lineage = ", ".join(self._lineage_of(c) for c in columns)
            if function.media:
                lineage = f"files of {lineage}"  # keyed by what the files are, not by their names alone
            self.calls[column] = Call(
                column, function.name, function.kind, function.runs_on, arguments, values, function.signature.returns,
                self._identity(function, values), label, original, expression, lineage,
                tuple(sorted(needs)), phase, self.line(node), bool(function.media), function.makes_files,
            )  # fmt: skip
            self.lineage[column] = f"{original.partition('(')[0]}({lineage})"
            self.by_content[content] = column
        return exp.column(self.by_content[content])

    def _free(self, label: str, columns: list[exp.Expr]) -> str:
        """The label, with the columns that are read where another call of the step has it already."""
        taken = {c.label for c in self.calls.values()}
        if label not in taken:
            return label
        named = "_".join(c.name for c in columns if isinstance(c, exp.Column) and c.name not in self.calls)
        label, number = re.sub(r"\W+", "_", f"{label}_{named}").strip("_"), 2
        numbered = label
        while numbered in taken:
            numbered, number = f"{label}_{number}", number + 1
        return numbered

    def _identity(self, function: Function, values: tuple[tuple[str, Any], ...]) -> str:
        check_parameters(function.name, dict(values), self.registry.bounds)
        parts = [function.name, self.registry.identity(function.name), json.dumps(values)]
        if read := asset_digest(function, dict(values)):
            parts.append(read)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _lineage_of(self, node: exp.Expr) -> str:
        def put(part: exp.Expr) -> exp.Expr:
            return exp.var(self.lineage.get(part.name, part.name)) if isinstance(part, exp.Column) else part

        return to_sql(node.copy().transform(put))


def _label(name: str, given: list[tuple[str, Any]]) -> str:
    """The column of a call in the stats view: `char_rep_ratio_rep_len_2`; with a digest where signs would be lost.

    A path or the name of a model on the hub is shown by its last part, without the name of the parameter, and a label
    has LONGEST_LABEL characters at most. Stats of one label are told apart by the stats database.

    >>> _label("char_rep_ratio", [("rep_len", 2)]), _label("symbol_word_ratio", [("symbols", ["#"])])
    ('char_rep_ratio_rep_len_2', 'symbol_word_ratio_symbols_5fd3')
    >>> _label("image_aesthetics_scores", [("hf_scorer_model", "/work/models/tiny-clip/")])
    'image_aesthetics_scores_tiny_clip'
    """
    words = "_".join([name, *(_last_part(v) or f"{n}_{v}" for n, v in given)])
    label = re.sub(r"\W+", "_", words).strip("_")
    lost = re.search(r"[^\w\s\[\]',.:/-]", words)
    if lost or len(label) > LONGEST_LABEL:
        digest = hashlib.sha256(words.encode()).hexdigest()[:4]
        label = f"{label[: LONGEST_LABEL - len(digest) - 1].strip('_')}_{digest}"
    return label


def _last_part(value: Any) -> str:
    """The last part of a path or of a name with slashes, without its suffix; an empty string for anything else."""
    if not isinstance(value, str) or not re.search(r"[/\\]", value) or re.search(r"\s", value):
        return ""
    last = re.split(r"[/\\]+", value.rstrip("/\\"))[-1]
    return re.sub(r"\.[A-Za-z0-9]{1,8}$", "", last)


def bind_arguments(function: Function, node: exp.Expr) -> tuple[list[exp.Expr], dict[str, exp.Expr]]:
    """Match a call's arguments with the signature: the column expressions, and every parameter with its constant."""
    signature, given = function.signature, list(node.iter_expressions())
    mend = f"the signature is {signature}"
    places: dict[str, exp.Expr] = {}
    positional = [g for g in given if not isinstance(g, (exp.PropertyEQ, exp.Kwarg))]
    if len(positional) > len(signature.arguments):
        message = f"`{function.name}` takes {len(signature.arguments)} arguments, not {len(positional)}"
        raise FunctionError.of("too-many-arguments", message, mend)
    for argument, value in zip(signature.arguments, positional, strict=False):
        places[argument.name] = value
    for pair in given[len(positional) :]:
        if pair.name not in {a.name for a in signature.arguments}:
            close = nearest(pair.name, [a.name for a in signature.arguments])
            raise FunctionError.of(
                "unknown-parameter", f"`{function.name}` has no parameter `{pair.name}`", close or mend
            )
        places[pair.name] = pair.expression
    for argument in signature.columns:
        if argument.name not in places:
            raise FunctionError.of("missing-argument", f"`{function.name}` needs `{argument.name}`", mend)
    parameters = {}
    for argument in signature.parameters:
        value = places.get(argument.name) or sqlglot.parse_one(argument.default or "null", dialect="duckdb")
        try:
            constant(to_sql(value))
        except FunctionError:
            message = f"parameter `{argument.name}` of `{function.name}` must be a constant, not {to_sql(value)}"
            raise FunctionError.of("varying-parameter", message, mend) from None
        parameters[argument.name] = value
    return [places[a.name] for a in signature.columns], parameters
