"""A day at the page as an operator has it, on the live demo with Debian's Chromium, in one go: each test goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import PATIENCE_MS, Demo, Watch, chromium, demo, is_live, page_of

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(120)]

Opened = tuple[Demo, Page, Watch]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Browser, Page, Watch]]:
    with (
        chromium() as browser,
        demo(tmp_path_factory.mktemp("journey")) as running,
        page_of(browser, running.base) as (page, watch),
    ):
        page.goto(running.base)
        is_live(page)
        yield running, browser, page, watch


@pytest.fixture
def at_work(opened: tuple[Demo, Browser, Page, Watch]) -> Iterator[Opened]:
    """Give the page to one test, and see that it did nothing it may not do."""
    running, _, page, watch = opened
    yield running, page, watch
    watch.check()


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=re.compile(view)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(view)


def test_every_view_says_that_this_is_no_plant(at_work: Opened) -> None:
    _, page, _ = at_work
    expect(page.locator(".watermark")).to_have_text(re.compile("NOT FOR OPERATION"))


def test_a_target_counts_down(at_work: Opened) -> None:
    _, page, _ = at_work
    card = page.locator("[data-resource=BATFLD_6_STOR1]")
    expect(card.locator(".directive")).to_have_text("TEST", timeout=60_000)  # the history is read first
    expect(card.locator(".ramp")).to_contain_text(re.compile(r"→ .55\.00"), timeout=PATIENCE_MS)
    expect(card.locator(".left")).to_have_text(re.compile(r"in \d:\d\d"))
    first = card.locator(".left").inner_text()
    expect(card.locator(".left")).not_to_have_text(first)
    assert seconds(card.locator(".left").inner_text()) != seconds(first)


def seconds(text: str) -> int:
    minutes, rest = text.removeprefix("in ").split(":")
    return 60 * int(minutes) + int(rest)


def test_a_curtailment_stands_on_its_card(at_work: Opened) -> None:
    _, page, _ = at_work
    expect(page.locator("[data-resource=WNDPAS_2_WIND1] dl")).to_contain_text("must follow DOT")
    expect(page.locator("[data-resource=WNDPAS_2_WIND1] .notices")).to_contain_text("curtailed")
    expect(page.locator("[data-resource=WNDPAS_2_WIND1] dl")).to_contain_text(re.compile(r"SUPP.\d"))


def test_a_contingency_is_seen_and_heard(at_work: Opened) -> None:
    _, page, _ = at_work
    go(page, "Alarms")
    page.get_by_role("button", name="Sound: off").click()
    expect(page.get_by_role("button", name="Sound: on")).to_be_visible()
    page.locator(".news button").evaluate_all("all => all.forEach(one => one.click())")
    heard = int(page.locator("html").get_attribute("data-played") or 0)
    expect(page.locator(".news [data-kind=contingency]").first).to_contain_text("contingency", timeout=40_000)
    page.wait_for_function("n => Number(document.documentElement.dataset.played) > n", arg=heard)
    expect(page.locator("#announce")).not_to_be_empty()
    go(page, "Instructions")
    page.get_by_role("tab", name="Real time").click()
    expect(page.locator("tr[data-contingency]").first).to_contain_text("CONTINGENCY")
    page.get_by_role("tab", name="Hourly").click()


def test_an_hour_is_accepted(at_work: Opened) -> None:
    running, page, _ = at_work
    go(page, "Instructions")
    row = page.locator("tr[data-open]", has=page.get_by_role("button", name=re.compile("^accept"))).last
    expect(row.locator(".countdown")).to_have_text(re.compile(r"\d+:\d\d"))
    row.get_by_role("button", name=re.compile("^accept")).click()
    uid = said(page)
    expect(page.get_by_role("dialog")).to_contain_text("This is sent to the ISO once")
    page.get_by_role("button", name="Send: accept").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert answered(running, page, uid)["iso"]["accept_status"] == "ACCEPT"
    expect(page.locator(f"tr[data-uid='{uid}']")).to_contain_text("ISO: accept", timeout=PATIENCE_MS)


def test_another_is_declined_with_a_reason(at_work: Opened) -> None:
    running, page, _ = at_work
    row = page.locator("tr[data-open]", has=page.get_by_role("button", name=re.compile("^decline"))).last
    row.get_by_role("button", name=re.compile("^decline")).click()
    uid = said(page)
    chosen = page.get_by_role("dialog").get_by_label("Reason")
    chosen.select_option(index=1)
    code = int(chosen.input_value())
    expect(page.locator(".sends")).to_contain_text(f"reason {code}")
    page.get_by_role("button", name="Send: decline").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    reason = answered(running, page, uid)["iso"]["reason_code"]
    assert isinstance(reason, dict)
    assert reason["code"] == code


def said(page: Page) -> str:
    """Return the instruction a dialog is about."""
    return page.get_by_role("dialog").get_by_role("heading").inner_text().split()[-1]


def answered(running: Demo, page: Page, uid: str) -> dict[str, dict[str, object]]:
    """Wait until the ISO has the answer, and return the instruction."""
    for _ in range(60):
        for item in running.get("/api/v1/instructions?tab=hourly&limit=50")["items"]:
            if item["instruction_uid"] == uid and item["iso"]["accept_status"]:
                found: dict[str, dict[str, object]] = item
                return found
        page.wait_for_timeout(250)
    raise AssertionError(f"the ISO has no answer to {uid}")


def test_an_alarm_is_shelved_taken_back_and_acknowledged(at_work: Opened) -> None:
    running, page, _ = at_work
    go(page, "Alarms")
    page.get_by_role("button", name="Test alarm").click()
    alarm = page.locator(".alarm", has_text="test alarm").first
    expect(alarm).to_have_attribute("data-state", "active_unack")
    expect(page.locator("header .count")).to_be_visible()
    alarm.get_by_role("button", name="Shelve").click()
    page.get_by_label("Reason").fill("we know")
    page.get_by_role("dialog").get_by_role("button", name="Shelve").click()
    expect(alarm).to_have_attribute("data-state", "shelved")
    expect(alarm).to_contain_text("until")
    alarm.get_by_role("button", name="Unshelve").click()
    alarm.get_by_role("button", name="Acknowledge").click()
    expect(alarm.get_by_role("button", name="Acknowledge")).to_have_count(0)
    journal = running.get("/api/v1/alarms/journal?limit=50")["items"]
    assert any("test alarm" in item["text"] for item in journal)


def test_yesterday_is_looked_up(at_work: Opened) -> None:
    _, page, _ = at_work
    go(page, "History")
    today = datetime.fromisoformat(page.get_by_label("Day (Pacific)").input_value())
    page.get_by_label("Day (Pacific)").fill(f"{today - timedelta(days=1):%Y-%m-%d}")
    expect(page.get_by_role("region", name="Batches received on the day").locator("tbody")).to_have_text("None.")
    expect(page.locator("#main")).to_contain_text(re.compile(r"\d+ back filled"))
    page.get_by_label("Day (Pacific)").fill(f"{today:%Y-%m-%d}")
    expect(page.get_by_role("region", name="Batches received on the day")).to_contain_text("five minute")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("XML of")).first.click()
    assert download.value.path().read_bytes().lstrip().startswith(b"<")


def test_a_page_of_another_origin_does_nothing(opened: tuple[Demo, Browser, Page, Watch]) -> None:
    running, browser, _, _ = opened
    before = raised(running)
    with page_of(browser, running.base) as (evil, _):
        evil.goto(running.base + "/api/v1/me")  # whatever cookie it has, it has
        evil.route("http://evil.example/", lambda route: route.fulfill(body="<p>hello", content_type="text/html"))
        evil.goto("http://evil.example/")
        answers: list[int] = []
        evil.on("response", lambda answer: answers.append(answer.status) if "alarms/test" in answer.url else None)
        evil.evaluate(
            """async base => {
              const form = document.createElement("form");
              Object.assign(form, {method: "post", action: base + "/api/v1/alarms/test", enctype: "text/plain"});
              await fetch(form.action, {method: "POST", mode: "no-cors", credentials: "include", body: "{}"}).catch(() => null);
              document.body.append(form);
              form.submit();
            }""",
            running.base,
        )
        evil.wait_for_load_state()
        evil.wait_for_timeout(500)
    assert answers
    assert set(answers) <= {403}
    assert raised(running) == before


def raised(running: Demo) -> int:
    """Return how often a test alarm was raised."""
    items = running.get("/api/v1/alarms/journal?limit=500")["items"]
    return sum(item["what"] == "raised" and "test alarm" in item["text"] for item in items)
