"""Prices through the whole program: a service over TLS, the store, the state, and the registers a plant reads."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.app import App, open_app
from caiso_ads.config import load_config
from caiso_ads.core.price import Market, Price
from caiso_ads.core.quality import Quality
from caiso_ads.errors import ConfigError
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.wire.oasis.reports import CURRENT
from tests.oasis.server import Asked, Authority, prices, refusal, serving
from tests.price_source import NODE
from tests.sinks.modbus.snapshots import Master

pytestmark = pytest.mark.slow

INTERVAL = timedelta(minutes=5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Path]:
    """A running simulator of the dispatch and the configuration for it."""
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=free_port(),
            poll_interval_s=10.0,
        )  # fmt: skip
        yield paths.config


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "oasis").mkdir()
    return Authority(tmp_path / "oasis")


def add(kit: Path, url: str, authority: Authority, more: str = "") -> None:
    table = f'[oasis]\nurl = "{url}"\nca_file = "{authority.ca_file}"\n{more}\n[[node]]\nid = "{NODE}"\n'
    kit.write_text(kit.read_text() + table)


def of_now(now: datetime) -> list[Price]:
    """Return the prices of the present interval and the next."""
    start = datetime.fromtimestamp(now.timestamp() // 300 * 300, UTC)
    return [
        Price(NODE, Market.RTD, begin, begin + INTERVAL, usd, usd, 0.0, 0.0, 0.0)
        for begin, usd in ((start, 31.25), (start + INTERVAL, -4.5))
    ]


async def until(app: App, condition: Any) -> None:
    feed = app.gateway.feed
    async with asyncio.timeout(60):
        while not condition(feed.latest):
            await feed.after(feed.latest.generation)


async def test_a_price_travels_from_the_service_to_the_store_and_the_registers(kit: Path, authority: Authority) -> None:
    now = datetime.now(UTC)

    def script(asked: Asked) -> Any:
        if asked["queryname"] == CURRENT.query:
            return prices(CURRENT, 2, of_now(now), xml=True)
        return refusal(1000)

    async with serving(authority, script) as service:
        add(kit, service.url, authority)
        async with open_app(load_config(kit)) as app:
            running = asyncio.create_task(app.run())
            await until(app, lambda shot: shot.node_value(NODE, "quality").value == Quality.GOOD)
            await until(app, lambda shot: shot.gateway_value("link_age_s").value is not None)
            async with asyncio.timeout(20):
                while not app.supervisor.required_serving():  # noqa: ASYNC110 - a supervisor has no event for it
                    await asyncio.sleep(0.01)
            modbus: Any = app.config.sinks["modbus"]
            master = Master(*await asyncio.open_connection("127.0.0.1", modbus.port))
            low_first = struct.unpack(">4H", await master.registers(50, 4))
            published, active = (
                struct.unpack(">f", struct.pack(">HH", high, low))[0] for low, high in (low_first[:2], low_first[2:])
            )
            assert published == -4.5
            assert active in {31.25, -4.5}  # the second where the test runs across the end of an interval
            assert await master.ask("02 0005 0001") == b"\x02\x01\x01"
            master.close()
            stored = await app.store.prices(Market.RTD, [NODE], now - INTERVAL, now + 2 * INTERVAL)
            assert [item.price.lmp_usd_per_mwh for item in stored] == [31.25, -4.5]
            running.cancel()
            await asyncio.wait({running})
            assert app.gateway.feed.latest.node_value(NODE, "active_lmp_usd_per_mwh")[:2] == (None, Quality.SHUTDOWN)


async def test_a_price_service_that_is_down_does_not_touch_the_dispatch(kit: Path, authority: Authority) -> None:
    async with serving(authority, lambda _: refusal(1010)) as service:
        add(kit, service.url, authority)
    async with open_app(load_config(kit)) as app:
        running = asyncio.create_task(app.run())
        await until(app, lambda shot: shot.gateway_value("price_failures").value)
        await until(app, lambda shot: shot.gateway_value("link_age_s").value is not None)
        await until(app, lambda shot: shot.value("RIVRCK_1_GAS1", "quality").value == Quality.GOOD)
        assert app.gateway.feed.latest.node_value(NODE, "quality").value == Quality.BAD_COMM
        assert app.gateway.feed.latest.gateway_value("price_error").value == 1
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})


async def test_without_nodes_or_with_poll_off_nobody_is_asked(kit: Path, authority: Authority) -> None:
    async with open_app(load_config(kit)) as app:
        assert app.prices is None
        assert app.gateway.feed.latest.nodes == {}
    add(kit, "https://127.0.0.1:1/oasisapi", authority, "poll = false")
    async with open_app(load_config(kit)) as app:
        assert app.prices is None
        assert app.gateway.feed.latest.node_value(NODE, "quality").value == Quality.INIT


async def test_the_simulators_authority_never_meets_the_real_price_service(kit: Path) -> None:
    ca = next(iter(kit.parent.glob("*ca*.pem")))
    pem = ca.read_bytes()
    for path in kit.parent.glob("*.pem"):
        path.write_bytes(path.read_bytes().replace(b"caiso-ads simulator", b"something else"))
    (kit.parent / "oasis-ca.pem").write_bytes(pem)
    text = kit.read_text().replace('environment = "simulator"\n', "").replace("127.0.0.1:", "adsws.prod.caiso.com:")
    kit.write_text(text + '[oasis]\nca_file = "oasis-ca.pem"\n')
    with pytest.raises(ConfigError, match="made by the simulator") as caught:
        async with open_app(load_config(kit)):
            pass
    assert (caught.value.table, caught.value.key) == ("oasis", "ca_file")
