"""The price loop, the real client and store, and the simulated price service, through days of simulated time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.ads.tls import checking_context
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.happenings import Event
from caiso_ads.core.price import Market, Price
from caiso_ads.core.quality import Quality
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import fold, initial
from caiso_ads.loop.price_upkeep import Upkeep
from caiso_ads.loop.prices import PriceLoop
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.simulator.oasis_server import OasisSimulator
from caiso_ads.simulator.scenario import Scenario, load
from caiso_ads.simulator.switches import Switches
from caiso_ads.store.sqlite import SqlStore
from tests.simulator.bench import HandClock

NODES = ("SUNRDG_7_N001", "TH_NP15_GEN-APND")
INTERVAL = timedelta(minutes=5)


class Plant:
    """What a gateway has of prices, on a clock moved by hand."""

    def __init__(self, oasis: OasisSimulator, client: OasisClient, store: SqlStore, clock: HandClock) -> None:
        self.oasis, self.clock, self.store = oasis, clock, store
        self.state = initial({}, Environment.SIMULATOR, NODES)
        self.client = client
        self.loop = PriceLoop(client, store, clock, NODES, self._accept)
        self.upkeep = Upkeep(client, store, clock, NODES, self._accept)

    def _accept(self, event: Event) -> None:
        self.state = fold(self.state, event)

    def active(self) -> tuple[object, Quality]:
        shot = snapshot(self.state, self.clock.now(), DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0)
        return shot.node_value(NODES[0], "active_lmp_usd_per_mwh")[:2]

    def truth(self, start: datetime, count: int, asked_at: datetime | None = None) -> list[Price]:
        starts = [start + n * INTERVAL for n in range(count)]
        return self.oasis.market.prices(sorted(NODES), Market.RTD, starts, asked_at or self.clock.now().wall)


@asynccontextmanager
async def plant(tmp_path: Path, scenario: Scenario, start: datetime, **switches: object) -> AsyncIterator[Plant]:
    clock = HandClock(start)
    chosen = Switches(**{"price_corrections": False, **switches})  # type: ignore[arg-type]  # the test's own words
    async with OasisSimulator(
        clock=clock, nodes=40, directory=tmp_path, scenario=scenario, switches=chosen, keep=100
    ) as oasis:
        ca = tmp_path / "service.pem"
        ca.write_bytes(oasis.authority.certificate_pem)
        pacer = Pacer(tmp_path / "oasis.pace", clock, jitter=lambda: 0.0)
        store = await SqlStore.open(tmp_path / "ads.sqlite", clock)
        try:
            async with OasisClient(
                oasis.url, clock=clock, pacer=pacer, ssl_context=checking_context(ca), jitter=lambda: 0.0
            ) as client:
                yield Plant(oasis, client, store, clock)
        finally:
            await store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [("dst-autumn-2025", 300), ("dst-spring-2026", 276)], ids=["25 hours", "23 hours"]
)
@pytest.mark.parametrize("posting", ["early", "late"])
async def test_a_day_on_which_the_clocks_change_is_polled_without_loss_or_duplicate(
    tmp_path: Path, name: str, count: int, posting: str
) -> None:
    story = load(name)
    assert story.start is not None
    end = story.start + count * INTERVAL
    async with plant(tmp_path, story, story.start, rtd_posting=posting) as made:
        await made.loop.poll_once()
        await made.loop.fill_once()
        shown: dict[datetime, set[object]] = {}
        while (now := made.clock.now().wall) < end + INTERVAL:
            wait = await made.loop.poll_once()
            value, quality = made.active()
            if quality is Quality.GOOD:
                shown.setdefault(now - (now - story.start) % INTERVAL, set()).add(value)
            await made.clock.sleep(wait)
        stored = [item.price for item in await made.store.prices(Market.RTD, NODES, story.start, end)]
        wanted = made.truth(story.start, count)
        of_node = {price.start: price.lmp_usd_per_mwh for price in wanted if price.node == NODES[0]}
    assert stored == wanted
    assert len(stored) == count * len(NODES)
    assert {start: {of_node[start]} for start in shown if start in of_node} == {
        start: values for start, values in shown.items() if start in of_node
    }
    assert len(shown) > 0.9 * count


async def test_after_a_restart_the_first_price_is_there_within_six_seconds(tmp_path: Path) -> None:
    """The pace outlives the process, so that a restart does not burst; and nothing else comes first."""
    story = load("quiet-day")
    async with plant(tmp_path, story, datetime(2026, 7, 22, 19, 1, tzinfo=UTC)) as made:
        await made.loop.poll_once()
        before = made.clock.now().mono
        again = Pacer(tmp_path / "oasis.pace", made.clock, jitter=lambda: 0.0)
        async with OasisClient(
            made.oasis.url, clock=made.clock, pacer=again, ssl_context=checking_context(tmp_path / "service.pem")
        ) as client:
            await PriceLoop(client, made.store, made.clock, NODES, made._accept).poll_once()
        assert made.clock.now().mono - before <= 6.0
        assert made.active()[1] is Quality.GOOD


async def test_a_correction_changes_the_stored_price_and_leaves_a_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = datetime(2026, 7, 22, 19, 1, tzinfo=UTC)
    hour = begun.replace(minute=0) - timedelta(hours=2)
    async with plant(tmp_path, load("price-corrections"), begun) as made:
        before = made.truth(hour, 24)
        await made.store.record_prices(await made.client.history(Market.RTD, NODES, hour, hour + 24 * INTERVAL))
        made.clock.move(3 * 24 * 3600.0)  # the report of a day is made a day after its end
        await made.loop.poll_once()
        newest = made.active()
        await made.upkeep.read_corrections()
        after = made.truth(hour, 24)
        stored = [item.price for item in await made.store.prices(Market.RTD, NODES, hour, hour + 24 * INTERVAL)]
        trace = await made.store.corrections(Market.RTD, hour, hour + 24 * INTERVAL)
        assert made.active() == newest  # what is corrected is older than the price that applies now
    assert stored == after != before
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert sorted(((one.before, one.after) for one in trace), key=repr) == sorted(changed, key=repr)
    assert len(changed) >= 12 * len(NODES)
    assert caplog.text.count("corrected from") == len(changed)
