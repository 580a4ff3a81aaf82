"""The process that serves OPC UA: reads snapshots from its standard input, tells on its standard output what it shows.

Rule: it decides nothing about quality but one thing: when the gateway falls silent, nothing is good any more. When
its input ends, the gateway is gone, and so goes this process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec
from asyncua import Server, ua
from asyncua.common.callback import CallbackType
from asyncua.common.connection import TransportLimits
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager

from caiso_ads.core.points import Snapshot
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.opcua._certificates import APPLICATION_URI, is_in_time
from caiso_ads.sinks.opcua._messages import HEAD, LONGEST, Reply, Setup, Shown, unpacked
from caiso_ads.sinks.opcua._space import NAMESPACE, Space
from caiso_ads.sinks.opcua.users import hashed, matches
from caiso_ads.sinks.words import shut_down

CHUNK = 65_535
SPARE_DESCRIPTORS = 64
LAST_WORD_S = 0.5  # time for subscribers to hear that we stop
_LOG_EVERY_S = 60.0

log = logging.getLogger("caiso_ads.sinks.opcua")


class Users(UserManager):
    """Who may read: a name with its password, or the holder of a listed certificate's key."""

    def __init__(self, setup: Setup) -> None:
        self._kept, self._trusted = setup.users, frozenset(setup.trusted)
        self._nobody = hashed("nobody")  # so that an unknown name takes as long as a known one

    def get_user(
        self,
        iserver: Any,  # noqa: ARG002 - asyncua fixes the signature
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """Return the user, or None to refuse. ``certificate`` is the token's, or beside a name the channel's."""
        if username is not None:
            right = matches(password or "", self._kept.get(username, self._nobody)) and username in self._kept
            if right and (not self._trusted or self._is_trusted(certificate)):
                return User(UserRole.User, username)
        elif self._is_trusted(certificate):
            return User(UserRole.User, "certificate")
        log.warning("OPC UA: a login was refused")
        return None

    def _is_trusted(self, certificate: bytes | None) -> bool:
        return certificate is not None and certificate in self._trusted and is_in_time(certificate, datetime.now(UTC))


class Inbox:
    """The newest message of the gateway, read by a thread: pipes of every system can be read that way."""

    def __init__(self, source: BinaryIO) -> None:
        self.newest: bytes | None = None
        self.ended = False
        self._source, self._loop, self._news = source, asyncio.get_running_loop(), asyncio.Event()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, daemon=True).start()

    async def next(self, patience_s: float) -> bytes | None:
        """Return the newest message; None after so long without one. Raises EOFError when the gateway is gone."""
        try:
            async with asyncio.timeout(patience_s):
                await self._news.wait()
        except TimeoutError:
            return None
        if self.ended:
            raise EOFError
        self._news.clear()
        return self.newest

    def _read(self) -> None:
        while (body := read_frame(self._source)) is not None:
            self._loop.call_soon_threadsafe(self._arrived, body)
        self._loop.call_soon_threadsafe(self._over)

    def _arrived(self, body: bytes) -> None:
        self.newest = body
        self._news.set()

    def _over(self) -> None:
        self.ended = True
        self._news.set()


def read_frame(source: BinaryIO) -> bytes | None:
    """Return one frame; None when the other side has closed, or sends what is no frame."""
    head = source.read(HEAD)
    length = int.from_bytes(head, "big")
    if len(head) < HEAD or length > LONGEST:
        return None
    body = source.read(length)
    return body if len(body) == length else None


def cap(setup: Setup) -> None:
    """Limit memory and descriptors of this process. Windows has no such limit; there the session limits must do."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    memory = setup.memory_limit_mb << 20
    for kind, wanted in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, 2 * setup.max_sessions + SPARE_DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, limit))


def free_port(host: str) -> int:
    """Return a port that is free now; the endpoints must name the port before it is bound."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.bind((host, 0))
        return int(trial.getsockname()[1])


async def make_server(setup: Setup, port: int) -> Server:
    """Return a server that is secured and limited and does not listen yet."""
    server = Server(user_manager=Users(setup))
    inner = server.iserver
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
    server.subscribe_server_callback(CallbackType.PreWrite, WriteAudit().note)
    return server


class WriteAudit:
    """Tells of write attempts, at most once a minute."""

    def __init__(self) -> None:
        self._last = -_LOG_EVERY_S

    def note(self, event: Any, _dispatcher: Any = None) -> None:
        """Log an attempt from outside."""
        now = asyncio.get_running_loop().time()
        if getattr(event, "is_external", False) and now - self._last >= _LOG_EVERY_S:
            self._last = now
            log.warning("OPC UA: user %r tried to write; everything is read-only", getattr(event.user, "name", ""))


async def serve(inbox: Inbox, out: BinaryIO) -> None:
    """Serve until the gateway is gone."""
    first = await inbox.next(30.0)
    if first is None:
        return
    setup = msgspec.msgpack.decode(first, type=Setup)
    cap(setup)
    port = setup.port or free_port(setup.host)
    server = await make_server(setup, port)
    index = await server.register_namespace(NAMESPACE)
    space = Space(server, index)
    await space.build(setup)
    await server.start()
    try:
        tell(out, Reply(port=port))
        await follow(inbox, space, out, setup.stall_limit_s)
        await asyncio.sleep(LAST_WORD_S)
    finally:
        await server.stop()


async def follow(inbox: Inbox, space: Space, out: BinaryIO, stall_limit_s: float) -> None:
    """Show each snapshot that comes; distrust the last when none comes; say that we stop when the gateway does."""
    last: Snapshot | None = None
    try:
        while True:
            message = await inbox.next(stall_limit_s)
            if message is not None:
                last = unpacked(msgspec.msgpack.decode(message, type=Shown))
                await space.show(last)
                tell(out, Reply(shown=last.generation))
            elif last is not None:
                await space.show(without_trust(last))
    except EOFError:
        if last is not None:
            await space.show(shut_down(last))


def tell(out: BinaryIO, reply: Reply) -> None:
    """Write one line to the gateway; it is short, and the gateway reads all the time."""
    try:
        out.write(msgspec.json.encode(reply) + b"\n")
        out.flush()
    except OSError as error:
        raise EOFError from error


async def run(out: BinaryIO) -> None:
    """Run the whole process."""
    inbox = Inbox(sys.stdin.buffer)
    inbox.start()
    try:
        await serve(inbox, out)
    except EOFError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it was: the gateway shall log it, and starts us again
        tell(out, Reply(error=f"{type(error).__name__}: {error}"))


def main() -> None:
    """Keep standard output for the gateway; whatever a library prints goes to standard error."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it tells of every refused client at full length
    asyncio.run(run(out))
    os._exit(0)  # the reading thread may still wait for the pipe


if __name__ == "__main__":
    main()
