"""What was asked for and is not there is not asked for again, once it was final; everything else stays a gap."""

from __future__ import annotations

from datetime import datetime, timedelta

from caiso_ads.core.price import Market
from caiso_ads.core.price_grid import PATIENCE
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, ask
from tests.store.pricing import DAY, FIVE, NODES, a_price, an_hour, told

HOUR = timedelta(hours=1)
ONE = NOON + HOUR
FINAL = ONE + PATIENCE


async def gaps(
    store: SqlStore, *nodes: str, start: datetime = NOON, end: datetime = ONE, market: Market = Market.RTD
) -> list[tuple[datetime, datetime]]:
    return list(await store.price_gaps(market, nodes or NODES, start, end))


async def test_an_unknown_node_is_one_gap_and_stored_prices_are_none(store: SqlStore) -> None:
    assert await gaps(store) == [(NOON, ONE)]
    await store.record_prices(an_hour())
    assert await gaps(store) == []
    assert await gaps(store, "NODE_A", "OTHER") == [(NOON, ONE)]
    assert await gaps(store, market=Market.FMM) == [(NOON, ONE)]
    assert await gaps(store, end=NOON) == []


async def test_a_gap_of_one_node_is_a_gap_and_they_are_joined(store: SqlStore) -> None:
    await store.record_prices(told(*(a_price("NODE_A", n) for n in range(12) if n != 3)))
    await store.record_prices(told(*(a_price("NODE_B", n) for n in range(12) if n not in {4, 11})))
    assert await gaps(store) == [(NOON + 3 * FIVE, NOON + 5 * FIVE), (NOON + 11 * FIVE, ONE)]
    assert await gaps(store, "NODE_A") == [(NOON + 3 * FIVE, NOON + 4 * FIVE)]


async def test_an_answer_of_before_the_price_was_final_proves_nothing(store: SqlStore) -> None:
    await store.record_asked(Market.RTD, NODES, NOON, ONE, NOON + HOUR + FIVE)
    assert await gaps(store) == [(NOON, ONE)]
    await store.record_asked(Market.RTD, NODES, NOON, ONE, FINAL - timedelta(seconds=1))
    assert await gaps(store) == [(ONE - FIVE, ONE)]
    await store.record_asked(Market.RTD, NODES, NOON, ONE, FINAL)
    assert await gaps(store) == []


async def test_what_was_asked_is_of_its_nodes_and_its_market(store: SqlStore) -> None:
    await store.record_asked(Market.RTD, ["NODE_A"], NOON, ONE, FINAL)
    assert await gaps(store, "NODE_A") == []
    assert await gaps(store, "NODE_A", market=Market.DAM) == [(NOON, ONE)]
    assert await gaps(store) == [(NOON, ONE)]


async def test_stretches_that_touch_are_one_row(store: SqlStore) -> None:
    late = NOON + 3 * DAY
    for n in (0, 2, 1, 1, 5):
        await store.record_asked(Market.RTD, NODES, NOON + n * HOUR, NOON + (n + 1) * HOUR, late + n * HOUR)
    found = "SELECT node, (end_time - start_time) / 3600000000, asked_at FROM v_price_asked_us ORDER BY node, start_us"
    found = found.replace("v_price_asked_us", "price_asked").replace("start_us", "start_time")
    us = [(late + n * HOUR).timestamp() * 1e6 for n in (2, 5)]
    assert ask(store, found) == [(node, hours, at) for node in (1, 2) for hours, at in ((3, us[0]), (1, us[1]))]
    assert await gaps(store, end=NOON + 6 * HOUR) == [(NOON + 3 * HOUR, NOON + 5 * HOUR)]


async def test_two_halves_of_an_interval_are_not_the_whole(store: SqlStore) -> None:
    middle = NOON + timedelta(minutes=30)
    for start, end in ((NOON, middle), (middle, ONE)):
        await store.record_asked(Market.DAM, NODES, start, end, FINAL)
    assert await gaps(store, market=Market.DAM) == [(NOON, ONE)]


async def test_more_nodes_than_one_statement_takes(store: SqlStore) -> None:
    nodes = [f"N{n:04}" for n in range(1203)]
    await store.record_asked(Market.RTD, nodes, NOON, NOON + 3 * FIVE, FINAL)
    await store.record_prices(told(*(a_price(node, 5) for node in nodes)))
    assert await gaps(store, *nodes, end=NOON + 6 * FIVE) == [(NOON + 3 * FIVE, NOON + 5 * FIVE)]
