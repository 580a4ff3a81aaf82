"""Every view as any reader has it: no error, no other host, axe-core, keyboard, phone and wall; then the server is lost."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.browsing import VIEWS, Demo, chromium, demo, is_live, page_of

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(120)]

HOSTILE = "<img src=x onerror=\"window.hacked='yes'\"><script>window.hacked='yes'</script>"
PASSWORD = "a long phrase for the browser tests"
SHOWN = "main h1, main .cards"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Browser]]:
    with chromium() as browser, demo(tmp_path_factory.mktemp("views")) as running:
        with page_of(browser, running.base) as (page, _):
            page.goto(running.base)
            expect(page.locator("[data-resource=SUNRDG_7_SOLAR1] .quality")).to_have_text("good", timeout=60_000)
            page.evaluate("me => fetch('/api/v1/alarms/test', {method: 'POST', headers: {'X-CSRF-Token': me.csrf, "
                          "'Content-Type': 'application/json'}, body: '{}'})", running.get("/api/v1/me"))  # fmt: skip
        yield running, browser


def show(page: Page, base: str, view: str) -> None:
    page.goto(base + view)
    page.locator(SHOWN).first.wait_for(state="attached")
    page.wait_for_load_state("load")
    if view != "/login":
        is_live(page)


@dataclass
class Seen:
    """What one look at every view found."""

    serious: list[tuple[str, str, str, list[str]]] = field(default_factory=list)
    rules: int = 0
    wide: list[tuple[str, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(opened: tuple[Demo, Browser]) -> Seen:
    """Look at every view once: light and dark, on a phone and on a wall."""
    running, browser = opened
    found = Seen()
    with page_of(browser, running.base) as (page, watch):
        for view in VIEWS:
            show(page, running.base, view)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                said = Axe().run(page).response
                found.rules += len(said["passes"])
                found.serious += [
                    (view, scheme, one["id"], [node["html"][:150] for node in one["nodes"][:3]])
                    for one in said["violations"]
                    if one["impact"] in {"serious", "critical"}
                ]
            for width, height in ((360, 740), (3840, 2160)):
                page.set_viewport_size({"width": width, "height": height})
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.wide.append((view, width))
            page.set_viewport_size({"width": 1280, "height": 800})
        found.errors, found.foreign = watch.errors, watch.foreign
    return found


def test_axe_finds_nothing_serious_in_light_and_dark(seen: Seen) -> None:
    assert seen.rules > 10 * len(VIEWS)
    assert seen.serious == []


def test_no_view_is_wider_than_a_phone_or_a_wall(seen: Seen) -> None:
    assert seen.wide == []


def test_no_view_has_an_error_in_the_console_or_asks_another_host(seen: Seen) -> None:
    assert (seen.errors, seen.foreign) == ([], [])


def test_the_keyboard_reaches_everything(opened: tuple[Demo, Browser]) -> None:
    """Each button, link and field is reached by Tab, and where the focus is can be seen."""
    running, browser = opened
    with page_of(browser, running.base) as (page, _):
        for view in ("/", "/timeline", "/alarms", "/system"):
            show(page, running.base, view)
            wanted = page.evaluate(
                """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
                         .filter(one => one.checkVisibility() && !one.disabled).length"""
            )
            page.locator("body").evaluate("() => document.activeElement.blur()")
            seen: set[str] = set()
            for _step in range(wanted + 8):
                page.keyboard.press("Tab")
                place = page.evaluate(
                    """() => {
                      const one = document.activeElement;
                      if (!one.matches("a[href], button, input, select, summary")) return null;
                      if (getComputedStyle(one).outlineStyle === "none") return "no focus to be seen: " + one.outerHTML;
                      return one.dataset.met ??= String(window.met = (window.met ?? 0) + 1);
                    }"""
                )
                seen.add(place or "")
            assert [one for one in seen if one.startswith("no focus")] == []
            assert len(seen - {""}) >= wanted - 1, view  # the list may grow by a row between the two looks


def test_the_keyboard_goes_to_another_view_and_back(opened: tuple[Demo, Browser]) -> None:
    running, browser = opened
    with page_of(browser, running.base) as (page, _):
        show(page, running.base, "/")
        page.get_by_role("link", name="Instructions").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Instructions")
        page.get_by_role("tab", name="Hourly").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Real time")).to_be_focused()
        expect(page.get_by_role("region", name="Real-time instructions")).to_be_visible()
        page.go_back()
        expect(page.locator(".cards")).to_be_visible()


def hostile(value: Any, key: str = "") -> Any:
    """Return JSON in which each free text also has markup in it."""
    if isinstance(value, dict):
        return {name: hostile(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, key) for one in value]
    if isinstance(value, str) and key in FREE:
        return f"{value}{HOSTILE}"
    return value


FREE = {
    "id", "name", "resource_id", "batch_uid", "instruction_uid", "text", "cause", "consequence", "action", "note", "by",
    "who", "reason", "label", "type_label", "problem", "last_error", "subject", "version", "watermark", "word", "service",
    "responder", "accept_status", "seconded_by", "what", "step", "status", "node", "market_id",
}  # fmt: skip


def test_markup_in_any_text_is_shown_and_never_run(opened: tuple[Demo, Browser]) -> None:
    """Names, UIDs, faults, alarms, notes: whatever the API gives is text on the page, also in its live feed."""
    running, browser = opened
    whole = json.dumps(hostile(running.get("/api/v1/snapshot")))
    news = json.dumps({"kind": "contingency", "resource_id": HOSTILE, "batch_uid": HOSTILE, "text": HOSTILE})

    def answer(route: Route) -> None:
        if route.request.url.endswith("/events"):
            told = f"event: snapshot\ndata: {whole}\n\nevent: news\ndata: {news}\n\n"
            route.fulfill(body=told, content_type="text/event-stream")
            return
        given = route.fetch()
        body = given.json()
        route.fulfill(response=given, json=body if "/me" in route.request.url else hostile(body))

    with page_of(browser, running.base) as (page, _):
        page.route("**/api/v1/**", answer)
        for view in VIEWS:
            page.goto(running.base + view)
            page.locator(SHOWN).first.wait_for(state="attached")
            if view != "/login":
                expect(page.locator("body")).to_contain_text("<img src=x")
                expect(page.locator(".news")).to_contain_text("<script>")
            if view == "/instructions":
                page.get_by_role("button", name=re.compile("^decline")).last.click()
                expect(page.get_by_role("dialog")).to_contain_text("<img src=x")
            assert page.evaluate("window.hacked ?? 'no'") == "no", view
            assert page.locator("img[src=x], main script, header script").count() == 0, view


def test_a_server_that_stands_still_is_noticed_within_five_seconds(opened: tuple[Demo, Browser]) -> None:
    running, browser = opened
    with page_of(browser, running.base) as (page, _):
        show(page, running.base, "/")
        try:
            running.send(signal.SIGSTOP)
            expect(page.locator("#feed-banner")).to_be_visible(timeout=5_000)
            expect(page.locator("#feed-banner")).to_contain_text("do not act on them")
            expect(page.locator("header .feed")).to_have_text(re.compile("NOT LIVE|NO CONNECTION"))
            assert "grayscale(1)" in page.locator("main").evaluate("one => getComputedStyle(one).filter")
            look = page.locator(".setpoint").first.evaluate("one => getComputedStyle(one).textDecorationLine")
            assert look == "line-through"
        finally:
            running.send(signal.SIGCONT)
        expect(page.locator("#feed-banner")).to_be_hidden()


def test_a_server_that_dies_and_comes_back_while_the_page_is_open(opened: tuple[Demo, Browser]) -> None:
    running, browser = opened
    with page_of(browser, running.base) as (page, watch):
        show(page, running.base, "/")
        running.send(signal.SIGKILL)
        expect(page.locator("#feed-banner")).to_contain_text("cannot be reached", timeout=5_000)
        before = running.log
        running.start()
        expect(page.locator("#feed-banner")).to_be_hidden()
        is_live(page)
        expect(page.locator(".card")).to_have_count(6)
        assert before.exists()
        assert watch.foreign == []


def test_the_first_user_is_made_signs_out_and_in(opened: tuple[Demo, Browser]) -> None:
    """The last test: from here on nobody reads without a name."""
    running, browser = opened
    token = next(running.directory.rglob("setup-token"))
    with page_of(browser, running.base) as (page, watch):
        page.goto(running.base + "/login")
        page.get_by_label("One-time set-up token").fill(first_line(token))
        page.get_by_label("User name").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make this user").click()
        expect(page.locator(".account")).to_contain_text("anna")
        is_live(page)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert page.request.get(running.base + "/api/v1/snapshot").status == 401
        watch.check()
        page.get_by_label("User name").fill("anna")
        page.get_by_label("Password").fill("not this one at all")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".problem")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".account")).to_contain_text("anna")
        is_live(page)


def first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").split()[0]
