"""How many may be connected, and how long somebody may say nothing.

Rule: a connection over the limit is answered and closed at once; one whose first request does not come in time is closed.
(After the first one the server's own limit for idle connections holds.)
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

MOST = 512
"""Connections at once; a page needs two."""
FIRST_WITHIN_S = 10.0
"""How long a client may take for the head of its first request (s)."""
IDLE_S = 30.0
LONGEST_LINE = 8190
"""Bytes of a request line or a header."""

SILENT: web.AppKey[set[Any]] = web.AppKey("silent", set)
"""The connections that brought no request yet; who serves requests takes them out."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    b'{"error":"too many connections"}'
)


class LimitedRunner(web.AppRunner):
    """An AppRunner whose listener knows the limits."""

    def __init__(
        self, app: web.Application, *, most: int = MOST, first_within_s: float = FIRST_WITHIN_S, **options: Any
    ) -> None:
        limits: dict[str, Any] = {
            "keepalive_timeout": IDLE_S, "max_line_size": LONGEST_LINE, "max_field_size": LONGEST_LINE,
        }  # fmt: skip
        super().__init__(app, **limits, **options, access_log=None)
        self._most, self._first_within_s, self._silent = most, first_within_s, app[SILENT]

    @property
    def server(self) -> Any:
        """What makes the protocol of each connection."""
        made = super().server
        return None if made is None else _Limited(made, self._most, self._first_within_s, self._silent)


class _Limited:
    """Makes the server's own protocols, or one that says no."""

    def __init__(self, server: Any, most: int, first_within_s: float, silent: set[Any]) -> None:
        self._server, self._most, self._first_within_s, self._silent = server, most, first_within_s, silent

    def __call__(self) -> asyncio.Protocol:
        if len(self._server.connections) >= self._most:
            return _Refusing()
        protocol: Any = self._server()
        self._silent.add(protocol)
        asyncio.get_running_loop().call_later(self._first_within_s, self._look, protocol)
        return protocol  # type: ignore[no-any-return]  # the server's type is not told

    def _look(self, protocol: Any) -> None:
        """Close a connection on which no request has come yet."""
        silent = protocol in self._silent
        self._silent.discard(protocol)
        if silent and protocol.transport is not None:
            protocol.transport.abort()


class _Refusing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say that it is too many, and hang up."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(_FULL)
        transport.close()
