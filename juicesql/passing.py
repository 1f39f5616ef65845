"""Which columns of JSON rows a recipe only passes on, and which columns of its result are the source's, unchanged.

A key that no step names needs no type, and none of the plan's relations has to hold it: it stays in the line that it
came in, which the export finds by `sample_id` (`Facts.others`). Where stars are looked at as values, as in a GROUP BY,
such a column is JSON text in the relations instead; where values are compared, as in DISTINCT, it gets a type like any
other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from juicesql.plan import MEMBERS, Plan
from juicesql.shape import inner_names, table_names
from juicesql.sources.carried import Carry
from juicesql.sources.jsonpack import DROP, KEEP, PLACE, TEXT
from juicesql.sources.model import Kind


class Unsupported(Exception):
    """The query looks at columns that it does not name, in a way in which they cannot travel as they came."""


@dataclass(frozen=True)
class Facts:
    """What a relation has of the source: columns that are a column of it unchanged (`origin`), columns that came by
    `*` (`starred`), and all keys that the recipe does not name (`others`)."""

    origin: Mapping[str, str] = field(default_factory=dict)
    starred: frozenset[str] = frozenset()
    others: bool = False


NOTHING = Facts()


def named(tree: exp.Expr) -> set[str]:
    """Every name that stands in a recipe, in lower case."""
    return {i.name.casefold() for i in tree.find_all(exp.Identifier)}


def read_names(tree: exp.Expr) -> set[str]:
    """The names, in lower case, that a recipe does more with than to show them, under whatever name: what they stand
    for needs a type."""
    shown = [(c, a) for c in tree.find_all(exp.Column) if (a := _shown_as(c))]
    left_out = [e for s in tree.find_all(exp.Star) for e in s.args.get("except_") or []]
    quiet = {id(i) for e in left_out for i in e.find_all(exp.Identifier)} | {id(c.this) for c, _ in shown}
    quiet |= {id(a.args.get("alias")) for _, a in shown if isinstance(a, exp.Alias)}
    read = {i.name.casefold() for i in tree.find_all(exp.Identifier) if id(i) not in quiet}
    before = -1
    while before != len(read):  # a column is read where the name is that it is shown under
        before = len(read)
        read |= {c.name.casefold() for c, a in shown if a.alias_or_name.casefold() in read}
    return read


_GATHERING = (exp.ArrayAgg, exp.First, exp.Last, exp.Order)


def _shown_as(column: exp.Column) -> exp.Expr | None:
    """The item of a projection that a column is as it is, or that gathers it in a list."""
    if column.args.get("db") or isinstance(column.this, exp.Star):
        return None
    node: exp.Expr = column
    while isinstance(node.parent, _GATHERING) and node.arg_key == "this":
        node = node.parent
    if isinstance(node.parent, exp.Alias):
        node = node.parent
    elif node is not column:
        return None  # it has a name of DuckDB's making
    select = node.parent
    return node if isinstance(select, exp.Select) and node.arg_key == "expressions" and _is_step(select) else None


def _is_step(select: exp.Select) -> bool:
    """Whether the rows of a SELECT become rows of a relation, each for itself."""
    node = select.parent
    while isinstance(node, exp.Subquery):
        node = node.parent
    if select.args.get("distinct") or (select.args.get("group") and select.args["group"].args.get("all")):
        return False
    return node is None or isinstance(node, (exp.CTE, exp.From, exp.Join))


def of_select(query: exp.Select, facts: Facts, columns: Iterable[str], own: str = "") -> Facts:
    """What a projection row by row leaves of its input. `own` is the name of the relation whose columns are meant."""
    origin: dict[str, str] = {}
    starred: set[str] = set()
    others = False
    for item in query.expressions:
        star = star_of(item)
        if star is None:
            value = item.unalias()
            if isinstance(value, exp.Column) and value.table in ("", own) and not value.args.get("db"):
                if value.name in facts.origin and item.alias_or_name not in starred:
                    origin[item.alias_or_name] = facts.origin[value.name]
            else:
                origin.pop(item.alias_or_name, None)
        elif _qualifier(item) in ("", own):
            others |= facts.others
            _by_star(star, facts, columns, origin, starred)
    return Facts(origin, frozenset(starred), others)


def _by_star(star: exp.Star, facts: Facts, columns: Iterable[str], origin: dict[str, str], starred: set[str]) -> None:
    if star.args.get("rename"):
        raise Unsupported
    gone = {e.name for e in star.args.get("except_") or []}
    put = {r.alias for r in star.args.get("replace") or []}
    for column in columns:
        if column in gone:
            continue
        if column in facts.starred or column in put:
            starred.add(column)
        if column in facts.origin and column not in put:
            origin[column] = facts.origin[column]


def of_groups(query: exp.Select, facts: Facts) -> Facts:
    """Of `list(sample_id) as sample_ids, list(columns(*))` in one order: each column is a list of one of the source."""
    lists = [i.this for i in query.expressions if isinstance(i, exp.Alias) and isinstance(i.this, exp.ArrayAgg)]
    if len(lists) != 2 or len(query.expressions) != 2:
        return NOTHING
    inside = [a.this.this if isinstance(a.this, exp.Order) else a.this for a in lists]
    orders = [a.this.expressions if isinstance(a.this, exp.Order) else [] for a in lists]
    if not isinstance(inside[1], exp.Columns) or orders[0] != orders[1] or query.expressions[0].alias != MEMBERS:
        return NOTHING
    return Facts(facts.origin, facts.starred)


def of_members(query: exp.Select, facts: Facts) -> Facts:
    """Of the way back, as `ungroup_rows` writes it: what every list held, row by row."""
    for item in query.expressions:
        value = item.this if isinstance(item, exp.Alias) else None
        put = value.this if isinstance(value, (exp.Unnest, exp.Explode)) else None
        lists = put.args.get("true") if isinstance(put, exp.If) else None
        star = lists.this if isinstance(lists, exp.Columns) else None
        if isinstance(star, exp.Star):
            gone = {e.name for e in star.args.get("except_") or []}
            kept = {c: o for c, o in facts.origin.items() if c not in gone}
            return Facts(kept, frozenset(kept))
    return NOTHING


def star_of(item: exp.Expr) -> exp.Star | None:
    """The star that an item of a projection is, with or without a qualifier."""
    star = item.this if isinstance(item, exp.Column) else item
    return star if isinstance(star, exp.Star) else None


def _qualifier(item: exp.Expr) -> str:
    return item.table if isinstance(item, exp.Column) else ""


def check_plain(query: exp.Query, facts: Mapping[str, Facts], texts: Mapping[str, set[str]]) -> None:
    """Unsupported where a query takes its rows as values, or compares what a star stands for.

    `facts` and `texts` (columns that are JSON text) are those of the relations that it reads.
    """
    others = {n for n in table_names(query) if n in facts and facts[n].others}
    raw = {n for n in table_names(query) if texts.get(n)}
    if not others and not raw:
        return
    aliases = {t.alias_or_name for t in query.find_all(exp.Table)}
    columns = [c for c in query.find_all(exp.Column) if not isinstance(c.this, exp.Star)]
    if any(c.name in aliases and not c.table for c in columns) or inner_names(query):
        raise Unsupported
    spread = [c for c in query.find_all(exp.Columns) if not (raw and not others and _gathers(c))]
    if spread or any(query.find_all(exp.Pivot)) or _star_inside(query):
        raise Unsupported
    distinct = any(q.args.get("distinct") for q in query.find_all(exp.Query)) and _stars(query)
    by_all = any(g.args.get("all") for g in query.find_all(exp.Group))
    if distinct or by_all or (others and isinstance(query, exp.Select) and query.args.get("group") and _stars(query)):
        raise Unsupported


def _gathers(columns: exp.Expr) -> bool:
    """Whether COLUMNS(..) only brings values together in lists, or takes them apart again."""
    return columns.find_ancestor(exp.ArrayAgg, exp.Unnest, exp.Explode) is not None


def _stars(query: exp.Query) -> list[exp.Star]:
    found = query.find_all(exp.Star)
    return [s for s in found if s.find_ancestor(exp.Count) is None and s.find_ancestor(exp.Columns) is None]


def _star_inside(query: exp.Query) -> bool:
    """Whether a star is anything but an item of the projection of the query or of an arm of its union."""
    arms = arms_of(query)
    items = {id(s) for q in arms for i in q.expressions if (s := star_of(i)) is not None}
    return any(id(s) not in items for s in _stars(query))


def arms_of(query: exp.Query) -> list[exp.Query]:
    """The queries that a set operation brings together, or the query itself."""
    if isinstance(query, exp.SetOperation):
        return [a for side in (query.left, query.right) for a in arms_of(side.unnest())]  # type: ignore[arg-type]
    return [query]


def of_join(query: exp.Select, facts: Mapping[str, Facts], columns: Mapping[str, Iterable[str]]) -> Facts:
    """What a join leaves of its first relation, whose samples its rows are."""
    first, alias = query.args["from_"].this.name, query.args["from_"].this.alias_or_name
    joins = query.args.get("joins") or []
    one_sided = all(j.args.get("kind") in ("SEMI", "ANTI") for j in joins)
    for item in query.expressions:
        if star_of(item) is None or _qualifier(item) == alias or (not _qualifier(item) and one_sided):
            continue
        taken = [j.this for j in joins if _qualifier(item) in ("", j.this.alias_or_name)]
        if any(facts.get(t.name, NOTHING).others for t in taken):
            raise Unsupported
    if any(j.args.get("side") in ("RIGHT", "FULL") for j in joins):
        if facts[first].others and _stars(query):
            raise Unsupported
        return NOTHING
    found = of_select(query, facts[first], columns[first], alias)
    shown = {i.alias_or_name: i for i in query.expressions}
    foreign = {
        n for n, i in shown.items() if isinstance(i.unalias(), exp.Column) and i.unalias().table not in ("", alias)
    }
    if "sample_id" in foreign:
        if found.others:
            raise Unsupported
        return NOTHING
    return found


def of_union(query: exp.Query, facts: Mapping[str, Facts], columns: Mapping[str, Iterable[str]]) -> Facts:
    """What the arms of a UNION ALL have in common; other set operations leave nothing."""
    found: list[Facts] = []
    for arm in arms_of(query):
        table = arm.args["from_"].this if arm.args.get("from_") else None
        if isinstance(arm, exp.Select) and isinstance(table, exp.Table) and not arm.args.get("joins"):
            name = table.name
            found.append(of_select(arm, facts.get(name, NOTHING), columns.get(name, ()), table.alias_or_name))
        else:
            found.append(NOTHING)
    operations = list(query.find_all(exp.SetOperation))
    distinct = any(not isinstance(o, exp.Union) or o.args.get("distinct") for o in operations)
    if len({f.others for f in found}) > 1 or (distinct and any(f.others for f in found)):
        raise Unsupported
    if distinct:
        return NOTHING
    shared = set.intersection(*(set(f.origin.items()) for f in found))
    return Facts(dict(shared), frozenset.intersection(*(f.starred for f in found)), found[0].others)


def carry_of(plan: Plan) -> Carry:
    """What the readers make of rows of JSON."""
    passing = plan.passing
    if passing is None:
        return Carry(tuple(c for c, _ in plan.source_columns), closed=True)
    types, shown = dict(plan.source_columns), set(passing.starred)
    kept = {column for _, column in passing.unchanged}
    if not (passing.others or kept):
        return Carry(passing.typed, passing.texts, closed=passing.closed)
    actions = {}
    for column in passing.typed + passing.texts:
        if column in kept:
            text = types[column] == "VARCHAR" and column in passing.typed
            actions[column] = PLACE if column in passing.texts else TEXT if text else KEEP
        else:
            actions[column] = PLACE if column in shown else DROP
    return Carry(passing.typed, passing.texts, actions, passing.others, closed=passing.closed)


def told_kinds(kinds: Iterable[Kind]) -> list[str]:
    """What is to be said of columns that a step reads as text although not all of their values are strings."""
    columns: dict[str, list[Kind]] = {}
    for kind in kinds:
        columns.setdefault(kind.column, []).append(kind)
    told = []
    for column, found in columns.items():
        rows = [f"{k.rows:,} row{'s' if k.rows > 1 else ''}" for k in found]
        many = ", ".join(f"{k.name} ({n}, such as {k.example})" for k, n in zip(found, rows, strict=True))
        told.append(f"the column `{column}` holds {many}: as a column it is text, the JSON of what is no string")
    return told
