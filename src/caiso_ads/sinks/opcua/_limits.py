"""What no client may do to the OPC UA process: asyncua's server with each of its queues bounded, and told of refusals.

Rule: a new login never waits behind idle connections: the oldest without a login is dropped for it, then the oldest
session that is idle. What a client does not read, the server does not go on to compute.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor

from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks.opcua._logins import Logins

CHUNK = 65_535
SHORTEST_INTERVAL_MS = 100.0
IDLE_S = 30.0
"""A session that asked nothing for so long may be dropped for a new one; a subscriber asks more often."""
_NAME = "opcua"


def _request(name: str) -> ua.NodeId:
    return ua.NodeId(ua.Int32(getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary")))


_IN_CLEAR = {_request("GetEndpoints"), _request("FindServers"), _request("CloseSecureChannel")}
_ACTIVATE, _CREATE, _READ = _request("ActivateSession"), _request("CreateSession"), _request("Read")
_CHANGES = {
    _request(name): what
    for name, what in {
        "Write": "write",
        "Call": "call",
        "HistoryUpdate": "write of history",
        "AddNodes": "change of nodes",
        "DeleteNodes": "change of nodes",
        "AddReferences": "change of nodes",
        "DeleteReferences": "change of nodes",
        "RegisterServer": "registration of a server",
        "RegisterServer2": "registration of a server",
    }.items()
}
_REGISTRATIONS = {key for key, what in _CHANGES.items() if what.startswith("registration")}


class LimitedServer(InternalServer):
    """The inner server: makes sessions that keep to ``max_monitored_items``. ``generation`` is the snapshot shown."""

    def __init__(self, logins: Logins, evidence: SinkEvidence, max_monitored_items: int) -> None:
        super().__init__(user_manager=logins)
        self.logins, self.evidence, self.max_monitored_items = logins, evidence, max_monitored_items
        self.generation = -1
        self.trusted_now = False
        self._told: dict[str, int] = {}

    def create_session(self, name: Any, *args: Any, **kwargs: Any) -> InternalSession:
        """Return a session; ``name`` is the client's address and port."""
        return LimitedSession(self, self.aspace, self.subscription_service, name, *args, **kwargs)

    def monitored_items(self) -> int:
        """Return how many there are."""
        subscriptions = self.subscription_service.subscriptions.values()
        return sum(len(one.monitored_item_srv._monitored_items) for one in subscriptions)  # noqa: SLF001 - no other way

    def refused(self, peer: str, what: str) -> None:
        """Tell that a client tried what it may not."""
        self.evidence.refused(_NAME, peer, what)

    def was_read(self, peer: str) -> None:
        """Tell once that this client has the newest snapshot."""
        if self.trusted_now and self._told.get(peer, -1) < self.generation:
            self._told.pop(peer, None)
            self._told[peer] = self.generation
            if len(self._told) > InternalSession.max_connections:
                self._told.pop(next(iter(self._told)))
            self.evidence.read(_NAME, peer, 0, self.generation)

    async def make_room(self) -> None:
        """Drop the session that is idle for the longest when there is no room for one more."""
        active = [one for one in self._external_sessions.values() if one.is_activated()]
        if len(active) < InternalSession.max_connections:
            return
        oldest = min(active, key=lambda one: one._last_activity)  # noqa: SLF001 - the library has no other word for it
        if time.monotonic() - oldest._last_activity > IDLE_S:  # noqa: SLF001 - as above
            await oldest.close_session(True)


class LimitedSession(InternalSession):
    """A session that cannot ask for more than there is."""

    iserver: LimitedServer

    async def create_subscription(
        self, params: ua.CreateSubscriptionParameters, *args: Any, **kwargs: Any
    ) -> ua.CreateSubscriptionResult:
        """Raise the publishing interval to what can be served; zero means as fast as possible."""
        params.RequestedPublishingInterval = max(float(params.RequestedPublishingInterval or 0), SHORTEST_INTERVAL_MS)
        return await super().create_subscription(params, *args, **kwargs)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        """Refuse what is beyond the cap. Raises ServiceError."""
        if self.external and (
            self.iserver.monitored_items() + len(params.ItemsToCreate) > self.iserver.max_monitored_items
        ):
            raise ServiceError(ua.StatusCodes.BadTooManyMonitoredItems)
        return await super().create_monitored_items(params)

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        """Keep the queue bounded, which asyncua does only when an item is made."""
        most = self.iserver.max_monitored_item_queue_size
        for item in params.ItemsToModify:
            wanted = item.RequestedParameters.QueueSize
            item.RequestedParameters.QueueSize = ua.UInt32(min(int(wanted) or most, most))
        return await super().modify_monitored_items(params)


