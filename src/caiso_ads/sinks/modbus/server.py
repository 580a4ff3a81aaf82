"""The TCP side: connections, their limits, and the watch that a stopped control loop is not taken for a live one.

Rule: no master can slow another, and none can change anything. Limits are counted in the machine's own time, not in
the gateway's Clock: TCP masters live in real time also when a simulation runs fast.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import cast

from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import UNWATCHED, SinkEvidence
from caiso_ads.sinks.modbus.admission import NOT_ALLOWED, Admission, Places
from caiso_ads.sinks.modbus.frames import BUFFER_SIZE, Counters, Refuser, Responder
from caiso_ads.sinks.modbus.handshake import FAILED, Handshake, Security, peer_of
from caiso_ads.sinks.modbus.image import Image, Renderer
from caiso_ads.sinks.modbus.layout import Plan
from caiso_ads.sinks.modbus.security import Tls, server_context

log = logging.getLogger(__name__)

BACKLOG = 512
LOG_INTERVAL_S = 60.0
_NEVER = float("inf")
_NAME = "modbus"
_NOTHING = -1
_UNIT, _FUNCTION, _READS = 6, 7, range(1, 5)  # where both stand in a reply, and the codes that carry data


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, and the limits; times in seconds of the machine's monotonic clock."""

    host: str
    port: int
    identity: dict[int, bytes]
    answer_foreign_units: bool
    places: Places
    idle_timeout_s: float
    half_frame_timeout_s: float
    stall_limit_s: float
    tls: Tls | None = None

    @property
    def sweep_s(self) -> float:
        """How often limits are checked."""
        return min(0.5, self.idle_timeout_s / 4, self.half_frame_timeout_s / 4, self.stall_limit_s / 4)


