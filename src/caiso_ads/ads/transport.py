"""HTTP POST over mutual TLS on aiohttp. Rule: one total deadline per call, and nothing but a read is ever sent twice.

The deadline covers name service, TCP, TLS, sending and the last byte of the answer, so a server that drips one byte a
second cannot hold a call. Connections are kept alive for reads. A read is sent once more, on a fresh connection, when
the server had closed a kept one before answering. Everything that must not be sent twice gets a fresh connection, so
that this race cannot leave its outcome unknown. No proxy, no redirect, no cookie, no HTTP compression.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from caiso_ads import __version__
from caiso_ads.ads.exchange import MAX_BODY_BYTES, HttpReply, HttpRequest
from caiso_ads.ads.failures import classify, is_disconnect
from caiso_ads.ads.resolver import LastGoodResolver
from caiso_ads.errors import DeadlineError, WireError
from caiso_ads.ports import Clock

CONNECT_LIMIT_S = 5.0  # TCP and TLS handshake together, name service apart
KEEP_ALIVE_S = 30.0  # longer than the usual poll interval, shorter than the usual idle limit of a server
_HEADERS = {"User-Agent": f"caiso-ads/{__version__}", "Accept-Encoding": "identity"}
_FAILURES = (aiohttp.ClientError, OSError)


@dataclass(slots=True)
class _Attempt:
    """What is known of one attempt, for judging its failure."""

    reused: bool = False
    connected: bool = False
    answered: bool = False


class Transport:
    """Posts requests; made on the event loop that uses it. ``resolver`` replaces the machine's name service."""

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        clock: Clock,
        max_connections: int,
        connect_limit_s: float = CONNECT_LIMIT_S,
        max_body_bytes: int = MAX_BODY_BYTES,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._known_hosts: set[str] = set()
        resolver = resolver or LastGoodResolver()

        def session(*, force_close: bool) -> aiohttp.ClientSession:
            keep: dict[str, Any] = {} if force_close else {"keepalive_timeout": KEEP_ALIVE_S}
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=ssl_context, limit=max_connections, resolver=resolver, force_close=force_close, **keep
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_limit_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                trace_configs=[_tracing()],
                trust_env=False,
            )

        self._kept = session(force_close=False)
        self._fresh = session(force_close=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._kept.close()
        await self._fresh.close()

    async def post(self, request: HttpRequest, *, deadline_s: float, repeatable: bool, once: bool = False) -> HttpReply:
        """Return the answer, whatever its status.

        ``repeatable``: a read, may be sent a second time. ``once``: use a connection nobody else used.
        Raises DeadlineError, UnreachableError, TlsError, or WireError when the answer is too large.
        """
        try:
            async with asyncio.timeout(deadline_s):
                return await self._deliver(request, repeatable=repeatable, once=once)
        except TimeoutError as error:
            raise DeadlineError(f"{_host(request)}: no complete answer within {deadline_s:g} s") from error

    async def _deliver(self, request: HttpRequest, *, repeatable: bool, once: bool) -> HttpReply:
        attempt = _Attempt()
        try:
            return await self._send(self._fresh if once else self._kept, request, attempt)
        except _FAILURES as error:
            stale = attempt.reused and not attempt.answered and is_disconnect(error)
            if not (repeatable and stale):
                raise classify(
                    error, _host(request), guess_refused=self._guess(request, attempt, repeatable)
                ) from error
        attempt = _Attempt()
        try:
            return await self._send(self._fresh, request, attempt)
        except _FAILURES as error:
            raise classify(error, _host(request)) from error

    def _guess(self, request: HttpRequest, attempt: _Attempt, repeatable: bool) -> bool:  # noqa: FBT001  # private
        """Whether a closed connection most likely means that our certificate was refused.

        Not for orders: after a closed connection their outcome is unknown, and a TlsError would say "not sent".
        """
        fresh = attempt.connected and not attempt.answered
        return repeatable and fresh and _host(request) not in self._known_hosts

    async def _send(self, session: aiohttp.ClientSession, request: HttpRequest, attempt: _Attempt) -> HttpReply:
        async with session.post(
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as response:
            attempt.answered = True
            self._known_hosts.add(_host(request))
            body = await self._read(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpReply(response.status, headers, body, self._clock.now().wall)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._max_body_bytes:
                raise WireError(f"answer larger than {self._max_body_bytes:,} bytes", where="HTTP body")
        return bytes(body)


def _host(request: HttpRequest) -> str:
    return urlsplit(request.url).netloc


def _tracing() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.reused = True

    async def connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.connected = True

    config.on_connection_reuseconn.append(reused)
    config.on_connection_create_end.append(connected)
    return config
