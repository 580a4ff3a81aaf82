"""Batches in pages with what could not be read; one decoded; one as the ISO sent it, never under a name from outside."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
from lxml import etree

from caiso_ads.store.sqlite import SqlStore
from tests.sinks.modbus.snapshots import IDS
from tests.store.making import damage
from tests.web.api.test_instructions import all_pages
from tests.web.filling import BATCHES, fill
from tests.web.rig import serving, site, told


async def test_they_come_newest_first_each_once_whatever_the_pages(base: str) -> None:
    whole = (await told(base, "/api/v1/batches"))["items"]
    assert len(whole) == BATCHES - 1 + 1 + 1 + 2
    assert [one["batch_uid"] for one in whole[:3]] == ["BAD-1", "CONT-1", "DISP-11"]
    for limit in (1, 4):
        assert await all_pages(base, "/api/v1/batches?", limit) == whole


async def test_what_could_not_be_read_is_listed_with_its_problem_and_nothing_else(base: str) -> None:
    unread, _, good, *_ = (await told(base, "/api/v1/batches"))["items"]
    assert unread["problem"] == "not a batch"
    assert {unread[key] for key in ("type", "revision", "status", "start_time", "instructions")} == {None}
    assert (good["type_label"], good["status"], good["instructions"], good["problem"]) == ("five minute", "closed", 2, None)  # fmt: skip
    assert (good["start_time"], good["end_time"]) == ("2026-07-01T12:00:00Z", "2026-07-01T12:05:00Z")


async def test_they_are_chosen_by_day_time_resource_and_type(base: str) -> None:
    async def uids(query: str) -> list[str]:
        return [one["batch_uid"] for one in (await told(base, f"/api/v1/batches?{query}"))["items"]]

    assert await uids("day=2026-06-30") == []
    assert len(await uids("day=2026-07-01")) == 15
    assert await uids("type=4") == ["CONT-1"]
    assert await uids("type=1") == ["HOUR-1", "HOUR-0"]
    assert await uids("since=2026-07-01T11:55:00Z") == ["BAD-1", "CONT-1", "DISP-11"]
    assert len(await uids(f"resource={IDS[1]}")) == 15  # what cannot be read may concern it
    assert await uids("resource=GAMMA") == ["BAD-1"]
    assert (await told(base, "/api/v1/batches?day=2026-07-01&since=2026-07-01T00:00:00Z", 400))["field"] == "since"


async def test_one_is_decoded_from_what_was_received(base: str) -> None:
    found = await told(base, "/api/v1/batches/DISP-3")
    assert found["intact"] is True
    assert found["batch"]["instructions"][0]["dot_mw"] == 23.0
    unread = await told(base, "/api/v1/batches/BAD-1")
    assert (unread["batch"], bool(unread["problem"])) == (None, True)
    assert (await told(base, "/api/v1/batches/DISP-7", 404))["field"] == "uid"


async def test_the_document_is_given_as_the_iso_sent_it_under_a_name_of_ours(base: str) -> None:
    async with aiohttp.ClientSession() as client, client.get(base + "/api/v1/batches/DISP-3/xml") as answer:
        assert answer.content_type == "text/xml"
        name = answer.headers["Content-Disposition"]
        assert name.startswith('attachment; filename="batch-')
        assert "DISP" not in name
        root = etree.fromstring(await answer.read())
    assert root.get("batchUID") == "DISP-3"


async def test_a_damaged_copy_is_not_given_out_as_what_was_received(tmp_path: Path) -> None:
    path = tmp_path / "data" / "gateway.db"
    await fill(path)
    damage(cast("SqlStore", SimpleNamespace(path=path)), 1)
    async with serving(site(store=path)) as (base, _):
        await told(base, "/api/v1/batches/DISP-0/xml", 409)
        found = await told(base, "/api/v1/batches/DISP-0")
    assert (found["intact"], found["batch"], found["problem"]) == (False, None, "the stored copy is damaged")
