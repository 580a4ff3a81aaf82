"""The TCP side: who may connect, what each master is sent, and the newest snapshot turned into objects and changes.

Rule: the loop only moves bytes; objects are made of a snapshot in a thread. A master that breaks the protocol, does
not acknowledge in time or does not take what it asked for is dropped, alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from caiso_ads.core.points import Snapshot
from caiso_ads.errors import WireError
from caiso_ads.ports import Clock, Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._allow import AllowList
from caiso_ads.sinks._trust import believed, without_trust
from caiso_ads.sinks.iec104 import apdu, station, values
from caiso_ads.sinks.iec104.asdu import Object, Type, stamp_of
from caiso_ads.sinks.iec104.outgoing import Change, Outgoing
from caiso_ads.sinks.iec104.plan import Plan
from caiso_ads.sinks.iec104.session import Limits, Session
from caiso_ads.sinks.iec104.station import Image, Map
from caiso_ads.sinks.iec104.values import State

log = logging.getLogger(__name__)

_NAME = "iec104"
_LOG_INTERVAL_S = 60.0
_SWEEP_S = 0.25
_MOST_PEERS = 1024
_NOT_LIVE = -1
_ORDER = (Type.M_ME_NC_1, Type.M_BO_NA_1, Type.M_IT_NA_1, Type.M_SP_NA_1)  # a new number before its "follow"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, as whom, for whom."""

    host: str
    port: int
    common_address: int
    allow: AllowList
    max_connections: int
    event_limit: int
    stall_limit_s: float
    limits: Limits


