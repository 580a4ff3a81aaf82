"""Health says what is known; the watchers' addresses say 200 only when all they promise holds."""

from __future__ import annotations

from pathlib import Path

from caiso_ads.core.quality import Quality
from caiso_ads.loop.supervisor import SinkHealth, SupervisedSink
from caiso_ads.sinks.modbus import Config
from caiso_ads.web.api.health import counters, sink_item
from tests.fakes import FakeClock
from tests.sinks.modbus.snapshots import IDS, nothing_known
from tests.web.filling import NODE, well
from tests.web.rig import serving, site, told


def modbus() -> SupervisedSink:
    from caiso_ads.sinks.modbus.server import ModbusSink

    config = Config(port=0)
    return SupervisedSink("modbus", ModbusSink(config.plan(IDS), config.settings()), required=True)


async def test_what_is_not_known_is_null_and_not_good(tmp_path: Path) -> None:
    made = site(store=tmp_path / "none.db")
    async with serving(made) as (base, _):
        made.feed.publish(nothing_known(2))
        health = await told(base, "/api/v1/health")
    assert health["link"] == {"age_s": None, "quality": Quality.INIT.name}
    assert health["clock"] == {"ok": False, "offset_s": None}
    assert (health["store"]["ok"], health["store"]["bytes"], health["outbox"]) == (False, 0, None)
    assert health["certificate"] is None


async def test_what_is_known_is_told(base: str) -> None:
    health = await told(base, "/api/v1/health")
    assert health["link"] == {"age_s": 3.5, "quality": "GOOD"}
    assert health["clock"] == {"ok": True, "offset_s": -0.25}
    assert health["store"]["ok"] is True
    assert health["store"]["bytes"] > 4096
    assert (health["outbox"], health["simulator"], health["environment"]) == (2, True, "simulator")


def test_a_sink_tells_its_health_and_its_counts() -> None:
    entry = modbus()
    entry.health, entry.last_error, entry.restarts = SinkHealth.FAILED, "OSError: address in use", 3
    item = sink_item(entry)
    assert (item.name, item.health, item.required, item.restarts) == ("modbus", "failed", True, 3)
    assert item.counters["requests"] == 0
    entry.sink = object()  # type: ignore[assignment]  # a sink that counts nothing
    assert counters(entry) == {}


async def test_the_process_is_alive_while_it_publishes() -> None:
    clock = FakeClock()
    async with serving(site(clock=clock)) as (base, _):
        await told(base, "/healthz")
        clock.jump_wall(5.5)
        assert "snapshot" in (await told(base, "/healthz", 503))["error"]


async def test_it_is_ready_when_polled_once_and_the_store_and_required_sinks_work() -> None:
    made, entry = site(node=NODE), modbus()
    object.__setattr__(made, "sinks", lambda: [entry])
    async with serving(made) as (base, _):
        refused = (await told(base, "/readyz", 503))["error"]
        assert refused == "missing: a first poll, a store that takes writes, a required sink"
        made.feed.publish(well())
        assert (await told(base, "/readyz", 503))["error"] == "missing: a required sink"
        entry.health = SinkHealth.SERVING
        assert await told(base, "/readyz") == {"ok": True}
