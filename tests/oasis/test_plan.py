from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import Market
from caiso_ads.oasis.plan import ALL, MOST_DAYS, Ask, chunks, halves, requests
from caiso_ads.wire.oasis.reports import HISTORY
from caiso_ads.wire.oasis.trade_day import bounds, day_of

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def days_touched(ask: Ask) -> int:
    last = ask.end - timedelta(microseconds=1)
    return (day_of(last) - day_of(ask.start)).days + 1


def test_thirty_pacific_days_are_one_request_and_one_more_is_two() -> None:
    assert len(requests(Market.RTD, ["A"], START, START + timedelta(days=30))) == 1
    first, second = requests(Market.RTD, ["A"], START, START + timedelta(days=31))
    assert (first.end, second.start) == (START + timedelta(days=30), START + timedelta(days=30))


def test_days_are_counted_as_touched_not_as_hours() -> None:
    noon = START + timedelta(hours=12)
    first, second = requests(Market.RTD, ["A"], noon, noon + timedelta(days=30))
    assert first.end == START + timedelta(days=30)
    assert second.end == noon + timedelta(days=30)


@pytest.mark.parametrize(("day", "hours"), [
    (date(2026, 3, 8), 23), (date(2025, 11, 2), 25), (date(2026, 7, 1), 24),
])  # fmt: skip
def test_a_trade_day_of_all_nodes_is_its_own_hours(day: date, hours: int) -> None:
    start, end = bounds(day)
    asks = requests(Market.RTD, ALL, start, end)
    assert len(asks) == hours
    assert {ask.end - ask.start for ask in asks} == {timedelta(hours=1)}
    assert requests(Market.DAM, ALL, start, end) == (Ask(ALL, start, end),)
    assert end - start == timedelta(hours=hours)


def test_part_of_a_trade_day_of_all_nodes_asks_the_day() -> None:
    start = bounds(date(2026, 3, 8))[0]
    at = start + timedelta(hours=20)
    asks = requests(Market.DAM, ALL, at, at + timedelta(hours=8))
    assert [ask.start for ask in asks] == [start, bounds(date(2026, 3, 9))[0]]
    (hour,) = requests(Market.FMM, ALL, start + timedelta(minutes=15), start + timedelta(minutes=30))
    assert (hour.start, hour.end) == (start, start + timedelta(hours=1))


def test_a_stretch_is_widened_to_the_grid() -> None:
    (ask,) = requests(Market.FMM, ["A"], START + timedelta(minutes=7), START + timedelta(minutes=31))
    assert (ask.start, ask.end) == (START, START + timedelta(minutes=45))


def test_many_nodes_are_asked_in_turns() -> None:
    asks = requests(Market.RTD, [f"N{n}" for n in range(25)], START, START + timedelta(days=1), 10)
    assert [len(ask.nodes) for ask in asks] == [10, 10, 5]
    assert list(chunks(["A", "B", "C"], 2)) == [("A", "B"), ("C",)]


def test_nothing_is_asked_for_nothing() -> None:
    assert requests(Market.RTD, ["A"], START, START) == ()
    assert requests(Market.RTD, [], START, START + timedelta(days=1)) == ()


def test_halving_goes_by_time_and_then_by_nodes() -> None:
    first, second = halves(Ask(("A", "B"), START, START + timedelta(minutes=15)), Market.RTD)
    assert (first.end, second.start) == (START + timedelta(minutes=5), START + timedelta(minutes=5))
    five = Ask(("A", "B", "C"), START, START + timedelta(minutes=5))
    assert [ask.nodes for ask in halves(five, Market.RTD)] == [("A",), ("B", "C")]
    assert halves(Ask(("A",), START, START + timedelta(minutes=5)), Market.RTD) == ()
    assert halves(Ask(ALL, START, START + timedelta(hours=1)), Market.RTD) == ()


@given(
    st.sampled_from(list(Market)), st.sampled_from([("A", "B"), ALL]),
    st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1)), st.integers(1, 60 * 24 * 100),  # noqa: DTZ001  # made UTC below
)  # fmt: skip
def test_windows_join_without_hole_or_overlap_and_stay_within_the_limit(
    market: Market, nodes: tuple[str, ...], start: datetime, minutes: int
) -> None:
    start = start.replace(tzinfo=UTC)
    end = start + timedelta(minutes=minutes)
    asks = requests(market, nodes, start, end)
    assert asks[0].start <= start
    assert asks[-1].end >= end
    assert all(earlier.end == later.start for earlier, later in pairwise(asks))
    if nodes is not ALL:
        assert all(0 < days_touched(ask) <= MOST_DAYS for ask in asks)
    step = timedelta(seconds=HISTORY[market].interval_s)
    assert all((ask.end - ask.start) % step == timedelta(0) for ask in asks)
