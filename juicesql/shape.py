"""What a query looks like: row-wise or global, which relations and columns it names. Rules over sqlglot trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlglot import exp

from juicesql.lift import call_name, to_sql
from juicesql.plan import MEMBERS, RID, SAMPLE, Output, Traced
from juicesql.sqltext import is_own

_GLOBAL_PARTS = (
    "with_",
    "group",
    "having",
    "qualify",
    "windows",
    "distinct",
    "order",
    "limit",
    "offset",
    "sample",
    "laterals",
)


def is_row_wise(query: exp.Select, functions: Mapping[str, str]) -> bool:
    """True when each output row depends on one input row: one relation, no grouping, window, order or subquery."""
    if any(query.args.get(part) for part in _GLOBAL_PARTS):
        return False
    source = query.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or source.this.args.get("joins"):
        return False
    if source.this.args.get("sample") or source.this.args.get("pivots"):
        return False
    if any(not isinstance(_unaliased(j.this), exp.Unnest) for j in query.args.get("joins") or []):
        return False
    if any(query.find_all(exp.Window, exp.AggFunc)) or any(q is not query for q in query.find_all(exp.Query)):
        return False
    return not any(functions.get(call_name(f)) == "aggregate" for f in query.find_all(exp.Anonymous))


def _unaliased(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Alias) else node


def hoisted(name: str, query: exp.Query, outermost: bool = True) -> Iterator[tuple[str, exp.Query]]:
    """The CTEs of a query in order, then the query without them, each with its name.

    The CTE `b` or `_b` that stands inside the CTE `a` becomes `a__b`. A recursive one stays where it is.
    """
    own = query.args.get("with_")
    if own is None or own.args.get("recursive"):
        yield name, query
        return
    query.set("with_", None)
    renamed: dict[str, str] = {}
    for cte in own.expressions:
        inner = cte.this.copy()
        _rename_tables(inner, renamed)
        called = cte.alias if outermost else f"{name}__{cte.alias.lstrip('_')}"
        yield from hoisted(called, inner, outermost=False)
        if not outermost:
            renamed[cte.alias] = called
    _rename_tables(query, renamed)
    yield name, query


def _rename_tables(query: exp.Expr, names: Mapping[str, str]) -> None:
    for table in [t for t in query.find_all(exp.Table) if t.name in names and not t.db and not _is_inner(t)]:
        table.replace(table_of(names[table.name], table.alias_or_name))


def table_of(name: str, alias: str = "") -> exp.Table:
    """A relation by its name, which may be any text: `exp.to_table` would read it as SQL."""
    plain = {"this": exp.to_identifier(name)}
    return exp.Table(**plain, alias=exp.TableAlias(this=exp.to_identifier(alias))) if alias else exp.Table(**plain)


def _is_inner(table: exp.Table) -> bool:
    """Whether a query around the table has a CTE of its name, which goes before one outside."""
    node = table.parent
    while node is not None:
        own = node.args.get("with_")
        if own is not None and table.name in {cte.alias for cte in own.expressions}:
            return True
        node = node.parent
    return False


def nested_queries(query: exp.Query) -> list[exp.Subquery]:
    """The subqueries that stand in FROM or JOIN, innermost first."""
    found = [s for s in query.find_all(exp.Subquery) if isinstance(s.parent, (exp.From, exp.Join))]
    return [s for s in reversed(found) if isinstance(s.this, exp.Query) and s.find_ancestor(exp.CTE) is None]


def table_names(query: exp.Query) -> list[str]:
    """Relations that a query reads, the FROM one first, each once; not those that it makes itself (`with ...`)."""
    names: dict[str, None] = {}
    own = inner_names(query)
    for part in [query.args.get("from_"), *(query.args.get("joins") or []), query]:
        for table in part.find_all(exp.Table) if part is not None else ():
            names[table.name] = None
    return [n for n in names if n and n not in own]


def inner_names(query: exp.Query) -> set[str]:
    """The CTEs inside a step."""
    return {cte.alias for cte in query.find_all(exp.CTE)}


def strip_table(node: exp.Expr, name: str) -> None:
    """Take the qualifier `name.` from the columns of a query over one relation."""
    for column in node.find_all(exp.Column):
        if column.table == name:
            column.set("table", None)
    for star in [c for c in node.find_all(exp.Column) if isinstance(c.this, exp.Star) and not c.table]:
        star.replace(star.this)


def aliases(query: exp.Select, columns: set[str]) -> Callable[[exp.Expr], exp.Expr]:
    """A rewrite that puts the expression of a SELECT alias in its place; a column of the input goes first."""
    known = {e.alias: e.this for e in query.expressions if isinstance(e, exp.Alias) and e.alias not in columns}

    def put(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and not node.table and node.name in known:
            value = known[node.name].copy()
            return value if isinstance(value, (exp.Column, exp.Func, exp.Literal)) else exp.paren(value)
        return node

    return put


def is_star_only(query: exp.Select, table: str = "") -> bool:
    """The projection is `*` (or `table.*`) and nothing else."""
    if len(query.expressions) != 1:
        return False
    item = query.expressions[0]
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        if table and item.table != table:
            return False
        item = item.this
    elif isinstance(item, exp.Star) and table and query.args.get("joins"):
        pass  # a semi or anti join shows the columns of its left side only
    return isinstance(item, exp.Star) and not any(item.args.get(a) for a in ("except_", "except", "replace", "rename"))


def exclude_from_stars(query: exp.Select, hidden: Iterable[str]) -> None:
    """Keep hidden columns out of every `*` of the projection."""
    names = [exp.column(h) for h in hidden]
    for item in query.expressions if names else ():
        for star in item.find_all(exp.Star):
            if not isinstance(star.parent, exp.AggFunc):
                star.set("except_", [*(star.args.get("except_") or []), *(n.copy() for n in names)])


def selected_names(query: exp.Select, columns: Iterable[tuple[str, str]]) -> set[str]:
    """Names that the projection gives; `*` gives those of the input, less what it excludes."""
    names: set[str] = set()
    for item in query.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if isinstance(star, exp.Star):
            excluded = {e.name for e in star.args.get("except_") or []}
            names |= {c for c, _ in columns} - excluded
        else:
            names.add(item.alias_or_name)
    return names


def outputs_of(query: exp.Select, columns: Iterable[tuple[str, str]]) -> tuple[Output, ...]:
    """The projection column by column; empty when it is more than columns, `*` and named expressions."""
    known = [c for c, _ in columns]
    out: list[Output] = []
    for item in query.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if isinstance(star, exp.Star):
            if star.args.get("rename") or star.args.get("except"):
                return ()
            gone = {e.name for e in star.args.get("except_") or []}
            put = {r.alias: r.this for r in star.args.get("replace") or []}
            out += [_output(c, put.get(c, exp.column(c, quoted=True))) for c in known if c not in gone]
        elif isinstance(item, (exp.Alias, exp.Column)) and item.alias_or_name:
            out.append(_output(item.alias_or_name, item.unalias()))
        else:
            return ()
    unique = len({o.name for o in out}) == len(out)
    found = all(o.column in ("", *known) or is_own(o.column) for o in out)
    return tuple(out) if unique and found else ()


def _output(name: str, value: exp.Expr) -> Output:
    plain = isinstance(value, exp.Column) and not value.table
    return Output(name, value.name if plain else "", "" if plain else to_sql(value))


def row_number_is_one(query: exp.Select) -> bool:
    """`qualify row_number() over (partition by ...) = 1` (or <= 1): one row of each partition stays."""
    qualify = query.args.get("qualify")
    test = qualify.this if qualify is not None else None
    if not isinstance(test, (exp.EQ, exp.LTE)) or not isinstance(test.this, exp.Window):
        return False
    window, one = test.this, test.expression
    partitioned = isinstance(window.this, exp.RowNumber) and bool(window.args.get("partition_by"))
    return partitioned and isinstance(one, exp.Literal) and one.name == "1"


def brings_together(query: exp.Select) -> bool:
    """Whether an output row may stand for several input rows."""
    if any(query.args.get(part) for part in ("group", "distinct", "having")):
        return True
    return any(not isinstance(a.parent, exp.Window) for e in query.expressions for a in e.find_all(exp.AggFunc))


def traced_by(query: exp.Query, before: Traced, columns: Iterable[tuple[str, str]]) -> Traced:
    """How the rows of a query with these columns lead back to the source, when those of its first input do as `before`.

    `list(sample_id) as sample_ids` makes groups of rows, and `unnest(sample_ids) as sample_id` rows of groups.
    """
    names = {c for c, _ in columns}
    given = {e.alias: e.this for e in query.expressions if isinstance(e, exp.Alias)}
    if before == "rows" and SAMPLE not in names:
        listed = given.get(MEMBERS)
        return "groups" if isinstance(listed, exp.ArrayAgg) and _only_column(listed.this) == SAMPLE else ""
    if before == "groups":
        single = given.get(SAMPLE)
        if isinstance(single, (exp.Unnest, exp.Explode)) and _only_column(single) == MEMBERS:
            return "rows"
        return "groups" if MEMBERS in names else ""
    return before


def _only_column(node: exp.Expr) -> str:
    """The column that a node is, or is a plain call or order of."""
    inside = node.expressions[0] if isinstance(node, exp.Unnest) else node.this
    return str((node if isinstance(node, exp.Column) else inside).name)


def keys_of(query: exp.Select) -> list[exp.Expr]:
    """Computed keys of the windows of QUALIFY, which are worth computing row by row before rows meet."""
    keys: list[exp.Expr] = []
    qualify = query.args.get("qualify")
    for window in qualify.find_all(exp.Window) if qualify is not None else ():
        order = window.args.get("order")
        parts = [*(window.args.get("partition_by") or []), *(o.this for o in (order.expressions if order else []))]
        for part in parts:
            simple = isinstance(part, (exp.Column, exp.Literal))
            if not simple and not any(part.find_all(exp.AggFunc, exp.Window, exp.Query)) and part not in keys:
                keys.append(part.copy())
    return keys


def limit_or_sample(query: exp.Select) -> bool:
    return any(query.args.get(p) for p in ("limit", "offset", "sample"))


def order_rows(query: exp.Select, relation: str) -> None:
    """Make every order of a query over one relation total, those inside `list(... order by ...)` too.

    For that the query reads the relation with its row numbers, unless it would show them.
    """
    base = query.args["from_"].this
    name = base.alias_or_name
    shown = any(c.name == name and not c.table for c in query.find_all(exp.Column))
    shown = shown or any(not isinstance(c.this, exp.Star) for c in query.find_all(exp.Columns))
    orders = _list_orders(query) if brings_together(query) else _orders_of(query)
    if orders and not shown:
        base.replace(table_of(f"__full_{relation}", name))
        exclude_from_stars(query, [RID])
    _complete(orders, [SAMPLE] if shown else [SAMPLE, RID])


def _list_orders(query: exp.Select) -> list[exp.Expr]:
    """The orders inside aggregates that keep it; one of distinct values can name nothing else."""
    kinds = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last)
    found = [o for o in query.find_all(exp.Order) if isinstance(o.parent, kinds)]
    return [o for o in found if not isinstance(o.this, exp.Distinct)]


def with_tie_break(query: exp.Select) -> None:
    """Make every order total: `sample_id`, then the row number inside a relation, decides between equals."""
    _complete(_orders_of(query), [SAMPLE, RID])


def _orders_of(query: exp.Select) -> list[exp.Expr]:
    """The orders of a query's windows and its own."""
    found = [*(w.args.get("order") for w in query.find_all(exp.Window)), query.args.get("order")]
    return [order for order in found if order is not None]


def _complete(orders: Iterable[exp.Expr], columns: Iterable[str]) -> None:
    for order in orders:
        named = {o.this.name for o in order.expressions if isinstance(o.this, exp.Column)}
        for column in columns:
            if column not in named:
                order.append("expressions", exp.Ordered(this=exp.column(column), nulls_first=False))
