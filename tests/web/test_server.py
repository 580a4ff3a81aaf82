"""The listener serves what the table of routes names, on this machine only, and ends when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from caiso_ads.core.directive import Environment
from caiso_ads.web.answers import as_json
from caiso_ads.web.routes import Route, all_routes
from caiso_ads.web.server import LARGEST_BODY, application
from tests.web.rig import forms, serving, site


async def test_the_page_and_the_snapshot_are_served() -> None:
    async with serving() as (base, site), aiohttp.ClientSession() as client:
        async with client.get(base + "/") as page:
            assert page.status == 200
            assert page.content_type == "text/html"
        async with client.get(base + "/api/v1/snapshot") as answer:
            assert (await answer.json())["snapshot_id"] == site.feed.latest.generation


async def test_what_is_not_in_the_table_is_not_there() -> None:
    async with serving() as (base, _), aiohttp.ClientSession() as client:
        for path in ("/nothing", "/static/nothing.js", "/static/..%2f__init__.py"):
            async with client.get(base + path) as answer:
                assert answer.status == 404, path


async def test_it_ends_when_told_to() -> None:
    async with serving() as (base, _):
        assert base.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(base + "/")
    await asyncio.sleep(0)


class Taken(msgspec.Struct, forbid_unknown_fields=True):
    """A body of a test's own route."""

    mw: float


@asynccontextmanager
async def one_route(handler: Any, **limits: float) -> AsyncIterator[str]:
    """Serve one more route, /x, that takes a body, with these limits of time."""
    runner = web.AppRunner(
        application(site(), (*all_routes(), Route("POST", "/x", handler, frozenset(), "x", Taken)), **limits)
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def echo(_site: Any, _request: web.Request, body: Taken) -> web.StreamResponse:
    return as_json(body)


async def asleep(_site: Any, _request: web.Request, _body: Taken) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits so long")


async def test_a_body_is_checked_against_its_type_and_the_field_is_named() -> None:
    async with one_route(echo) as base, aiohttp.ClientSession() as client:
        for body, status, field in (
            (b'{"mw": 1.5}', 200, ""), (b'{"mw": "1"}', 400, "mw"), (b"{", 400, ""), (b"", 400, ""), (b'"\\ud800"', 400, ""),
            (b'{"mw": 1, "who": "me"}', 400, ""), (b"x" * (LARGEST_BODY + 1), 413, ""),
        ):  # fmt: skip
            async with client.post(base + "/x", data=body, headers=await forms(client, base)) as answer:
                told = await answer.json()
                assert (answer.status, told.get("field", "")) == (status, field), body[:30]
                assert status == 200 or told["error"]


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(3600)

    async with (
        one_route(echo, body_within_s=0.05) as base,
        aiohttp.ClientSession() as client,
        client.post(base + "/x", data=slowly(), headers=await forms(client, base)) as answer,
    ):
        assert answer.status == 408


async def test_a_handler_that_takes_too_long_is_ended_and_said_so() -> None:
    async with (
        one_route(asleep, answer_within_s=0.05) as base,
        aiohttp.ClientSession() as client,
        client.post(base + "/x", json={"mw": 1}, headers=await forms(client, base)) as answer,
    ):
        assert (answer.status, "too long" in (await answer.json())["error"]) == (503, True)


async def test_who_may_not_is_refused_before_anything_is_read() -> None:
    async with (
        serving(site(environment=Environment.PRODUCTION)) as (base, _),
        aiohttp.ClientSession() as client,
        client.post(base + "/api/v1/overrides", data=b"no JSON") as answer,
    ):
        assert answer.status in {401, 403}
