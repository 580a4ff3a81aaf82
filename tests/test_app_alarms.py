"""The program's alarms on real adapters: they are in the evidence, in the API's book, and survive a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from caiso_ads.app import App, open_app
from caiso_ads.config import load_config
from caiso_ads.loop.commands import Spool, ask
from caiso_ads.ports import SystemClock
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.chain import first_broken

pytestmark = pytest.mark.slow


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Path]:
    """A running simulator and the configuration for it."""
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        paths.config.write_text(paths.config.read_text().replace("port = 5020", "port = 0"))
        yield paths.config


def states(app: App) -> dict[str, str]:
    return {alarm.ident.text: alarm.state.value for alarm in app.gateway.alarms.alarms()}


async def until(app: App, so: Callable[[App], bool]) -> None:
    async with asyncio.timeout(30):
        while not so(app):
            await app.gateway.feed.after(app.gateway.feed.latest.generation)


async def test_the_test_alarm_is_raised_by_a_command_and_still_waits_to_be_seen_after_a_restart(kit: Path) -> None:
    config = load_config(kit)
    spool = Spool(config.store.path)
    async with open_app(config) as app:
        days = app.gateway.alarms.sources(SystemClock().now()).certificates
        assert all(left > 0 for left in days.values())
        assert days
        running = asyncio.create_task(app.run())
        await until(app, lambda app: app.gateway.state.completed is not None)
        assert (await ask(spool, {"kind": "alarm-test"}, SystemClock())).done
        await until(app, lambda app: states(app).get("test") == "active_unack")
        running.cancel()
        await asyncio.wait({running})
    async with open_app(config) as again:
        assert states(again)["test"] == "active_unack"
        assert first_broken(list(await again.store.audit_rows(0, 100_000))) is None
