from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from caiso_ads.errors import LocalError
from caiso_ads.simulator.listening import Listener


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


def application() -> web.Application:
    made = web.Application()
    made.router.add_get("/", hello)
    return made


async def test_it_takes_a_free_port_serves_and_stops() -> None:
    listener = Listener("127.0.0.1", 0)
    await listener.start(application(), None)
    assert listener.port > 0
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{listener.authority}/") as answer:
            assert await answer.text() == "hello"
        await listener.stop()
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{listener.authority}/")


async def test_a_taken_port_is_named_and_the_first_goes_on() -> None:
    first = Listener("127.0.0.1", 0)
    await first.start(application(), None)
    with pytest.raises(LocalError, match=str(first.port)):
        await Listener("127.0.0.1", first.port).start(application(), None)
    await first.stop()


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert Listener("::1", 8448).authority == "[::1]:8448"
