"""A plugin of dbt-duckdb: the models of a dbt project call every stat and mapper.

In `profiles.yml`, with `config` where another project's own functions are wanted, or some functions only:

    plugins:
      - module: juicesql.dbt_plugin
        config: {project: ., functions: [alnum_ratio, text_len]}

Nothing of it stays in the database that dbt builds, so models that call functions are tables: a view would call them
where they are not there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin  # type: ignore[import-not-found,unused-ignore]

from juicesql.connection import create_functions
from juicesql.errors import FunctionError, nearest
from juicesql.registry import Registry

_OPTIONS = ("project", "functions")
_CREATE = re.compile(r"^create or replace macro\b", re.I | re.M)


class Plugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Makes the functions on dbt's connection, and on each of its cursors the temporary macros that call them."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        settings = getattr(self.creds, "settings", None) or {}  # dbt-duckdb mixes those of the target in
        for name in plugin_config.keys() - settings.keys() - set(_OPTIONS):
            mend = nearest(name, _OPTIONS) or "options: " + ", ".join(_OPTIONS)
            raise FunctionError.of("unknown-option", f"juicesql.dbt_plugin has no option `{name}`", mend)
        project = plugin_config.get("project")
        self.registry = Registry(Path(project).resolve() if project else None)
        self.functions: list[str] = plugin_config.get("functions") or self.registry.names()
        self.macros: list[str] = []

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        macros = create_functions(conn, self.registry, self.functions)
        self.macros = [_CREATE.sub("create or replace temp macro", macro) for macro in macros]

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        for macro in self.macros:
            cursor.execute(macro)
