"""Steps that only drop rows: the query that says which, so that the rows themselves need not travel through it."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from juicesql.lift import to_sql
from juicesql.plan import RID, SAMPLE
from juicesql.shape import is_star_only, limit_or_sample, with_tie_break
from juicesql.signature import split_top
from juicesql.sqltext import quote


def filter_query(query: exp.Query, relation: str, deduplicates: bool) -> str:
    """For a query that shows `*` of `relation` and nothing else: SQL that gives (RID, kept, duplicate_of).

    Rows that it leaves out are dropped too. An empty string for any other query, and for one that orders its rows.
    """
    if not isinstance(query, exp.Select):
        return ""
    joins = query.args.get("joins") or []
    if any(j.args.get("kind") not in ("SEMI", "ANTI") for j in joins):
        return ""
    name = query.args["from_"].this.alias_or_name
    if not is_star_only(query, name) or any(query.args.get(p) for p in ("group", "having", "distinct", "order")):
        return ""
    kept = query.copy()
    with_tie_break(kept, f"__full_{relation}")
    kept.args["from_"].this.replace(exp.to_table(f"__full_{relation}", alias=quote(name)))
    items = f"{quote(name)}.{RID}, true as kept, null::bigint as duplicate_of"
    if deduplicates and not joins and not limit_or_sample(kept):
        items = _first_of_each(kept)
        kept.set("qualify", None)
    if kept.args.get("limit") or kept.args.get("offset"):
        kept.set("order", exp.Order(expressions=[exp.Ordered(this=exp.column(RID))]))
    kept.set("expressions", [sqlglot.parse_one(i, dialect="duckdb") for i in split_top(items)])
    return to_sql(kept)


def _first_of_each(query: exp.Select) -> str:
    """For `qualify row_number() over w = 1`: whether a row is the first of its partition, and which one is."""
    window = query.args["qualify"].find(exp.Window)
    first = window.copy()
    first.set("this", exp.FirstValue(this=exp.column(SAMPLE)))
    number = to_sql(window)
    return f"{RID}, {number} = 1 as kept, case when {number} > 1 then {to_sql(first)} end as duplicate_of"
