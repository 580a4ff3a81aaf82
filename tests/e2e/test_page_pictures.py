"""The pictures of the README, taken of the page itself when ``tasks.py docs --pictures`` asks; a test run changes no file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import chromium, demo, is_live, page_of
from tests.e2e.png import packed

FOLDER = Path(__file__).parents[2] / "docs" / "images"
ASKED = "CAISO_ADS_PICTURES"
LARGEST = 150_000
NOON = """
start = 2026-06-18T19:32:20Z
history_s = 21600

[[event]]
action = "want"
at_s = -2400
for_s = 7000
resource = "BATFLD_6_STOR1"
mw = -55.0

[[event]]
action = "want"
at_s = -1500
for_s = 7000
resource = "SUNRDG_7_SOLAR1"
mw = 80.0

[[event]]
action = "want"
at_s = -1500
for_s = 7000
resource = "WNDPAS_2_WIND1"
mw = 18.0

[[event]]
action = "issue"
at_s = 4
batch_type = 1
resource = "NORTIE_5_IMPRT1"
dot_mw = 40.0
min_accept_mw = 20.0
ahead_s = 2700
lasts_s = 3600
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    ASKED not in os.environ, reason=f"writes docs/images: only with {ASKED} set, by tasks.py docs --pictures"
)
def test_the_pictures_of_the_readme(tmp_path: Path) -> None:
    with (
        chromium() as browser,
        demo(tmp_path, NOON) as running,
        page_of(browser, running.base, color_scheme="light") as (page, watch),
    ):
        page.goto(running.base)
        is_live(page)
        for card in ("SUNRDG_7_SOLAR1", "STNLKE_7_HYDRO1"):
            expect(page.locator(f"[data-resource={card}] .quality")).to_have_text("good", timeout=180_000)
        expect(page.locator("[data-resource=WNDPAS_2_WIND1] .notices")).to_contain_text("curtailed")
        page.wait_for_timeout(12_000)  # prices follow a little later, and the setpoint is on its way
        page.locator(".news button").evaluate_all("all => all.forEach(one => one.click())")
        (FOLDER / "now.png").write_bytes(packed(page.screenshot()))
        page.goto(running.base + "/timeline?resource=BATFLD_6_STOR1&hours=4")
        page.locator(".strip span").first.wait_for()
        page.wait_for_timeout(1_500)
        (FOLDER / "timeline.png").write_bytes(packed(page.screenshot()))
        page.goto(running.base + "/instructions")
        page.get_by_role("button", name="accept").first.wait_for()
        page.screenshot(path=tmp_path / "instructions.png")
        watch.check()
    for picture in ("now.png", "timeline.png"):
        assert (FOLDER / picture).stat().st_size < LARGEST, picture
