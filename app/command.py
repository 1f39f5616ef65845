"""`juicesql app`: starts the dashboard."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

THEME = {
    "baseRadius": "0.5rem",
    "baseFontSize": "15",
    "headingFontSizes": '["2rem", "1.5rem", "1.2rem"]',
    "light.primaryColor": "#0b5f58",
    "light.textColor": "#111827",
    "light.backgroundColor": "#ffffff",
    "light.secondaryBackgroundColor": "#f3f5f7",
    "dark.primaryColor": "#2dd4bf",
    "dark.textColor": "#f3f4f6",
    "dark.backgroundColor": "#10151b",
    "dark.secondaryBackgroundColor": "#1b232c",
}


def app(
    project: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PROJECT]", exists=True, file_okay=False, help="The project folder. [default: the nearest one]"
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8501,
    browser: Annotated[bool, typer.Option("--browser", help="Open a browser.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name of this machine that requests may use, as behind a proxy."),
    ] = None,
) -> None:
    """Look at runs, distributions and samples in the browser. Listens on this machine only, and changes nothing."""
    from importlib.util import find_spec

    from juicesql.errors import FunctionError
    from juicesql.project import open_project

    if find_spec("streamlit") is None:
        raise FunctionError.of("missing-extra", "the dashboard needs streamlit", "pip install 'juicesql[app]'")
    command = command_line(open_project(project).root, port, browser, allow_host or ())
    sys.stdout.flush()
    os.execv(command[0], command)  # the server takes the place of this process: who ends one has ended both


def command_line(root: Path, port: int, browser: bool, hosts: Sequence[str] = ()) -> list[str]:
    """What starts the server for a project."""
    settings = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": str(not browser).lower(),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "server.enableStaticServing": "false",
        "client.toolbarMode": "viewer",
        **{f"theme.{name}": value for name, value in THEME.items()},
    }
    options = [f"--{name}={value}" for name, value in settings.items()] + [f"--allow-host={h}" for h in hosts]
    # -P: nothing in the folder where it is started goes before a library.
    return [sys.executable, "-P", "-m", "juicesql.app.serve", *options, "--", str(root)]
