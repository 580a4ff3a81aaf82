"""A demo to look at with Debian's Chromium, and the page in it: what it logs, asks for and shows."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.e2e import processes

CHROMIUM = Path("/usr/bin/chromium")
VIEWS = ("/", "/timeline", "/instructions", "/instructions?tab=realtime", "/alarms", "/history", "/system", "/login")
SPEED = 4
PATIENCE_MS = 15_000

STORY = """
start = 2026-06-18T08:02:20Z   # 01:02 Pacific: yesterday has half an hour in the store
history_s = 5400

[[event]]
action = "want"
at_s = 0
for_s = 3000
resource = "BATFLD_6_STOR1"
mw = -55.0

[[event]]
action = "want"
at_s = -3600
for_s = 9000
resource = "WNDPAS_2_WIND1"
mw = 12.0
"""
HOURLY = """
[[event]]
action = "issue"
at_s = {at}
batch_type = 1
resource = "NORTIE_5_IMPRT1"
dot_mw = {mw}
min_accept_mw = 20.0
ahead_s = {ahead}
lasts_s = 3600
"""
CONTINGENCY = """
[[event]]
action = "issue"
at_s = {at}
batch_type = 0
mode = 2
contingency_type = "RTCD"
resource = "STNLKE_7_HYDRO1"
dot_mw = {mw}
ahead_s = 150
lasts_s = 600
say = "a contingency"
"""


def story() -> str:
    """Return the market the tests look at: hours to answer at once, and a contingency every fifteen real seconds."""
    hours = [HOURLY.format(at=4 + n, mw=40.0 + n, ahead=2700 + 3600 * n) for n in range(3)]
    calls = [CONTINGENCY.format(at=60 * n, mw=50.0 + n % 10) for n in range(1, 60)]
    return STORY + "".join(hours + calls)


@dataclass
class Demo:
    """A demo that runs. ``base`` is the page's address."""

    directory: Path
    port: int
    story: str
    process: Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.directory / "demo.log"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until the page is there.

        Two demos that start at one moment may choose the same free port; the one that loses it chooses again.
        """
        for _ in range(3):
            if self._started():
                return
        raise AssertionError(self.log.read_text())

    def _started(self) -> bool:
        told = self.directory / "story.toml"
        told.write_text(self.story, encoding="utf-8")
        self.log.unlink(missing_ok=True)
        words = ("--directory", str(self.directory / "kit"), "--scenario", str(told), "--speed", str(SPEED))
        ports = ("--web-port", str(self.port), "--modbus-port", str(processes.free_port()))
        self.process = processes.caiso_ads("demo", "--plain", "--bare", *words, *ports, log=self.log)
        deadline = time.monotonic() + 2 * processes.STARTING_S
        while not self.answers():
            assert time.monotonic() < deadline, self.log.read_text()
            if self.process.poll() is not None:
                return False
            time.sleep(0.1)
        assert "Open this first" in self.log.read_text()
        return True

    def answers(self) -> bool:
        """Whether the page is served."""
        try:
            self.get("/api/v1/me")
        except OSError:
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process we started."""
        assert self.process is not None
        os.kill(self.process.pid, number)
        if number is signal.SIGKILL:
            self.process.wait(10)

    def get(self, path: str) -> Any:
        """Ask the API without a browser."""
        with urllib.request.urlopen(self.base + path, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def demo(directory: Path, told: str = "") -> Iterator[Demo]:
    """Run a demo until the end of the block; ``told`` in place of the story of most tests."""
    made = Demo(directory, processes.free_port(), told or story())
    made.start()
    try:
        yield made
    finally:
        assert made.process is not None
        if made.process.poll() is None:
            made.send(signal.SIGCONT)
            processes.stop(made.process)
    assert "Traceback" not in made.log.read_text()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's browser, or skip where there is none."""
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """What a page did that no page of ours may do: errors in its console, requests to other hosts."""

    def __init__(self, page: Page, base: str) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self._base = base
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._base, "data:")):
            self.foreign.append(request.url)

    def check(self) -> None:
        """Assert that nothing was found until now."""
        assert (self.errors, self.foreign) == ([], [])


@contextmanager
def page_of(browser: Browser, base: str, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """Open a page of its own device (no cookies of another); waits are short."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    try:
        yield page, Watch(page, base)
    finally:
        context.close()


def is_live(page: Page) -> None:
    """Wait until the page follows the gateway."""
    page.wait_for_selector("html[data-feed=live]")
