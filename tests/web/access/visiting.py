"""A browser at the page: keeps its cookie, says where it comes from, and carries the token against forged requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from caiso_ads.ports.answers import Fact
from caiso_ads.web.access import book as books
from caiso_ads.web.access.guard import guard_of
from caiso_ads.web.access.people import Role
from caiso_ads.web.site import Site
from tests.fakes import FakeClock
from tests.web.rig import serving, site

PHRASE = "correct horse battery staple"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$S5W4fX9ohw2qVY6Z6nJZrA$0000000000000000000000000000000000000000000"
"""No password has this one: for users who are let in without signing in."""


class Heard:
    """Keeps what the evidence hears."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.refusals: list[tuple[str, str, str]] = []

    def seen(self, *_: object) -> None: ...
    def read(self, *_: object) -> None: ...
    def acted(self, *_: object) -> None: ...

    def refused(self, sink: str, client: str, what: str) -> None:
        self.refusals.append((sink, client, what))

    @property
    def texts(self) -> list[str]:
        return [fact.text for fact in self.facts]


class Visitor:
    def __init__(self, base: str, client: aiohttp.ClientSession) -> None:
        self.base, self.client = base, client
        self.me: dict[str, Any] = {}

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer; unsafe requests are made as the page makes them."""
        sent = {}
        if method != "GET":
            self.me = await (await self.client.get(f"{self.base}/api/v1/me")).json()
            sent = {"Origin": self.base, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.me["csrf"]}
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value}
        async with self.client.request(method, self.base + path, json=body, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None) if answer.content_type.endswith("json") else {}

    async def get(self, path: str) -> tuple[int, Any]:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return await self.ask("POST", path, {} if body is None else body, headers)

    def cookie(self, secret: str) -> None:
        """Have this session from now on."""
        self.client.cookie_jar.clear()
        self.client.cookie_jar.update_cookies({"caiso_ads": secret}, URL(self.base))


def made(heard: Heard | None = None, **changes: Any) -> Site:
    """Return a site whose access is heard of; ``changes`` are keys of ``[web]``."""
    from dataclasses import replace

    from msgspec.structs import replace as with_keys

    one = site()
    assert one.config.web is not None
    heard = heard or Heard()
    config = replace(one.config, web=with_keys(one.config.web, **changes))
    context = replace(one.context, evidence=heard)
    return replace(one, config=config, context=context, guard=guard_of(config, context, heard.facts.append, one.clock))


def clock_of(one: Site) -> FakeClock:
    assert isinstance(one.clock, FakeClock)
    return one.clock


async def user(one: Site, name: str, *roles: Role, password: str = HASH) -> str:
    """Make a user who is signed in, and return the session's secret."""
    now = one.clock.now().wall
    await one.guard.live.change(lambda book: books.with_user(book, name, password, roles, now))
    return await one.guard.let_in(name, "127.0.0.1", password)


@asynccontextmanager
async def visiting(one: Site | None = None) -> AsyncIterator[tuple[Visitor, Site]]:
    """Serve a site and visit it."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(one) as (base, running), aiohttp.ClientSession(cookie_jar=jar) as client:
        yield Visitor(base, client), running
