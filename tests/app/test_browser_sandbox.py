"""In a real browser: watch an experiment go on and end, look at a search, follow a link, read everything."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")
sync_api = pytest.importorskip("playwright.sync_api")

from juicesql.app.command import command_line  # noqa: E402
from juicesql.sandbox.store import SandboxStore, now  # noqa: E402

from .experiments_project import make_experiments, record  # noqa: E402
from .test_browser import AUDIT, CHROMIUM, browser, keep, metric, page, settled  # noqa: E402, F401

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("browser-sandbox")
    make_experiments(made, running=False)
    return made


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(command_line(folder, port, False), stdout=subprocess.DEVNULL) as server:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/sandbox"
        server.terminate()


def charts(page: Any) -> Any:  # noqa: F811
    return page.get_by_test_id("stVegaLiteChart")


def test_a_person_watches_an_experiment_until_it_ends(url: str, folder: Path, page: Any, tmp_path: Path) -> None:  # noqa: F811
    store = SandboxStore(folder)
    key = store.begin("demo", "live", "sandbox.yaml", {})
    train = ("execution", "TrainModelHook", "train", 0.0, {})
    record(store, key, 0, train, now(), status="running", seconds=None)
    page.goto(f"{url}?experiment=demo/live")
    page.get_by_role("cell", name="running").wait_for()
    assert charts(page).count() == 0
    store.add_metrics(key, [("train.loss", s, 5.0 - s / 20, None) for s in range(60)])
    charts(page).locator("canvas, svg").first.wait_for()  # by itself
    keep(page, "sandbox-live", tmp_path)
    record(store, key, 0, (*train[:3], 12.0, {"loss": 2.05}), now(), status="done")
    store.end(key, "done")
    sync_api.expect(metric(page, "Status")).to_have_text("done")
    page.get_by_text("loss 2.05").wait_for()
    settled(page)


def test_a_person_looks_at_a_search_and_sends_the_link(url: str, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{url}?experiment=demo/refine")
    page.get_by_text("Before and after").wait_for()
    page.get_by_role("combobox", name="Experiment").first.click()
    page.get_by_role("option", name="demo/search").click()
    page.get_by_text("Best trial: 32").wait_for()
    settled(page)
    charts(page).nth(3).locator("canvas, svg").first.wait_for()
    page.wait_for_url("**experiment=demo*search*")
    page.get_by_role("radio", name="perplexity").or_(page.get_by_role("button", name="perplexity")).first.click()
    page.get_by_text("Best trial: 20").wait_for()
    settled(page)
    keep(page, "sandbox-search", tmp_path)
    page.goto(page.url)
    page.get_by_text("Best trial: 32").wait_for()


def test_a_failure_is_explained_and_hostile_text_stays_text(url: str, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{url}?experiment=demo/broken")
    page.get_by_text("A job failed:").wait_for()
    page.get_by_text("step 39 of the training").wait_for()
    settled(page)
    assert page.locator("main script, main img[src*='a.b']").count() == 0
    keep(page, "sandbox-broken", tmp_path)


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", ["refine", "search", "broken"])
def test_everything_has_a_name_and_can_be_read(url: str, page: Any, name: str, tmp_path: Path) -> None:  # noqa: F811
    page.set_viewport_size({"width": 1440, "height": 2600})
    page.goto(f"{url}?experiment=demo/{name}")
    page.get_by_role("heading", name="All experiments").wait_for()
    settled(page)
    page.wait_for_timeout(1000)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    keep(page, f"sandbox-{name}-{'dark' if dark else 'light'}", tmp_path)
    assert page.evaluate(AUDIT) == []
