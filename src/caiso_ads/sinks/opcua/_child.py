"""The sink that runs in the OPC UA process: an asyncua server, secured and limited, showing a feed.

Rule: it decides nothing about quality but one thing: when the gateway falls silent, nothing is good any more.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.server.internal_session import InternalSession

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._child.process import main
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.opcua._certificates import APPLICATION_URI
from caiso_ads.sinks.opcua._limits import CHUNK, Guarded, LimitedServer
from caiso_ads.sinks.opcua._logins import Logins
from caiso_ads.sinks.opcua._setup import Setup
from caiso_ads.sinks.opcua._space import NAMESPACE, Space

_NAME = "opcua"


def free_port(host: str) -> int:
    """Return a port that is free now; the endpoints must name the port before it is bound."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.bind((host, 0))
        return int(trial.getsockname()[1])


async def make_server(setup: Setup, port: int, evidence: SinkEvidence) -> Guarded:
    """Return a server that is secured and limited and does not listen yet."""
    inner = LimitedServer(Logins(setup), evidence, setup.max_monitored_items)
    server = Guarded(iserver=inner)
    await server.init()
    await server.set_application_uri(APPLICATION_URI)
    server.product_uri, server.name, server.manufacturer_name = "urn:caiso-ads", "CAISO ADS gateway", "caiso-ads"
    server.application_type = ua.ApplicationType.Server
    host = f"[{setup.host}]" if ":" in setup.host else setup.host
    server.set_endpoint(f"opc.tcp://{host}:{port}/caiso-ads")
    server.set_security_policy(
        [
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
        ]
    )
    tokens: list[type] = [ua.UserNameIdentityToken] if setup.users else []
    server.set_identity_tokens([*tokens, ua.X509IdentityToken] if setup.trusted else tokens)
    await server.load_certificate(setup.certificate)
    await server.load_private_key(setup.key_file)
    size = setup.max_message_bytes
    server.limits = TransportLimits(CHUNK, CHUNK, -(-size // CHUNK), size)
    inner.max_connections = 2 * setup.max_sessions  # a client asks for the endpoints on a connection of its own
    InternalSession.max_connections = setup.max_sessions
    inner.max_subscriptions = setup.max_subscriptions
    inner.max_pending_activation_seconds = 10.0
    inner.max_session_timeout_ms = 120_000.0
    inner.max_monitored_item_queue_size = 100
    inner.max_unacked_messages_per_subscription = 100
    inner.max_pending_messages_per_connection = 100
    return server


class OpcUaServer:
    """The sink; ``bound`` is where it listens."""

    def __init__(self, setup: Setup, evidence: SinkEvidence) -> None:
        self._setup, self._evidence = setup, evidence
        self.bound: tuple[tuple[str, int], ...] = ()

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises OSError when the address cannot be had."""
        setup = self._setup
        port = setup.port or free_port(setup.host)
        server = await make_server(setup, port, self._evidence)
        inner = server.iserver
        assert isinstance(inner, LimitedServer)
        space = Space(server, await server.register_namespace(NAMESPACE))
        await space.build(setup)
        await self._show(space, inner, feed.latest)
        await server.start()
        try:
            self.bound = ((setup.host, port),)
            started()
            await self._follow(feed, space, inner)
        finally:
            self.bound = ()
            await server.stop()

    async def _follow(self, feed: Feed, space: Space, inner: LimitedServer) -> None:
        shown = feed.latest
        if shown.generation > inner.generation:
            await self._show(space, inner, shown)
        self._evidence.seen(_NAME, shown.generation)
        while True:
            try:
                async with asyncio.timeout(self._setup.stall_limit_s):
                    newer = await feed.after(shown.generation)
            except TimeoutError:
                inner.trusted_now = False
                await space.show(without_trust(shown))
                newer = await feed.after(shown.generation)
            await self._show(space, inner, newer)
            shown = newer
            self._evidence.seen(_NAME, shown.generation)

    @staticmethod
    async def _show(space: Space, inner: LimitedServer, snapshot: Snapshot) -> None:
        await space.show(snapshot)
        inner.generation, inner.trusted_now = snapshot.generation, True


if __name__ == "__main__":
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it tells of every refused client at full length
    main(Setup, OpcUaServer)
