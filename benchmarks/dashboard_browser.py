"""A slider of the dashboard moved in Chromium: milliseconds from the key to the new number on the page."""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

from juicesql.app.command import command_line
from playwright.sync_api import expect, sync_playwright

MOVES = 8


def time_moves(folder: Path) -> dict[str, tuple[float, float]]:
    """Median and worst of some moves on the page of distributions, and how long the page takes to open."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(command_line(folder, port, False), stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        return _in_chromium(f"http://127.0.0.1:{port}/distributions")
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.2)


def _in_chromium(url: str) -> dict[str, tuple[float, float]]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1100})
        page.set_default_timeout(300_000)
        started = time.perf_counter()
        page.goto(url)
        kept = page.get_by_test_id("stMetric").filter(has_text="Rows kept").get_by_test_id("stMetricValue")
        kept.wait_for()
        opening = (time.perf_counter() - started) * 1000
        page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
        page.wait_for_timeout(5000)
        slider = page.get_by_role("slider", name=re.compile("alnum_ratio"))
        slider.focus()
        taken = []
        for _ in range(MOVES):
            before = kept.inner_text()
            started = time.perf_counter()
            page.keyboard.press("ArrowRight")
            expect(kept).not_to_have_text(before, timeout=60_000)
            taken.append((time.perf_counter() - started) * 1000)
            page.wait_for_timeout(3000)
        browser.close()
    return {
        "the page opens in the browser": (opening, opening),
        "a slider moves in the browser": (statistics.median(taken), max(taken)),
    }
