"""The pattern is known, marked, never good, and can never be served beside a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.cli._test_pattern import serve, snapshot
from caiso_ads.config import Config, load_config
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import CommandError, StoreBusyError
from caiso_ads.ports import Sink, SystemClock
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Plan
from caiso_ads.store.sqlite import SqlStore
from tests.sinks.modbus.snapshots import Master, slots

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
IDS, NODES = tuple(f"R{n}" for n in range(12)), ("N1", "N2")
CONFIG = """
[ads]
url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"
certificate = "plant.p12"
[store]
path = "data/ads.sqlite"
[[resource]]
id = "NORTH_1_UNIT"
pmin_mw = 0.0
pmax_mw = 100.0
[[resource]]
id = "SOUTH_2_UNIT"
pmin_mw = 0.0
pmax_mw = 50.0
[sinks.modbus]
port = %d
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG % 0, encoding="utf-8")
    return load_config(path)


def test_it_is_marked_and_nothing_is_good() -> None:
    shown = snapshot(IDS, NODES, 7, NOW)
    for name in IDS:
        assert shown.value(name, "directive").value is Directive.TEST
        assert shown.value(name, "quality").value is Quality.FORCED
    assert shown.gateway_value("environment").value == 2
    assert (
        shown.node_value("N1", "quality").value is shown.node_value("N1", "published_quality").value is Quality.FORCED
    )
    every = [*shown.gateway, *(item for row in (*shown.resources.values(), *shown.nodes.values()) for item in row)]
    assert {item.quality for item in every} == {Quality.FORCED}
    view = Renderer(Plan(IDS, node_ids=NODES)).render(shown).units[1]
    assert view.discrete(0, 112) == bytes([0b10, *[0] * 13])  # the server runs, and nothing else
    block = view.registers(1100, 100)
    assert block is not None
    assert block[28:32] == bytes(4)


def test_each_point_has_a_number_of_its_own() -> None:
    shown = snapshot(IDS, NODES, 7, NOW)
    assert shown.value("R0", "setpoint_mw").value == 103.25
    assert shown.value("R11", "setpoint_mw").value == 1203.25
    assert shown.node_value("N2", "active_lmp_usd_per_mwh").value == -201.25
    fixed = {"directive", "quality", "reasons", "published_quality", "seconds_to_next_target", "environment"}
    families = (
        (GATEWAY_POINTS, [shown.gateway]),
        (RESOURCE_POINTS, shown.resources.values()),
        (NODE_POINTS, shown.nodes.values()),
    )
    for points, rows in families:
        numbers = [
            item.value
            for row in rows
            for point, item in zip(points, row, strict=True)
            if point.key not in fixed and point.kind is Kind.NUMBER
        ]
        assert len(set(numbers)) == len(numbers) > 0
        assert None not in numbers


def test_the_registers_hold_just_that() -> None:
    view = Renderer(Plan(IDS)).render(snapshot(IDS, (), 7, NOW)).units[1]
    data = view.registers(1200, 100)
    assert data is not None
    found = slots(RESOURCE_POINTS, data)
    assert (found["directive"], found["quality"], found["setpoint_mw"]) == (4, 10, 203.25)
    for index, point in enumerate(RESOURCE_POINTS):
        if point.kind is Kind.NUMBER and point.key != "seconds_to_next_target":
            assert found[point.key] == 200.25 + index + (20_000 if point.unit == "s" else 0)
        if point.kind is Kind.BITS and point.key != "reasons":
            assert found[point.key] == 0xA5A50200 | index


def test_it_lives_and_it_ends_with_nothing() -> None:
    one, two = snapshot(IDS, NODES, 7, NOW), snapshot(IDS, NODES, 8, NOW)
    assert one.gateway_value("heartbeat").value == 7
    assert one.value("R0", "seconds_to_next_target").value == 53.0
    assert two.value("R0", "seconds_to_next_target").value == 52.0
    last = snapshot(IDS, NODES, 9, NOW, over=True)
    assert last.value("R0", "directive").value is Directive.NO_DATA
    assert last.value("R0", "quality").value is Quality.SHUTDOWN
    assert last.value("R0", "setpoint_mw").value is None
    assert last.node_value("N1", "active_lmp_usd_per_mwh").value is None


class QuickClock(SystemClock):
    """Real time that does not wait."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@asynccontextmanager
async def pattern(config: Config) -> AsyncIterator[Any]:
    """Serve the pattern while the block runs; yields the sink."""
    listening: asyncio.Future[Sink] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(config, QuickClock(), listening.set_result))
    waited: set[asyncio.Future[Any]] = {task, listening}
    await asyncio.wait(waited, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield await listening
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_running_gateway_keeps_it_from_being_served(config: Config) -> None:
    store = await SqlStore.open(config.store.path, SystemClock())  # as every gateway does, whatever its directive
    try:
        with pytest.raises(StoreBusyError, match="in use by process"):
            async with pattern(config):
                pass
    finally:
        await store.close()


async def test_no_gateway_starts_beside_it_and_one_does_after_it(config: Config) -> None:
    async with pattern(config):
        with pytest.raises(StoreBusyError, match="in use by process"):
            await SqlStore.open(config.store.path, SystemClock())
    store = await SqlStore.open(config.store.path, SystemClock())
    try:
        kinds = [row.kind for row in await store.audit_rows(0, 10)]
    finally:
        await store.close()
    assert kinds == ["test pattern began", "test pattern ended"]


async def test_it_is_read_as_a_gateway_is(config: Config) -> None:
    async with pattern(config) as sink:
        master = Master(*await asyncio.open_connection(*sink.bound[0]))
        try:
            block = await master.registers(1200, 100)
        finally:
            master.close()
    found = slots(RESOURCE_POINTS, block)
    assert (found["directive"], found["setpoint_mw"]) == (Directive.TEST, 203.25)


async def test_a_taken_address_is_told_with_a_cure(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG % server.sockets[0].getsockname()[1], encoding="utf-8")
    try:
        with pytest.raises(CommandError, match="cannot listen") as caught:
            async with pattern(load_config(path)):
                pass
    finally:
        server.close()
    assert "another port" in caught.value.cure