class ModbusSink:
    """The sink. ``bound`` lists the (host, port) pairs it listens on; ``counters`` count since construction.

    ``readable`` is the generation of the snapshot that reads are answered from; -1 where it is not served as live.
    """

    def __init__(self, plan: Plan, settings: Settings, evidence: SinkEvidence = UNWATCHED) -> None:
        self.settings, self.evidence = settings, evidence
        self.readable = _NOTHING
        self.bound: tuple[tuple[str, int], ...] = ()
        self.now = 0.0
        self.responder = Responder(
            self._current,
            units=plan.unit_ids,
            identity=settings.identity,
            answer_foreign_units=settings.answer_foreign_units,
            audit=self._audit,
        )
        self.refuser = Refuser(self.responder)
        self.several_units = len(plan.unit_ids) > 1
        self._renderer = Renderer(plan)
        self._open: set[Connection | Handshake] = set()
        self._admission = Admission(settings.places)
        self._last_logged: dict[str, float] = {}
        self._feed: Feed
        self._image: Image
        self._changed_at = 0.0

    @property
    def counters(self) -> Counters:
        """Requests, exceptions, refused and dropped connections since construction."""
        return self.responder.counters

    @property
    def connections(self) -> int:
        """How many masters are connected now."""
        return len(self._open)

    def counts(self) -> Mapping[str, int]:
        """Return what the status shows: the counters since construction, and the masters connected now."""
        return {**asdict(self.counters), "open_connections": self.connections}

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Listen and serve until cancelled; OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self.attach(feed, loop.time())
        host, port = self.settings.host, self.settings.port
        handshakes: set[asyncio.Task[None]] = set()
        make = await self._factory(handshakes)
        try:
            server = await loop.create_server(make, host, port, backlog=BACKLOG)
        except OSError as error:
            raise OSError(error.errno, f"Modbus TCP cannot listen on {host}:{port}: {error.strerror}") from error
        self.bound = tuple(socket.getsockname()[:2] for socket in server.sockets)
        try:
            started()
            self.evidence.seen(_NAME, self._image.snapshot.generation)
            while True:
                await asyncio.sleep(self.settings.sweep_s)
                self.sweep(loop.time())
        finally:
            server.close()
            for connection in tuple(self._open):
                connection.abort()
            await asyncio.gather(*handshakes)
            await server.wait_closed()
            self.bound = ()
            log.info(
                "Modbus: %s", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.counts().items())
            )

    async def _factory(self, handshakes: set[asyncio.Task[None]]) -> Callable[[], Connection | Handshake]:
        """Return what makes the protocol of a new connection. With TLS it reads the files; CertificateError names one."""
        if (tls := self.settings.tls) is None:
            return lambda: Connection(self)
        context = await asyncio.to_thread(server_context, tls)
        security = Security(tls, context, handshakes, self.settings.half_frame_timeout_s)
        return lambda: Handshake(self, security)

    def attach(self, feed: Feed, now: float) -> None:
        """Serve this feed from now on."""
        self._feed, self.now, self._changed_at = feed, now, now
        self._mono = feed.mono
        self._render()

    def sweep(self, now: float) -> None:
        """Drop connections beyond their limits; notice when snapshots have stopped coming."""
        self.now = now
        for connection in tuple(self._open):
            if why := connection.overdue(now):
                self.counters.connections_dropped += 1
                self.note(f"dropped: {why}", f"connection of {connection.peer} dropped: {why}")
                connection.abort()
        if self._feed.latest is not self._image.snapshot:
            self._current()
        elif self._image.live and now - self._changed_at > self.settings.stall_limit_s:
            self._stalled()

    def _render(self, *, live: bool = True) -> None:
        """Serve the newest snapshot; nothing of it as good where it is old: after a pause of the whole machine, too."""
        self._silent_at = self._feed.silent_at(self.settings.stall_limit_s)
        live = live and self._mono() <= self._silent_at
        self._image = self._renderer.render(self._feed.latest, live=live)
        self.readable = self._feed.latest.generation if live else _NOTHING  # nobody reads a directive from it any more

    def _stalled(self) -> None:
        self._render(live=False)
        self.note("stalled", "the control loop has published nothing; all values are now served as not good")

    def _current(self) -> Image:
        image = self._image
        if self._feed.latest is image.snapshot:
            if not image.live or self._mono() <= self._silent_at:
                return image
            self._stalled()
        else:
            self._render()
            self._changed_at = self.now
            self.evidence.seen(_NAME, self._feed.latest.generation)
        return self._image

    def admit(self, guest: Connection | Handshake) -> bool:
        """Take a new connection into account, or refuse it."""
        refusal = self._admission.refusal(guest.peer)
        if refusal is None:
            self._open.add(guest)
            self._admission.enter(guest.peer)
            self.counters.connections += 1
            return True
        self.counters.connections_refused += 1
        if refusal.kind == NOT_ALLOWED:
            self.evidence.refused(_NAME, guest.peer, f"connection ({NOT_ALLOWED})")
        self.note(f"refused: {refusal.kind}", f"connection of {guest.peer} refused: {refusal.text}")
        return False

    def forget(self, guest: Connection | Handshake) -> None:
        """Take an ended connection out of account; one never admitted is ignored."""
        if guest in self._open:
            self._open.remove(guest)
            self._admission.leave(guest.peer)

    def welcome(self, guest: Handshake, transport: asyncio.Transport, *, trusted: bool) -> Connection:
        """Let a secured connection take over the place of its handshake; it is answered by its role."""
        connection = Connection(self)
        connection.secured(transport, guest.peer, trusted=trusted)
        if guest in self._open:
            self._open.remove(guest)
            self._open.add(connection)
        return connection

    def refused(self, peer: str, what: str, text: str) -> None:
        """Count, log and record a handshake that failed, or a certificate without the right role."""
        if what == FAILED:
            self.counters.handshakes_failed += 1
        else:
            self.counters.roles_refused += 1
        self.evidence.refused(_NAME, peer, f"TLS {what}")
        self.note(f"TLS {what}", text)

    def note(self, kind: str, text: str) -> None:
        """Log a warning, at most one of a kind in a minute."""
        if self.now - self._last_logged.get(kind, -_NEVER) >= LOG_INTERVAL_S:
            self._last_logged[kind] = self.now
            log.warning("Modbus: %s", text)

    def _audit(self, function: int, peer: str) -> None:
        self.evidence.refused(_NAME, peer, f"write (function {function:02d})")
        self.note("write", f"{peer} tried to write (function {function:02d}); this map is read-only")


