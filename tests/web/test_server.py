"""The listener serves what the table of routes names, on this machine only, and ends when it is told to."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from caiso_ads.web.routes import all_routes
from tests.web.rig import serving


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


def test_no_route_stands_twice() -> None:
    known = [(route.method, route.path) for route in all_routes()]
    assert len(known) == len(set(known))
