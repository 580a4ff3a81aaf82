"""When prices are asked for: simulated posting with any lag is met with few requests and little delay."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price_timing import Timing, answered, failed, skipped, wait_s
from tests.fakes import START

INTERVAL = timedelta(minutes=5)


def newest_at(now: datetime, lag_s: float) -> datetime:
    """Return the begin of the newest interval of a service that posts so long after each begin (or before it)."""
    passed = (now - START - timedelta(seconds=lag_s)) // INTERVAL
    return START + passed * INTERVAL


def run(lag_s: float, hours: float) -> tuple[list[datetime], dict[datetime, float]]:
    """Poll such a service; return the times of the requests, and how late each interval was seen (s)."""
    timing, now, end = Timing(), START, START + timedelta(hours=hours)
    asked: list[datetime] = []
    delays: dict[datetime, float] = {}
    while now < end:
        asked.append(now)
        newest = newest_at(now, lag_s)
        delays.setdefault(newest, (now - newest).total_seconds() - lag_s)
        timing = answered(timing, newest, now)
        wait = wait_s(timing, now)
        assert 30.0 <= wait <= 300.0
        now += timedelta(seconds=wait)
    return asked, delays


@given(st.floats(-400, 400))
def test_no_interval_is_missed_and_requests_stay_few_whatever_the_lag(lag_s: float) -> None:
    asked, delays = run(lag_s, 6)
    assert len(delays) >= 6 * 12
    learned = [at for at in asked if at >= START + timedelta(hours=1)]
    assert len(learned) / (5 * 12) <= 2.0
    late = sorted(delay for start, delay in delays.items() if start >= START + timedelta(hours=1))
    assert late[-1] <= 65.0
    assert late[len(late) // 2] <= 30.0


def test_the_first_answer_teaches_nothing_since_nobody_knows_how_long_it_stood_there() -> None:
    timing = answered(Timing(), START, START + timedelta(seconds=200))
    assert timing.offset_s is None
    assert wait_s(timing, START) == 60.0
    timing = answered(timing, START + INTERVAL, START + timedelta(seconds=330))
    assert timing.offset_s == 30.0


@pytest.mark.parametrize("jump", [2, 3])
def test_an_interval_after_a_gap_or_a_failure_teaches_nothing(jump: int) -> None:
    timing = answered(Timing(), START, START)
    gap = answered(timing, START + jump * INTERVAL, START + timedelta(seconds=900))
    assert (gap.newest, gap.offset_s) == (START + jump * INTERVAL, None)
    down = answered(failed(timing), START + INTERVAL, START + timedelta(seconds=599))
    assert (down.offset_s, down.failures) == (None, 0)


def test_failures_wait_longer_and_an_answer_without_news_ends_them() -> None:
    timing = Timing(START, (10.0,))
    waits = []
    for _ in range(6):
        timing = failed(timing)
        waits.append(wait_s(timing, START))
    assert waits == [30.0, 60.0, 120.0, 240.0, 240.0, 240.0]
    timing = answered(timing, None, START + timedelta(hours=1))
    assert (timing.failures, timing.misses, timing.newest) == (0, 1, START)
    assert wait_s(timing, START + timedelta(hours=1)) == 30.0


def test_an_older_interval_is_no_news() -> None:
    timing = answered(Timing(START, (10.0,)), START - INTERVAL, START)
    assert (timing.newest, timing.misses) == (START, 1)


@pytest.mark.parametrize(("newest", "there"), [(-1, False), (0, False), (1, False), (2, True), (None, False)])
def test_intervals_nobody_saw_lie_between_the_newest_before_and_now(newest: int | None, *, there: bool) -> None:
    begin = None if newest is None else START + newest * INTERVAL
    assert skipped(Timing(START), begin) is there
    assert skipped(Timing(), begin) is (begin is not None)
