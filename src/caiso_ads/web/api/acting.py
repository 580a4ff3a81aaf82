"""What an operator does: answer the ISO, force a resource, end that. Rule: the desk decides, as for the command line.

``done`` false is no failure of the request: the gateway, or the ISO, refused it, or it is not known yet; ``text`` says
which, in the gateway's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.override import active
from caiso_ads.core.plain import plain
from caiso_ads.store.reader import Reader
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import IDENTITY, Role, Site

OPERATORS = frozenset({Role.OPERATOR})
"""Who is named where nobody signs in: only on the demo's own machine."""
_WHO_LENGTH = 100

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Accept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``revision``: of the instruction that was shown."""

    revision: int


class Partial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``mw`` is what is accepted; the reason is a number of ``/api/v1/reasons``."""

    revision: int
    mw: float
    reason_code: int


class Decline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reason is a number of ``/api/v1/reasons``."""

    revision: int
    reason_code: int


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class Force(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Either ``mw`` or ``directive``, until a time at most 24 hours away."""

    resource: Text
    mw: float | None = None
    directive: Literal["hold", "release", "no-data"] | None = None
    until: str
    reason: Text


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text


class Done(msgspec.Struct, frozen=True):
    """What became of it."""

    done: bool
    text: str


class OverrideItem(msgspec.Struct, frozen=True):
    """What is forced: ``setpoint_mw`` or ``directive``."""

    resource_id: str
    setpoint_mw: float | None
    directive: str | None
    reason: str
    who: str
    since: datetime
    until: datetime


class Overrides(msgspec.Struct, frozen=True):
    """All that stand; at most one for each resource."""

    items: list[OverrideItem]
    next: None = None


async def overrides(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return what is forced now."""
    found = active(await site.reads.of(Reader, Reader.overrides), site.clock.now().wall)
    rows = [
        OverrideItem(**{**plain(one), "directive": None if one.directive is None else one.directive.name})
        for one in found.values()
    ]
    return as_json(Overrides(rows))


async def accept(site: Site, request: web.Request, body: Accept) -> web.StreamResponse:
    """Accept an instruction."""
    return await ask(site, request, {"kind": "accept", **_instruction(request), "revision": body.revision})


async def partial(site: Site, request: web.Request, body: Partial) -> web.StreamResponse:
    """Accept a part of an instruction."""
    said = {"revision": body.revision, "mw": body.mw, "reason_code": body.reason_code}
    return await ask(site, request, {"kind": "partial", **_instruction(request), **said})


async def decline(site: Site, request: web.Request, body: Decline) -> web.StreamResponse:
    """Decline an instruction."""
    said = {"revision": body.revision, "reason_code": body.reason_code}
    return await ask(site, request, {"kind": "decline", **_instruction(request), **said})


async def second(site: Site, request: web.Request, _body: Nothing) -> web.StreamResponse:
    """Agree to another person's proposal."""
    number = request.match_info["id"]
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise ProblemError(404, "there is no such answer", field="id")
    return await ask(site, request, {"kind": "second", "answer": int(number)})


async def force(site: Site, request: web.Request, body: Force) -> web.StreamResponse:
    """Force a value or a directive for a resource."""
    said = {"resource": body.resource, "until": body.until, "reason": body.reason}
    what = {"mw": body.mw, "directive": body.directive}
    return await ask(site, request, {"kind": "set", **said, **what})


async def clear(site: Site, request: web.Request, body: Reason) -> web.StreamResponse:
    """End what is forced for a resource."""
    said = {"kind": "clear", "resource": request.match_info["resource"], "reason": body.reason}
    return await ask(site, request, said)


def _instruction(request: web.Request) -> Mapping[str, object]:
    return {"instruction": request.match_info["uid"]}


async def ask(site: Site, request: web.Request, said: Mapping[str, object]) -> web.StreamResponse:
    """Let the desk execute a command of the one who asks, and return what became of it."""
    identity = request[IDENTITY]
    result = await site.desk.ask(said, identity.name[:_WHO_LENGTH], identity.host)
    return as_json(Done(result.done, result.text))


_INSTRUCTION = "/api/v1/instructions/{uid}"
ROUTES = (
    Route("POST", f"{_INSTRUCTION}/accept", accept, OPERATORS, "accept an instruction", Accept, Done),
    Route("POST", f"{_INSTRUCTION}/partial", partial, OPERATORS, "accept a part of it", Partial, Done),
    Route("POST", f"{_INSTRUCTION}/decline", decline, OPERATORS, "decline it", Decline, Done),
    Route("POST", "/api/v1/answers/{id}/second", second, OPERATORS, "agree to a proposal", Nothing, Done),
    Route("GET", "/api/v1/overrides", overrides, ANY_ROLE, "what is forced now", gives=Overrides),
    Route("POST", "/api/v1/overrides", force, OPERATORS, "force a resource for a time", Force, Done),
    Route("POST", "/api/v1/overrides/{resource}/clear", clear, OPERATORS, "end that", Reason, Done),
)
