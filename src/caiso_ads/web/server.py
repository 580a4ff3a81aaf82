"""The HTTP side: one listener, every route of the table behind the same checks, and its end within a second.

Rule: nothing a client sends ends the loop or slows it: sizes and times are limited, work that waits for a disk runs in a
thread, and what was not expected is logged here and answered with 500.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from caiso_ads.config.web import WebConfig
from caiso_ads.core.directive import Environment
from caiso_ads.ports import Feed
from caiso_ads.web.answers import ProblemError, as_problem, compressed
from caiso_ads.web.connections import SILENT, LimitedRunner
from caiso_ads.web.headers import harden, problems_only
from caiso_ads.web.routes import Route, all_routes
from caiso_ads.web.site import IDENTITY, SITE, Identity, Role, Site

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
        """Listen and serve until cancelled; OSError when the address cannot be had."""
        runner = LimitedRunner(application(self.site), handle_signals=False, shutdown_timeout=STOP_WITHIN_S)
        await runner.setup()
        telling = asyncio.create_task(self.site.broadcast.run(), name="broadcast")
        try:
            await web.TCPSite(runner, self.config.host, self.config.port).start()
            self.bound = tuple(address[:2] for address in runner.addresses)
            started()
            await telling
        finally:
            self.bound = ()
            telling.cancel()
            await asyncio.wait({telling})
            await runner.cleanup()
            self.site.reads.close()


def application(site: Site) -> web.Application:
    """Return the application for a site, with every route of the table."""
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[problems_only])
    app[SITE], app[SILENT] = site, set()
    app.on_response_prepare.append(harden)
    for route in all_routes():
        serve = _served(route)
        app.router.add_route(route.method, route.path, serve)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, serve)
    return app


def _served(route: Route) -> Serve:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            request[IDENTITY] = await admitted(route, request)
            taken = await _taken(route, request)
            return compressed(await _answer(route, request, taken), request)
        except ProblemError as problem:
            return as_problem(problem)

    return serve


async def admitted(route: Route, request: web.Request) -> Identity:
    """Say who asks, or raise ProblemError 401 or 403: the one place where that is decided, before anything is read."""
    site = request.app[SITE]
    demo = site.context.environment == Environment.SIMULATOR
    asks = Identity("", frozenset({Role.VIEWER, Role.OPERATOR} if demo else {Role.VIEWER}))
    if route.roles and not route.roles & asks.roles:
        raise ProblemError(403, "this needs another role")
    return asks


async def _answer(route: Route, request: web.Request, taken: Any) -> web.StreamResponse:
    site = request.app[SITE]
    if route.kind == "text/event-stream":
        return await route.handler(site, request, taken)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await route.handler(site, request, taken)
    except TimeoutError as late:
        log.error(  # noqa: TRY400 - where it stood then says nothing
            "%s %s took more than %g s", route.method, route.path, ANSWER_WITHIN_S
        )
        raise ProblemError(503, "this took too long; look what became of it before it is tried again") from late


async def _taken(route: Route, request: web.Request) -> Any:
    """Return the query or the body as the route's struct; ProblemError 400 naming what is wrong with it."""
    if route.takes is None:
        return None
    try:
        if route.method == "GET":
            return msgspec.convert(dict(request.query), route.takes, strict=False)
        return msgspec.json.decode(await _body(request), type=route.takes)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        where = _WHERE.search(str(error))
        raise ProblemError(400, str(error), field=where[1] if where else "") from error


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.read()
    except TimeoutError as late:
        raise ProblemError(408, "the body did not come in time") from late
