"""One answer of the price service is one commit: inserted, completed, corrected with its trace, or only seen again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caiso_ads.core.price import Correction, Market, Price
from caiso_ads.core.price_change import Change, merged, values_of
from caiso_ads.errors import StoreError
from caiso_ads.ports.prices import StoredPrice
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock, ask
from tests.store.pricing import DAY, FIVE, NODES, a_bare_price, a_price, an_hour, told

HOUR = timedelta(hours=1)
SOON, LATER = NOON + DAY, NOON + 2 * DAY


async def stored(store: SqlStore, market: Market = Market.RTD) -> list[StoredPrice]:
    return list(await store.prices(market, NODES, NOON, NOON + 12 * HOUR))


async def corrected(store: SqlStore) -> list[Correction]:
    return list(await store.corrections(Market.RTD, NOON, NOON + 12 * HOUR))


async def test_prices_come_back_as_they_were_told_by_node_and_start(store: SqlStore) -> None:
    answer = an_hour(-5.5)
    assert list(await store.record_prices(replace(answer, prices=answer.prices[::-1]))) == []
    assert await stored(store) == [StoredPrice(item, SOON, SOON, answer.request) for item in answer.prices]


async def test_only_the_nodes_and_the_time_asked_for(store: SqlStore) -> None:
    await store.record_prices(an_hour())
    found = await store.prices(Market.RTD, ["NODE_B", "NOWHERE"], NOON + FIVE, NOON + 3 * FIVE)
    assert [(one.price.node, one.price.start) for one in found] == [("NODE_B", NOON + n * FIVE) for n in (1, 2)]
    assert list(await store.prices(Market.RTD, [], NOON, LATER)) == []


async def test_the_markets_do_not_mix(store: SqlStore) -> None:
    for market in Market:
        await store.record_prices(told(a_price(market=market)))
    for market in Market:
        (found,) = await stored(store, market)
        assert found.price == a_price(market=market)


async def test_the_same_again_is_seen_again_and_nothing_else(store: SqlStore) -> None:
    await store.record_prices(an_hour())
    assert list(await store.record_prices(replace(an_hour(at=LATER), request="another"))) == []
    assert {(one.first_seen, one.last_seen, one.request, one.revisions) for one in await stored(store)} == {
        (SOON, LATER, an_hour().request, 0)
    }
    assert ask(store, "SELECT count(*) FROM price_request") == [(1,)]


async def test_what_an_answer_leaves_out_was_not_seen_again(store: SqlStore) -> None:
    await store.record_prices(an_hour(count=3))
    await store.record_prices(told(a_price(n=0, lmp=30.0), a_price(n=2, lmp=32.0), at=LATER))
    seen = [one.last_seen for one in await stored(store)]
    assert seen == [LATER, SOON, LATER, SOON, SOON, SOON]


async def test_last_seen_never_goes_back(store: SqlStore) -> None:
    await store.record_prices(told(a_price(), a_price(n=1), at=LATER))
    await store.record_prices(told(a_price(), at=SOON))
    await store.record_prices(told(a_price(), a_price(n=1), at=SOON))
    await store.record_prices(told(a_price(n=1, lmp=1.0), at=SOON))
    assert [one.last_seen for one in await stored(store)] == [LATER, LATER]


async def test_a_correction_changes_the_price_and_leaves_its_trace(store: SqlStore) -> None:
    await store.record_prices(an_hour())
    old, new = a_price(n=3, lmp=33.0), a_price(n=3, lmp=-12.5)
    expected = Correction(old, new, LATER)
    again = replace(told(a_price(n=2, lmp=32.0), new, at=LATER), request="re-read")
    assert list(await store.record_prices(again)) == [expected]
    assert await corrected(store) == [expected]
    found = {one.price.start: one for one in await stored(store) if one.price.node == "NODE_A"}
    assert found[NOON + 3 * FIVE] == StoredPrice(new, SOON, LATER, "re-read", 1)
    assert found[NOON + 2 * FIVE].revisions == 0
    assert list(await store.record_prices(again)) == []


async def test_corrections_of_one_interval_follow_each_other_and_survive_a_restart(store: SqlStore) -> None:
    for n, lmp in enumerate((10.0, 11.0, 10.0)):
        await store.record_prices(told(a_price(lmp=lmp), at=SOON + n * HOUR))
    await store.close()
    again = await SqlStore.open(store.path, StillClock())
    found = await corrected(again)
    assert [(one.before and one.before.lmp_usd_per_mwh, one.after.lmp_usd_per_mwh, one.seen_at) for one in found] == [
        (10.0, 11.0, SOON + HOUR), (11.0, 10.0, SOON + 2 * HOUR)
    ]  # fmt: skip
    assert list(await again.corrections(Market.RTD, NOON + FIVE, LATER)) == []
    assert list(await again.corrections(Market.FMM, NOON, LATER)) == []
    await again.close()


async def test_a_component_that_comes_later_completes_and_one_left_out_stays(store: SqlStore) -> None:
    await store.record_prices(told(a_bare_price()))
    assert list(await store.record_prices(told(a_price(), at=LATER))) == []
    assert list(await store.record_prices(told(a_bare_price(), at=LATER))) == []
    assert [one.price for one in await stored(store)] == [a_price()]
    assert ask(store, "SELECT revisions FROM price") == [(0,)]
    assert await corrected(store) == []


async def test_a_corrected_price_keeps_no_component_of_the_old_one(store: SqlStore) -> None:
    await store.record_prices(told(a_price()))
    new = a_bare_price(lmp=99.0)
    assert list(await store.record_prices(told(new, at=LATER))) == [Correction(a_price(), new, LATER)]
    assert [one.price for one in await stored(store)] == [new]


async def test_an_empty_answer_is_nothing_and_of_two_in_one_the_last_counts(store: SqlStore) -> None:
    assert list(await store.record_prices(told())) == []
    assert list(await store.record_prices(told(a_price(lmp=1.0), a_price(lmp=2.0)))) == []
    assert [one.price.lmp_usd_per_mwh for one in await stored(store)] == [2.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_what_is_not_finite_is_refused_with_the_whole_answer(store: SqlStore, value: float) -> None:
    bad = replace(a_price(n=1), loss_usd_per_mwh=value)
    with pytest.raises(StoreError, match=r"NODE_A 2026-07-21T12:05.*finite"):
        await store.record_prices(told(a_price(), bad))
    assert await stored(store) == []


async def test_a_price_of_another_market_is_refused(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="NODE_A: a price of dam in an answer of rtd"):
        await store.record_prices(told(a_price(), a_price(market=Market.DAM)))


async def test_more_nodes_than_one_statement_takes(store: SqlStore) -> None:
    nodes = [f"N{n:04}" for n in range(1203)]
    await store.record_prices(an_hour(nodes=nodes, count=2))
    changed = await store.record_prices(told(*(a_price(node, 1, 7.0) for node in nodes), at=LATER))
    assert [one.after.node for one in changed] == nodes
    found = await store.prices(Market.RTD, nodes, NOON, NOON + HOUR)
    assert [(one.price.node, one.revisions) for one in found] == [(node, n) for node in nodes for n in (0, 1)]


ANSWERS = st.lists(
    st.lists(
        st.builds(
            lambda node, n, lmp, loss: replace(a_bare_price(node, n, lmp), loss_usd_per_mwh=loss),
            st.sampled_from(NODES), st.integers(0, 2), st.sampled_from([-1.0, 2.0]), st.sampled_from([None, 0.0, 1.0]),
        ),
        max_size=5,
    ),
    max_size=5,
)  # fmt: skip


@given(ANSWERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
async def test_any_answers_leave_what_an_oracle_says(store: SqlStore, answers: list[list[Price]]) -> None:
    # The store is one for all examples: each begins with what it holds.
    now = {(one.price.node, one.price.start): values_of(one.price) for one in await stored(store)}
    revisions = sum(one.revisions for one in await stored(store))
    for prices in answers:
        last = {(item.node, item.start): values_of(item) for item in prices}
        changes = 0
        for place, values in last.items():
            change, now[place] = merged(now.get(place, values), values)
            changes += change is Change.CORRECTED
        assert len(await store.record_prices(told(*prices))) == changes
        revisions += changes
    assert {(one.price.node, one.price.start): values_of(one.price) for one in await stored(store)} == now
    assert ask(store, "SELECT count(*) FROM price_correction") == [(revisions,)]
