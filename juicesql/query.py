"""SQL over the stats database of a project: read only, with every function of the project at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from juicesql.connection import called, register
from juicesql.errors import JuiceError, nearest
from juicesql.project import open_project
from juicesql.registry import Registry
from juicesql.store import Store

_READING = frozenset({"SELECT", "EXPLAIN", "MULTI"})  # MULTI: a PIVOT over values that are looked up first
_RELATIONS = "`show tables` lists the relations, `describe NAME` the columns of one"
_FETCHED = 1024
_OURS = re.compile(r"error\[([\w-]+)\] (.*?)(?:\n\s*mend: (.*?))?(?:\n|$)")
_FUNCTION = re.compile(r"Function with name \"?(\w+)\"? does not exist")
_COPY = re.compile(r"copy\b", re.I)
_GUESS = re.compile(r'\nDid you mean "[^"]*"\?')  # DuckDB knows its own names only
_FILE = re.compile(r"Table with name \S*[./]\S* does not exist")


@dataclass(frozen=True)
class Answer:
    """The columns of a query, with their SQL types, and its rows in batches. Names are unique."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    batches: Iterator[list[tuple[Any, ...]]]


@contextmanager
def query(sql: str, *, project: str | Path | None = None, allow_files: bool = False) -> Iterator[Answer]:
    """Answer one query over the stats database of a project; its rows are read as long as the context is open.

    Functions that the query names are registered, no others. The query never writes the database; it opens files only
    with `allow_files`, apart from media that it gives to functions. StoreError when there is no database or a run is
    writing it, JuiceError for a query that is refused or wrong.
    """
    found = open_project(Path(project) if project else None)
    registry = found.registry()
    with Store(found.root).open(read_only=True, closed=False if allow_files else None) as con:
        con.execute("use memory")
        register(con, registry, called(sql, registry))
        con.execute("set python_enable_replacements = false")
        with con.cursor() as cursor:  # takes rows that nobody reads with it when it is closed
            cursor.execute("set search_path = 'stats.main,memory.main'")
            try:
                _check(cursor, sql, allow_files)
                cursor.execute(sql)
                yield Answer(*_columns(cursor), _batches(cursor))
            except duckdb.Error as error:
                raise _problem(error, registry, allow_files) from error


def _check(con: duckdb.DuckDBPyConnection, sql: str, allow_files: bool) -> None:
    kinds = [statement.type.name for statement in con.extract_statements(sql)]
    if not kinds:
        raise JuiceError.of("empty-query", "there is no query", "give one, such as 'from runs'; " + _RELATIONS)
    if len(kinds) > 1:
        raise JuiceError.of("refused", f"{len(kinds)} statements were given", "give one query at a time")
    # In a WITH it is part of a SELECT. Places of tokens may count bytes or characters: both are looked at.
    texts = [(sql[at:], sql.encode()[at:].decode(errors="replace")) for at, _ in duckdb.tokenize(sql)]
    if allow_files and any(_COPY.match(text) for pair in texts for text in pair):
        raise JuiceError.of("refused", "a query may not run COPY", "a column of that name can be written in quotes")
    if kinds[0] == "EXPLAIN" and allow_files:
        message = "EXPLAIN ANALYZE runs what it explains, which might write files"
        raise JuiceError.of("refused", message, "explain without --allow-files")
    if kinds[0] not in _READING:
        message = f"a query may not run {kinds[0].replace('_', ' ')}: the stats database is read only"
        mend = "ask with SELECT, FROM, DESCRIBE, SHOW or EXPLAIN; to change a copy, open it with the duckdb CLI"
        raise JuiceError.of("refused", message, mend)


def _columns(con: duckdb.DuckDBPyConnection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    for name, *_ in con.description or ():
        number, own = 2, name
        while own in names:
            own, number = f"{name}_{number}", number + 1
        names.append(own)
    return tuple(names), tuple(str(d[1]) for d in con.description or ())


def _batches(con: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    while rows := con.fetchmany(_FETCHED):
        yield rows


def _problem(error: duckdb.Error, registry: Registry, allow_files: bool) -> JuiceError:
    """DuckDB's error as one with a mend; an error of one of our functions as that function told it."""
    told = str(error).strip()
    if ours := _OURS.search(told):
        return JuiceError.of(ours[1], ours[2], ours[3] or "")
    if not allow_files and ("disabled by configuration" in told or _FILE.search(told)):
        cause = f"a query opens no file: {_GUESS.sub('', told)}"
        return JuiceError.of("refused", cause, "--allow-files lets it read files")
    if unknown := _FUNCTION.search(told):
        mend = nearest(unknown[1], registry.names()) or "`juicesql functions` lists ours"
        return JuiceError.of("unknown-function", _GUESS.sub("", told), mend)
    mend = _RELATIONS if isinstance(error, (duckdb.CatalogException, duckdb.BinderException)) else ""
    return JuiceError.of("sql", told, mend)
