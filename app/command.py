"""`juicesql app`: starts the dashboard."""

from __future__ import annotations

import subprocess
import sys
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
) -> None:
    """Look at runs, distributions and samples in the browser. Listens on this machine only, and changes nothing."""
    from importlib.util import find_spec

    from juicesql.errors import FunctionError
    from juicesql.project import open_project

    if find_spec("streamlit") is None:
        raise FunctionError.of("missing-extra", "the dashboard needs streamlit", "pip install 'juicesql[app]'")
    raise typer.Exit(subprocess.call(command_line(open_project(project).root, port, browser)))


def command_line(root: Path, port: int, browser: bool) -> list[str]:
    """What starts Streamlit for a project."""
    settings = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": str(not browser).lower(),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        **{f"theme.{name}": value for name, value in THEME.items()},
    }
    script = Path(__file__).with_name("main.py")
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options, "--", str(root)]
