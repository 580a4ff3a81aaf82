from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from caiso_ads.ads.tls import checking_context
from caiso_ads.errors import DeadlineError, TlsError, TlsReason, UnreachableError, WireError
from caiso_ads.oasis.transport import Transport
from caiso_ads.ports import SystemClock
from tests.oasis.server import Authority, body, serving


@asynccontextmanager
async def transport(context: ssl.SSLContext, most: int = 1000) -> AsyncIterator[Transport]:
    made = Transport(ssl_context=context, clock=SystemClock(), max_body_bytes=most)
    try:
        yield made
    finally:
        await made.close()


async def test_status_headers_and_body_come_back_on_one_kept_connection(authority: Authority) -> None:
    async with serving(authority, lambda _: body(b"x", 418)) as service, transport(authority.client()) as client:
        replies = [await client.get(f"{service.url}/SingleZip?node=A,B", deadline_s=10) for _ in range(3)]
    assert {(reply.status, reply.body) for reply in replies} == {(418, b"x")}
    assert "date" in replies[0].headers
    assert service.asked[0] == {"path": "/oasisapi/SingleZip", "node": "A,B"}
    assert len(service.connections) == 1


async def test_a_redirect_is_not_followed(authority: Authority) -> None:
    def away(_: object) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})

    async with serving(authority, away) as service, transport(authority.client()) as client:
        assert (await client.get(service.url, deadline_s=10)).status == 302
    assert len(service.asked) == 1


async def test_a_body_beyond_the_limit_is_refused(authority: Authority) -> None:
    async with serving(authority, lambda _: body(bytes(1001))) as service, transport(authority.client()) as client:
        with pytest.raises(WireError, match="larger than 1,000"):
            await client.get(service.url, deadline_s=10)


async def test_a_server_that_drips_cannot_hold_a_call(authority: Authority) -> None:
    async with (
        serving(authority, lambda _: body(b"x" * 100), drip_s=0.05) as service,
        transport(authority.client()) as client,
    ):
        with pytest.raises(DeadlineError, match=r"within 0\.3 s"):
            await client.get(service.url, deadline_s=0.3)


async def test_an_authority_that_is_not_named_is_refused_with_our_key_in_the_cure(authority: Authority) -> None:
    async with serving(authority, lambda _: body(b"")) as service, transport(checking_context(None)) as client:
        with pytest.raises(TlsError) as refused:
            await client.get(service.url, deadline_s=10)
    assert refused.value.reason is TlsReason.UNKNOWN_CA
    assert "oasis.ca_file" in refused.value.cure
    assert service.asked == []


async def test_nobody_there_is_unreachable(authority: Authority) -> None:
    async with transport(authority.client()) as client:
        with pytest.raises(UnreachableError):
            await client.get("https://127.0.0.1:9/oasisapi", deadline_s=10)