class Processor(UaProcessor):
    """The requests of one connection."""

    iserver: LimitedServer
    peer = "unknown"

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        policy = self._connection.security_policy
        if policy.URI == SecurityPolicyNone.URI and typeid not in _IN_CLEAR:  # asyncua takes a password in the clear
            self.iserver.refused(self.peer, "channel")
            raise ServiceError(ua.StatusCodes.BadSecurityModeInsufficient)
        if typeid == _ACTIVATE:
            return await self._activate(typeid, requesthdr, seqhdr, body)
        if typeid == _CREATE and self.session is not None and self.session.is_activated():
            raise ServiceError(ua.StatusCodes.BadTooManySessions)  # asyncua would keep the older for ever
        if typeid == _CREATE and self.session is not None:
            await self.session.close_session(True)
        if typeid in _CHANGES:
            self.iserver.refused(self.peer, _CHANGES[typeid])
        if typeid in _REGISTRATIONS:  # asyncua keeps each one, asked by whomever
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        kept = await super()._process_message(typeid, requesthdr, seqhdr, body)  # type: ignore[no-untyped-call] # asyncua leaves it untyped
        if typeid == _READ:
            self.iserver.was_read(self.peer)
        return kept

    async def _activate(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        """Judge the login beside the loop: hashing a password takes long.

        asyncua takes the session of a token, which can be guessed, as this connection's own before it looks at
        anything else; where the login is refused it must not keep it.
        """
        before = self.session
        try:
            session = self.session or self.iserver.lookup_external_session(requesthdr.AuthenticationToken)
            if session is not None:
                await self.iserver.make_room()
                await self.iserver.logins.judge(self.iserver, session, body.copy(), self.peer)
            return await super()._process_message(typeid, requesthdr, seqhdr, body)  # type: ignore[no-untyped-call] # as above
        except Exception:
            self.session = before
            self.iserver.refused(self.peer, "login")
            raise

    def open_secure_channel(self, algohdr: Any, seqhdr: Any, body: Any) -> None:
        """Tell of a channel that is refused: no encryption, or a policy that is not offered."""
        try:
            super().open_secure_channel(algohdr, seqhdr, body)  # type: ignore[no-untyped-call] # as above
        except Exception:
            self.iserver.refused(self.peer, "channel")
            raise

    async def forward_publish_response(self, result: Any, requestdata: Any) -> None:
        """Send what changed, and tell that the client has it."""
        await super().forward_publish_response(result, requestdata)
        if result.NotificationMessage.NotificationData:
            self.iserver.was_read(self.peer)


class Connection(OPCUAProtocol):
    """One connection: its input is bounded, and it computes nothing while its output is not read."""

    iserver: LimitedServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it; where there is no room, in place of the oldest that has not logged in."""
        self._writable = asyncio.Event()
        self._writable.set()
        if len(self.clients) >= self.iserver.max_connections:
            self._drop_oldest()
        super().connection_made(transport)
        if self.transport is not None:
            self.processor = Processor(self.iserver, self.transport, self.limits)
            self.processor.set_policies(self.policies)  # type: ignore[no-untyped-call] # as above
            self.processor.peer = str(self.peer_name[0]) if self.peer_name else "unknown"

    def _drop_oldest(self) -> None:
        for one in self.clients:
            session = one.processor.session if one.processor is not None else None
            if session is None or not session.is_activated():
                self.clients.remove(one)
                if one.transport is not None:
                    one.transport.abort()
                return

    def data_received(self, data: bytes) -> None:
        """Take bytes; a message that is longer than a chunk may be is not waited for."""
        super().data_received(data)
        if len(self._buffer) > 2 * CHUNK and self.transport is not None:
            self._buffer = b""
            self.transport.abort()

    def pause_writing(self) -> None:
        """Compute and take nothing while the client does not read."""
        self._writable.clear()
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: it reads again."""
        self._writable.set()
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(RuntimeError):  # it was not paused
                self.transport.resume_reading()

    async def _process_one_msg(self, header: Any, buf: Any) -> bool:
        await self._writable.wait()
        return await super()._process_one_msg(header, buf)


class _Listener(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return Connection(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)


class Guarded(Server):
    """The server, listening by connections of ours. ``start`` is asyncua's but for that."""

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be had."""
        await self._setup_server_nodes()
        await self.iserver.start()
        host, port = self._get_bind_socket_info()
        self.bserver = _Listener(self.iserver, host or "", port or 0, self.limits)
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except BaseException:
            await self.iserver.stop()
            raise
