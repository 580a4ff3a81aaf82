from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest

from caiso_ads.simulator.schedule import Arrival, Disturbance, Kind, Schedule

END = datetime(2026, 7, 23, 19, 1, tzinfo=UTC)
DAY = timedelta(hours=24)
SCHEDULE = Schedule(seed=1, trajectory_delay_s=1.5)


def _ahead(kind: Kind) -> list[float]:
    return [(a.target - a.received).total_seconds() for a in SCHEDULE.arrivals(END - DAY, END) if a.kind is kind]


def test_a_day_has_the_cadence_of_production() -> None:
    counts = Counter(a.kind for a in SCHEDULE.arrivals(END - DAY, END))
    for kind, number in (
        (Kind.FIVE_MINUTE, 288),
        (Kind.EXCEPTIONAL, 288),
        (Kind.TRAJECTORY, 288),
        (Kind.AS_AWARDS, 96),
    ):
        assert abs(counts[kind] - number) <= 1  # a run at either end of the day may fall just outside
    assert counts[Kind.COMMITMENT] == 96
    assert counts[Kind.HOURLY] == counts[Kind.HOUR_AHEAD] == 24


def test_every_interval_has_exactly_one_five_minute_batch() -> None:
    targets = [a.target for a in SCHEDULE.arrivals(END - DAY, END) if a.kind is Kind.FIVE_MINUTE]
    assert {b - a for a, b in pairwise(targets)} == {timedelta(minutes=5)}


def test_five_minute_batches_come_as_far_ahead_as_observed() -> None:
    ahead = _ahead(Kind.FIVE_MINUTE)
    assert min(ahead) >= 197
    assert max(ahead) <= 255
    assert 220 < median(ahead) < 234


@pytest.mark.parametrize(
    ("kind", "low_s", "high_s"),
    [
        (Kind.COMMITMENT, 29 * 60, 31 * 60),
        (Kind.AS_AWARDS, 27 * 60, 32 * 60),
        (Kind.HOURLY, 63 * 60, 64 * 60),
        (Kind.HOUR_AHEAD, 62 * 60, 64 * 60),
    ],
)
def test_slower_runs_come_as_far_ahead_as_observed(kind: Kind, low_s: float, high_s: float) -> None:
    assert all(low_s <= seconds <= high_s for seconds in _ahead(kind))


def test_an_exceptional_dispatch_follows_its_five_minute_batch_by_10_to_20_ms() -> None:
    arrivals = SCHEDULE.arrivals(END - DAY, END)
    dots = {a.target: a.received for a in arrivals if a.kind is Kind.FIVE_MINUTE}
    gaps = [a.received - dots[a.target] for a in arrivals if a.kind is Kind.EXCEPTIONAL and a.target in dots]
    assert len(gaps) > 280
    assert all(timedelta(milliseconds=10) <= gap <= timedelta(milliseconds=20) for gap in gaps)


def test_any_split_of_a_stretch_gives_the_same_arrivals_in_order() -> None:
    whole = SCHEDULE.arrivals(END - DAY, END)
    parts: list[Arrival] = []
    at = END - DAY
    while at < END:
        parts += SCHEDULE.arrivals(at, min(at + timedelta(seconds=611), END))
        at += timedelta(seconds=611)
    assert parts == whole
    assert [a.received for a in whole] == sorted(a.received for a in whole)


def test_an_outage_loses_and_a_delay_postpones() -> None:
    start = END - timedelta(hours=3)
    lost = Disturbance(start, start + timedelta(hours=1), None, (Kind.FIVE_MINUTE,))
    late = Disturbance(start + timedelta(hours=1), start + timedelta(hours=2), 400.0, (Kind.FIVE_MINUTE,))
    schedule = SCHEDULE.with_disturbances([lost, late])
    before = [a for a in SCHEDULE.arrivals(start, END) if a.kind is Kind.FIVE_MINUTE]
    after = [a for a in schedule.arrivals(start, END) if a.kind is Kind.FIVE_MINUTE]
    assert len(after) == len(before) - 12
    moved = {a.target: a.received for a in after}
    shifts = Counter(moved[a.target] - a.received for a in before if a.target in moved)
    assert shifts == {timedelta(0): 12, timedelta(seconds=400): 12}
