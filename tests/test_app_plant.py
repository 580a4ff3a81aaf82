"""The whole gateway writes into a simulated controller, lets it go when it stops, and the chain holds what it did."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from caiso_ads.app import open_app
from caiso_ads.config import load_config
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from tests.sinks.plant_writer.controller import controller

pytestmark = pytest.mark.slow

FIRST = "RIVRCK_1_GAS1"
PLANT = f"""
[sinks.plant_writer]
mode = "live"

[[sinks.plant_writer.plant]]
resource = "{FIRST}"
host = "127.0.0.1"
port = %d
simulator = true
rate_mw_per_min = 100000.0
readback_tolerance = 0.2
interval_s = 0.1
setpoint = {{ address = 100, type = "int16", scale = 0.1 }}
enable = {{ address = 101 }}
on_release = "disable"
"""


async def test_the_whole_gateway_writes_to_a_simulated_plant_and_lets_it_go(tmp_path: Path) -> None:
    async with AdsSimulator(directory=tmp_path) as simulator, controller(r100=0, r101=0) as plant:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        text = paths.config.read_text(encoding="utf-8").replace("port = 5020", "port = 0")
        paths.config.write_text(text + PLANT % plant.port, encoding="utf-8")
        config = load_config(paths.config)
        async with open_app(config) as app:
            running = asyncio.create_task(app.run())
            feed = app.gateway.feed
            async with asyncio.timeout(60):
                while not plant.registers[101]:
                    await feed.after(feed.latest.generation)
                await feed.after(feed.latest.generation + 1)
            wanted = feed.latest.value(FIRST, "setpoint_mw").value
            assert isinstance(wanted, float)
            assert abs(plant.registers[100] / 10 - wanted) < 10.0
            running.cancel()
            await asyncio.wait({running})
        assert plant.registers[101] == 0
        told = acts(config.store.path)
    assert "decided act: TEST" in told
    assert told[-1] == "let go: the enable register is off"


def acts(path: Path) -> list[str]:
    """Return what the chain holds of the plant, in order."""
    base = sqlite3.connect(path)
    try:
        return [str(row[0]) for row in base.execute("SELECT text FROM v_audit WHERE kind = 'plant' ORDER BY id")]
    finally:
        base.close()
