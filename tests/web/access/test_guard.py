"""The guard: deny by default, sessions that end, tokens, forged requests, and who may look before there are users."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from caiso_ads.web.access import book as books
from caiso_ads.web.access.book import Change, Token
from caiso_ads.web.access.guard import WRITE_USE_EACH, cookie_name
from caiso_ads.web.access.people import Role
from caiso_ads.web.site import Site
from tests.fakes import START
from tests.web.access.visiting import HASH, Heard, clock_of, made, user, visiting

SNAPSHOT = "/api/v1/snapshot"
IDLE_S, LONGEST_S = 15 * 60, 12 * 3600


async def signed_in(visitor_site: Site) -> str:
    return await user(visitor_site, "ada", Role.ADMIN)


async def test_without_users_whoever_sits_there_may_look_and_in_the_simulator_operate() -> None:
    async with visiting() as (visitor, _):
        status, me = await visitor.get("/api/v1/me")
        assert (status, me["name"], me["roles"], me["anonymous"], me["setup_needed"]) == (
            200, None, ["viewer", "operator"], True, True,
        )  # fmt: skip
        assert (await visitor.get(SNAPSHOT))[0] == 200
        assert (await visitor.get("/api/v1/users"))[0] == 403


async def test_at_a_plant_nobody_operates_without_signing_in() -> None:
    one = made()
    one.guard._simulator = False
    async with visiting(one) as (visitor, _):
        assert (await visitor.get("/api/v1/me"))[1]["roles"] == ["viewer"]


@pytest.mark.parametrize(
    "changes", [{"host": "0.0.0.0", "insecure_http": True}, {"proxy": ("10.0.0.2",)}], ids=["network", "proxy"]
)
async def test_nobody_looks_without_signing_in_where_others_can_come_in(changes: dict[str, Any]) -> None:
    async with visiting(made(**changes)) as (visitor, _):
        visitor.base = visitor.base.replace("0.0.0.0", "127.0.0.1")
        assert (await visitor.get("/api/v1/me"))[1]["roles"] == []
        assert (await visitor.get(SNAPSHOT))[0] == 401
        assert (await visitor.get("/"))[0] == 200


async def test_a_proxy_that_is_not_listed_brings_nobody_in() -> None:
    async with visiting() as (visitor, _):
        assert (await visitor.ask("GET", SNAPSHOT, headers={"X-Forwarded-For": "10.0.0.9"}))[0] == 401


async def test_with_users_nobody_may_anything_without_signing_in() -> None:
    async with visiting() as (visitor, site):
        secret = await signed_in(site)
        assert (await visitor.get(SNAPSHOT))[0] == 401
        visitor.cookie(secret)
        assert (await visitor.get(SNAPSHOT))[0] == 200
        assert (await visitor.get("/api/v1/me"))[1]["roles"] == ["admin"]
        visitor.cookie("x" + secret[1:])
        assert (await visitor.get(SNAPSHOT))[0] == 401


async def test_a_session_ends_when_nobody_is_there_and_after_twelve_hours_at_the_latest() -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await signed_in(site))
        clock = clock_of(site)
        for _ in range(LONGEST_S // (IDLE_S - 60) - 1):
            await clock.advance(IDLE_S - 60)
            assert (await visitor.get(SNAPSHOT))[0] == 200
        await clock.advance(IDLE_S)
        assert (await visitor.get(SNAPSHOT))[0] == 401
        visitor.cookie(await site.guard.let_in("ada", "127.0.0.1", HASH))
        for _ in range(LONGEST_S // 600 - 1):
            await clock.advance(600)
            assert (await visitor.get(SNAPSHOT))[0] == 200
        await clock.advance(600)
        assert (await visitor.get(SNAPSHOT))[0] == 401


async def test_a_timer_of_an_abandoned_page_keeps_no_session_alive() -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await signed_in(site))
        found = []
        for minute in range(16):
            found.append((await visitor.ask("GET", SNAPSHOT, headers={"X-Unattended-Seconds": str(60 * minute)}))[0])
            await clock_of(site).advance(60)
        assert found == [200] * 15 + [401]


async def test_a_session_outlives_a_restart_and_so_does_what_it_may_post() -> None:
    one = made()
    secret = await signed_in(one)
    async with visiting(one) as (visitor, _):
        visitor.cookie(secret)
        before = (await visitor.get("/api/v1/me"))[1]
        await clock_of(one).advance(WRITE_USE_EACH.total_seconds() + 1)
        await visitor.get(SNAPSHOT)
    again = made()
    again.guard.live.keeper.folder = one.guard.live.keeper.folder
    again.guard.live.keeper.path = one.guard.live.keeper.path
    used = again.guard.live.keeper.read().sessions[0].used_at
    assert used == START + WRITE_USE_EACH + timedelta(seconds=1)
    async with visiting(again) as (visitor, _):
        visitor.cookie(secret)
        assert (await visitor.get("/api/v1/me"))[1] == before


async def test_a_stream_ends_with_its_session() -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await signed_in(site))
        async with visitor.client.get(visitor.base + "/api/v1/events") as answer:
            assert answer.status == 200
            await answer.content.readany()
            await site.guard.live.change(lambda book: replace(book, sessions=()))
            await clock_of(site).advance(10)
            async with asyncio.timeout(10):
                with suppress(aiohttp.ClientError):
                    while await answer.content.readany():
                        pass
            assert answer.content.exception() is not None or answer.content.at_eof()


async def test_a_form_of_another_site_changes_nothing() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        visitor.cookie(await signed_in(site))
        for wrong in (
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": "0" * 64},
            {"Origin": "http://evil.example"},
            {"Origin": ""},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": "evil.example"},
        ):
            assert (await visitor.post("/api/v1/logout", headers=wrong))[0] == 403, wrong
        assert len(heard.refusals) == 6
        assert len(site.guard.book.sessions) == 1
        assert (await visitor.post("/api/v1/logout"))[0] == 200


async def test_a_script_comes_by_its_token_until_it_expires() -> None:
    async with visiting() as (visitor, site):
        await signed_in(site)
        token = Token(
            id="1", digest=books.digest("secret-of-a-script"), name="historian", roles=(Role.VIEWER,), made_at=START,
            expires_at=START + timedelta(days=1), made_by="ada",
        )  # fmt: skip
        await site.guard.live.change(lambda book: books.with_token(book, token))
        by = {"Authorization": "Bearer secret-of-a-script"}
        assert (await visitor.ask("GET", SNAPSHOT, headers=by))[0] == 200
        assert (await visitor.ask("GET", "/api/v1/me", headers=by))[1]["name"] == "token historian"
        assert (await visitor.ask("GET", "/api/v1/users", headers=by))[0] == 403
        plain = {**by, "Origin": "", "X-CSRF-Token": "", "Sec-Fetch-Site": ""}
        assert (await visitor.post("/api/v1/logout", headers=plain))[0] == 200
        for wrong in ("Bearer wrong", "Basic secret-of-a-script", "Bearer", ""):
            expected = 401
            assert (await visitor.ask("GET", SNAPSHOT, headers={"Authorization": wrong or " "}))[0] == expected, wrong
        await clock_of(site).advance(24 * 3600)
        assert (await visitor.ask("GET", SNAPSHOT, headers=by))[0] == 401


async def test_too_many_requests_are_turned_away() -> None:
    async with visiting() as (visitor, site):
        for _ in range(2000):
            site.guard.rates.take("127.0.0.1", site.clock.now().mono, unsafe=False)
        assert (await visitor.get(SNAPSHOT))[0] == 429


async def test_what_the_command_line_changed_is_told_once() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        change = Change(at=START, who="root", text="removed the user eve, by the command line")
        site.guard.live.keeper.change(lambda book: replace(book, untold=(change,)))
        await clock_of(site).advance(2)
        for _ in range(3):
            await visitor.get(SNAPSHOT)
        assert [(fact.who, fact.text) for fact in heard.facts] == [(change.who, change.text)]
        assert site.guard.live.keeper.read().untold == ()


def test_over_tls_the_cookie_belongs_to_this_host_alone() -> None:
    assert cookie_name(secure=True).startswith("__Host-")
    assert not cookie_name(secure=False).startswith("__")


async def test_a_full_disk_does_not_end_who_is_signed_in(caplog: pytest.LogCaptureFixture) -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await signed_in(site))
        folder = site.guard.live.keeper.folder
        (folder / "lock").unlink()
        (folder / "lock").mkdir()  # nothing can be written any more
        for _ in range(5):
            await clock_of(site).advance(120)
            assert (await visitor.get(SNAPSHOT))[0] == 200
        assert [one.levelname for one in caplog.records if "cannot be used" in one.message] == ["ERROR"]
        assert (await visitor.post("/api/v1/logout"))[0] == 503
