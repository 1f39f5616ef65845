"""Steps that only drop rows: the query that says which, so that the rows themselves need not travel through it."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from juicesql.lift import to_sql
from juicesql.plan import RID, SAMPLE
from juicesql.shape import is_star_only, limit_or_sample, table_of, with_tie_break
from juicesql.signature import split_top
from juicesql.sqltext import quote

NAMING = ("duplicate_of", "similarity")  # columns of a relation whose rows are duplicates
EARLIER = ("run_id", "earlier_id", "similarity")  # and of one whose rows are duplicates of what an earlier run kept


def filter_query(query: exp.Query, relation: str, deduplicates: bool, named: str = "", earlier: bool = False) -> str:
    """For a query that shows `*` of `relation` and nothing else: SQL that gives RID, kept, duplicate_of, similarity
    and value.

    Rows that it leaves out are dropped too. An empty string for any other query, and for one that orders its rows.
    With `named`, the query is an anti join with the relation of that name, whose rows say what each sample duplicates;
    with `earlier` that is a row of an earlier run.
    """
    if not isinstance(query, exp.Select):
        return ""
    joins = query.args.get("joins") or []
    if any(j.args.get("kind") not in ("SEMI", "ANTI") for j in joins):
        return ""
    name = query.args["from_"].this.alias_or_name
    if not is_star_only(query, name) or any(query.args.get(p) for p in ("group", "having", "distinct", "order")):
        return ""
    if named:
        return _named_duplicates(relation, named, _OF_EARLIER if earlier else _OF_OWN)
    kept = query.copy()
    with_tie_break(kept)
    kept.args["from_"].this.replace(table_of(f"__full_{relation}", name))
    items = (
        f"{quote(name)}.{RID}, true as kept, null::bigint as duplicate_of, null::double as similarity, null as value"
    )
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
    other = f"case when {number} > 1 then {to_sql(first)} end as duplicate_of"
    return f"{RID}, {number} = 1 as kept, {other}, 1.0::double as similarity, null as value"


def names_duplicates(query: exp.Query, columns: dict[str, set[str]], naming: tuple[str, ...] = NAMING) -> str:
    """The relation that an anti join `using (sample_id)` leaves out, if its rows name what each sample duplicates."""
    joins = query.args.get("joins") or []
    if len(joins) != 1 or joins[0].args.get("kind") != "ANTI" or query.args.get("where") or query.args.get("qualify"):
        return ""
    name = joins[0].this.name
    on_sample = [i.name for i in joins[0].args.get("using") or ()] == [SAMPLE]
    return name if on_sample and {SAMPLE, *naming} <= columns.get(name, set()) else ""


_OF_OWN = (
    "first(duplicate_of order by similarity desc, duplicate_of) as duplicate_of, max(similarity) as similarity, "
    "null as value"
)
_OF_EARLIER = (
    "null::bigint as duplicate_of, max(similarity) as similarity, "
    "first(format('sample {} of run {}, similarity {:.3f}', earlier_id, run_id, similarity) "
    "order by similarity desc, run_id, earlier_id) as value"
)


def _named_duplicates(relation: str, named: str, chosen: str) -> str:
    return (
        f"select f.{RID}, n.{SAMPLE} is null as kept, n.duplicate_of, n.similarity, n.value "
        f"from {quote('__full_' + relation)} f "
        f"left join (select {SAMPLE}, {chosen} from {quote(named)} group by {SAMPLE}) n using ({SAMPLE})"
    )
