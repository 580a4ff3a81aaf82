"""Where the ramp is at each second, against an oracle that walks there second by second from the ISO's rules.

The oracle knows nothing of core/ramp.py: it carries a position, asks at each second what the rules want, and moves.
Times are seconds on a grid of half an interval, as 5-minute targets and exceptional dispatches are in reality.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.ramp import Machine, ramp_at
from caiso_ads.core.setpoint import Target
from tests.fakes import START

Row = tuple[int, float, int]
"""Target time (s), MW, and when it was received (s)."""

MOVED = 1e-6


def oracle(rows: list[Row], when: int, minimum: float, rate: float | None) -> float | None:
    """Return the power at that second (MW); the rate is in MW per minute."""
    told: dict[int, float] = {}
    for time, mw, _received in sorted(rows, key=lambda row: row[2]):
        told[time] = mw
    times = sorted(told)
    if not times or when < times[0]:
        return None
    position, started = told[times[0]], False
    for now in range(times[0], when + 1):
        before = max(time for time in times if time <= now)
        after = min((time for time in times if time > now), default=None)
        started = started and before != now
        goal, by = told[before], now
        if after is not None:
            leaves = max(before, after - 300)
            if minimum > 0.0 and told[before] == 0.0 and told[after] >= minimum:
                if now >= after - 150:
                    if not started:  # rule 2: at the interval's start straight to the minimum
                        position, started = max(position, minimum), True
                    goal, by = told[after], after
            elif minimum > 0.0 and told[after] == 0.0 and told[before] >= minimum and now >= leaves:
                # rule 3: down to the minimum until the interval ends, only then to nothing
                goal, by = min(position, minimum), leaves + 150
                if now >= leaves + 150 and position <= minimum + MOVED:
                    position = goal = 0.0
            elif now >= leaves and not (told[after] == told[before] == 0.0):
                goal, by = told[after], after
        if goal == 0.0 and by == now and minimum > 0.0 and position > MOVED:  # a stop that is still under way
            if position <= minimum + MOVED:
                position = 0.0
            else:
                goal = minimum
        if now == when:
            return position
        wanted = (goal - position) / (by - now) if by > now else goal - position
        most = abs(wanted) if rate is None else rate / 60.0
        position += max(-most, min(most, wanted))
    raise AssertionError


@st.composite
def schedules(draw: st.DrawFn) -> list[Row]:
    """Make targets mid-interval, between intervals and after gaps; repeated, revised and zero, in any order."""
    times = draw(st.lists(st.integers(0, 16), min_size=1, max_size=7))
    powers = st.sampled_from([0.0, 0.0, 40.0, 55.0, 100.0, 180.0])
    return [(150 * time, draw(powers), received) for received, time in enumerate(times)]


def ramped(rows: list[Row], when: float, minimum: float, rate: float | None) -> float | None:
    targets = [
        Target(float(time), mw, START + timedelta(seconds=received), f"U{received}", None, None)
        for time, mw, received in rows
    ]
    return ramp_at(sorted(targets, key=lambda item: item.order), when, Machine(minimum, rate))


@settings(max_examples=600)
@given(schedules(), st.integers(-10, 4200), st.sampled_from([0.0, 40.0]), st.sampled_from([None, 3.0, 12.0, 30.0]))
def test_the_ramp_equals_the_oracle(rows: list[Row], when: int, minimum: float, rate: float | None) -> None:
    value, expected = ramped(rows, float(when), minimum, rate), oracle(rows, when, minimum, rate)
    assert (value is None) == (expected is None)
    if value is not None and expected is not None:
        assert value == pytest.approx(expected, abs=1e-6)


@settings(max_examples=300)
@given(schedules(), st.integers(0, 4200), st.sampled_from([3.0, 12.0, 30.0]))
def test_a_running_machine_never_moves_faster_than_its_rate(rows: list[Row], when: int, rate: float) -> None:
    """Only the steps between 0 and the operating minimum are jumps."""
    first, second = ramped(rows, float(when), 40.0, rate), ramped(rows, when + 1.0, 40.0, rate)
    if first is not None and second is not None and min(first, second) > 0.0:
        assert abs(second - first) <= rate / 60.0 + MOVED
    if first is not None and second == 0.0:
        assert first <= 40.0 + rate / 60.0 + MOVED


def test_a_shut_down_an_hour_ahead_does_not_stop_the_machine_now() -> None:
    rows = [(0, 100.0, 0), (3600, 0.0, 1)]
    assert [ramped(rows, when, 40.0, None) for when in (150.0, 3300.0, 3375.0, 3450.0)] == [100.0, 100.0, 70.0, 0.0]


def test_a_slow_machine_goes_on_to_its_target_while_the_next_one_is_an_hour_ahead() -> None:
    rows = [(0, 0.0, 0), (300, 100.0, 1), (3900, 100.0, 2)]
    assert [ramped(rows, when, 0.0, 6.0) for when in (300.0, 600.0, 1000.0, 1200.0)] == [30.0, 60.0, 100.0, 100.0]


def test_a_slow_machine_stops_only_from_its_operating_minimum() -> None:
    rows = [(0, 160.0, 0), (300, 0.0, 1)]
    assert [ramped(rows, when, 40.0, 12.0) for when in (150.0, 300.0, 599.0, 600.0)] == pytest.approx([
        130.0, 100.0, 40.2, 0.0,
    ])  # fmt: skip
