"""Turns a rendered recipe into a plan: parse, check, cut into steps. Pure: the only connection is an empty binder."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeGuard

import duckdb
from sqlglot import exp

from juicesql.argtypes import Given, fits, refusal
from juicesql.binder import Binder, Columns
from juicesql.checks import check_functions, check_made, check_tables, not_too_deep, parse_query
from juicesql.cuts import and_terms, bounds_of, comparisons, mismatch, value_of
from juicesql.earlier import fingerprint_columns
from juicesql.errors import Problem, RecipeError
from juicesql.filters import EARLIER, filter_query, names_duplicates
from juicesql.lift import Lifter, call_name, to_sql
from juicesql.passing import (
    NOTHING,
    Facts,
    Unsupported,
    arms_of,
    check_plain,
    named,
    of_groups,
    of_join,
    of_members,
    of_select,
    of_union,
    read_names,
)
from juicesql.plan import RID, SAMPLE, Cut, GlobalStep, MapStep, Output, Passing, Plan, Step, Traced
from juicesql.recipe import Recipe
from juicesql.registry import Registry
from juicesql.shape import (
    aliases,
    brings_together,
    exclude_from_stars,
    hoisted,
    is_row_wise,
    is_star_only,
    keys_of,
    nested_queries,
    order_rows,
    outputs_of,
    row_number_is_one,
    selected_names,
    strip_table,
    table_names,
    table_of,
    traced_by,
)
from juicesql.sqltext import is_own, quote
from juicesql.stages import mainline

RESULT = "result"
NAMED = 40  # columns that a message names


@dataclass
class _Relation:
    columns: Columns
    lineage: dict[str, str]
    traced: Traced = "rows"
    hidden: list[str] = field(default_factory=list)
    facts: Facts = NOTHING

    @property
    def names(self) -> list[str]:
        return [c for c, _ in self.columns]


Travel = Literal["lines", "texts", "types"]  # of columns that the recipe does not name


def make_plan(
    recipe: Recipe,
    registry: Registry,
    source_columns: Columns,
    side: dict[str, Columns] | None = None,
    carries: bool = False,
    mixed: Collection[str] = (),
    looked_at: bool = False,
) -> Plan:
    """Plan a recipe for a source with these columns (without sample_id). RecipeError carries every problem found.

    With `carries`, columns that no step looks at travel as they came; the source must be JSON, as well as the output.
    `mixed` are columns whose values have no common type. With `looked_at` somebody asks for the values of any column:
    all get types, and travel as they came as well.
    """
    with not_too_deep(recipe.path.name), Binder(registry) as binder:
        ways: tuple[Travel, ...] = ("lines", "texts") if carries else ()
        for travel in ways:
            with contextlib.suppress(Unsupported, RecipeError):  # an error is told of the columns with their types
                return _Planner(recipe, registry, source_columns, side or {}, binder, travel, mixed, looked_at).plan()
        return _Planner(recipe, registry, source_columns, side or {}, binder, "types", mixed).plan()


class _Planner:
    def __init__(
        self,
        recipe: Recipe,
        registry: Registry,
        source: Columns,
        side: dict[str, Columns],
        binder: Binder,
        travel: Travel,
        mixed: Collection[str],
        looked_at: bool = False,
    ) -> None:
        self.recipe, self.registry, self.binder = recipe, registry, binder
        self.source, self.travel, self.mixed = source, travel, frozenset(mixed)
        self.looked_at = looked_at
        self.relations: dict[str, _Relation] = {"source": _Relation((), {})}
        for name, columns in side.items():
            self.relations[name] = _Relation(tuple(c for c in columns if c[0] != SAMPLE), {}, traced="")
        self.steps: list[Step] = []
        self.problems: list[Problem] = []
        self.numbers = itertools.count()
        self.macros: set[str] = set()
        self.line_of_step: int | None = None
        for asked in recipe.fingerprints:
            self.relations[asked.relation] = _Relation(fingerprint_columns(asked, registry), {}, traced="")

    def _see_source(self, tree: exp.Query) -> None:
        """The relation `source`, with the columns that have to be seen, and those under the types that they need."""
        seen = self.source
        if self.travel != "types":
            every = {c.casefold() for c, _ in seen} if self.looked_at else set()
            asked, read = named(tree) | every, read_names(tree) | every
            self.typed = tuple(c for c, _ in seen if c.casefold() in read)
            seen = tuple(s for s in seen if s[0].casefold() in asked or self.travel == "texts")
            self.texts = tuple(c for c, _ in seen if c not in self.typed)
            seen = tuple((c, "JSON" if c in self.texts else t) for c, t in seen)
        names = {n: n for n, _ in seen}
        facts = Facts(names, frozenset([SAMPLE, *names]), self.travel == "lines") if self.travel != "types" else NOTHING
        self.relations["source"] = _Relation(((SAMPLE, "BIGINT"), *seen), names, facts=facts)

    def plan(self) -> Plan:
        tree = parse_query(self.recipe)
        self._see_source(tree)
        queries = self._queries(tree)
        check_tables(queries, set(self.relations), self._problem)
        check_made(tree, self._problem)
        check_functions(tree, self.registry, self.binder, self._problem)
        if not self.problems:
            self._read_once(queries)
            for name, query in queries:
                self._step(name, query)
                if self.problems:
                    break  # later steps stand on this one
        if self.problems:
            raise RecipeError(self.problems)
        asked = any(e.alias_or_name == SAMPLE and not isinstance(e, exp.Star) for e in tree.expressions)
        macros = tuple(sorted(self.macros))
        plan = Plan(
            str(self.recipe.path), tuple(self.steps), RESULT, self.source, macros, asked, passing=self._passing()
        )
        main = mainline(plan)
        if not any(isinstance(s, MapStep) and s.name in main and s.input == "source" for s in plan.steps):
            message = "the rows of the result do not come from `source`"
            mend = "begin with `from source`; other relations are joined to it"
            raise RecipeError.of("no-source-read", message, mend, self.recipe.path.name)
        return plan

    def _passing(self) -> Passing | None:
        if self.travel == "types":
            return None
        facts = self.relations[RESULT].facts if self.relations[RESULT].traced == "rows" else NOTHING
        unchanged = tuple((c, facts.origin[c]) for c in self.relations[RESULT].names if c in facts.origin)
        closed = self.travel == "texts"
        return Passing(
            self.typed, self.texts, unchanged, tuple(sorted(facts.starred)), facts.others, closed, self.looked_at
        )

    def _passed(self, query: exp.Query, inputs: list[str], columns: Columns, traced: Traced) -> Facts:
        """What a step leaves of the source as it came. Unsupported where that cannot be."""
        if self.travel == "types" or not inputs:
            return NOTHING
        relations = {n: self.relations[n] for n in inputs}
        known = {n: r.facts for n, r in relations.items()}
        check_plain(query, known, {n: {c for c, t in r.columns if "JSON" in t} for n, r in relations.items()})
        names = {n: r.names for n, r in relations.items()}
        if isinstance(query, exp.SetOperation):
            self._check_arms(query, {n: r.columns for n, r in relations.items()})
            facts = of_union(query, known, names)
        elif not isinstance(query, exp.Select):
            facts = NOTHING
        elif traced == "groups" and relations[inputs[0]].traced == "rows":
            return of_groups(query, known[inputs[0]])
        elif traced == "rows" and relations[inputs[0]].traced == "groups":
            facts = of_members(query, known[inputs[0]])
        elif brings_together(query):
            facts = NOTHING
        elif query.args.get("joins") and len(inputs) > 1:
            facts = of_join(query, known, names)
        else:
            facts = of_select(query, known[inputs[0]], names[inputs[0]], query.args["from_"].this.alias_or_name)
        if (traced == "rows" and (SAMPLE, "BIGINT") in columns) or (traced == "groups" and not facts.others):
            return facts
        if facts.others:
            raise Unsupported
        return NOTHING

    def _check_arms(self, query: exp.SetOperation, tables: dict[str, Columns]) -> None:
        """Unsupported where a column is JSON text in one arm of a union and not in another."""
        if not any("JSON" in t for columns in tables.values() for _, t in columns):
            return
        kinds = {tuple("JSON" in t for _, t in self._describe(to_sql(arm), tables)) for arm in arms_of(query)}
        if len(kinds) > 1 or query.args.get("by_name"):
            raise Unsupported

    def _problem(self, problem: Problem, node: exp.Expr | None = None) -> None:
        line = problem.line or self._line(node)
        fixed = Problem(problem.code, problem.message, problem.mend, self.recipe.path.name, line or self.line_of_step)
        if fixed not in self.problems:
            self.problems.append(fixed)

    def _line(self, node: exp.Expr | None) -> int | None:
        nodes = [n for n in node.walk() if "line" in n.meta] if node is not None else []
        lines = [n.meta["line"] for n in nodes if not isinstance(n, exp.Star)] or [n.meta["line"] for n in nodes]
        return self.recipe.line(min(lines)) if lines else None

    def _queries(self, tree: exp.Query) -> list[tuple[str, exp.Query]]:
        """The CTEs in order, the final query last; subqueries in FROM become queries of their own before theirs."""
        if tree.args.get("with_") and tree.args["with_"].args.get("recursive"):
            self._problem(
                Problem("recursive", "a recursive CTE cannot be a step", "put it into a subquery of FROM"), tree
            )
        out: list[tuple[str, exp.Query]] = []
        for name, query in hoisted(RESULT, tree.copy()):
            for i, inner in enumerate(nested_queries(query)):
                out.append((f"{name}__{i + 1}", inner.this))
                inner.replace(table_of(f"{name}__{i + 1}", inner.alias))
            out.append((name, query))
        names = [n for n, _ in out]
        for name in {n for n in names if names.count(n) > 1 or n in self.relations}:
            self._problem(Problem("duplicate-step", f"two relations are called `{name}`", "rename one"), tree)
        return out

    def _read_once(self, queries: list[tuple[str, exp.Query]]) -> None:
        """A source that must become a relation is read into one before all else, not again by each step."""
        reading = [q for _, q in queries if "source" in table_names(q)]
        if len(reading) > 1 and any(not self._row_wise(q) for q in reading):
            for query in reading:
                self._whole_source(query)

    def _row_wise(self, query: exp.Query) -> TypeGuard[exp.Select]:
        return isinstance(query, exp.Select) and is_row_wise(query, self.binder.functions)

    def _step(self, name: str, query: exp.Query) -> None:
        self.line_of_step = self._line(query)
        inputs = table_names(query)
        self._check_orders(query, inputs)
        if self._row_wise(query):
            self._map(name, query, self._unnested(name, query))
        else:
            self._global(name, query, inputs)

    def _check_orders(self, query: exp.Query, inputs: list[str]) -> None:
        """Refuse to sort by values that have no order among each other."""
        made = {i.alias for s in query.find_all(exp.Select) for i in s.expressions if isinstance(i, exp.Alias)}
        for ordered in query.find_all(exp.Ordered):
            column = ordered.this
            if not isinstance(column, exp.Column) or column.name in made:
                continue
            lineages = {self.relations[i].lineage.get(column.name) for i in inputs if i in self.relations}
            if lineages & self.mixed:
                message = f"`{column.name}` holds values of several kinds, which have no order among each other"
                mend = f"say which: order by {column.name}::varchar, or try_cast({column.name} as double)"
                self._problem(Problem("mixed-order", message, mend), ordered)

    def _unnested(self, name: str, query: exp.Select) -> str:
        """The input of a row-wise query; with `from a, unnest(..)` a step that does only that comes first."""
        base = query.args["from_"].this
        if not query.args.get("joins"):
            return str(base.name)
        inner = exp.select("*").from_(base.copy())
        joins = query.args["joins"]
        unnested = joins[0].this
        if len(joins) == 1 and len(unnested.expressions) == 1 and len(unnested.alias_column_names) == 1:
            value = exp.Unnest(expressions=[unnested.expressions[0].copy()])  # in the projection it keeps the order
            inner.append("expressions", exp.alias_(value, unnested.alias_column_names[0]))
        else:
            inner.set("joins", [j.copy() for j in joins])
        self._map(f"{name}__rows", inner, base.name, expands=True)
        query.set("joins", None)
        for other in [base.alias_or_name, *(j.this.alias_or_name for j in joins)]:
            strip_table(query, other)
        base.replace(table_of(f"{name}__rows"))
        return f"{name}__rows"

    def _lifter(self, input_name: str) -> Lifter:
        return Lifter(self.registry, self.relations[input_name].lineage, self.numbers, self._line, self._problem)

    def _map(self, name: str, query: exp.Select, input_name: str, expands: bool = False) -> None:
        relation, lifter = self._with_sample_id(input_name), self._lifter(input_name)
        base = query.args["from_"].this
        written = query.copy()
        strip_table(query, base.alias_or_name)
        cuts = self._cuts(name, query, relation, lifter)
        cut_calls = set(lifter.calls)
        lineage = dict(relation.lineage)
        selected = exp.Select()
        selected.set("expressions", [lifter.lift(e) for e in query.expressions])
        used = {c.name for e in selected.expressions for c in e.find_all(exp.Column)} & set(lifter.calls)
        plain = is_star_only(query) and not query.args.get("joins")
        if not plain and SAMPLE not in selected_names(query, relation.columns):
            selected.append("expressions", exp.column(SAMPLE))
        exclude_from_stars(selected, list(lifter.calls))
        selected.set("from_", exp.From(this=table_of("__t", base.alias_or_name)))
        selected.set("joins", query.args.get("joins"))
        self._update_lineage(lineage, selected, lifter)
        select = "" if plain else to_sql(selected)
        expands = expands or any(query.find_all(exp.Unnest, exp.Explode)) or "unnest(" in select.lower()
        columns = relation.columns if plain else self._describe_map(select, relation.columns, lifter)
        outputs = () if plain or expands else outputs_of(selected, relation.columns)
        traced = traced_by(query, relation.traced, columns)
        needed = set(_closure(used, lifter))
        unused = [c for c in lifter.calls if c not in cut_calls and c not in needed]
        self.steps.append(
            MapStep(
                name,
                input_name,
                tuple(replace(c, of_samples=bool(relation.traced)) for c in lifter.calls.values()),
                cuts,
                select,
                tuple(sorted(needed | set(unused))),
                columns,
                outputs,
                expands,
                traced,
                grouped=relation.traced == "groups",
            )
        )
        facts = relation.facts if plain else self._passed(written, [input_name], columns, traced)
        self.relations[name] = _Relation(columns, lineage, traced, facts=facts)

    def _with_sample_id(self, name: str) -> _Relation:
        """A relation as a row-wise step reads it: a ref shows its row number only here."""
        relation = self.relations[name]
        if SAMPLE in {c for c, _ in relation.columns}:
            return relation
        return replace(relation, columns=((SAMPLE, "BIGINT"), *relation.columns))

    def _cuts(self, name: str, query: exp.Select, relation: _Relation, lifter: Lifter) -> tuple[Cut, ...]:
        where = query.args.get("where")
        if where is None:
            return ()
        known = aliases(query, {c for c, _ in relation.columns})
        cuts = []
        for position, term in enumerate(and_terms(where.this)):
            text = to_sql(term)
            lifted = lifter.lift(term.transform(known))
            calls = {c.name for c in lifted.find_all(exp.Column)} & set(lifter.calls)
            needed = tuple(sorted(_closure(calls, lifter)))
            phase = max((lifter.calls[c].phase for c in needed), default=0)
            bounds = bounds_of(lifted, {n: c.label for n, c in lifter.calls.items()})
            predicate = to_sql(lifted)
            cuts.append(
                Cut(f"{name}.{position + 1}", name, position, text, predicate, needed, bounds, phase, self._line(term))
            )
            self._describe_map(f"select ({predicate})::boolean from __t", relation.columns, lifter, term)
            self._check_types(lifted, term, relation.columns, lifter)
        return tuple(cuts)

    def _check_types(self, lifted: exp.Expr, term: exp.Expr, columns: Columns, lifter: Lifter) -> None:
        """Refuse a comparison of a number with text that is none, and of a stat that is text with a number."""
        if self.problems:
            return
        table = columns + tuple((c.column, c.returns) for c in lifter.calls.values())
        for found, written in zip(comparisons(lifted), comparisons(term), strict=False):
            measured = found.measured
            lifted_call = isinstance(measured, exp.Column) and measured.name in lifter.calls
            stat = lifted_call or (isinstance(measured, exp.Func) and call_name(measured) in self.registry)
            value = value_of(found.constant)
            if (not stat and not isinstance(value, str)) or measured.find_ancestor(exp.Lambda):
                continue
            described = self._describe(f"select {to_sql(found.measured)} as m from __t", {"__t": table}, term)
            problem = mismatch(to_sql(written.measured), described[0][1], value, stat) if described else None
            if problem:
                self._problem(problem, term)

    def _describe_map(self, sql: str, columns: Columns, lifter: Lifter, node: exp.Expr | None = None) -> Columns:
        """The columns of a projection over `__t`, which has the input's columns and those of the calls."""
        self.macros |= lifter.macros
        table = columns + tuple((c.column, c.returns) for c in lifter.calls.values())
        self._check_arguments(table, lifter, node)
        return self._describe(sql, {"__t": table}, node)

    def _check_arguments(self, table: Columns, lifter: Lifter, node: exp.Expr | None) -> None:
        """The arguments that the lifter met bind, and are of the types that their functions take."""
        given, lifter.given = lifter.given, []
        for one, type_ in zip(given, self._types_of(given, table, node), strict=True):
            if type_ and not fits(type_, one.argument.type):
                self._problem(refusal(one, type_))

    def _types_of(self, given: list[Given], table: Columns, node: exp.Expr | None) -> list[str]:
        """SQL types of arguments; empty where one binds only in the whole query, as an aggregate does."""
        if not given:
            return []
        self.binder.install(sorted(self.macros))
        together = f"select {', '.join(g.sql for g in given)} from __t"
        try:
            types = [t for _, t in self.binder.describe(together, {"__t": table})]
        except duckdb.Error:
            types = []
        return types if len(types) == len(given) else [self._type_alone(one, table, node) for one in given]

    def _type_alone(self, one: Given, table: Columns, node: exp.Expr | None) -> str:
        sql = f"select {one.sql} from __t"
        if one.lifted:
            return next((t for _, t in self._describe(sql, {"__t": table}, node)), "")
        try:
            return self.binder.describe(sql, {"__t": table})[0][1]
        except duckdb.Error:
            return ""

    def _describe(self, sql: str, tables: dict[str, Columns], node: exp.Expr | None = None) -> Columns:
        if self.problems:
            return ()
        try:
            self.binder.install(sorted(self.macros))
            return self.binder.describe(sql, tables)
        except duckdb.Error as error:
            message = str(error).split("\n\nLINE")[0].split("\nLINE")[0].strip()
            self._problem(Problem("sql", message, "mend the SQL; columns: " + _names(tables)), node)
            return ()

    def _update_lineage(self, lineage: dict[str, str], selected: exp.Select, lifter: Lifter) -> None:
        scope = Lifter(self.registry, lifter.lineage, self.numbers, self._line, self._problem)
        for item in selected.expressions:
            star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
            replaced = star.args.get("replace") or [] if isinstance(star, exp.Star) else []
            for e in [item, *replaced]:
                if isinstance(e, exp.Alias):
                    lineage[e.alias] = scope._lineage_of(e.this)

    def _global(self, name: str, query: exp.Query, inputs: list[str]) -> None:
        text, written, read = to_sql(query), query.copy(), inputs
        if "source" in inputs:
            inputs = self._whole_source(query)
        alone = (
            len(inputs) == 1
            and not query.args.get("joins")
            and not any(q is not query for q in query.find_all(exp.Query))
        )
        single = isinstance(query, exp.Select) and alone
        if single and isinstance(query, exp.Select):
            inputs = [self._prepared(name, query, inputs[0])]
        else:
            self._refuse_calls(query)
        tables = {n: self.relations[n].columns for n in inputs}
        first = self.relations[inputs[0]] if inputs else _Relation((), {})
        deduplicates = isinstance(query, exp.Select) and row_number_is_one(query)
        columns_of = {n: {c for c, _ in self.relations[n].columns} for n in inputs}
        earlier = names_duplicates(query, columns_of, EARLIER)
        named = earlier or names_duplicates(query, columns_of)
        filter_sql = filter_query(query, inputs[0], deduplicates, named, bool(earlier)) if inputs else ""
        deduplicates = deduplicates or bool(named)
        groups = isinstance(query, exp.Select) and not filter_sql and brings_together(query)
        if isinstance(query, exp.Select):
            exclude_from_stars(query, first.hidden)
        full = {f"__full_{n}": (*c, (RID, "BIGINT")) for n, c in tables.items()}
        if filter_sql:
            self._describe(filter_sql, {**tables, **full}, query)
            columns = tuple(c for c in first.columns if c[0] not in first.hidden)
            sql = ""
        else:
            if single and isinstance(query, exp.Select):
                if self._keeps_rows(query) and SAMPLE not in selected_names(query, first.columns):
                    query.append("expressions", exp.column(SAMPLE))
                if first.traced:
                    order_rows(query, inputs[0])
            sql = to_sql(query)
            columns = self._describe(sql, {**tables, **full}, query)
        traced = traced_by(query, first.traced, columns)
        numbered = (SAMPLE, "BIGINT") not in columns
        if numbered:
            columns = ((SAMPLE, "BIGINT"), *(c for c in columns if c[0] != SAMPLE))
        self.steps.append(
            GlobalStep(
                name,
                tuple(inputs),
                sql,
                filter_sql,
                text,
                deduplicates,
                columns,
                traced,
                numbered,
                self.line_of_step,
                groups,
            )
        )
        lineage = first.lineage if filter_sql else {c: f"{name}.{c}" for c, _ in columns}
        facts = self._passed(written, read, columns, traced)
        self.relations[name] = _Relation(columns, lineage, traced, facts=facts)

    def _whole_source(self, query: exp.Query) -> list[str]:
        """Rows meet only in relations: the source becomes one, unchanged, under the name that the author wrote."""
        if "source__rows" not in self.relations:
            source = self.relations["source"]
            self.steps.append(MapStep("source__rows", "source", (), (), "", (), source.columns))
            self.relations["source__rows"] = source
        for table in [t for t in query.find_all(exp.Table) if t.name == "source"]:
            table.replace(table_of("source__rows", table.alias_or_name))
        return table_names(query)

    def _keeps_rows(self, query: exp.Select) -> bool:
        return not brings_together(query) and self.relations[table_names(query)[0]].traced == "rows"

    def _refuse_calls(self, query: exp.Query) -> None:
        lifter = Lifter(self.registry, {}, self.numbers, self._line, self._problem)
        lifter.lift(query)
        self.macros |= lifter.macros
        for call in lifter.calls.values():
            mend = "measure it in a CTE of its own before the join or union, and compare the column"
            self._problem(
                Problem("call-in-join", f"`{call.function}` is called where relations meet", mend, line=call.line)
            )

    def _prepared(self, name: str, query: exp.Select, input_name: str) -> str:
        """A row-wise step in front of a global one: its WHERE, its calls, and the keys of its windows as columns."""
        where, base = query.args.get("where"), query.args["from_"].this
        strip_table(query, base.alias_or_name)
        relation, lifter = self._with_sample_id(input_name), self._lifter(input_name)
        inner = exp.select("*").from_(table_of(input_name))
        known = aliases(query, {c for c, _ in relation.columns})
        if where is not None:
            inner.set("where", exp.Where(this=where.this.transform(known)))
        cuts = self._cuts(name, inner, relation, lifter)
        cut_calls = set(lifter.calls)
        query.set("where", None)
        for part in ("expressions", "group", "having", "qualify", "order", "distinct", "windows"):
            value = query.args.get(part)
            if isinstance(value, list):
                query.set(part, [lifter.lift(v) for v in value])
            elif isinstance(value, exp.Expr):
                query.set(part, lifter.lift(value))
        keys = {f"__k{next(self.numbers)}": k for k in keys_of(query)}
        used = {c.name for c in query.find_all(exp.Column)} & set(lifter.calls)
        if not (cuts or lifter.calls or keys):
            base.replace(table_of(input_name, base.alias_or_name))
            self.macros |= lifter.macros
            return input_name
        hidden = sorted(used) + list(keys)
        outputs = [Output(c, c, "") for c in [*(n for n, _ in relation.columns), *sorted(used)]]
        outputs += [Output(n, "", to_sql(k)) for n, k in keys.items()]
        items = [f"{o.sql or quote(o.column)} as {quote(o.name)}" for o in outputs]
        select = f"select {', '.join(items)} from __t" if hidden or lifter.calls else ""
        for column, key in keys.items():
            for node in [n for n in query.walk() if n == key]:
                node.replace(exp.column(column))
        columns = self._describe_map(select, relation.columns, lifter) if select else relation.columns
        needed = set(_closure(used, lifter)) | (set(lifter.calls) - cut_calls)
        step = MapStep(
            f"{name}__rows",
            input_name,
            tuple(replace(c, of_samples=bool(relation.traced)) for c in lifter.calls.values()),
            cuts,
            select,
            tuple(sorted(needed)),
            columns,
            tuple(outputs) if select else (),
            traced=relation.traced,
            grouped=relation.traced == "groups",
        )
        self.steps.append(step)
        lineage = {**relation.lineage, **lifter.lineage}
        self.relations[step.name] = _Relation(columns, lineage, relation.traced, hidden, relation.facts)
        base.replace(table_of(step.name, base.alias_or_name))
        return step.name


def _closure(columns: Iterable[str], lifter: Lifter) -> set[str]:
    """Calls and the calls that they need."""
    found: set[str] = set()
    todo = list(columns)
    while todo:
        column = todo.pop()
        if column not in found:
            found.add(column)
            todo += lifter.calls[column].needs
    return found


def _names(tables: dict[str, Columns]) -> str:
    names = [c for columns in tables.values() for c, _ in columns if not is_own(c)]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f", and {more:,} more" if more > 0 else "")


__all__ = ["RESULT", "make_plan"]
