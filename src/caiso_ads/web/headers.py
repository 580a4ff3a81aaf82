"""What every answer carries, and the one form of every refusal. Rule: no answer leaves without the security headers.

Also what the router itself refuses (404, 405, 413) and what nobody expected is a problem in JSON.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from caiso_ads.web.answers import ProblemError, as_problem
from caiso_ads.web.connections import SILENT
from caiso_ads.web.site import SITE

log = logging.getLogger("caiso_ads.web")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LONGEST_LOGGED = 200
"""Characters of an address, as it came: no control character of it reaches the log."""
_HSTS = "max-age=31536000"
_SENTENCES = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
    408: "the request did not come in time",
    413: "the body is too large",
    417: "no expectation can be met",
}


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on an answer, whatever it is."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "caiso-ads"
    if request.secure:
        response.headers["Strict-Transport-Security"] = _HSTS


@web.middleware
async def problems_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer with a problem in JSON what the router refuses, and with 500 what nobody expected."""
    request.app[SILENT].discard(request.protocol)
    site = request.app[SITE]
    begun = site.clock.now().mono
    answer = await _answered(request, handler)
    if answer.content_type != "text/event-stream":
        site.traffic.count(answer.status, site.clock.now().mono - begun)
    return answer


async def _answered(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refused:
        problem = ProblemError(refused.status, _SENTENCES.get(refused.status, refused.reason.lower()))
        answer = as_problem(problem)
        if "Allow" in refused.headers:
            answer.headers["Allow"] = refused.headers["Allow"]
        return answer
    except Exception:
        log.exception("%s %s failed", request.method, request.raw_path[:LONGEST_LOGGED])
        return as_problem(ProblemError(500, "the gateway made a mistake here; its log tells more"))
