"""How a plant reads the whole truth of one resource on each protocol: a table with one reader for each sink.

A new sink needs one line in ``_ALL``, or one in ``READS_NOT`` with the reason why nobody reads from it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from asyncua import ua

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks import REGISTRY
from caiso_ads.sinks.modbus.layout import BLOCK, GOOD, slot
from tests.sinks.dnp3.master import Master as Dnp3Master
from tests.sinks.modbus.snapshots import Master
from tests.sinks.opcua import clients as opcua

_INDEX = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_SETPOINT = _INDEX["setpoint_mw"]
_HEARTBEAT = next(index for index, point in enumerate(GATEWAY_POINTS) if point.key == "heartbeat")
ONLINE = 0x01  # of DNP3, and no other flag


@dataclass(frozen=True, slots=True)
class Truth:
    """What one protocol says. ``good`` is the setpoint's own sign of the protocol, a flag or a status, and no word.

    ``beat`` is the gateway's heartbeat; a value that is not given out is None.
    """

    beat: int
    directive: str
    quality: str
    good: bool
    setpoint_mw: float | None
    snapshot_id: int | None = None  # None where the protocol has no place for it

    def agrees(self, other: Truth) -> bool:
        """Whether both tell the plant the same; a value that is not good may be kept back, but not differ."""
        same = (self.directive, self.quality, self.good) == (other.directive, other.quality, other.good)
        mine, theirs = self.setpoint_mw, other.setpoint_mw
        if mine is None or theirs is None:
            return same and (mine is theirs or not self.good)
        return same and abs(mine - theirs) < 0.001


@dataclass(frozen=True, slots=True)
class Where:
    """Where the first resource is read: the port of a listener, the folder of files, and the login of OPC UA."""

    port: int
    folder: Path
    resource_id: str
    login: tuple[str, str] = (opcua.NAME, opcua.WORD)


Read = Callable[[], Awaitable[Truth]]
Reader = Callable[[Where], AbstractAsyncContextManager[Read]]


@asynccontextmanager
async def modbus(where: Where) -> AsyncIterator[Read]:
    master = Master(*await asyncio.open_connection("127.0.0.1", where.port))

    async def read() -> Truth:
        block = await master.registers(1000 + BLOCK, BLOCK)
        beat = await master.registers(1000 + slot(_HEARTBEAT), 2)
        again = await master.registers(1000 + BLOCK, 2)
        if again != block[:4]:  # two requests, and the snapshot changed between them
            return await read()
        directive, quality = (
            struct.unpack_from(">H", block, 2 * slot(_INDEX[key]))[0] for key in ("directive", "quality")
        )
        (good,) = struct.unpack_from(">I", block, 2 * GOOD)
        (mw,) = struct.unpack_from(">f", block, 2 * slot(_SETPOINT))
        return Truth(
            int.from_bytes(beat), Directive(directive).name, Quality(quality).name, bool(good >> _SETPOINT & 1),
            None if math.isnan(mw) else mw, int.from_bytes(block[:4]),
        )  # fmt: skip

    try:
        yield read
    finally:
        master.close()


@asynccontextmanager
async def dnp3(where: Where) -> AsyncIterator[Read]:
    master = await Dnp3Master.open("127.0.0.1", where.port)

    async def read() -> Truth:
        found = await master.read()
        beat, directive, quality, (value, flags) = (
            found["AI", at] for at in (_HEARTBEAT, 100, 100 + _INDEX["quality"], 100 + _SETPOINT)
        )
        mw = None if value == -(2**31) else value / 1000
        return Truth(beat[0], Directive(directive[0]).name, Quality(quality[0]).name, flags == ONLINE, mw)

    try:
        yield read
    finally:
        master.close()


@asynccontextmanager
async def opc_ua(where: Where) -> AsyncIterator[Read]:
    async with opcua.client(where.port, *where.login) as reader:
        keys = [f"{where.resource_id}.{key}" for key in ("directive", "quality", "setpoint_mw")]
        nodes = [opcua.point(reader, key).nodeid for key in ("Gateway.snapshot_id", "Gateway.heartbeat", *keys)]

        async def read() -> Truth:
            found = await reader.uaclient.read_attributes(nodes, ua.AttributeIds.Value)
            values: list[Any] = [each.Value.Value if each.Value else None for each in found]
            snapshot_id, beat, directive, quality, mw = values
            status = found[-1].StatusCode
            good = status is not None and status.value == 0  # any other is uncertain or bad
            return Truth(beat, Directive(directive).name, Quality(quality).name, good, mw, snapshot_id)

        yield read


@asynccontextmanager
async def files(where: Where) -> AsyncIterator[Read]:
    async def read() -> Truth:
        text = await asyncio.to_thread((where.folder / "all.csv").read_text, encoding="utf-8-sig")
        row = next(row for row in csv.DictReader(io.StringIO(text)) if row["resource_id"] == where.resource_id)
        mw = float(row["setpoint_mw"]) if row["setpoint_mw"] else None
        word, good = row["quality"], row["quality"] == "GOOD"  # a table has no other sign
        return Truth(int(row["heartbeat"]), row["directive"], word, good, mw, int(row["snapshot_id"]))

    yield read


@asynccontextmanager
async def status(where: Where) -> AsyncIterator[Read]:
    async def read() -> Truth:
        shown = json.loads(await asyncio.to_thread((where.folder / "status.json").read_bytes))
        points = next(one for one in shown["resources"] if one["id"] == where.resource_id)["points"]
        word, good = points["quality"]["word"], points["setpoint_mw"]["quality"] == "GOOD"
        mw, beat = points["setpoint_mw"]["value"], shown["gateway"]["heartbeat"]["value"]
        return Truth(beat, points["directive"]["word"], word, good, mw, shown["snapshot_id"])

    yield read


@asynccontextmanager
async def iec104(where: Where) -> AsyncIterator[Read]:
    module = import_module("tests.sinks.iec104.master")
    master = await module.Master.open("127.0.0.1", where.port)

    async def read() -> Truth:
        before = (await master.interrogate(module.COUNTERS))[1 + _HEARTBEAT][0]
        found = await master.interrogate()
        if (await master.interrogate(module.COUNTERS))[1 + _HEARTBEAT][0] != before:
            return await read()  # the snapshot changed between the requests
        directive, quality, (mw, flags) = (found[1001 + _INDEX[key]] for key in ("directive", "quality", "setpoint_mw"))
        word = Quality(int(quality[0])).name
        return Truth(before, Directive(int(directive[0])).name, word, flags == 0, None if math.isnan(mw) else mw)

    try:
        yield read
    finally:
        master.close()


@asynccontextmanager
async def mqtt(where: Where) -> AsyncIterator[Read]:
    """At the broker of the contract tests: the document is retained, and is sent when anything but an age changed."""
    contract, broker = import_module("tests.sinks.test_contract"), import_module("tests.sinks.mqtt.mosquitto").shared()
    topic = f"{contract.mqtt_keys(where.folder)['prefix']}/resource/{where.resource_id}"

    async def read() -> Truth:
        (seen,) = await asyncio.to_thread(broker.retained, topic)
        document = seen.json
        mw, number = document["points"]["setpoint_mw"], document["snapshot_id"]
        return Truth(number, document["directive"], document["quality"], mw["quality"] == "GOOD", mw["value"], number)

    yield read


@asynccontextmanager
async def sparkplug(where: Where) -> AsyncIterator[Read]:
    """By the host that listens there since the sink was configured."""
    contract, reading = import_module("tests.sinks.test_contract"), import_module("tests.sinks.sparkplug.reading")
    group = contract.sparkplug_keys(where.folder)["group"]
    device = f"resource:{where.resource_id}"

    async def read() -> Truth:
        host = reading.Host().take(await contract.HOSTS[group].caught_up())
        number, directive, quality, mw = (
            host.values[device, key] for key in ("snapshot_id", "directive", "quality", "setpoint_mw")
        )
        good = host.qualities[device, "setpoint_mw"] == 192
        return Truth(number, Directive(directive).name, Quality(quality).name, good, mw, number)

    try:
        yield read
    finally:
        contract.HOSTS.pop(group).close()


_ALL: dict[str, Reader] = {
    "modbus": modbus,
    "files": files,
    "status": status,
    "dnp3": dnp3,
    "opcua": opc_ua,
    "iec104": iec104,
    "mqtt": mqtt,
    "sparkplug": sparkplug,
}
READERS: dict[str, Reader] = {name: reader for name, reader in _ALL.items() if name in REGISTRY}

AT_A_BROKER = frozenset({"mqtt", "sparkplug"})
"""These are read at a broker that the reading process started, and only where Debian's mosquitto is installed."""

READS_NOT: dict[str, str] = {"plant_writer": "it writes into a plant, and serves nobody"}
