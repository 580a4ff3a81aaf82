"""What an answer of the price service leaves known, and what a restart does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.price import FailedCheck, Market
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START
from tests.price_source import NODE, OTHER, price

NOW = Instant(START + timedelta(minutes=1), 5000.0)


def known(*events: facts.Event, nodes: tuple[str, ...] = (NODE, OTHER)) -> State:
    state = initial({}, Environment.PRODUCTION, nodes)
    for event in events:
        state = fold(state, event)
    return state


def seen(*prices: object, at: Instant = NOW, **more: object) -> facts.PricesSeen:
    return facts.PricesSeen(tuple(prices), at, **more)  # type: ignore[arg-type]  # shorthand of the tests


def bad(minute: float, node: str = NODE) -> FailedCheck:
    return FailedCheck(node, "not the sum", START + timedelta(minutes=minute))


def test_prices_stand_in_order_of_time_by_node_and_a_later_answer_wins() -> None:
    state = known(seen(price(5, 2.0), price(0, 1.0)), seen(price(0, 9.0), price(0, 4.0, node=OTHER)))
    assert [item.lmp_usd_per_mwh for item in state.prices[NODE].prices] == [9.0, 2.0]
    assert [item.lmp_usd_per_mwh for item in state.prices[OTHER].prices] == [4.0]
    assert list(state.prices) == list(state.nodes) == [NODE, OTHER]


def test_another_node_or_market_is_left_out() -> None:
    state = known(seen(price(node="ELSE"), price(market=Market.FMM)))
    assert not state.prices[NODE].prices
    assert not state.prices[NODE].confirmed
    assert set(state.prices) == {NODE, OTHER}


def test_what_is_past_is_forgotten_but_for_the_newest() -> None:
    state = known(seen(price(0), price(5)))
    later = NOW.plus(3 * 3600.0)
    assert fold(state, seen(price(180), at=later)).prices[NODE].prices == (price(180),)
    assert fold(state, seen(price(5, 7.0), at=later)).prices[NODE].prices == (price(5, 7.0),)


def test_a_price_of_an_interval_far_ahead_is_refused_and_does_not_stand_as_newest() -> None:
    state = known(seen(price(0), price(62)))
    assert state.prices[NODE].newest == price(0)
    assert state.prices[NODE].refused
    assert known(seen(price(0), price(60))).prices[NODE].newest == price(60)


def test_what_the_store_knows_is_not_confirmed_until_an_answer_and_never_beats_one() -> None:
    state = known(seen(price(0, 1.0), restored=True))
    assert state.prices[NODE].prices
    assert not state.prices[NODE].confirmed
    state = fold(state, seen(price(5, 3.0)))
    assert state.prices[NODE].confirmed
    assert fold(state, seen(price(5, 8.0), restored=True)).prices[NODE].newest == price(5, 3.0)
    assert not fold(state, facts.Restarted()).prices[NODE].confirmed
    assert fold(state, facts.Restarted()).prices[NODE].prices == state.prices[NODE].prices


def test_a_refused_row_is_remembered_until_as_new_a_price_comes() -> None:
    state = known(seen(price(0), price(5)), seen(price(0, 2.0), refused=(bad(5),)))
    assert state.prices[NODE].refused
    assert not state.prices[OTHER].refused
    assert fold(state, seen(price(0, 2.0))).prices[NODE].refused
    assert not fold(state, seen(price(5, 2.0))).prices[NODE].refused
    nothing = known(seen(refused=(bad(0, node=OTHER),)))
    assert nothing.prices[OTHER].refused
    assert not nothing.prices[OTHER].confirmed


def test_a_bad_row_that_is_over_does_not_spoil_newer_good_ones() -> None:
    """The last 20 minutes are read again with each answer that is late: one bad row would be in all of them."""
    later = NOW.plus(600.0)
    one = known(seen(price(5), price(10), at=later, refused=(bad(0),)))
    assert not one.prices[NODE].refused
    two = known(seen(price(10), at=later), seen(at=later, refused=(bad(0), bad(5))))
    assert not two.prices[NODE].refused


@pytest.mark.parametrize("minute", [0, 5, 10, None])
def test_a_bad_row_of_now_or_newer_or_of_no_time_spoils(minute: float | None) -> None:
    check = FailedCheck(NODE, "not the sum") if minute is None else bad(minute)
    assert known(seen(price(5), refused=(check,))).prices[NODE].refused
    assert not known(seen(price(5), refused=(check,))).prices[OTHER].refused


def test_what_is_only_restored_does_not_excuse_a_bad_row() -> None:
    state = known(seen(price(10), restored=True), seen(at=NOW.plus(600.0), refused=(bad(0),)))
    assert state.prices[NODE].refused


def test_failures_count_up_and_only_an_answer_of_this_process_ends_them() -> None:
    state = known(facts.PricesFailed(1003, NOW), facts.PricesFailed(429, NOW))
    assert (state.price_link.failures, state.price_link.code) == (2, 429)
    assert fold(state, seen(price(), restored=True)).price_link.failures == 2
    assert fold(state, facts.NodesUnknown(frozenset())).price_link.failures == 2
    ended = fold(state, seen()).price_link
    assert (ended.failures, ended.code) == (0, 0)


def test_the_catalogue_says_which_nodes_are_unknown_and_may_take_it_back() -> None:
    state = known(facts.NodesUnknown(frozenset({OTHER})))
    assert [node.unknown for node in state.prices.values()] == [False, True]
    assert not fold(state, facts.NodesUnknown(frozenset())).prices[OTHER].unknown


@pytest.mark.parametrize(("minute", "found"), [(-0.1, None), (0.0, 1.0), (4.99, 1.0), (5.0, 2.0), (10.0, None)])
def test_the_interval_that_contains_an_instant_holds_its_begin_and_not_its_end(
    minute: float, found: float | None
) -> None:
    node = known(seen(price(0, 1.0), price(5, 2.0))).prices[NODE]
    at = node.at(START + timedelta(minutes=minute))
    assert (at and at.lmp_usd_per_mwh) == found
