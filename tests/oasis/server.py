"""A scripted price service over real TLS. ``script`` answers each request; ``asked`` is the ledger of parameters."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import trustme
from aiohttp import web

from caiso_ads.ads.tls import checking_context
from caiso_ads.core.price import Price
from caiso_ads.wire.oasis.reports import Report
from caiso_ads.wire.oasis.writing import error_zip, price_zip

MADE = datetime(2026, 7, 1, 12, tzinfo=UTC)
Asked = dict[str, str]
Answer = web.Response | Awaitable[web.Response]
Script = Callable[[Asked], Answer]


def body(content: bytes, status: int = 200) -> web.Response:
    return web.Response(body=content, status=status, content_type="application/x-zip-compressed")


def prices(report: Report, version: int, rows: Iterable[Price], *, xml: bool = False) -> web.Response:
    return body(price_zip(report, version, rows, form="xml" if xml else "csv", made_at=MADE)[1])


def refusal(code: int) -> web.Response:
    return body(error_zip(code)[1])


class Service:
    """What stands behind ``url``."""

    def __init__(self, script: Script, drip_s: float) -> None:
        self.script, self.drip_s = script, drip_s
        self.asked: list[Asked] = []
        self.connections: set[object] = set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({**dict(request.query), "path": request.path})
        self.connections.add(id(request.transport))
        found = self.script(self.asked[-1])
        response = found if isinstance(found, web.Response) else await found
        return await self._drip(request, response) if self.drip_s else response

    async def _drip(self, request: web.Request, response: web.Response) -> web.StreamResponse:
        slow = web.StreamResponse()
        await slow.prepare(request)
        assert isinstance(response.body, bytes)
        for each in response.body:
            await slow.write(bytes([each]))
            await asyncio.sleep(self.drip_s)
        return slow


class Authority:
    """Signs the service; ``ca_file`` is what a client must trust."""

    def __init__(self, folder: Path) -> None:
        ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        ca.cert_pem.write_to_path(str(self.ca_file))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(self.server)

    def client(self) -> ssl.SSLContext:
        return checking_context(self.ca_file)


@asynccontextmanager
async def serving(authority: Authority, script: Script, drip_s: float = 0.0) -> AsyncIterator[Service]:
    service = Service(script, drip_s)
    app = web.Application()
    app.router.add_get("/{path:.*}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server)
    await site.start()
    port = runner.addresses[0][1]
    service.url = f"https://127.0.0.1:{port}/oasisapi"
    try:
        yield service
    finally:
        await runner.cleanup()
