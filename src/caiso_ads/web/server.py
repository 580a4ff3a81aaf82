"""The HTTP side: one listener, every route of the table behind the same checks, and its end within a second.

Rule: nothing a client sends ends the loop or slows it: sizes and times are limited, work that waits for a disk runs in a
thread, and what was not expected is logged here and answered with 500.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from caiso_ads.ads.tls import server_context
from caiso_ads.config.web import WebConfig
from caiso_ads.ports import Feed
from caiso_ads.web.access.entering import begin
from caiso_ads.web.answers import ProblemError, as_problem
from caiso_ads.web.routes import Route, all_routes
from caiso_ads.web.site import IDENTITY, SITE, Site

log = logging.getLogger("caiso_ads.web")

STOP_WITHIN_S = 1.0
LARGEST_BODY = 64 * 1024


class WebSink:
    """Serves the page and the API; ``bound`` lists the (host, port) pairs it listens on. CertificateError at once."""

    def __init__(self, config: WebConfig, site: Site) -> None:
        self.config, self.site = config, site
        self.bound: tuple[tuple[str, int], ...] = ()
        self._tls = None if config.certificate is None else _tls(config, config.certificate)

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:  # noqa: ARG002 - the site has the same feed
        """Listen and serve until cancelled; OSError when the address cannot be had."""
        runner = web.AppRunner(application(self.site), handle_signals=False, shutdown_timeout=STOP_WITHIN_S)
        await begin(self.site.guard)
        await runner.setup()
        telling = asyncio.create_task(self.site.broadcast.run(), name="broadcast")
        try:
            await web.TCPSite(runner, self.config.host, self.config.port, ssl_context=self._tls).start()
            self.bound = tuple(address[:2] for address in runner.addresses)
            started()
            await telling
        finally:
            self.bound = ()
            telling.cancel()
            await asyncio.wait({telling})
            await runner.cleanup()


def _tls(config: WebConfig, certificate: Path) -> ssl.SSLContext:
    return server_context(certificate=certificate, key=config.key, passphrase_file=config.passphrase_file)


def application(site: Site) -> web.Application:
    """Return the application for a site, with every route of the table."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SITE] = site
    for route in all_routes():
        app.router.add_route(route.method, route.path, _served(route))
    return app


def _served(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            request[IDENTITY] = await request.app[SITE].guard.admit(route, request)
            return await route.handler(request.app[SITE], request, await _taken(route, request))
        except ProblemError as problem:
            return as_problem(problem)

    return serve


async def _taken(route: Route, request: web.Request) -> Any:
    """Return the query or the body as the route's struct; ProblemError 400 naming what is wrong with it."""
    if route.takes is None:
        return None
    try:
        if route.method == "GET":
            return msgspec.convert(dict(request.query), route.takes, strict=False)
        return msgspec.json.decode(await request.read(), type=route.takes)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ProblemError(400, str(error)) from error
