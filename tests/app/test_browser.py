"""The main story in a real browser: open, move a slider, see the counts change, take the recipe home. Looks on the way
whether everything has a label and can be read. Screenshots go to $JUICESQL_SCREENSHOTS, or are left with the test.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import juicesql

pytest.importorskip("streamlit")
sync_api = pytest.importorskip("playwright.sync_api")

from juicesql.app.command import command_line  # noqa: E402

from .projects import RECIPE, make_project  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
PATIENCE = 90_000  # milliseconds; a machine may be busy

# Controls without a name, and visible text whose contrast with what lies behind it is below 4.5 (3 where it is large).
AUDIT = r"""
() => {
  const problems = [];
  const shown = e => { const r = e.getBoundingClientRect(); const s = getComputedStyle(e);
    return r.width > 1 && r.height > 1 && s.visibility !== 'hidden' && s.display !== 'none' && +s.opacity > 0.05; };
  const named = e => e.getAttribute('aria-label') || e.getAttribute('title') || e.placeholder || e.textContent.trim()
    || (e.getAttribute('aria-labelledby') || '').split(' ').some(i => document.getElementById(i)?.textContent.trim())
    || [...(e.labels || [])].some(l => l.textContent.trim()) || e.closest('label')?.textContent.trim();
  for (const e of document.querySelectorAll('input, select, textarea, button, a[href], [role=slider], [role=combobox]'))
    if (shown(e) && !named(e)) problems.push('no name: ' + e.outerHTML.slice(0, 200));
  for (const e of document.querySelectorAll('img')) if (shown(e) && e.getAttribute('alt') === null)
    problems.push('no alt: ' + e.outerHTML.slice(0, 200));
  if (!document.documentElement.lang) problems.push('no language');
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3])).concat(1);
  const holds = (n, e) => { const a = n.getBoundingClientRect(), b = e.getBoundingClientRect();
    const x = (b.left + b.right) / 2, y = (b.top + b.bottom) / 2;
    return n === document.body || (a.left <= x && x <= a.right && a.top <= y && y <= a.bottom); };
  const behind = e => { const layers = []; for (let n = e; n; n = n.parentElement) {
      if (!holds(n, e)) continue;
      const c = rgba(getComputedStyle(n).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !e || !shown(e) || e.closest('button:disabled, [aria-disabled=true], script, style, noscript, canvas'))
      continue;
    if (e.closest('[data-testid="stIconMaterial"], [aria-hidden=true]')) continue;
    const style = getComputedStyle(e), under = behind(e), ink = over(rgba(style.color), under);
    let faint = 1; for (let n = e; n; n = n.parentElement) faint *= +getComputedStyle(n).opacity;
    if (faint < 0.05) continue;
    const [a, b] = [light(over([...ink.slice(0, 3), faint], under)), light(under)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < (large ? 3 : 4.5)) problems.push(`contrast ${contrast.toFixed(2)}: ${text.slice(0, 60)}`);
  }
  return [...new Set(problems)];
}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard as `juicesql app` starts it."""
    folder = tmp_path_factory.mktemp("browser")
    make_project(folder)
    juicesql.run(folder / "r.sql.j2", project=folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(command_line(folder, port, False), stdout=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield address
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that asks nothing of other machines and raises nothing."""
    scheme = getattr(request, "param", "light")
    context = browser.new_context(viewport={"width": 1440, "height": 1100}, color_scheme=scheme, locale="en-US")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    asked: list[str] = []
    faults: list[str] = []
    opened.on("request", lambda r: asked.append(r.url))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    assert not [u for u in asked if not u.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert not faults


def metric(page: Any, label: str) -> Any:
    return page.get_by_test_id("stMetric").filter(has_text=re.compile(f"^{label}")).get_by_test_id("stMetricValue")


def settled(page: Any) -> None:
    """Wait until nothing is loading."""
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')"
        " && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'running'"
    )
    page.wait_for_timeout(500)


def keep(page: Any, name: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("JUICESQL_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"))


def test_a_person_moves_a_threshold_and_takes_the_recipe_home(url: str, page: Any, tmp_path: Path) -> None:
    page.goto(url)
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.get_by_text("Most rows go here").wait_for()
    settled(page)
    keep(page, "runs", tmp_path)
    page.get_by_role("link", name="Distributions").click()
    page.get_by_role("heading", name="Distributions", exact=True).wait_for()
    page.goto(f"{url}/distributions")
    sync_api.expect(metric(page, "Go")).to_have_text("0")
    settled(page)
    kept = int(metric(page, "Rows kept").inner_text())
    slider = page.get_by_role("slider", name=re.compile("alnum_ratio"))
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1000)
    sync_api.expect(metric(page, "Go")).not_to_have_text("0")
    settled(page)
    lost = int(metric(page, "Go").inner_text())
    assert int(metric(page, "Rows kept").inner_text()) == kept - lost
    keep(page, "distributions", tmp_path)
    page.wait_for_url(re.compile("moves="))

    page.get_by_role("radio", name="The recipe").or_(page.get_by_role("button", name="The recipe")).first.click()
    page.get_by_text("a/r.sql.j2").wait_for()
    settled(page)
    page.get_by_text("a/r.sql.j2").scroll_into_view_if_needed()
    keep(page, "recipe", tmp_path)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the recipe").click()
    home = Path(waiting.value.path()).read_text("utf-8")
    (moved,) = re.findall(r"var\('letters', ([0-9.]+)\)", home)
    assert float(moved) > 0.6
    assert home.replace(f"'letters', {moved}", "'letters', 0.6") == RECIPE

    page.reload()  # the link brings the thresholds back
    sync_api.expect(metric(page, "Go")).to_have_text(str(lost))
    page.get_by_role("button", name="Reset").click()
    sync_api.expect(metric(page, "Go")).to_have_text("0")


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("path", ["", "distributions?moves=0=60&look=gained", "distributions?moves=0=60&look=recipe"])
def test_everything_has_a_name_and_can_be_read(url: str, page: Any, path: str, tmp_path: Path) -> None:
    page.goto(f"{url}/{path}")
    page.get_by_test_id("stMetric").first.wait_for()
    settled(page)
    keep(
        page,
        f"audit-{path[-6:] or 'runs'}-{page.evaluate('matchMedia(`(prefers-color-scheme: dark)`).matches')}",
        tmp_path,
    )
    assert page.evaluate(AUDIT) == []


def test_the_language_of_the_browser_is_spoken(url: str, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 1100})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}/distributions")
    page.get_by_role("heading", name="分布").wait_for()
    settled(page)
    keep(page, "chinese", tmp_path)
    context.close()
