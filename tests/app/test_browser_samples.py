"""In a real browser: see a sample with an image, a video and a sound, look into a cluster, compare two runs."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("av")
sync_api = pytest.importorskip("playwright.sync_api")

from juicesql.app.command import command_line  # noqa: E402

from .samples_project import make_media, make_texts  # noqa: E402
from .test_browser import AUDIT, CHROMIUM, browser, keep, page, settled  # noqa: E402, F401

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
LOADED = "e => e.complete && e.naturalWidth > 0"


@dataclass
class Site:
    url: str
    old: str
    new: str
    media: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser-samples")
    media = make_media(folder)
    old, new = make_texts(folder)
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
        yield Site(f"http://127.0.0.1:{port}", old, new, media)
        server.terminate()


def heading(page: Any, name: str) -> Any:  # noqa: F811
    return page.get_by_role("heading", name=name, exact=True)


def test_a_person_sees_an_image_and_plays_a_video(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{site.url}/samples?run={site.media}")
    page.get_by_role("button", name="Sample 0", exact=True).click()
    heading(page, "Sample 0").wait_for()
    settled(page)
    assert "sample=0" in page.url
    picture = page.get_by_role("img", name="hills.jpg", exact=True)
    picture.wait_for()
    assert picture.evaluate(LOADED)
    frames = page.get_by_role("img", name="Frame of hills.mp4")
    assert frames.count() >= 3 and all(frames.nth(i).evaluate(LOADED) for i in range(frames.count()))
    video = page.locator("video")
    assert video.evaluate("async v => { v.muted = true; await v.play(); return v.videoWidth }") == 320
    sound = page.locator("audio")
    assert 0.9 < sound.evaluate("async a => { a.muted = true; await a.play(); return a.duration }") < 1.1
    page.get_by_text("all_between(video_duration(videos), 0.5, 60)").first.wait_for()
    keep(page, "sample-media", tmp_path)
    page.get_by_role("button", name="The sample after").or_(page.locator(".st-key-after button")).first.click()
    heading(page, "Sample 1").wait_for()
    page.get_by_text("This file cannot be shown").first.wait_for()
    keep(page, "sample-broken", tmp_path)
    page.get_by_role("button", name="Close").click()
    heading(page, "Sample 1").wait_for(state="detached")
    assert "sample=" not in page.url


def test_hostile_text_stays_text(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    for path in (f"samples?run={site.old}&sample=5", f"samples?run={site.media}&sample=2", f"compare?run={site.new}"):
        page.goto(f"{site.url}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        settled(page)
        page.wait_for_timeout(500)
        assert page.locator("img[src=x]").count() == 0
    assert not alerts
    page.goto(f"{site.url}/samples?run={site.old}&sample=5")
    page.locator(".jq-diff").get_by_text("<script>alert(1)</script>").wait_for()
    keep(page, "sample-hostile", tmp_path)


def test_a_person_filters_samples_and_opens_a_row(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{site.url}/samples?run={site.old}")
    page.get_by_text("40 samples of 40").wait_for()
    words = page.get_by_role("textbox", name="Words in the text")
    words.fill("rivers")
    words.press("Enter")
    page.get_by_text("2 samples of 40").wait_for()
    settled(page)
    table = page.get_by_test_id("stDataFrame")
    table.click(position={"x": 17, "y": 53})  # the box of the first row
    heading(page, "Sample 2").wait_for()
    settled(page)
    keep(page, "sample-found", tmp_path)


def test_a_person_looks_into_a_cluster(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{site.url}/duplicates?run={site.old}")
    page.get_by_text("the largest first").wait_for()
    settled(page)
    keep(page, "clusters", tmp_path)
    page.goto(f"{site.url}/duplicates?run={site.old}&cluster=2&step=near")
    heading(page, "Duplicates of sample 2").wait_for()
    settled(page)
    assert "spring" in page.locator("del").all_inner_texts()[-1]
    assert any("autumn" in text for text in page.locator("ins").all_inner_texts())
    keep(page, "cluster", tmp_path)


def test_a_person_compares_two_runs(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.goto(f"{site.url}/compare?left={site.old}&right={site.new}")
    page.get_by_role("cell", name="text_len(text)").or_(page.get_by_text("text_len(text)")).first.wait_for()
    settled(page)
    page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first.wait_for()
    keep(page, "compare-stats", tmp_path)
    page.get_by_role("tab", name="Funnel").click()
    page.get_by_text("text_len(text) >= 100").first.wait_for()
    keep(page, "compare-funnel", tmp_path)
    page.get_by_role("tab", name="Rows gained and lost").click()
    page.get_by_text("Only the left run keeps them").wait_for()
    keep(page, "compare-rows", tmp_path)


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", ["samples", "media", "duplicates", "cluster", "compare", "sandbox"])
def test_everything_has_a_name_and_can_be_read(site: Site, page: Any, name: str, tmp_path: Path) -> None:  # noqa: F811
    paths = {
        "samples": f"samples?run={site.old}&sample=6", "media": f"samples?run={site.media}&sample=1",
        "duplicates": f"duplicates?run={site.old}", "cluster": f"duplicates?run={site.old}&cluster=2",
        "compare": f"compare?left={site.old}&right={site.new}", "sandbox": "sandbox",
    }  # fmt: skip
    page.goto(f"{site.url}/{paths[name]}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    page.wait_for_timeout(1000)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    keep(page, f"audit-{name}-{'dark' if dark else 'light'}", tmp_path)
    assert page.evaluate(AUDIT) == []


def test_on_a_narrow_screen_what_was_chosen_stands_first(site: Site, page: Any, tmp_path: Path) -> None:  # noqa: F811
    page.set_viewport_size({"width": 380, "height": 800})
    for path, name in (
        (f"samples?run={site.old}&sample=25", "Sample 25"),
        (f"duplicates?run={site.old}&cluster=2&step=near", "Duplicates of sample 2"),
    ):
        page.goto(f"{site.url}/{path}")
        heading(page, name).wait_for()
        settled(page)
        keep(page, f"narrow-{name}", tmp_path)
        chosen, table = (e.bounding_box()["y"] for e in (heading(page, name), page.get_by_test_id("stDataFrame").first))
        assert chosen < table
        assert page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollWidth") <= 380
