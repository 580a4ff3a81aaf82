"""The items of a controller in MW, over one connection; SunSpec is looked for with each new one."""

from __future__ import annotations

import pytest

from caiso_ads.sinks.plant_writer.client import Client
from caiso_ads.sinks.plant_writer.frames import PlantUncertainError
from caiso_ads.sinks.plant_writer.plant import Coded, Plant, Points
from caiso_ads.sinks.plant_writer.registers import Register
from caiso_ads.sinks.plant_writer.rules import Item
from tests.sinks.plant_writer.controller import Controller, controller
from tests.sinks.plant_writer.test_sunspec import image


def plant(one: Controller, points: Points) -> Plant:
    return Plant(Client("127.0.0.1", one.port, 1, timeout_s=5.0), points)


async def test_items_are_read_and_written_as_configured() -> None:
    points = Points(
        {Item.SETPOINT: Register(10, "uint16", unit="percent", scale=0.1), Item.ACTUAL: Register(20, function=4)},
        {Item.ENABLE: Coded(30)},
        single=True,
    )
    async with controller(r10=500, r20=0x4248, r21=0, r30=1) as one:
        mine = plant(one, points)
        assert await mine.read(200.0) == {Item.SETPOINT: 100.0, Item.ACTUAL: 50.0, Item.ENABLE: 1.0}
        await mine.write(Item.SETPOINT, 40.0, 200.0)
        await mine.write(Item.ENABLE, 0, 200.0)
        assert (one.registers[10], one.registers[30]) == (200, 0)
        assert [function for function, _, _ in one.log[-2:]] == [6, 6]
        mine.close()


async def test_sunspec_is_found_again_with_each_connection_and_its_scale_with_it() -> None:
    points = Points({}, {}, sunspec=True)
    assert points.quantised(5.0, 0.0, 10.0) is None
    async with controller() as one:
        one.registers = image(40_000, 3) | {40_092: 0, 40_093: 1, 40_094: 0, 40_095: 50_000}
        mine = plant(one, points)
        assert await mine.read(None) == {Item.SETPOINT: 50.0, Item.ENABLE: 0.0, Item.MODE: 1.0}
        one.registers[40_125] = 2
        assert (await mine.read(None))[Item.SETPOINT] == 50.0
        mine.close()
        assert (await mine.read(None))[Item.SETPOINT] == 5.0
        await mine.write(Item.SETPOINT, 7.0, None)
        assert (one.registers[40_094], one.registers[40_095]) == (1, 70_000 - 65_536)
        mine.close()


async def test_a_controller_without_sunspec_is_not_read() -> None:
    async with controller(r0=1, r1=1) as one:
        mine = plant(one, Points({}, {}, sunspec=True))
        with pytest.raises(PlantUncertainError, match="SunSpec"):
            await mine.read(None)
        mine.close()
