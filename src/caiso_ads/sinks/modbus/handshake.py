"""A connection on its way to TLS: accepted, counted and checked in the clear, then secured, then handed over.

Rule: nothing is answered before the channel is secured; what comes early is held. The sink admits before it spends a
handshake, which asyncio's own ``create_server(ssl=...)`` does not: there a stranger is seen only afterwards. After a
handshake that fails nobody else tells that the connection is over: the place is given back here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from caiso_ads.sinks.modbus.security import Tls, role_of

FAILED, NO_ROLE = "handshake", "role"
_SHOWN = 40


class House(Protocol):
    """What a handshake asks of the sink."""

    def admit(self, guest: Handshake) -> bool:
        """Give a place, or not."""

    def forget(self, guest: Handshake) -> None:
        """Take the place back; harmless when there is none."""

    def refused(self, peer: str, what: str, text: str) -> None:
        """Count, log and record what was refused; ``what`` is of a small set."""

    def welcome(self, guest: Handshake, transport: asyncio.Transport, *, trusted: bool) -> asyncio.BufferedProtocol:
        """Return the protocol that takes over the place; one that is not trusted gets no data."""


@dataclass(frozen=True, slots=True)
class Security:
    """How to secure: the settings, the context made of them, and a place to keep the running handshakes."""

    tls: Tls
    context: ssl.SSLContext
    running: set[asyncio.Task[None]]
    shutdown_timeout_s: float


class Handshake(asyncio.Protocol):
    """One master until its channel is secured."""

    def __init__(self, house: House, security: Security) -> None:
        self.peer = ""
        self._house, self._security = house, security
        self._transport: asyncio.Transport
        self._held: list[bytes] = []
        self._next: asyncio.BufferedProtocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless a limit refuses this master; no byte has been spent on it by then."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = peer_of(transport)
        if not self._house.admit(self):
            self._transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._secure(), name="Modbus TLS handshake")
        self._security.running.add(task)
        task.add_done_callback(self._security.running.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; where the connection was handed over meanwhile, its new protocol hears of it."""
        if self._next is None:
            self._house.forget(self)
        else:
            self._next.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hold what the secured channel brings before we have it: an answer now would leave in the clear."""
        self._held.append(data)

    def overdue(self, now: float) -> str:  # noqa: ARG002 - the sink asks every connection it counts
        """Return nothing: a handshake has its own time limit."""
        return ""

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    async def _secure(self) -> None:
        if self._transport.is_closing():
            return  # its end has been told, or will be
        try:
            secured = await self._start_tls()
            if secured is not None:
                self._hand_over(secured)
        finally:
            if self._next is None:
                self._transport.abort()
                self._house.forget(self)

    async def _start_tls(self) -> asyncio.Transport | None:
        """Return the secured channel; None, and the failure told, where there is none."""
        security, loop = self._security, asyncio.get_running_loop()
        problem = "the other side went away"
        loop.call_soon(self._pass_on)  # runs as soon as start_tls waits, and before it begins the handshake
        try:
            secured = await loop.start_tls(
                self._transport,
                self,
                security.context,
                server_side=True,
                ssl_handshake_timeout=security.tls.handshake_timeout_s,
                ssl_shutdown_timeout=security.shutdown_timeout_s,
            )
        except OSError as error:  # TLS errors are of this kind too
            secured, problem = None, getattr(error, "reason", None) or type(error).__name__
        if secured is None:
            self._house.refused(self.peer, FAILED, f"TLS handshake with {self.peer} failed: {problem}")
        return secured

    def _pass_on(self) -> None:
        """Give the TLS layer what came before it was there: uvloop reads from the first moment on."""
        layer = self._transport.get_protocol()
        if self._held and layer is not self:
            early = b"".join(self._held)
            self._held.clear()
            _deliver(early, cast("asyncio.BufferedProtocol", layer), self._transport.is_closing)

    def _hand_over(self, secured: asyncio.Transport) -> None:
        certificate = secured.get_extra_info("ssl_object").getpeercert(binary_form=True)
        role = role_of(certificate) if certificate else None
        trusted = role in self._security.tls.roles
        if not trusted:
            told = "no role" if role is None else f"the role {role[:_SHOWN]!a}, which is not in tls_roles"
            self._house.refused(self.peer, NO_ROLE, f"{self.peer} has a certificate with {told}; it gets exceptions")
        self._next = self._house.welcome(self, secured, trusted=trusted)
        secured.set_protocol(self._next)
        _deliver(b"".join(self._held), self._next, secured.is_closing)
        self._held.clear()


def _deliver(data: bytes, protocol: asyncio.BufferedProtocol, is_closing: Callable[[], bool]) -> None:
    """Give a buffered protocol bytes as a transport would."""
    while data and not is_closing():
        room = memoryview(protocol.get_buffer(len(data)))
        size = min(len(room), len(data))
        room[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


def peer_of(transport: asyncio.BaseTransport) -> str:
    """Return the address of the other side; an IPv4 address seen through an IPv6 socket is told as it is known."""
    address = transport.get_extra_info("peername")
    return str(address[0]).removeprefix("::ffff:") if address else "unknown"
