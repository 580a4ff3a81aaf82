"""The alarms over HTTP: what stands, what was, and what an operator does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.loop.alarm_desk import AlarmDesk
from caiso_ads.loop.alarm_sources import Sources
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.watch import AlarmWatch
from caiso_ads.store.sqlite import SqlStore
from tests.alarming import LOST, shot
from tests.fakes import FakeClock
from tests.web.rig import forms, serving, site, told

ALARMS = "/api/v1/alarms"


@asynccontextmanager
async def plant(tmp_path: Path, *resources: str) -> AsyncIterator[str]:
    """Serve a site whose link is lost."""
    clock, path = FakeClock(), tmp_path / "gateway.db"
    store = await SqlStore.open(path, clock)
    evidence, sources = EvidenceLog(store, clock), Sources()
    watch = AlarmWatch(evidence.note)
    watch.sources = sources
    desk = Desk(AlarmDesk(watch, sources, clock, evidence.note, evidence.durable).handlers(), clock)
    for _ in range(60):
        await clock.advance(1.0)
        watch.look(shot(resources or ("R1",), reasons=LOST), clock.now())
    await evidence.durable()
    made = replace(site(store=path, clock=clock), desk=desk, alarms=watch)
    async with serving(made) as (base, _):
        yield base
    await store.close()


async def post(base: str, path: str, status: int = 200, **body: object) -> Any:
    async with (
        aiohttp.ClientSession() as client,
        client.post(base + path, json=body, headers=await forms(client, base)) as answer,
    ):
        assert answer.status == status, await answer.text()
        return await answer.json()


async def test_what_stands_is_told_with_its_cause_and_what_follows_from_it(tmp_path: Path) -> None:
    async with plant(tmp_path) as base:
        page = await told(base, ALARMS)
        assert page["next"] is None
        assert [(one["id"], one["state"]) for one in page["items"]] == [
            ("link", "active_unack"), ("schedule_over:R1", "suppressed"),
        ]  # fmt: skip
        assert page["items"][0]["children"] == ["schedule_over:R1"]
        assert page["items"][1]["resource_id"] == "R1"
        assert all(page["items"][0][key] for key in ("cause", "consequence", "action", "priority", "raised_at"))


async def test_pages_hold_no_more_than_was_asked_for_and_together_everything(tmp_path: Path) -> None:
    async with plant(tmp_path, *(f"R{n}" for n in range(6))) as base:
        found: list[str] = []
        cursor = ""
        while True:
            page = await told(base, f"{ALARMS}?limit=3&cursor={cursor}")
            assert len(page["items"]) <= 3
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == ["link", *(f"schedule_over:R{n}" for n in range(6))]


async def test_an_alarm_is_acknowledged_shelved_and_taken_back_and_the_journal_tells_it(tmp_path: Path) -> None:
    async with plant(tmp_path) as base:
        assert (await post(base, f"{ALARMS}/link/acknowledge", note="seen"))["done"]
        assert not (await post(base, f"{ALARMS}/link/acknowledge"))["done"]
        assert (await post(base, f"{ALARMS}/link/shelve", minutes=15, reason="known"))["done"]
        (link, _) = (await told(base, ALARMS))["items"]
        assert (link["state"], link["by"]) == ("shelved", "anonymous (simulator)")
        assert link["shelved_until"] == "2026-07-01T12:16:00Z"
        assert (await post(base, f"{ALARMS}/link/unshelve"))["done"]
        assert (await post(base, f"{ALARMS}/acknowledge-all"))["text"] == "1 alarms acknowledged"
        assert (await post(base, f"{ALARMS}/test"))["done"]
        journal = (await told(base, f"{ALARMS}/journal"))["items"]
        assert [one["what"] for one in journal] == [
            "asked for", "acknowledged", "raised", "unshelved", "shelved", "acknowledged", "suppressed", "raised",
        ]  # fmt: skip
        assert (journal[5]["note"], journal[5]["id"], journal[5]["text"]) == ("seen", "link", "no contact with ADS")
        short = await told(base, f"{ALARMS}/journal?limit=3")
        rest = await told(base, f"{ALARMS}/journal?cursor={short['next']}")
        assert short["items"] + rest["items"] == journal
        assert (await told(base, f"{ALARMS}/journal?since=2027-01-01T00:00:00Z"))["items"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("link/shelve", {"minutes": 0, "reason": "x"}),
        ("link/shelve", {"minutes": 1441, "reason": "x"}),
        ("link/shelve", {"minutes": 10, "reason": ""}),
        ("link/shelve", {"minutes": 10}),
        ("link/acknowledge", {"note": "x" * 201}),
        ("acknowledge-all", {"other": 1}),
    ],
)
async def test_what_makes_no_sense_is_a_400(tmp_path: Path, path: str, body: dict[str, object]) -> None:
    async with serving() as (base, _):
        assert (await post(base, f"{ALARMS}/{path}", 400, **body))["error"]


async def test_a_name_with_every_sign_is_found(tmp_path: Path) -> None:
    name = "R/1 ä:%2F?#"
    async with plant(tmp_path, name, "R2") as base:
        await post(base, f"{ALARMS}/link/acknowledge")
        from urllib.parse import quote

        path = f"{ALARMS}/{quote(f'schedule_over:{name}', safe='')}/shelve"
        async with aiohttp.ClientSession() as client:
            from yarl import URL

            url = URL(base + path, encoded=True)
            headers = await forms(client, base)
            async with client.post(url, json={"minutes": 5, "reason": "x"}, headers=headers) as answer:
                assert (await answer.json())["done"] is True


async def test_the_whole_catalogue_is_told() -> None:
    async with serving() as (base, _):
        items = (await told(base, f"{ALARMS}/catalogue"))["items"]
        assert [one["key"] for one in items] == [kind.key for kind in CATALOGUE]
    await asyncio.sleep(0)
