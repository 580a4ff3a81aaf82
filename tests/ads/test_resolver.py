"""The last good address is used when the name service fails or hangs, and never a made-up one."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from caiso_ads.ads.resolver import LastGoodResolver


class Names(AbstractResolver):
    """A name service that answers, fails or hangs as told."""

    def __init__(self) -> None:
        self.mood = "good"
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self.mood == "bad":
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")
        if self.mood == "hangs":
            await asyncio.Event().wait()
        return [ResolveResult(hostname=host, host="192.0.2.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("mood", ["bad", "hangs"])
async def test_last_good_address_serves_while_the_name_service_does_not(mood: str) -> None:
    names = Names()
    resolver = LastGoodResolver(names, limit_s=0.05)
    good = await resolver.resolve("ads.example", 443)
    names.mood = mood
    assert await resolver.resolve("ads.example", 443) == good


@pytest.mark.parametrize("mood", ["bad", "hangs"])
async def test_host_never_reached_is_an_os_error(mood: str) -> None:
    names = Names()
    names.mood = mood
    with pytest.raises(OSError, match="name service") as caught:
        await LastGoodResolver(names, limit_s=0.05).resolve("ads.example", 443)
    assert not isinstance(caught.value, TimeoutError)


async def test_close_reaches_the_inner_one() -> None:
    names = Names()
    await LastGoodResolver(names).close()
    assert names.closed
