"""HTML pages that run nothing and load nothing, and text files that are written whole and never over foreign ones."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

import juicesql
from juicesql.errors import ExportError

GENERATOR = f"juicesql {juicesql.__version__}"


def asset(name: str) -> str:
    return files("juicesql").joinpath("_assets", name).read_text("utf-8")


def render_page(template: str, css: str, filters: dict[str, Callable[..., Any]], **values: Any) -> str:
    """A page out of a Jinja template. Every value is escaped; its policy lets no script run and nothing be loaded."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters |= filters
    page = environment.from_string(template)
    return page.render(css=Markup(css), policy=policy, generator=GENERATOR, **values) + "\n"


def is_page(start: bytes) -> bool:
    """Whether a file that begins so is a page of ours."""
    return b'<meta name="generator" content="juicesql ' in start


def check_ours(path: Path, is_ours: Callable[[bytes], bool], what: str, option: str) -> None:
    """ExportError where another file stands there. `is_ours` is given the first 2,000 bytes."""
    if path.exists():
        with path.open("rb") as file:
            ours = is_ours(file.read(2000))
        if not ours:
            mend = f"give another {option}, or remove the file"
            raise ExportError.of("not-ours", f"{path} is no {what} of juicesql", mend)


def write_text(path: Path, text: str, is_ours: Callable[[bytes], bool], what: str, option: str) -> Path:
    """Write the text whole or not at all. ExportError where another file stands there, or the disk says no."""
    try:
        check_ours(path, is_ours, what, option)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.stem}-", delete=False
        ) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o644)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise ExportError.of("disk", f"cannot write {path}: {error.strerror}", f"give another {option}") from error
    return path
