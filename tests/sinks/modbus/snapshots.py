"""Snapshots and a running server for the tests of this folder."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import UNWATCHED, SinkEvidence
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.frames import Counters
from caiso_ads.sinks.modbus.server import ModbusSink

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
IDS = ("ALPHA_1_UNIT", "BETA_2_UNIT")

GOOD: dict[str, Any] = {
    "directive": Directive.FOLLOW,
    "reasons": 0,
    "quality": Quality.GOOD,
    "setpoint_mw": 150.25,
    "dop_mw": 149.5,
    "supplemental_mw": -22.0,
    "dot_target_time": AT,
    "trajectory_age_s": 10.0,
    "dispatch_age_s": 20.0,
}


def values(points: tuple[Point, ...], known: Mapping[str, Any], quality: Quality) -> tuple[PointValue, ...]:
    """Return point values of one quality; a key that is not in ``known`` has no value."""
    return tuple(PointValue(known.get(p.key), quality if p.key in known else Quality.INIT) for p in points)


def resource(quality: Quality = Quality.GOOD, **changes: Any) -> tuple[PointValue, ...]:
    """Return a resource that is good but for the changes; None takes a value away."""
    known = {key: value for key, value in {**GOOD, "quality": quality, **changes}.items() if value is not None}
    return values(RESOURCE_POINTS, known, quality)


def snapshot(
    resources: Mapping[str, tuple[PointValue, ...]] | None = None, *, generation: int = 1, heartbeat: int = 5
) -> Snapshot:
    """Return a snapshot; by default two good resources."""
    gateway = values(GATEWAY_POINTS, {"heartbeat": heartbeat, "utc_time": AT, "environment": 2}, Quality.GOOD)
    return Snapshot(generation, AT, gateway, resources or dict.fromkeys(IDS, resource()))


def nothing_known(generation: int = 0) -> Snapshot:
    """Return what the gateway publishes before it knows anything."""
    known = {"directive": Directive.NO_DATA, "quality": Quality.INIT}
    nothing = values(RESOURCE_POINTS, known, Quality.INIT)
    return snapshot(dict.fromkeys(IDS, nothing), generation=generation)


def fell_silent(first: Snapshot) -> Feed:
    """Return a feed whose loop has been standing still for an hour; what is published now is of now."""
    times = iter([0.0])
    return Feed(first, lambda: next(times, 3600.0))


def slots(points: tuple[Point, ...], block: bytes) -> dict[str, float | int]:
    """Decode a block's points from the words of its documentation, independently of the encoder."""
    found: dict[str, float | int] = {}
    for index, point in enumerate(points):
        at = 2 * (16 + 2 * index)
        form = {Kind.NUMBER: ">f", Kind.CODE: ">H"}.get(point.kind, ">I")
        found[point.key] = struct.unpack_from(form, block, at)[0]
    return found


def frame(pdu: bytes | str, transaction: int = 1, unit: int = 1, protocol: int = 0, length: int | None = None) -> bytes:
    """Return a whole request; the PDU may be given in hex."""
    body = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    return struct.pack(">HHHB", transaction, protocol, len(body) + 1 if length is None else length, unit) + body


def read(function: int, address: int, quantity: int, transaction: int = 1) -> bytes:
    """Return a whole read request."""
    return frame(struct.pack(">BHH", function, address, quantity), transaction)


class Master:
    """One connection that reads whole replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> bytes:
        """Return the next reply, without its length and protocol: transaction, unit, PDU."""
        head = await self.reader.readexactly(6)
        transaction, protocol, length = struct.unpack(">HHH", head)
        assert protocol == 0
        body = await self.reader.readexactly(length)
        return struct.pack(">H", transaction) + body

    async def ask(self, pdu: bytes | str) -> bytes:
        """Send one request and return the PDU of the reply."""
        await self.send(frame(pdu, transaction=77))
        reply = await self.reply()
        assert reply[:3] == b"\x00\x4d\x01"
        return reply[3:]

    async def registers(self, address: int, quantity: int, function: int = 3) -> bytes:
        reply = await self.ask(struct.pack(">BHH", function, address, quantity))
        assert reply[:2] == bytes((function, 2 * quantity)), reply.hex()
        return reply[2:]

    async def ended(self) -> bytes:
        """Return what comes before the other side closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10)
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.close()


class Running:
    """A served feed and the way to its masters."""

    def __init__(self, sink: ModbusSink, feed: Feed) -> None:
        self.sink, self.feed = sink, feed
        self._masters: list[Master] = []

    @property
    def port(self) -> int:
        return self.sink.bound[0][1]

    @property
    def counters(self) -> Counters:
        return self.sink.counters

    async def master(self) -> Master:
        master = Master(*await asyncio.open_connection("127.0.0.1", self.port))
        self._masters.append(master)
        return master

    async def until(self, condition: Any) -> None:
        """Let the loop run until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the server under test has no event for its own bookkeeping
                await asyncio.sleep(0.001)

    def hang_up(self) -> None:
        for master in self._masters:
            master.close()


@asynccontextmanager
async def serving(
    first: Snapshot,
    ids: tuple[str, ...] = IDS,
    nodes: tuple[str, ...] = (),
    evidence: SinkEvidence = UNWATCHED,
    **keys: Any,
) -> AsyncIterator[Running]:
    """Serve a feed on a free port."""
    config = Config(**{"port": 0, **keys})
    sink, feed = ModbusSink(config.plan(ids, nodes), config.settings(), evidence), Feed(first)
    started = asyncio.Event()
    task = asyncio.create_task(sink.run(feed, started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    running = Running(sink, feed)
    try:
        yield running
    finally:
        running.hang_up()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
