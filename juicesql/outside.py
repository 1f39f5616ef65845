"""DuckDB functions that a recipe may not call: they reach outside it, tell about the machine, wait, or leave traces."""

from __future__ import annotations

TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "explode"})  # all that a recipe may read from
NOT_REPEATABLE = frozenset({"random", "rand", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "setseed"})
_OUTSIDE = frozenset(
    {
        *("getenv", "glob", "query", "query_table", "json_execute_serialized_sql"),
        *("sleep_ms", "write_log", "nextval", "currval", "setval", "lastval", "set_config"),
        *("current_setting", "getvariable", "version", "user", "session_user", "get_block_size", "in_search_path"),
        *("current_catalog", "current_database", "current_role", "current_schema", "current_schemas", "current_user"),
        *("current_connection_id", "current_query", "current_query_id", "current_transaction_id", "txid_current"),
        *("stats", "vector_type", "col_description", "obj_description", "shobj_description"),
    }
)
_BEGINNINGS = ("read_", "pg_", "has_", "inet_", "duckdb_", "pragma_", "sniff_", "parquet_", "icu_calendar")
_HARMLESS = frozenset({"pg_typeof", "pg_size_pretty"})


def is_outside(name: str) -> bool:
    """Whether a function of DuckDB with this name in lower case is out of reach of a recipe.

    >>> [is_outside(n) for n in ("read_text", "pg_sleep", "pg_typeof", "current_setting", "lower")]
    [True, True, False, True, False]
    """
    return name in _OUTSIDE or (name.startswith(_BEGINNINGS) and name not in _HARMLESS)
