"""What a new stats database tells about itself, for docs/stats-database.md: relations, columns, types, comments."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from juicesql.store import Store

BEGIN = "<!-- Written by `make docs` from the comments in juicesql/sql/schema.sql; edit those. -->\n"
END = "<!-- Here ends what `make docs` writes. -->\n"
# Those to read, in the order of the page; what is not named is below the views.
TO_READ = (
    "runs",
    "latest_run",
    "latest_rows",
    "samples",
    "stats",
    "cuts",
    "steps",
    "verdicts",
    "clusters",
    "changes",
    "errors",
    "costs",
    "checks",
)
_COLUMNS = """
select c.table_name, coalesce(t.comment, v.comment), c.column_name, c.data_type, c.comment
from duckdb_columns() c
left join duckdb_tables() t using (table_oid)
left join duckdb_views() v on v.view_oid = c.table_oid
where c.database_name = 'stats' order by c.table_oid, c.column_index
"""


def page(text: str) -> str:
    """The page with its generated parts as they should be."""
    for below in (False, True):
        head, _, rest = text.partition(_begin(below))
        if not rest:
            raise ValueError(f"the page has no line {_begin(below)!r}")
        text = head + _begin(below) + "\n".join(_part(below)) + END + rest.partition(END)[2]
    return text


def _begin(below: bool) -> str:
    return BEGIN.replace(" -->", " Below the views. -->") if below else BEGIN


def _part(below: bool) -> Iterator[str]:
    found = {name: list(rows) for name, rows in groupby(described(), key=itemgetter(0))}
    chosen = [name for name in found if name not in TO_READ] if below else TO_READ
    for name in chosen:
        yield f"### `{name}`: {found[name][0][1]}"
        if name == "latest_run":
            yield "Its columns are those of `runs`.\n"
            continue
        yield "| column | type | |\n| --- | --- | --- |"
        for _, _, column, type_, comment in found[name]:
            yield f"| `{column}` | {type_} | {comment} |"
        yield ""


def described() -> list[tuple[str, str, str, str, str]]:
    """Relation, its comment, column, type, comment of the column, of a new database."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with store.open() as con:
            return con.execute(_COLUMNS).fetchall()
