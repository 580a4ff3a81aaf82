"""The HTTP side: one listener, every route of the table behind the same checks, and its end within a second.

Rule: nothing a client sends ends the loop or slows it: sizes and times are limited, work that waits for a disk runs in a
thread, and what was not expected is logged here and answered with 500.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from caiso_ads.ads.tls import server_context
from caiso_ads.config.web import WebConfig
from caiso_ads.ports import Feed
from caiso_ads.web.access.entering import begin
from caiso_ads.web.answers import ProblemError, as_problem, compressed
from caiso_ads.web.connections import SILENT, LimitedRunner
from caiso_ads.web.headers import harden, problems_only
from caiso_ads.web.routes import Route, all_routes
from caiso_ads.web.site import IDENTITY, SITE, Site

log = logging.getLogger("caiso_ads.web")

STOP_WITHIN_S = 1.0
LARGEST_BODY = 64 * 1024
BODY_WITHIN_S = 10.0
"""How long a body may take to come (s)."""
ANSWER_WITHIN_S = 40.0
"""How long a handler may take (s): an answer to the ISO takes its time, see ``loop.operators``. A stream has no end."""
_WHERE = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebSink:
    """Serves the page and the API; ``bound`` lists the (host, port) pairs it listens on."""

    def __init__(self, config: WebConfig, site: Site) -> None:
        self.config, self.site = config, site
        self.bound: tuple[tuple[str, int], ...] = ()

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:  # noqa: ARG002 - the site has the same feed
        """Listen and serve until cancelled; OSError when the address cannot be had.

        CertificateError or StoreError when the page's certificate or its users cannot be read: then nobody is served.
        """
        runner = LimitedRunner(application(self.site), handle_signals=False, shutdown_timeout=STOP_WITHIN_S)
        tls = None if self.config.certificate is None else _tls(self.config, self.config.certificate)
        await begin(self.site.guard)
        await runner.setup()
        telling = asyncio.create_task(self.site.broadcast.run(), name="broadcast")
        try:
            await web.TCPSite(runner, self.config.host, self.config.port, ssl_context=tls).start()
            self.bound = tuple(address[:2] for address in runner.addresses)
            started()
            await telling
        finally:
            self.bound = ()
            telling.cancel()
            await asyncio.wait({telling})
            await runner.cleanup()
            self.site.reads.close()


def _tls(config: WebConfig, certificate: Path) -> ssl.SSLContext:
    return server_context(certificate=certificate, key=config.key, passphrase_file=config.passphrase_file)


def application(
    site: Site, routes: Sequence[Route] = (), *, body_within_s: float = BODY_WITHIN_S,
    answer_within_s: float = ANSWER_WITHIN_S,
) -> web.Application:  # fmt: skip
    """Return the application for a site, with these routes, by default every one of the table."""
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[problems_only])
    app[SITE], app[SILENT] = site, set()
    app.on_response_prepare.append(harden)
    for route in routes or all_routes():
        serve = _served(route, body_within_s, answer_within_s)
        app.router.add_route(route.method, route.path, serve)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, serve)
    return app


def _served(route: Route, body_within_s: float, answer_within_s: float) -> Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            request[IDENTITY] = await request.app[SITE].guard.admit(route, request)
            taken = await _taken(route, request, body_within_s)
            return compressed(await _answer(route, request, taken, answer_within_s), request)
        except ProblemError as problem:
            return as_problem(problem)

    return serve


async def _answer(route: Route, request: web.Request, taken: Any, within_s: float) -> web.StreamResponse:
    site = request.app[SITE]
    if route.kind == "text/event-stream":
        return await route.handler(site, request, taken)
    try:
        async with asyncio.timeout(within_s):
            return await route.handler(site, request, taken)
    except TimeoutError as late:
        log.error(  # noqa: TRY400 - where it stood then says nothing
            "%s %s took more than %g s", route.method, route.path, within_s
        )
        raise ProblemError(503, "this took too long; look what became of it before it is tried again") from late


async def _taken(route: Route, request: web.Request, within_s: float) -> Any:
    """Return the query or the body as the route's struct; ProblemError 400 naming what is wrong with it."""
    if route.takes is None:
        return None
    try:
        if route.method == "GET":
            return msgspec.convert(dict(request.query), route.takes, strict=False)
        return msgspec.json.decode(await _body(request, within_s), type=route.takes)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        where = _WHERE.search(str(error))
        raise ProblemError(400, str(error), field=where[1] if where else "") from error


async def _body(request: web.Request, within_s: float) -> bytes:
    try:
        async with asyncio.timeout(within_s):
            return await request.read()
    except TimeoutError as late:
        raise ProblemError(408, "the body did not come in time") from late
