"""How an answer travels: whole and at once, or broken the way a fault wants it.

Rule: delays here are real seconds, whatever the speed of the market: they test a client's deadlines.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from caiso_ads.simulator.faults import Fault, FaultKind

LOGIN_PAGE = (
    b"<!DOCTYPE html><html><head><title>Simulated login</title></head>"
    b"<body><h1>Please log in</h1><form method='post'><input name='user'></form></body></html>"
)
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    body: bytes
    status: int = 200
    content_type: str = "text/xml; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def _plain(reply: Reply, fault: Fault) -> Reply:
    replaced = {
        FaultKind.HTTP_500: Reply(b"Internal Server Error (simulated)", 500, "text/plain"),
        FaultKind.HTTP_503: Reply(
            b"Service Unavailable (simulated)", 503, "text/plain", {"Retry-After": str(int(fault.delay_s))}
        ),
        FaultKind.HTTP_404: Reply(b"Not Found (simulated)", 404, "text/plain"),
        FaultKind.HTML: Reply(LOGIN_PAGE, 200, "text/html; charset=utf-8"),
        FaultKind.REDIRECT: Reply(b"", 302, "text/plain", {"Location": "https://redirected.invalid/"}),
    }
    other = replaced.get(fault.family)
    return reply if other is None else replace(other, headers={**reply.headers, **other.headers})


async def send(request: web.Request, reply: Reply, fault: Fault | None) -> web.StreamResponse:
    """Send an answer, in the way its fault says."""
    if fault is None:
        return _whole(reply)
    broken = _BROKEN.get(fault.family)
    if broken is not None:
        return await broken(request, reply, fault)
    return _whole(_plain(reply, fault))


def _whole(reply: Reply) -> web.Response:
    headers = {**reply.headers, "Content-Type": reply.content_type}
    return web.Response(body=reply.body, status=reply.status, headers=headers)


async def _late(_request: web.Request, reply: Reply, fault: Fault) -> web.StreamResponse:
    await asyncio.sleep(fault.delay_s)
    return _whole(reply)


async def _hang(_request: web.Request, reply: Reply, _fault: Fault) -> web.StreamResponse:
    await asyncio.Event().wait()  # ends when the client goes or the server stops
    return _whole(reply)


async def _drip(request: web.Request, reply: Reply, fault: Fault) -> web.StreamResponse:
    response = await _begin(request, reply)
    for place in range(len(reply.body)):
        await response.write(reply.body[place : place + 1])
        await asyncio.sleep(fault.delay_s)
    await response.write_eof()
    return response


async def _cut(request: web.Request, reply: Reply, _fault: Fault) -> web.StreamResponse:
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _reset(request: web.Request, reply: Reply, _fault: Fault) -> web.StreamResponse:
    response = await _begin(request, reply)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    return response


async def _lost(request: web.Request, reply: Reply, _fault: Fault) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return _whole(reply)  # to nobody


async def _begin(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers={**reply.headers, "Content-Type": reply.content_type})
    response.content_length = len(reply.body)
    await response.prepare(request)
    return response


_BROKEN: Mapping[FaultKind, Callable[[web.Request, Reply, Fault], Awaitable[web.StreamResponse]]] = {
    FaultKind.LATE: _late,
    FaultKind.HANG: _hang,
    FaultKind.LOST_ANSWER: _lost,
    FaultKind.LOST_REQUEST: _lost,
    FaultKind.DRIP: _drip,
    FaultKind.CUT: _cut,
    FaultKind.RESET: _reset,
}
