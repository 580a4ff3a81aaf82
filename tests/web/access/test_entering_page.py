"""In a browser: the first user by the token of the file, signing out and in, and a session that ended while the page is open."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from msgspec.structs import replace
from playwright.async_api import async_playwright

from tests.sinks.modbus.snapshots import snapshot
from tests.web.access.visiting import PHRASE, clock_of, made
from tests.web.rig import serving

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium")]


async def test_a_person_gets_in_and_is_told_when_the_session_ends() -> None:
    one = made(proxy=("192.0.2.1",))  # behind a proxy nobody looks without signing in
    async with serving(one) as (base, site), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(10_000)
        await page.goto(base + "/timeline")
        await page.wait_for_url("**/login?next=%2Ftimeline")
        await page.fill("[name=token]", site.guard.live.keeper.setup_path.read_text().strip())
        await page.fill("[name=name]", "ada")
        await page.fill("[name=password]", PHRASE)
        await page.click("button.primary")
        await page.wait_for_url("**/timeline")
        assert [user.name for user in site.guard.book.users] == ["ada"]
        await page.click("text=Sign out")
        await page.wait_for_url("**/login")
        assert site.guard.book.sessions == ()
        await page.fill("[name=name]", "ada")
        await page.fill("[name=password]", "not the right one")
        await page.click("button.primary")
        await page.wait_for_selector("text=name or password is not right")
        await page.fill("[name=password]", PHRASE)
        await page.click("button.primary")
        await page.wait_for_selector("html[data-feed=live]")
        (cookie,) = await page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert await page.evaluate("document.cookie") == ""
        await site.guard.live.change(lambda book: replace(book, sessions=()))
        await clock_of(site).advance(10)
        site.feed.publish(snapshot(generation=2))
        await page.wait_for_url("**/login?next=%2F")
        await browser.close()
        await asyncio.sleep(0)
