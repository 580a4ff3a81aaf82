"""The TCP side: who may connect, the data link, and one thread that does the library's slow work.

Rule: the loop only moves bytes; whatever takes longer runs in the sink's own thread, one job at a time; all of it in a
process of its own, because Python's lock makes a thread's work hold every loop of the process. One master at a time: a newer connection of the same address replaces the older, another address is refused meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from dnp3.core.enums import LinkFunctionCode as Link
from dnp3.datalink.builder import build_ack, build_link_status, build_unconfirmed_user_data
from dnp3.datalink.parser import FrameParser
from dnp3.transport.reassembler import Reassembler
from dnp3.transport.segment import TransportSegment
from dnp3.transport.segmenter import Segmenter

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._allow import AllowList
from caiso_ads.sinks._trust import believed, without_trust
from caiso_ads.sinks.dnp3 import NO_PROFILE, Config
from caiso_ads.sinks.dnp3.engine import FRAGMENT, Engine
from caiso_ads.sinks.dnp3.plan import Plan
from caiso_ads.sinks.dnp3.profile import ProfilePlan

log = logging.getLogger(__name__)

_NAME = "dnp3"
_CONFIRM, _READ, _WRITE, _SHORTEST = 0, 1, 2, 2
_NOT_DONE = 0x07  # IIN2.0 to 2.2: no such function, object unknown, parameter error
_REFUSED = {*range(3, 15), *range(15, 20), *range(24, 31)} - {23, 24}
_LOG_INTERVAL_S = 60.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, as whom, for whom; times in seconds of the machine's monotonic clock."""

    host: str
    port: int
    address: int
    master_address: int
    allow: AllowList
    event_limit: int
    idle_timeout_s: float
    confirm_timeout_s: float
    stall_limit_s: float
    profile_address: int = 0


def settings_of(config: Config) -> Settings:
    """Return what the server needs of its configuration."""
    return Settings(
        host=config.host,
        port=config.port,
        address=config.address,
        master_address=config.master_address,
        allow=config.allowed(),
        event_limit=config.event_limit,
        idle_timeout_s=config.idle_timeout_s,
        confirm_timeout_s=config.confirm_timeout_s,
        stall_limit_s=config.stall_limit_s,
        profile_address=config.profile_address if config.profile != NO_PROFILE else 0,
    )


