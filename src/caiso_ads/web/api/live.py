"""What is published now: the whole snapshot once, and then each second what changed.

Rule: what changed is worked out and encoded once a snapshot, not once a client; a slow client misses snapshots and gets
the whole one again, it is never waited for.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from caiso_ads.sinks.status import document
from caiso_ads.web.answers import as_json
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site


async def snapshot(site: Site, _request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the newest snapshot."""
    return as_json(document(site.feed.latest, site.context, "running"))


ROUTES = (Route("GET", "/api/v1/snapshot", snapshot, ANY_ROLE, "the newest snapshot, whole"),)
