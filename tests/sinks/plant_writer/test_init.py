"""The table [sinks.plant_writer]: off and dry unless told otherwise, one writer to one plant, no simulator in production."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.ports import SinkContext
from caiso_ads.sinks.plant_writer import Config
from tests.fakes import FakeClock, MemoryStore
from tests.sinks.plant_writer.controller import controller
from tests.sinks.plant_writer.rig import PLANT, config, running

OTHER = {"resource": "BETA_2_UNIT"}


def context(environment: str = "production", *ids: str) -> SinkContext:
    return SinkContext(ids or ("ALPHA_1_UNIT", "BETA_2_UNIT"), {}, environment, MemoryStore(), FakeClock())


def made(*plants: dict[str, Any], **keys: Any) -> Config:
    return msgspec.convert({"plant": [PLANT | plant for plant in plants], **keys}, Config)


def test_it_is_a_dry_run_unless_told_otherwise() -> None:
    assert made({}).mode == "dry-run"
    with pytest.raises(msgspec.ValidationError):
        made({}, mode="wet")
    with pytest.raises(msgspec.ValidationError):
        made()


@pytest.mark.parametrize(("second", "key"), [({}, "resource"), (OTHER, "host"), (OTHER | {"port": 503}, "")])
def test_one_plant_has_one_writer(second: dict[str, Any], key: str) -> None:
    if not key:
        assert len(made({}, second).plant) == 2
        return
    with pytest.raises(ConfigError, match="one writer") as caught:
        made({}, second)
    assert caught.value.key == key


def test_a_stranger_and_a_simulator_in_production_are_refused() -> None:
    made({"simulator": True}).build(context("simulator"))
    with pytest.raises(ConfigError, match="not written to from production"):
        made({"simulator": True}).build(context())
    with pytest.raises(ConfigError, match="known: OTHER_1"):
        made({}).build(context("production", "OTHER_1"))


async def test_a_plant_that_is_gone_does_not_hold_up_another() -> None:
    async with controller(r100=400, r101=1, r102=0) as one, controller() as gone:
        lost = gone.port
        keys = [PLANT | {"port": one.port}, PLANT | OTHER | {"port": lost}]
        gone.deaf = True
        both = msgspec.convert({"mode": "live", "plant": keys}, Config)
        async with running(both) as rig:
            await rig.until(lambda: one.registers[100] == 500)
            assert rig.sink.standing["BETA_2_UNIT"].read_mw is None


async def test_it_can_be_stopped_before_anything_happened() -> None:
    async with controller() as one:
        gone = one.port
    async with running(config(gone)) as rig:
        await rig.stop()
        assert rig.task.cancelled()