class Dnp3Sink:
    """The sink. ``bound`` lists the (host, port) pairs it listens on; ``refused`` counts controls and strangers."""

    def __init__(self, plan: Plan, settings: Settings, evidence: SinkEvidence) -> None:
        self.settings, self.plan, self.evidence = settings, plan, evidence
        self.bound: tuple[tuple[str, int], ...] = ()
        self.refused = 0
        self._live = False
        self.engine: Engine
        self.engines: dict[int, Engine] = {}
        self._pool: ThreadPoolExecutor
        self._master: tuple[str, asyncio.Task[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._logged: dict[str, float] = {}

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Listen and serve until cancelled; OSError when the address cannot be had."""
        wanted = self.settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dnp3")
        try:
            self.engines = await self.do(self._make)
            self.engine = self.engines[wanted.address]
            shown = feed.latest
            await self._show(shown, believed(feed, wanted.stall_limit_s))
            server = await self._listen()
            try:
                started()
                self.evidence.seen(_NAME, shown.generation)
                await self._follow(feed, shown)
            finally:
                server.close()
                await self._end_connections()
                self.bound = ()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _make(self) -> dict[int, Engine]:
        """Return an outstation by address: the catalogue's, and with a profile one of each resource."""
        wanted = self.settings
        engines = {wanted.address: Engine(self.plan, wanted.address, wanted.event_limit)}
        if wanted.profile_address:
            for address, one in enumerate(self.plan.resource_ids, wanted.profile_address):
                engines[address] = Engine(ProfilePlan(one), address, wanted.event_limit)
        return engines

    async def _listen(self) -> asyncio.Server:
        host, port = self.settings.host, self.settings.port
        try:
            server = await asyncio.start_server(self._connected, host, port)
        except OSError as error:
            raise OSError(error.errno, f"DNP3 cannot listen on {host}:{port}: {error.strerror}") from error
        self.bound = tuple(socket.getsockname()[:2] for socket in server.sockets)
        return server

    async def _follow(self, feed: Feed, shown: Snapshot) -> None:
        while True:
            try:
                # Not wait_for: in Python 3.11 it can swallow a cancellation that comes together with the result.
                async with asyncio.timeout(self.settings.stall_limit_s):
                    newer = await feed.after(shown.generation)
            except TimeoutError:
                self.note("stalled", "the control loop has published nothing; all values are now served as not good")
                await self._show(shown, without_trust(shown))
                newer = await feed.after(shown.generation)
            await self._show(newer, newer)
            shown = newer
            self.evidence.seen(_NAME, shown.generation)

    async def _show(self, source: Snapshot, shown: Snapshot) -> None:
        await self.do(lambda: self._apply(shown))
        self._live = source is shown

    def _apply(self, shown: Snapshot) -> None:
        for one in self.engines.values():
            one.apply(shown)

    def release(self, numbers: Mapping[int, int]) -> None:
        """Forget what a connection selected; ``numbers`` are its numbers by address."""
        for address, number in numbers.items():
            self.engines[address].release(number)

    async def do(self, work: Callable[[], T]) -> T:
        """Run a piece of the library's work in the sink's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def submit(self, work: Callable[[], object]) -> None:
        """Have a short piece of work done without waiting, also where this task is being cancelled."""
        with contextlib.suppress(RuntimeError):  # the thread has ended, and its engine with it
            self._pool.submit(work)

    async def _end_connections(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        peername = writer.get_extra_info("peername")
        peer = str(peername[0]) if peername else "unknown"
        if task is None or not self._admit(peer):
            writer.transport.abort()
            return
        if self._master is not None:
            self._master[1].cancel()
        self._master = (peer, task)
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # by us alone: another replaces it, or the sink stops
                await Session(self, peer, reader, writer).run()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.note("dropped", f"connection of {peer} ended: {type(error).__name__} {error}")
        except ValueError as error:  # the library's word for bytes that are no DNP3
            self.note("unreadable", f"connection of {peer} ended, not readable: {error}")
        finally:
            self._tasks.discard(task)
            self._leave(task)
            writer.transport.abort()

    def _leave(self, task: asyncio.Task[None]) -> None:
        if self._master is not None and self._master[1] is task:
            self._master = None

    def _admit(self, peer: str) -> bool:
        if not self.settings.allow.admits(peer):
            why = "its address is not in allow"
        elif self._master is not None and self._master[0] != peer:
            why = f"{self._master[0]} is connected; one master at a time"
        else:
            return True
        self.refused += 1
        self.note("refused", f"connection of {peer} refused: {why}")
        return False

    def audit(self, function: int, peer: str, source: int) -> None:
        """Count and log an attempt to change something."""
        self.refused += 1
        self.evidence.refused(_NAME, peer, f"control (function {function})")
        self.note("control", f"{peer}, master {source}, tried function {function}; this outstation is read-only")

    def read(self, peer: str, address: int, generation: int) -> None:
        """Tell that this master has a snapshot, from the outstation of that address."""
        if self._live:
            self.evidence.read(_NAME, peer, address, generation)

    def note(self, kind: str, text: str) -> None:
        """Log a warning, at most one of a kind in a minute."""
        now = asyncio.get_running_loop().time()
        if now - self._logged.get(kind, -_LOG_INTERVAL_S) >= _LOG_INTERVAL_S:
            self._logged[kind] = now
            log.warning("DNP3: %s", text)


class Request(NamedTuple):
    """One request fragment: for the outstation of that address, from the master ``source``."""

    address: int
    source: int
    data: bytes


class Session:
    """One master's connection."""

    def __init__(self, sink: Dnp3Sink, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink, self._peer, self._reader, self._writer = sink, peer, reader, writer
        self._master, self._frames, self._segments = sink.settings.master_address, FrameParser(), Segmenter()
        self._parts = {address: Reassembler(max_fragment_size=FRAGMENT) for address in sink.engines}
        self._numbers: dict[int, int] = {}
        self._read: dict[int, int] = {}

    async def run(self) -> None:
        """Answer until the other side ends; OSError, TimeoutError or ValueError when it must end here."""
        engines = self._sink.engines
        self._numbers = await self._sink.do(lambda: {address: one.connection() for address, one in engines.items()})
        requests = self._requests()
        try:
            async for request in requests:
                await self._answer(request, requests)
        finally:
            await requests.aclose()
            numbers = self._numbers
            self._sink.submit(lambda: self._sink.release(numbers))

    async def _requests(self) -> AsyncGenerator[Request, None]:
        while data := await self._some():
            for frame in self._frames.feed(data):
                head = frame.header
                if head.destination not in self._parts or not head.control.prm:
                    continue
                if self._master and head.source != self._master:
                    self._sink.note("address", f"{self._peer} speaks as master {head.source}; ignored")
                    continue
                if await self._link(head.control.function_code, head.destination, head.source) and frame.user_data:
                    whole = self._parts[head.destination].add(TransportSegment.from_bytes(frame.user_data))
                    if whole is not None and len(whole.data) >= _SHORTEST:
                        yield Request(head.destination, head.source, whole.data)

    async def _link(self, function: int, address: int, source: int) -> bool:
        """Answer the data link; return whether the frame carries data."""
        if function == Link.PRI_UNCONFIRMED_USER_DATA:
            return True
        if function == Link.PRI_REQUEST_LINK_STATUS:
            await self._send(build_link_status(source, address, False).to_bytes())
        elif function in (Link.PRI_RESET_LINK_STATE, Link.PRI_TEST_LINK_STATE, Link.PRI_CONFIRMED_USER_DATA):
            await self._send(build_ack(source, address, False).to_bytes())
        return function == Link.PRI_CONFIRMED_USER_DATA

    async def _answer(self, asked: Request, requests: AsyncIterator[Request]) -> None:
        address, source, request = asked
        sink, engine, function = self._sink, self._sink.engines[address], request[1]
        number = self._numbers[address]
        if function in _REFUSED:
            sink.audit(function, self._peer, source)

        def work() -> tuple[list[bytes], int, bool]:
            before = engine.events
            return engine.answer(request, source, number), engine.generation, engine.events < before

        fragments, generation, had_events = await sink.do(work)
        if function == _WRITE and fragments and fragments[0][3] & _NOT_DONE:  # all but IIN1.7 and a time
            sink.audit(function, self._peer, source)
        try:
            whole = await self._deliver(asked, fragments, requests)
        except BaseException:
            if had_events:
                sink.submit(engine.lost)
            raise
        if whole and fragments:
            await sink.do(lambda: engine.delivered(fragments[-1]))
            if function == _READ and generation > self._read.get(address, -1):
                self._read[address] = generation
                sink.read(self._peer, address, generation)
        elif had_events:
            await sink.do(engine.lost)

    async def _deliver(self, asked: Request, fragments: Sequence[bytes], requests: AsyncIterator[Request]) -> bool:
        for fragment in fragments:
            frames = [
                build_unconfirmed_user_data(
                    destination=asked.source, source=asked.address, dir_from_master=False, user_data=segment.to_bytes()
                ).to_bytes()
                for segment in self._segments.segment(fragment)
            ]
            await self._send(b"".join(frames))
            if fragment is not fragments[-1] and not await self._confirmed(asked.address, fragment[0] & 0x0F, requests):
                return False
        return True

    async def _confirmed(self, address: int, sequence: int, requests: AsyncIterator[Request]) -> bool:
        """Return whether the fragment was confirmed; TimeoutError ends the connection of a master that does not."""
        async with asyncio.timeout(self._sink.settings.confirm_timeout_s):
            async for at, _, message in requests:
                if at == address and message[1] == _CONFIRM and message[0] & 0x0F == sequence:
                    return True
        return False

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(self._sink.settings.confirm_timeout_s):
            await self._writer.drain()

    async def _some(self) -> bytes:
        async with asyncio.timeout(self._sink.settings.idle_timeout_s):
            return await self._reader.read(4096)