class Iec104Sink:
    """The sink. ``bound`` lists the (host, port) pairs it listens on; ``dropped`` counts connections ended by us."""

    def __init__(self, plan: Plan, settings: Settings, evidence: SinkEvidence, clock: Clock) -> None:
        self.plan, self.settings, self.evidence = plan, settings, evidence
        self.bound: tuple[tuple[str, int], ...] = ()
        self.dropped = 0
        self.image: Image
        self.generation = self._newest = _NOT_LIVE
        self._clock = clock
        self._map = Map(settings.common_address, values.types(plan))
        self._deadbands = {entry.number: entry.deadband for entry in plan.entries() if entry.deadband}
        self._told: State = {}
        self._stamp = b""
        self._open: set[Connection] = set()
        self._greeted: set[str] = set()
        self._logged: dict[str, float] = {}

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Listen and serve until cancelled; OSError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        host, port = self.settings.host, self.settings.port
        shown = feed.latest
        self._greeted.clear()
        self._told = {}
        first = believed(feed, self.settings.stall_limit_s)
        live = first is shown
        at = shown.at if live else self._clock.now().wall
        self._show(shown, *await self._render(first), shown.generation if live else _NOT_LIVE, at)
        try:
            server = await loop.create_server(lambda: Connection(self), host, port)
        except OSError as error:
            raise OSError(error.errno, f"IEC 104 cannot listen on {host}:{port}: {error.strerror}") from error
        self.bound = tuple(socket.getsockname()[:2] for socket in server.sockets)
        sweeping = asyncio.create_task(self._sweep())
        try:
            started()
            self.evidence.seen(_NAME, shown.generation)
            await self._follow(feed, shown, sweeping)
        except asyncio.CancelledError:
            self._say_last(feed.latest)
            raise
        finally:
            sweeping.cancel()
            server.close()
            for connection in tuple(self._open):
                connection.end()
            await asyncio.wait((sweeping,))
            self.bound = ()

    async def _follow(self, feed: Feed, shown: Snapshot, sweeping: asyncio.Task[None]) -> None:
        while not sweeping.done():
            try:
                async with asyncio.timeout(self.settings.stall_limit_s):  # wait_for of 3.11 may swallow our cancelling
                    newer = await feed.after(shown.generation)
            except TimeoutError:
                self.note("stalled", "the control loop has published nothing; all values are now served as not good")
                self._show(shown, *await self._render(without_trust(shown)), _NOT_LIVE, self._clock.now().wall)
                newer = await feed.after(shown.generation)
            self._show(newer, *await self._render(newer), newer.generation, newer.at)
            shown = newer
            self.evidence.seen(_NAME, shown.generation)
        sweeping.result()  # never ends by itself: what ended it is raised here, and the sink started again

    async def _render(self, snapshot: Snapshot) -> tuple[State, State]:
        """Return all objects of a snapshot, and those to be told, without holding up the loop."""
        return await asyncio.to_thread(self._rendered, snapshot)

    def _rendered(self, snapshot: Snapshot) -> tuple[State, State]:
        state = values.state(self.plan, snapshot)
        news = values.changes(self._told or state, state, self._deadbands)
        return state, dict(sorted(news.items(), key=lambda one: _ORDER.index(self._map.types[one[0]])))

    def _say_last(self, latest: Snapshot) -> None:
        """Tell what was published just before the end, such as SHUTDOWN."""
        if latest.generation > self._newest:
            self._show(latest, *self._rendered(latest), latest.generation, latest.at)
            self.evidence.seen(_NAME, latest.generation)

    def _show(self, source: Snapshot, state: State, news: State, generation: int, at: datetime) -> None:
        """Serve this state from now on, and tell each master what is news."""
        trusted = generation != _NOT_LIVE and source.gateway_value("clock_ok").value == 1
        self._stamp = stamp_of(at, invalid=not trusted)
        self._newest, self.generation = source.generation, generation
        self.image = Image(self._map, state)
        self._told = {**(self._told or state), **news}
        changes = [Change(Object(address, shown, self._stamp), generation) for address, shown in news.items()]
        for connection in tuple(self._open):
            connection.tell(changes)

    def counters(self) -> list[Change]:
        """Return all counters as changes of now: an interrogation does not hold them, so each start tells them."""
        state = self.image.state
        own = self._map.groups[Type.M_IT_NA_1]
        return [Change(Object(address, state[address], self._stamp), _NOT_LIVE) for address in own]

    def outgoing(self) -> Outgoing:
        """Return an empty queue for a new master."""
        return Outgoing(self.settings.common_address, self._map.types, self.settings.event_limit)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            for connection in tuple(self._open):
                connection.tick(loop.time())

    def admit(self, connection: Connection) -> bool:
        """Take a new connection into account, or refuse it."""
        if not self.settings.allow.admits(connection.peer):
            self.note("refused", f"connection of {connection.peer} refused: its address is not in allow")
        elif len(self._open) >= self.settings.max_connections:
            self.note("full", f"connection of {connection.peer} refused: {len(self._open)} are open")
        else:
            self._open.add(connection)
            return True
        self.dropped += 1
        return False

    def forget(self, connection: Connection) -> None:
        """Take an ended connection out of account."""
        self._open.discard(connection)

    def drop(self, connection: Connection, why: str) -> None:
        """Note that a connection is ended by us."""
        self.dropped += 1
        self.note("dropped", f"connection of {connection.peer} ended: {why}")

    def greet(self, peer: str) -> bool:
        """Return whether this master has not heard since our start that we have started."""
        if peer in self._greeted:
            return False
        if len(self._greeted) >= _MOST_PEERS:
            self._greeted.clear()
        self._greeted.add(peer)
        return True

    def audit(self, peer: str, what: str) -> None:
        """Tell of an attempt to change something."""
        self.evidence.refused(_NAME, peer, what)
        self.note("control", f"{peer} tried: {what}; this station is read-only")

    def note(self, kind: str, text: str) -> None:
        """Log a warning, at most one of a kind in a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._logged.get(kind, -_LOG_INTERVAL_S) >= _LOG_INTERVAL_S:
            self._logged[kind] = now
            log.warning("IEC 104: %s", text)


class Connection(asyncio.Protocol):
    """One master."""

    def __init__(self, sink: Iec104Sink) -> None:
        self.peer = ""
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._session = Session(sink.settings.limits, self._loop.time())
        self._outgoing = sink.outgoing()
        self._transport: asyncio.Transport
        self._buffer = b""
        self._blocked = False
        self._read = _NOT_LIVE
        self._complete = False  # whether it was sent all it asked for, so that changes keep its picture whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, unless a limit refuses this master."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one too, but not by class
        address = transport.get_extra_info("peername")
        self.peer = str(address[0]) if address else "unknown"
        if not self._sink.admit(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio fixes the signature
        """End."""
        self._sink.forget(self)

    def data_received(self, data: bytes) -> None:
        """Answer all whole frames; keep the rest."""
        if self._transport.is_closing():
            return
        now = self._loop.time()
        with self._ending_when_broken():
            frames, used = apdu.split(self._buffer + data)
            self._buffer = (self._buffer + data)[used:]
            for frame in frames:
                self._take(frame, now)
            self._pump(now)

    def _take(self, frame: apdu.Frame, now: float) -> None:
        was_started = self._session.started
        message = self._session.receive(frame, now)
        if self._session.started is not was_started:
            self._outgoing.clear()
            if not was_started:
                self._start()
        if message is not None:
            self._answer(message)
        if self._outgoing.flooded:
            raise WireError("it asks and does not take the answers", where="APCI")

    def _start(self) -> None:
        self._complete = False
        if self._sink.greet(self.peer):
            self._outgoing.reply(station.initialised(self._sink.settings.common_address))
        self._outgoing.tell(self._sink.counters())

    def _answer(self, request: bytes) -> None:
        image = self._sink.image
        found = station.answer(image, request)
        if found.refused:
            self._sink.audit(self.peer, found.refused)
        if found.body is None:
            self._outgoing.reply(found.first, found.read)
        elif self._outgoing.busy:
            self._outgoing.reply(station.busy(image, request))
        else:
            self._outgoing.interrogated(found, self._sink.generation, completes=request[0] == Type.C_IC_NA_1)

    def tell(self, changes: Iterable[Change]) -> None:
        """Queue changes, where the master has asked for data, and send what may leave."""
        if self._session.started and not self._transport.is_closing():
            self._outgoing.tell(changes)
            with self._ending_when_broken():
                self._pump(self._loop.time())

    def tick(self, now: float) -> None:
        """Do what time demands."""
        if self._transport.is_closing():
            return
        with self._ending_when_broken():
            self._session.tick(now)
            self._pump(now)

    def _pump(self, now: float) -> None:
        """Write what the window and the transport take."""
        session = self._session
        while session.may_send and not self._blocked and (message := self._outgoing.next()) is not None:
            self._complete = self._complete or message.completes
            session.send(message.asdu, now, message.generation if self._complete else _NOT_LIVE)
        if session.outbox:
            self._transport.write(b"".join(map(apdu.encode, session.outbox)))
            session.outbox.clear()
        if session.acknowledged > self._read:
            self._read = session.acknowledged
            self._sink.evidence.read(_NAME, self.peer, self._sink.settings.common_address, self._read)

    @contextlib.contextmanager
    def _ending_when_broken(self) -> Iterator[None]:
        try:
            yield
        except WireError as error:
            self._sink.drop(self, str(error))
            self._transport.abort()

    def pause_writing(self) -> None:
        """Read no more from a master that does not take what it is sent; t1 ends it when it never does."""
        self._blocked = True
        with contextlib.suppress(RuntimeError):  # uvloop refuses this on a connection that is closing
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._blocked = False
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()

    def end(self) -> None:
        """End: what was written leaves if the system takes it at once."""
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
