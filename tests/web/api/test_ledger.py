"""The ledger of a Pacific day, in pages: what came, what did not, and why."""

from __future__ import annotations

from datetime import timedelta

from caiso_ads.core.intervals import Entry, Fate, Outage, Polls
from caiso_ads.web.api.ledger import state_of
from tests.sinks.modbus.snapshots import IDS
from tests.web.api.test_instructions import all_pages
from tests.web.filling import FIVE, NOW
from tests.web.rig import told


async def test_a_day_has_a_line_for_each_interval_of_each_resource(base: str) -> None:
    whole = (await told(base, f"/api/v1/intervals?day=2026-07-01&resource={IDS[0]}&limit=500"))["items"]
    assert len(whole) == 288
    states = {one["start"]: one for one in whole}
    came = states["2026-07-01T11:35:00Z"]
    assert (came["state"], came["dot_mw"], came["batch_uid"], came["cause"]) == ("received", 26.0, "DISP-6", None)
    lost = states["2026-07-01T11:40:00Z"]
    assert (lost["state"], lost["dot_mw"], lost["received_at"]) == ("none_sent", None, None)
    assert await all_pages(base, f"/api/v1/intervals?day=2026-07-01&resource={IDS[0]}&", 100) == whole
    both = await told(base, "/api/v1/intervals?day=2026-07-01&limit=500")
    assert {one["resource_id"] for one in both["items"]} == set(IDS)
    assert both["next"] is not None


async def test_a_day_of_the_change_to_summer_time_has_23_hours(base: str) -> None:
    found = await told(base, f"/api/v1/intervals?day=2026-03-08&resource={IDS[0]}&limit=500")
    assert len(found["items"]) == 23 * 12


async def test_a_day_that_is_none_is_refused(base: str) -> None:
    assert (await told(base, "/api/v1/intervals?day=1999-12-31", 400))["field"] == "day"
    assert (await told(base, "/api/v1/intervals?day=yesterday", 400))["field"] == "day"
    assert (await told(base, "/api/v1/intervals?day=2026-07-01&resource=GAMMA", 404))["field"] == "resource"


def test_the_cause_is_told_where_it_is_known() -> None:
    polls = Polls(NOW - timedelta(days=1), NOW, (Outage(NOW - FIVE, NOW + FIVE, "TLS: the certificate expired"),))
    lost = Entry(IDS[0], NOW, Fate.NOT_FETCHED)
    assert state_of(lost, polls).cause == "TLS: the certificate expired"
    late = Entry(IDS[0], NOW, Fate.LATE, NOW + FIVE, 1.0, "X", delay_s=42.0)
    assert state_of(late, Polls()).cause == "received 42 s after its begin"
    assert state_of(Entry(IDS[0], NOW, Fate.RECEIVED), polls).cause is None
