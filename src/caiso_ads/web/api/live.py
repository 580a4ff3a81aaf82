"""What is published now: the whole snapshot once, and then each second what changed.

Rule: what changed is worked out and encoded once a snapshot, not once a client; a slow client misses snapshots and gets
the whole one again, it is never waited for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web

from caiso_ads.web.answers import of_json
from caiso_ads.web.broadcast import Listener
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

BEAT_S = 2.0
"""Without anything to tell for so long a comment is sent, so that a dead connection is noticed (s)."""
TAKEN_WITHIN_S = 10.0
"""A page that does not take its messages for so long is dropped (s); it connects again by itself."""


async def snapshot(site: Site, _request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the newest snapshot."""
    return of_json(site.broadcast.whole())


async def events(site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Stream server-sent events until the page is gone, or does not take what it is sent."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    wake = asyncio.Event()
    listener = Listener(wake)
    site.broadcast.join(listener)
    try:
        wake.set()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await wake.wait()
            wake.clear()
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await response.write(site.broadcast.take(listener) or b": beat\n\n")
    except (ConnectionResetError, TimeoutError):
        return response
    finally:
        site.broadcast.leave(listener)


ROUTES = (
    Route("GET", "/api/v1/snapshot", snapshot, ANY_ROLE, "the newest snapshot, whole"),
    Route("GET", "/api/v1/events", events, ANY_ROLE, "each snapshot as it is published", kind="text/event-stream"),
)
