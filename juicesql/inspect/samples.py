"""Finds the samples of a run: by verdict, by the cut that took them, by a stat, by a condition, by what a text says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from juicesql.closing import close_off
from juicesql.errors import StoreError
from juicesql.inspect.columns import VERDICT_COLUMNS, StatColumn, named, relation, stat_columns
from juicesql.inspect.condition import read_condition
from juicesql.project import Project
from juicesql.reread import reread
from juicesql.runs import RunRecord
from juicesql.sqltext import quote

VERDICTS = ("kept", "dropped", "duplicate", "error")
MOST_SECONDS = 5.0  # of a query with a condition
MOST_READ = 5_000  # rows of the source that a search for words reads

_COUNTS = "select verdict, cut, count(*) from verdicts where run_id = ? group by all order by count(*) desc, cut"


@dataclass(frozen=True)
class Filter:
    """Which samples; every field that is given must hold. `ids` are samples that another search has found."""

    verdicts: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()  # cuts or steps that took the sample away
    stat: str = ""
    low: float | None = None
    high: float | None = None
    unmeasured: bool = False  # only those without a value of `stat`
    condition: str = ""
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True)
class SampleRow:
    """A line of the list. `values` are those of the stats that were asked for."""

    sample_id: int
    verdict: str
    cut: str | None
    value: str | None
    duplicate_of: int | None
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Found:
    """The samples `rows` of `total` that fit a filter."""

    total: int
    rows: tuple[SampleRow, ...]


@dataclass(frozen=True)
class Hits:
    """Samples whose text has some words. `read` of `total` texts were searched; `note` says what went wrong."""

    ids: tuple[int, ...]
    read: int
    total: int
    column: str = ""
    note: str = ""


def verdict_counts(con: duckdb.DuckDBPyConnection, run: RunRecord) -> tuple[tuple[str, str, int], ...]:
    """Verdict, cut or step (empty for none) and samples, the most frequent first."""
    rows = con.execute(_COUNTS, [run.run_id]).fetchall()
    return tuple((verdict, cut or "", count) for verdict, cut, count in rows)


def find_samples(
    con: duckdb.DuckDBPyConnection,
    run: RunRecord,
    wanted: Filter,
    *,
    offset: int = 0,
    limit: int = 25,
    order: str = "sample_id",
    descending: bool = False,
    show: Sequence[str] = (),
) -> Found:
    """A page of the samples that fit, in the order of a column, with the stats `show`. Closes the connection off.

    StoreError for a condition that may not be asked, does not bind, or takes too long.
    """
    columns = stat_columns(run)
    where, values, used = _where(wanted, columns)
    with limited(con):
        source, given = relation(con, run, named(columns, used))
        total = con.execute(f"select count(*) from ({source}) where {where}", [*given, *values]).fetchone()
        ids = _page(con, run, columns, where, values, used, (order, descending, offset, limit))
        rows = _rows(con, run, named(columns, show), ids)
    return Found(int(total[0]) if total else 0, rows)


def find_words(
    con: duckdb.DuckDBPyConnection, run: RunRecord, project: Project, wanted: Filter, words: str, limit: int = MOST_READ
) -> Hits:
    """The samples that fit and whose text, read again from the source, contains `words` in any case.

    At most `limit` texts are read, those of the smallest ids.
    """
    found = find_samples(con, run, wanted, limit=limit)
    ids = [r.sample_id for r in found.rows]
    if not ids:
        return Hits((), 0, found.total)
    texts = reread(run, project, ids)
    needle = words.casefold()
    hits = tuple(i for i in ids if needle in str(texts.values.get(i) or "").casefold())
    changed = "The source has changed since the run: texts are those of now." if texts.changed else ""
    return Hits(hits, len(ids), found.total, texts.column, changed)


@contextmanager
def limited(con: duckdb.DuckDBPyConnection, seconds: float = MOST_SECONDS) -> Iterator[None]:
    """The connection reaches no file any more, and what takes longer than `seconds` is stopped."""
    if con.execute("select current_setting('lock_configuration')").fetchone() != (True,):
        close_off(con)
    timer = threading.Timer(seconds, con.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise StoreError.of("too-slow", f"it takes more than {seconds:g} seconds", "narrow the filter") from error
    except (duckdb.ParserException, duckdb.BinderException, duckdb.DataError) as error:
        raise StoreError.of(
            "bad-condition", str(error).splitlines()[0], "compare columns with constants of their type"
        ) from error
    finally:
        timer.cancel()


def _where(wanted: Filter, columns: Sequence[StatColumn]) -> tuple[str, list[Any], set[str]]:
    """The WHERE, its values, and the stats that it names."""
    terms, values, used = ["true"], list[Any](), set[str]()
    for name, choice in (("verdict", wanted.verdicts), ("cut", wanted.cuts), ("sample_id", wanted.ids)):
        if choice or (name == "sample_id" and choice is not None):
            terms.append(f"{name} in (select unnest(?))")
            values.append(list(choice))
    if wanted.stat:
        text, given = _range(wanted, next((c for c in columns if c.label == wanted.stat), None))
        terms.append(text)
        values += given
        used.add(wanted.stat)
    if wanted.condition.strip():
        condition = read_condition(wanted.condition, [*VERDICT_COLUMNS, *(c.label for c in columns)])
        terms.append(f"({condition.sql})")
        used |= condition.columns
    return " and ".join(terms), values, used


def _range(wanted: Filter, column: StatColumn | None) -> tuple[str, list[Any]]:
    """Values within the range; of a list, at least one."""
    if column is None:
        raise StoreError.of("bad-condition", f"the run has no stat {wanted.stat}", "choose one of its stats")
    name = quote(column.label)
    if wanted.unmeasured:
        return f"{name} is null", []
    low, high = (float("-inf") if wanted.low is None else wanted.low, wanted.high)
    high = float("inf") if high is None else high
    if column.is_list:
        return f"len(list_filter({name}, lambda x: x between ? and ?)) > 0", [low, high]
    return f"{name} between ? and ?", [low, high]


def _page(
    con: duckdb.DuckDBPyConnection, run: RunRecord, columns: Sequence[StatColumn], where: str, values: list[Any],
    used: set[str], page: tuple[str, bool, int, int],
) -> list[int]:  # fmt: skip
    order, descending, offset, limit = page
    if order not in (*VERDICT_COLUMNS, *(c.label for c in columns)):
        raise StoreError.of("bad-condition", f"there is no column {order}", "order by a stat")
    source, given = relation(con, run, named(columns, {*used, order}))
    way = "desc" if descending else "asc"
    sql = (
        f"select sample_id from ({source}) where {where} "
        f"order by {quote(order)} {way} nulls last, sample_id limit {int(limit)} offset {int(offset)}"
    )
    return [r[0] for r in con.execute(sql, [*given, *values]).fetchall()]


def _rows(
    con: duckdb.DuckDBPyConnection, run: RunRecord, shown: Sequence[StatColumn], ids: list[int]
) -> tuple[SampleRow, ...]:
    """The lines of these samples, in their order: only their values are joined."""
    source, given = relation(con, run, shown)
    sql = f"select * from ({source}) where sample_id in (select unnest(?))"
    lines = con.execute(sql, [*given, ids]).fetchall()
    found = {r[0]: SampleRow(r[0], r[1], r[2], r[3], r[4], tuple(r[5:])) for r in lines}
    return tuple(found[i] for i in ids if i in found)
