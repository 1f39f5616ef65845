"""great_expectations' Data Docs of a report: a page for each relation and an index, which open offline and run nothing.

The pages that great_expectations renders load scripts and styles from other hosts and show values of the data as HTML.
Here values are escaped first, scripts are taken out, a policy in the page forbids them, and the style is our own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from juicesql.errors import ExportError
from juicesql.gates.model import Check, Report
from juicesql.gates.rules import library, part

_MARK = "<!-- Data Docs written by juicesql -->"
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; base-uri 'none'\">"
)
_FOREIGN = re.compile(
    r"<script\b.*?</script\s*>|<style\b.*?</style\s*>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer\s*>|<nav\b.*?</nav\s*>",
    re.S | re.I,
)
_ELSEWHERE = re.compile(r"<a\b(?![^>]*href=\"#)[^>]*>(.*?)</a>", re.S | re.I)
_HANDLER = re.compile(r"\son\w+\s*=\s*(\"[^\"]*\"|'[^']*')", re.I)


def write_docs(report: Report, folder: Path) -> Path:
    """Write the pages and return the index. ExportError when a file of somebody else is in the way."""
    pages = {f"{name}.html": _page(report, name, results) for name, results in report.raw.items()}
    pages["index.html"] = _index(report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            path = folder / name
            if path.exists() and _MARK not in path.read_text("utf-8", "replace"):
                message = f"{path} exists and is no page of Data Docs"
                raise ExportError.of("docs-exist", message, "name another folder with --docs")
            path.write_text(text, "utf-8")
    except OSError as error:
        raise ExportError.of("cannot-write", f"cannot write {folder}: {error}", "name another --docs") from error
    return folder / "index.html"


def _page(report: Report, relation: str, results: list[Any]) -> str:
    core, render = part("core"), part("render.renderer")
    for result in results:
        _make_safe(result)
    met = sum(bool(r.success) for r in results)
    counts = {
        "evaluated_expectations": len(results), "successful_expectations": met,
        "unsuccessful_expectations": len(results) - met,
        "success_percent": 100 * met / len(results) if results else None,
    }  # fmt: skip
    whole = core.ExpectationSuiteValidationResult(
        success=met == len(results), results=results, suite_name=_safe(relation), statistics=counts,
        meta={"run_id": {"run_name": report.run_id, "run_time": None}, "great_expectations_version": _version()},
    )  # fmt: skip
    document = render.ValidationResultsPageRenderer().render(whole)
    page: str = part("render.view").DefaultJinjaPageView().render(document)
    body = page[page.index("<body") : page.rindex("</body>")].split(">", 1)[1]
    back = (
        f'<p class="back"><a href="index.html">{_safe(Path(report.recipe).name)}</a> · run {_safe(report.run_id)}</p>'
    )
    own = _ELSEWHERE.sub(r"\1", _FOREIGN.sub("", body))
    return _whole(f"{relation}: expectations", back + _HANDLER.sub("", own))


def _version() -> str:
    return str(library().__version__)


def _make_safe(result: Any) -> None:
    config = result.expectation_config
    config.kwargs = {k: v for k, v in _safe(dict(config.kwargs)).items() if k != "batch_id"}
    config.meta = {}
    result.result = _safe(dict(result.result or {}))


def _safe(value: Any) -> Any:
    """The value with every text in it escaped."""
    if isinstance(value, Mapping):
        return {_safe(k): _safe(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(v) for v in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value.item() if hasattr(value, "item") else value)
    return html.escape(text if len(text) <= 500 else text[:499] + "…").replace("$", "&#36;")


def _index(report: Report) -> str:
    rows = "".join(_row(check) for check in report.checks)
    notes = "".join(f'<p class="bad">✗ {_safe(note)}</p>' for note in report.notes)
    met = len(report.checks) - len(report.failed)
    head = f"<h1>{_safe(Path(report.recipe).name)}</h1>"
    head += f"<p>{met} of {len(report.checks)} expectations met, run {_safe(report.run_id)}</p>"
    table = "<table class='table'><tr><th></th><th>relation</th><th>expectation</th><th>found</th></tr>"
    return _whole("Expectations", f"<main>{head}{notes}{table}{rows}</table></main>")


def _row(check: Check) -> str:
    e, mark = check.expectation, ("good", "✓ met") if check.success else ("bad", "✗ not met")
    link = f'<a href="{_safe(e.relation)}.html">{_safe(e.relation)}</a>'
    cells = (f'<span class="{mark[0]}">{mark[1]}</span>', link, f"<code>{_safe(e.text)}</code>", _safe(check.found))
    return "<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"


def _whole(title: str, body: str) -> str:
    style = files("juicesql").joinpath("_assets/datadocs.css").read_text("utf-8")
    head = f'<meta charset="utf-8">{_POLICY}<meta name="viewport" content="width=device-width">'
    head += f"<title>{_safe(title)}</title><style>{style}</style>"
    return f'<!doctype html>\n{_MARK}\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
