"""The timeline is what the store has: steps, operating points with their gaps, prices, and the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

from caiso_ads.core.trajectory import Leg, merge
from caiso_ads.web.api.curves import samples
from tests.sinks.modbus.snapshots import IDS
from tests.web.api.test_instructions import all_pages
from tests.web.rig import told

SPAN = "start=2026-07-01T11:30:00Z&end=2026-07-01T13:00:00Z"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_the_timeline_holds_what_is_stored_and_nothing_between(base: str) -> None:
    found = await told(base, f"/api/v1/timeline?resource={IDS[0]}&{SPAN}")
    assert found["dot"][-2:] == [["2026-07-01T11:57:30Z", 30.0], ["2026-07-01T12:02:30Z", 31.0]]
    assert "2026-07-01T11:42:30Z" not in dict(found["dot"])  # never came
    assert found["dop"] == [["2026-07-01T12:00:00Z", 30.0], ["2026-07-01T12:05:00Z", 31.0], ["2026-07-01T12:10:00Z", 32.0]]  # fmt: skip
    assert set(dict(found["supplemental"]).values()) == {-22.25}
    assert found["price"][-1] == ["2026-07-01T12:00:00Z", 30.5]
    assert found["limits"] == {"pmin_mw": 0.0, "pmax_mw": 100.0}
    states = {one["start"]: one["state"] for one in found["intervals"]}
    assert states["2026-07-01T11:35:00Z"] == "received"
    assert states["2026-07-01T11:40:00Z"] == "none_sent"
    assert states["2026-07-01T12:55:00Z"] == "waiting"
    assert len(states) == 18


async def test_a_resource_without_anything_has_an_empty_timeline(base: str) -> None:
    found = await told(base, f"/api/v1/timeline?resource={IDS[1]}&start=2026-06-01T00:00:00Z&end=2026-06-01T01:00:00Z")
    assert found["dot"] == found["dop"] == found["price"] == []
    assert {one["state"] for one in found["intervals"]} <= {"not_known", "not_fetched"}


async def test_a_span_too_long_or_backwards_and_a_stranger_are_refused(base: str) -> None:
    for start, end in (
        ("2026-07-01T00:00:00Z", "2026-07-02T03:00:00Z"),
        ("2026-07-01T01:00:00Z", "2026-07-01T00:00:00Z"),
    ):
        refused = await told(base, f"/api/v1/timeline?resource={IDS[0]}&start={start}&end={end}", 400)
        assert refused["field"] == "end"
    assert (await told(base, f"/api/v1/timeline?resource=GAMMA&{SPAN}", 404))["field"] == "resource"


async def test_operating_points_come_newest_first_each_once_whatever_the_pages(base: str) -> None:
    whole = (await told(base, f"/api/v1/trajectories?resource={IDS[0]}"))["items"]
    assert [one["dop_mw"] for one in whole] == [32.0, 31.0, 30.0]
    assert {one["binding"] for one in whole} == {True}
    assert await all_pages(base, f"/api/v1/trajectories?resource={IDS[0]}&", 2) == whole


def test_a_line_is_broken_where_the_curve_is() -> None:
    first = Leg("A", at(0), True, ((0.0, 10.0), (300.0, 20.0)))
    later = Leg("B", at(1), True, ((3600.0, 50.0), (3900.0, 60.0)))
    drawn = samples(merge([first, later]), at(0), at(3900))
    assert drawn == [(at(0), 10.0), (at(300), 20.0), (at(301), None), (at(3600), 50.0), (at(3900), 60.0)]
    assert samples(merge([first]), at(200), at(250)) == []
