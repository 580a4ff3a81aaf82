"""Getting in: one answer for all that is wrong, waiting for who guesses, and the first user by the token of the file."""

from __future__ import annotations

import asyncio

import pytest

from caiso_ads.config.web import WebConfig
from caiso_ads.errors import StoreError
from caiso_ads.web.access import book as books
from caiso_ads.web.access.passwords import Passwords, hashed
from caiso_ads.web.access.people import Role
from caiso_ads.web.server import WebSink
from caiso_ads.web.site import Site
from tests.web.access.visiting import HASH, PHRASE, Heard, clock_of, made, user, visiting

KEPT = hashed(PHRASE)


class Meanwhile(Passwords):
    """Finds every password right, but somebody changes it in that time."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    async def matches(self, password: str, kept: str | None) -> tuple[bool, str]:
        now = self.site.clock.now().wall
        await self.site.guard.live.change(lambda book: books.with_password(book, "ada", HASH, now))
        return True, ""


async def test_a_new_session_each_time_and_the_old_one_ends() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        fixed = await user(site, "ada", Role.OPERATOR, password=KEPT)
        visitor.cookie(fixed)
        assert (await visitor.post("/api/v1/login", {"name": "ADA", "password": PHRASE}))[0] == 200
        (cookie,) = visitor.client.cookie_jar
        assert cookie.value != fixed
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "Strict", "/", "")
        assert [one.digest for one in site.guard.book.sessions] == [books.digest(cookie.value)]
        assert (await visitor.get("/api/v1/me"))[1]["name"] == "ada"
        assert heard.texts == ["signed in"]
        assert heard.facts[0].detail["from"] == "127.0.0.1"


async def test_signing_out_ends_the_session_on_the_server() -> None:
    async with visiting() as (visitor, site):
        secret = await user(site, "ada", Role.OPERATOR, password=KEPT)
        visitor.cookie(secret)
        assert (await visitor.post("/api/v1/logout"))[0] == 200
        assert list(visitor.client.cookie_jar) == []
        visitor.cookie(secret)  # a stolen copy is worth nothing
        assert (await visitor.get("/api/v1/snapshot"))[0] == 401


async def test_all_that_is_wrong_is_answered_alike_and_told_apart_in_the_evidence() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        await user(site, "ada", Role.OPERATOR, password=KEPT)
        answers = [
            await visitor.post("/api/v1/login", {"name": name, "password": "something else"}) for name in ("ada", "eve")
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 401
        assert [what for _, _, what in heard.refusals] == ["a wrong password for ada", "an unknown user"]


async def test_a_thousand_guesses_get_a_handful_of_answers_and_an_alarm() -> None:
    heard = Heard()
    alarms: list[str] = []
    one = made(heard)
    one.guard.on_guessing.append(alarms.append)
    async with visiting(one) as (visitor, site):
        secret = await user(site, "ada", Role.OPERATOR)
        await site.guard.live.change(lambda book: books.with_password(book, "ada", KEPT, site.clock.now().wall))
        secret = await site.guard.let_in("ada", "192.168.0.1", KEPT)
        found = [
            (await visitor.post("/api/v1/login", {"name": "ada", "password": f"guess {n} of them"}))[0]
            for n in range(100)
        ]
        assert found.count(401) == 5
        assert found.count(429) == 95
        assert alarms[0] == "10 attempts to sign in failed: address 127.0.0.1"
        assert site.guard.guessing_goes_on()
        visitor.cookie(secret)  # who is signed in notices nothing
        assert (await visitor.get("/api/v1/snapshot"))[0] == 200
        visitor.client.cookie_jar.clear()
        assert (await visitor.post("/api/v1/login", {"name": "ada", "password": PHRASE}))[0] == 429
        await clock_of(site).advance(3)
        assert (await visitor.post("/api/v1/login", {"name": "ada", "password": PHRASE}))[0] == 200


async def test_guesses_made_at_once_are_counted_before_they_are_checked() -> None:
    async with visiting() as (visitor, site):
        await user(site, "ada", Role.OPERATOR)
        await visitor.get("/api/v1/me")
        tries = (visitor.post("/api/v1/login", {"name": "ada", "password": "something else"}) for _ in range(30))
        found = [status for status, _ in await asyncio.gather(*tries)]
        assert found.count(401) == 5


async def test_the_first_user_comes_by_the_token_once() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        path = site.guard.live.keeper.setup_path
        first = {"token": path.read_text(), "name": "ada", "password": PHRASE}
        assert (await visitor.post("/api/v1/setup", {**first, "token": "guessed"}))[0] == 401
        assert (await visitor.post("/api/v1/setup", {**first, "password": "short"}))[1]["field"] == "password"
        assert (await visitor.post("/api/v1/setup", {**first, "name": "no such name"}))[1]["field"] == "name"
        assert path.exists()
        assert (await visitor.post("/api/v1/setup", first))[0] == 200
        me = (await visitor.get("/api/v1/me"))[1]
        assert (me["name"], me["roles"], me["setup_needed"]) == ("ada", ["admin"], False)
        assert not path.exists()
        assert (await visitor.post("/api/v1/setup", {**first, "name": "eve"}))[0] == 401
        assert heard.texts == ["set up: made the first user ada, admin"]
        assert heard.refusals[0][2] == "a wrong set-up token"


async def test_where_the_token_is_is_logged_and_not_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    async with visiting() as (_, site):
        path = site.guard.live.keeper.setup_path
        assert str(path) in caplog.text
        assert path.read_text().strip() not in caplog.text


async def test_clear_text_over_a_network_is_logged_loudly(caplog: pytest.LogCaptureFixture) -> None:
    async with visiting(made(host="0.0.0.0", insecure_http=True)):
        assert "clear text" in caplog.text


async def test_ones_own_password_ends_the_other_sessions() -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await user(site, "ada", Role.VIEWER, password=KEPT))
        await site.guard.let_in("ada", "10.0.0.9", KEPT)
        new = "a quite different phrase"
        wrong = await visitor.post("/api/v1/me/password", {"current": "not this one", "password": new})
        assert (wrong[0], wrong[1]["field"]) == (400, "current")
        assert (await visitor.post("/api/v1/me/password", {"current": PHRASE, "password": new}))[0] == 200
        assert [one.address for one in site.guard.book.sessions] == ["127.0.0.1"]
        assert (await visitor.get("/api/v1/me"))[1]["name"] == "ada"


async def test_a_user_changed_while_the_password_was_checked_does_not_get_in() -> None:
    async with visiting() as (visitor, site):
        await user(site, "ada", Role.VIEWER, password=KEPT)

        site.guard.passwords = Meanwhile(site)
        assert (await visitor.post("/api/v1/login", {"name": "ada", "password": PHRASE}))[0] == 401
        assert site.guard.book.sessions == ()


async def test_a_broken_file_of_users_serves_nobody() -> None:
    one = made()
    one.guard.live.keeper.folder.mkdir(parents=True)
    one.guard.live.keeper.path.write_text("{")
    one.guard.live.keeper.path.chmod(0o600)
    with pytest.raises(StoreError):
        await WebSink(WebConfig(port=0), one).run(one.feed, lambda: pytest.fail("served"))