class Connection(asyncio.BufferedProtocol):
    """One master. Its buffer is its own: a read never allocates, and half a frame waits here."""

    def __init__(self, sink: ModbusSink) -> None:
        self.peer = ""
        self._sink = sink
        self._transport: asyncio.Transport
        self._answer = sink.responder.answer
        self._buffer = bytearray(BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        self._end = 0
        self._read = _NOTHING
        self._told: set[int] = set()  # the units that were read of that snapshot
        self._request_at = sink.now
        self._half_since = self._blocked_since = _NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, unless a limit refuses this master."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one too, but not by class
        self.peer = peer_of(transport)
        if not self._sink.admit(self):
            self._transport.abort()

    def secured(self, transport: asyncio.Transport, peer: str, *, trusted: bool) -> None:
        """Start on a channel that a handshake has secured; without the right role every request gets exception 01."""
        self._transport, self.peer = transport, peer
        if not trusted:
            self._answer = self._sink.refuser.answer

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio fixes the signature
        """End."""
        self._sink.forget(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio fixes the signature
        """Return where the next bytes go."""
        return self._view[self._end :] if self._end else self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Answer all whole frames in one write; keep the rest."""
        end, sink = self._end + nbytes, self._sink
        replies, used, sound = self._answer(self._buffer, end, self.peer)
        if replies:
            self._transport.write(replies[0] if len(replies) == 1 else b"".join(replies))
            if sink.readable > self._read or sink.several_units:
                self._note_read(replies)
        if used:
            self._request_at = sink.now
        if not sound:
            self._transport.close()
        elif used == end:
            self._end = 0
            self._half_since = _NEVER
        else:
            self._keep(used, end)

    def _note_read(self, replies: list[bytes]) -> None:
        """Tell that this master has the newest snapshot, once a unit: an exception or the identity is no read of it."""
        newest = self._sink.readable
        units = {reply[_UNIT] for reply in replies if reply[_FUNCTION] in _READS}
        if newest > self._read:
            if not units or self._transport.is_closing():
                return
            self._read, self._told = newest, set()
        elif newest < 0 or newest < self._read:  # nothing is served as live
            return
        for unit in sorted(units - self._told):
            self._told.add(unit)
            self._sink.evidence.read(_NAME, self.peer, unit, newest)

    def _keep(self, used: int, end: int) -> None:
        if used or not self._end:  # a new frame has begun; one that drips on keeps its first time
            self._half_since = self._sink.now
        self._end = end - used
        self._buffer[: self._end] = self._buffer[used:end]

    def pause_writing(self) -> None:
        """Read no more from a master that does not take its replies."""
        self._blocked_since = self._sink.now
        with contextlib.suppress(RuntimeError):  # uvloop refuses this on a connection that is closing
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on; the rest of a request that we did not read meanwhile gets its time now."""
        self._blocked_since = _NEVER
        if self._end:
            self._half_since = self._sink.now
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()

    def overdue(self, now: float) -> str:
        """Return why this connection must end, or nothing."""
        limits = self._sink.settings
        if now - self._blocked_since > limits.half_frame_timeout_s:
            return "replies are not read"
        if now - self._half_since > limits.half_frame_timeout_s:
            return "half a request, then nothing"
        if now - self._request_at > limits.idle_timeout_s:
            return "idle"
        return ""

    def abort(self) -> None:
        """End at once, without waiting for the other side."""
        self._transport.abort()
