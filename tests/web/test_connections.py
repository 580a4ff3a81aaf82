"""One connection too many is told so; one that says nothing is closed; one that spoke is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from caiso_ads.web.connections import LimitedRunner
from caiso_ads.web.server import application
from tests.web.rig import site

ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@asynccontextmanager
async def listening(most: int = 512, first_within_s: float = 10.0) -> AsyncIterator[tuple[str, int]]:
    runner = LimitedRunner(application(site()), most=most, first_within_s=first_within_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield host, port
    finally:
        await runner.cleanup()


async def test_one_too_many_is_told_so_and_the_others_go_on() -> None:
    async with listening(most=1) as at, asyncio.timeout(10):
        first_in, first_out = await asyncio.open_connection(*at)
        first_out.write(ASK)
        assert b"200 OK" in await first_in.readuntil(b"\r\n\r\n")
        second_in, second_out = await asyncio.open_connection(*at)
        refused = await second_in.read()
        assert refused.startswith(b"HTTP/1.1 503")
        assert b'{"error":' in refused
        first_out.write(ASK)
        assert b"200 OK" in (await first_in.readuntil(b"\r\n\r\n"))[-400:] or b"ok" in await first_in.read(20)
        second_out.close()
        first_out.close()


async def test_who_does_not_finish_the_first_request_is_hung_up_on_and_who_spoke_is_not() -> None:
    async with listening(first_within_s=0.05) as at, asyncio.timeout(10):
        spoke_in, spoke_out = await asyncio.open_connection(*at)
        spoke_out.write(ASK)
        assert b"200 OK" in await spoke_in.readuntil(b"\r\n\r\n")
        slow_in, slow_out = await asyncio.open_connection(*at)
        slow_out.write(ASK[:30])
        with suppress(ConnectionResetError):
            assert await slow_in.read() == b""
        spoke_out.write(ASK)
        assert b"200 OK" in await spoke_in.readuntil(b"\r\n\r\n")
        slow_out.close()
        spoke_out.close()
