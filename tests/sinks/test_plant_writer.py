"""Controllers nobody here wrote: pymodbus as the server, and pysunspec2 to read what stands in model 704."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.sinks.plant_writer.rig import Rig, config, running
from tests.sinks.plant_writer.wishes import ID

pysunspec2 = pytest.importorskip("sunspec2.modbus.client", reason="pysunspec2 is not installed")

SCALE = -1 & 0xFFFF


def sunspec() -> list[int]:
    """Return the registers from 40000 on: model 1, model 704 at 0 W and disabled, the end."""
    common = [1, 66, *([0x4141] * 66)]
    controls = [0xFFFF] * 67
    controls[:2] = [704, 65]
    controls[22:26] = [0, 0, 0, 0]
    controls[55:57] = [SCALE, SCALE]
    return [0x5375, 0x6E53, *common, *controls, 0xFFFF, 0]


@asynccontextmanager
async def pymodbus(address: int, registers: list[int]) -> AsyncIterator[tuple[ModbusTcpServer, int]]:
    """Serve registers with pymodbus."""
    device = SimDevice(1, simdata=[SimData(address, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        assert isinstance(server.transport, asyncio.Server)
        yield server, server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus gives it no types


def at_its_target(rig: Rig) -> bool:
    standing = rig.standing
    return standing.read_mw == 50.0 and standing.trouble == ""


async def test_pymodbus_holds_what_was_written() -> None:
    start = [0] * 10
    start[:2] = struct.unpack(">2H", struct.pack(">f", 42.0))
    setpoint: dict[str, Any] = {"setpoint": {"address": 100, "word_order": "CDAB"}, "enable": {"address": 104}}
    start[:2] = reversed(start[:2])
    async with (
        pymodbus(100, start) as (server, port),
        running(config(port, **setpoint, heartbeat={"address": 105})) as rig,
    ):
        await rig.until(lambda: at_its_target(rig))
        await rig.steps(6)
        high, low, *_, enable, beat = await server.async_getValues(1, 3, 100, 6)
        assert struct.unpack(">f", struct.pack(">2H", low, high)) == (50.0,)
        assert (enable, beat > 0) == (1, True)
        await rig.stop()
        assert await server.async_getValues(1, 3, 104, 1) == [0]


async def test_pymodbus_refuses_what_is_not_there() -> None:
    async with pymodbus(100, [400] * 2) as (_, port), running(config(port, mode="live")) as rig:
        await rig.until(lambda: rig.tells("no contact: the controller refuses: exception 02"))


async def test_sunspec_model_704_reads_with_pysunspec2_as_it_was_meant() -> None:
    keys: dict[str, Any] = {"setpoint": None, "enable": None, "heartbeat": None, "profile": "sunspec-704"}
    async with pymodbus(40_000, sunspec()) as (_, port), running(config(port, **keys)) as rig:
        await rig.until(lambda: at_its_target(rig) and rig.standing.phase.value == "acting")
        await rig.steps(6)
        assert await asyncio.to_thread(read_704, port) == (50_000_000.0, 1, 1)
        assert [text for _, resource, text, _ in rig.evidence.acts if resource == ID][1].startswith("writes mode 1")
        await rig.stop()
        assert await asyncio.to_thread(read_704, port) == (50_000_000.0, 0, 1)


def read_704(port: int) -> tuple[float, int, int]:
    """Return WSet (W), WSetEna and WSetMod as another client reads them."""
    device = pysunspec2.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=port, timeout=5)
    device.scan()
    try:
        model = device.models[704][0]
        return model.WSet.cvalue, model.WSetEna.value, model.WSetMod.value
    finally:
        device.close()
