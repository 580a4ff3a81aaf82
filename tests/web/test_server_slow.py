"""Two hundred connections that never finish a request: the loop turns, SCADA reads, and an open page is told (row 179)."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.sinks.modbus.snapshots import IDS, resource, snapshot
from tests.sinks.modbus.snapshots import serving as serving_modbus
from tests.web.rig import serving

pytestmark = pytest.mark.slow
ATTACKERS, ROUNDS = 200, 50


async def attack(base: str, begun: asyncio.Semaphore) -> None:
    """Send the headers of one request byte by byte, and never their end; come again when thrown out."""
    where = urlsplit(base)
    while True:
        with suppress(ConnectionError):
            _, writer = await asyncio.open_connection(where.hostname, where.port)
            try:
                writer.write(b"GET /api/v1/snapshot HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
                begun.release()
                while not writer.is_closing():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)


async def test_slow_headers_slow_neither_the_loop_nor_scada_nor_a_page_that_is_open() -> None:
    async with (
        serving_modbus(snapshot(generation=1)) as running,
        serving() as (base, site),
        aiohttp.ClientSession() as client,
        client.get(base + "/api/v1/events") as page,
    ):
        begun = asyncio.Semaphore(0)
        attackers = [asyncio.create_task(attack(base, begun)) for _ in range(ATTACKERS)]
        try:
            async with asyncio.timeout(20):
                for _ in range(ATTACKERS):
                    await begun.acquire()
            master = await running.master()
            for generation in range(2, ROUNDS):
                async with asyncio.timeout(5):
                    news = snapshot(dict.fromkeys(IDS, resource(setpoint_mw=float(generation))), generation=generation)
                    running.feed.publish(news)
                    site.feed.publish(news)
                    assert await master.registers(1122, 2) == struct.pack(">f", generation)
                    while f'"snapshot_id":{generation}'.encode() not in await page.content.readline():
                        pass
        finally:
            for one in attackers:
                one.cancel()
            await asyncio.wait(attackers)
