"""Prices in the gateway: what another task stores is folded and published at once, and the dispatch does not notice."""

from __future__ import annotations

from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import PricesFailed, PricesSeen
from caiso_ads.core.quality import Quality
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from tests.fakes import FakeClock, MemoryStore, ScriptedSource
from tests.price_source import NODE, price
from tests.rig import R1


def gateway(clock: FakeClock) -> Gateway:
    state = initial(R1, Environment.PRODUCTION, (NODE,))
    return Gateway(ScriptedSource(clock=clock), MemoryStore(), clock, state, Settings(), lambda: True)


async def test_an_accepted_price_is_in_the_next_snapshot() -> None:
    clock = FakeClock()
    made = gateway(clock)
    before = made.feed.latest
    made.accept(PricesSeen((price(),), clock.now()))
    assert made.feed.latest.generation == before.generation + 1
    assert made.feed.latest.node_value(NODE, "active_lmp_usd_per_mwh")[:2] == (31.5, Quality.GOOD)


async def test_prices_that_fail_change_nothing_else() -> None:
    clock = FakeClock()
    made = gateway(clock)
    await made.poll_once()
    before = made.feed.latest
    made.accept(PricesFailed(1, clock.now()))
    assert made.feed.latest.resources == before.resources
    assert made.feed.latest.gateway_value("price_failures").value == 1
    assert made.feed.latest.gateway_value("link_age_s") == before.gateway_value("link_age_s")
