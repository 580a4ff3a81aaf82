"""Gaps against an oracle that looks at each interval of the grid by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import Market
from caiso_ads.core.price_grid import LENGTHS, PATIENCE, Stretch, answered, begin, missing, next_begin, union
from caiso_ads.wire.oasis.reports import HISTORY

NOON = datetime(2026, 7, 21, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MARKETS = st.sampled_from(Market)
MOMENTS = st.integers(-400, 400).map(lambda minutes: NOON + minutes * MINUTE)
STRETCHES = st.tuples(MOMENTS, MOMENTS)


def grid(market: Market) -> list[datetime]:
    """Every start around noon, counted from midnight as a person would."""
    day = datetime(2026, 7, 21, tzinfo=UTC)
    count = timedelta(days=1) // LENGTHS[market]
    return [day + n * LENGTHS[market] for n in range(count)]


def seen(market: Market, stretches: list[Stretch]) -> list[datetime]:
    return [one for one in grid(market) if any(low <= one < high for low, high in stretches)]


def test_the_lengths_are_those_of_the_reports() -> None:
    assert {market: length.total_seconds() for market, length in LENGTHS.items()} == {
        market: report.interval_s for market, report in HISTORY.items()
    }


@given(MARKETS, MOMENTS)
def test_a_moment_lies_in_the_interval_that_began_last(market: Market, moment: datetime) -> None:
    assert begin(market, moment) == max(one for one in grid(market) if one <= moment)
    assert next_begin(market, moment) == min(one for one in grid(market) if one >= moment)


@given(MARKETS, MOMENTS, MOMENTS, st.lists(MOMENTS), st.lists(STRETCHES))
def test_missing_is_what_is_neither_stored_nor_settled(
    market: Market, start: datetime, end: datetime, stored: list[datetime], settled: list[Stretch]
) -> None:
    expected = [
        one
        for one in grid(market)
        if start <= one < end
        and one not in stored
        and not any(low <= one and one + LENGTHS[market] <= high for low, high in settled)
    ]
    found = missing(market, start, end, stored, settled)
    assert seen(market, found) == expected
    assert found == union(found), "in order, none touches the next"
    assert all(one in grid(market) for stretch in found for one in stretch)


@given(MARKETS, MOMENTS, MOMENTS, st.integers(-400, 400))
def test_an_answer_settles_whole_intervals_that_were_final(
    market: Market, start: datetime, end: datetime, minutes: int
) -> None:
    at = NOON + PATIENCE + minutes * MINUTE
    expected = [
        one
        for one in grid(market)
        if start <= one and one + LENGTHS[market] <= end and one + LENGTHS[market] + PATIENCE <= at
    ]
    found = answered(market, start, end, at)
    assert seen(market, [] if found is None else [found]) == expected


@given(st.lists(STRETCHES))
def test_a_union_is_the_same_time_in_the_fewest_stretches(stretches: list[Stretch]) -> None:
    found = union(stretches)
    minutes = [NOON + n * MINUTE for n in range(-400, 400)]
    assert [any(low <= one < high for low, high in found) for one in minutes] == [
        any(low <= one < high for low, high in stretches) for one in minutes
    ]
    assert all(first[1] < second[0] for first, second in pairwise(found))


@pytest.mark.parametrize(("day", "hours"), [((2025, 11, 2), 25), ((2026, 3, 8), 23), ((2026, 7, 21), 24)])
def test_a_trade_day_has_its_hours(day: tuple[int, int, int], hours: int) -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    start = datetime(*day, tzinfo=pacific)
    bounds = [moment.astimezone(UTC) for moment in (start, datetime(*day[:2], day[2] + 1, tzinfo=pacific))]
    for market, each in ((Market.DAM, 1), (Market.FMM, 4), (Market.HASP, 4), (Market.RTD, 12)):
        ((low, high),) = missing(market, bounds[0], bounds[1], (), ())
        assert [low, high] == bounds
        assert (high - low) // LENGTHS[market] == hours * each
