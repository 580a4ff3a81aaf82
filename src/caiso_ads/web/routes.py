"""The one table of routes: method, path, who may, what it takes and gives. Router, OpenAPI and role matrix derive from it.

Rule: a route that is not in ``ROUTES`` does not exist. Adding one = one line in the table of its module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from caiso_ads.web.site import Role, Site

EVERYBODY: frozenset[Role] = frozenset()
"""Also who is not signed in."""
ANY_ROLE = frozenset(Role)

Handler = Callable[[Site, web.Request, Any], Awaitable[web.StreamResponse]]
"""Gets the site, the request, and the checked query or body (an instance of ``takes``; None where it is None)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``takes`` is a msgspec struct of the query (GET) or of the JSON body; ``gives`` what is answered.

    A tuple of types in ``gives``: one of them. ``kind`` is the media type of the answer: JSON unless said otherwise.
    """

    method: str
    path: str
    handler: Handler
    roles: frozenset[Role]
    summary: str
    takes: type | None = None
    gives: Any = None
    kind: str = "application/json"


def all_routes() -> tuple[Route, ...]:
    """Return every route, in the order in which they are matched."""
    from caiso_ads.web import pages  # noqa: PLC0415 - the modules of routes know this one
    from caiso_ads.web.access import api as access  # noqa: PLC0415
    from caiso_ads.web.access import users  # noqa: PLC0415
    from caiso_ads.web.api import (  # noqa: PLC0415
        acting,
        alarms,
        batches,
        curves,
        evidence,
        health,
        instructions,
        ledger,
        live,
        metrics,
        openapi,
        plant,
        prices,
    )

    reads = (live, plant, instructions, batches, curves, ledger, prices, evidence, health, metrics, openapi)
    modules = (*reads, alarms, acting, access, users)
    return (*(route for module in modules for route in module.ROUTES), *pages.ROUTES)
