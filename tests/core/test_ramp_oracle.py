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
    told = {time: mw for time, mw, _received in sorted(rows, key=lambda row: row[2])}
    if when < min(told):
        return None
    position = told[min(told)]
    for now in range(min(told), when + 1):
        position, goal, by = wish(told, now, position, minimum)
        if now < when:
            wanted = (goal - position) / (by - now) if by > now else goal - position
            most = abs(wanted) if rate is None else rate / 60.0
            position += max(-most, min(most, wanted))
    return position


def wish(told: dict[int, float], now: int, position: float, minimum: float) -> tuple[float, float, int]:
    """Return what the rules want at that second: where to be at once, where to go, and by when."""
    before = max(time for time in told if time <= now)
    after = min((time for time in told if time > now), default=None)
    if after is None or (told[before] == 0.0 and told[after] == 0.0):
        return rest(told[before], now, position, minimum)
    leaves = max(before, after - 300)
    if told[before] == 0.0 and told[after] >= minimum > 0.0:  # rule 2: at the interval's start to the minimum
        leaves = max(before, after - 150)
        position = max(position, minimum) if now == leaves else position
    if now < leaves:
        return rest(told[before], now, position, minimum)
    if told[after] == 0.0 and told[before] >= minimum > 0.0:
        return stop(leaves + 150, now, position, minimum)
    return position, told[after], after


def stop(off: int, now: int, position: float, minimum: float) -> tuple[float, float, int]:
    """Rule 3: down to the minimum until the interval ends, only then to nothing."""
    if now >= off and position <= minimum + MOVED:
        return 0.0, 0.0, now
    return position, min(position, minimum), off


def rest(last: float, now: int, position: float, minimum: float) -> tuple[float, float, int]:
    """Nothing new is wanted: stay, or finish what was too slow."""
    if last == 0.0 and position > MOVED and minimum > 0.0:
        return stop(now, now, position, minimum)
    return position, last, now


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


@settings(max_examples=600, deadline=None)
@given(schedules(), st.integers(-10, 4200), st.sampled_from([0.0, 40.0]), st.sampled_from([None, 3.0, 12.0, 30.0]))
def test_the_ramp_equals_the_oracle(rows: list[Row], when: int, minimum: float, rate: float | None) -> None:
    value, expected = ramped(rows, float(when), minimum, rate), oracle(rows, when, minimum, rate)
    assert (value is None) == (expected is None)
    if value is not None and expected is not None:
        assert value == pytest.approx(expected, abs=1e-6)


@settings(max_examples=300, deadline=None)
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
