"""What the ISO asks, by tab, in pages; what can be answered now, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from caiso_ads.store.hourly import Asked
from caiso_ads.web.api.instructions import hourly_item
from tests.sinks.modbus.snapshots import IDS
from tests.web.filling import NOW, hourly
from tests.web.rig import told


async def all_pages(base: str, path: str, limit: int) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = await told(base, f"{path}limit={limit}&cursor={cursor}")
        assert 0 < len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def test_hourly_ones_come_newest_first_each_once_whatever_the_pages(base: str) -> None:
    whole = (await told(base, "/api/v1/instructions"))["items"]
    assert [one["instruction_uid"] for one in whole] == ["HOUR-1-I0", "HOUR-1-I1", "HOUR-0-I0", "HOUR-0-I1"]
    for limit in (1, 3):
        assert await all_pages(base, "/api/v1/instructions?", limit) == whole


async def test_what_can_be_answered_says_how_and_what_was_answered_by_whom(base: str) -> None:
    proposed, free, closed, _ = (await told(base, "/api/v1/instructions"))["items"]
    assert (free["open"], free["may"], free["seconds_left"]) == (True, ["accept", "partial", "decline"], 600.0)
    assert (closed["open"], closed["may"], closed["seconds_left"]) == (False, [], 0.0)
    assert (proposed["open"], proposed["may"]) == (False, [])
    (answer,) = proposed["answers"]
    assert (answer["kind"], answer["state"], answer["who"], answer["reason"]) == ("decline", "proposed", "Ann", "13 unit-derate")  # fmt: skip
    only = (await told(base, "/api/v1/instructions?open=true"))["items"]
    assert [one["instruction_uid"] for one in only] == ["HOUR-1-I1"]
    assert (await told(base, f"/api/v1/instructions?open=true&resource={IDS[0]}"))["items"] == []


def test_a_gateway_that_answers_nothing_offers_nothing() -> None:
    batch = hourly("H", NOW + timedelta(hours=2), closes=NOW + timedelta(hours=1))
    row = Asked(batch, batch.instructions[0], NOW)
    assert hourly_item(row, NOW, answering=True).may == ["accept", "partial", "decline"]
    assert hourly_item(row, NOW, answering=False).may == []
    unknown = Asked(batch, replace(batch.instructions[0], dot_mw=None), NOW)
    assert hourly_item(unknown, NOW, answering=True).may == ["accept", "decline"]


async def test_real_time_ones_come_newest_target_first_each_once_whatever_the_pages(base: str) -> None:
    path = "/api/v1/instructions?tab=realtime&"
    whole = (await told(base, path))["items"]
    assert [(one["batch_uid"], one["resource_id"]) for one in whole[:4]] == [
        ("DISP-11", IDS[1]), ("DISP-11", IDS[0]), ("CONT-1", IDS[1]), ("CONT-1", IDS[0]),
    ]  # fmt: skip
    assert len(whole) == 24
    for limit in (1, 5):
        assert await all_pages(base, path, limit) == whole


async def test_a_real_time_one_tells_its_change_and_its_segments(base: str) -> None:
    path = f"/api/v1/instructions?tab=realtime&resource={IDS[0]}&since=2026-07-01T11:57:00Z"
    newest, contingency, ordinary = (await told(base, path))["items"]
    assert (newest["dot_mw"], newest["previous_dot_mw"], newest["dot_delta_mw"]) == (31.0, 20.0, 11.0)
    assert newest["supplemental_mw"] == -22.25
    assert newest["details"] == [{"service": "SCHD", "mw": 47.0}, {"service": "SUPP", "mw": -22.25}]
    assert (contingency["contingency"], contingency["exceptional"], contingency["valid"]) == (True, True, True)
    assert (ordinary["contingency"], ordinary["exceptional"]) == (False, False)
    assert newest["target_time"] == "2026-07-01T12:02:30Z"


async def test_what_is_asked_wrongly_is_refused_by_name(base: str) -> None:
    for path, field in (
        ("tab=daily", "tab"), ("limit=0", "limit"), ("limit=501", "limit"), ("cursor=nonsense", "cursor"),
        ("since=2026-07-01T12:00:00", "since"), ("since=1066-10-14T00:00:00Z", "since"), ("colour=red", ""),
        ("tab=realtime&cursor=WzFd", "cursor"),
    ):  # fmt: skip
        refused = await told(base, f"/api/v1/instructions?{path}", 400)
        assert refused.get("field", "") == field, path
        assert refused["error"]


async def test_the_reasons_are_those_that_may_be_given(base: str) -> None:
    assert [one["code"] for one in (await told(base, "/api/v1/reasons"))["items"]] == [10, 11, 12, 13, 14]
