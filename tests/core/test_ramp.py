"""The ramp against curves worked by hand from the ISO's ramping rules and the v8 timing (23:20 -> 23:22:30)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.ramp import Machine, ramp_at
from caiso_ads.core.setpoint import Target
from tests.fakes import START

GOLDEN = datetime(2020, 7, 21, 23, 20, tzinfo=UTC).timestamp()


def target(seconds: float, mw: float, uid: str = "A") -> Target:
    """Make a target so many seconds after 23:20:00."""
    return Target(GOLDEN + seconds, mw, START, uid, None, None)


def at(seconds: float, *targets: Target, machine: Machine | None = None) -> float | None:
    return ramp_at(targets, GOLDEN + seconds, machine or Machine())


@pytest.mark.parametrize(
    ("seconds", "mw"),
    [(-150, 47.0), (-149, 46.926667), (-75, 41.5), (0, 36.0), (75, 30.5), (149, 25.073333), (150, 25.0), (300, 25.0)],
)
def test_the_golden_curve_from_47_to_25_mw_between_two_mid_intervals(seconds: float, mw: float) -> None:
    """23:17:30 at 47 MW, 23:22:30 at 25 MW: 22 MW in 300 s, 0.073333 MW a second."""
    value = at(seconds, target(-150, 47.0), target(150, 25.0))
    assert value is not None
    assert abs(value - mw) < 0.01


def test_before_the_first_target_there_is_no_power_and_never_a_zero() -> None:
    assert at(0, target(150, 25.0)) is None
    assert at(0) is None


@pytest.mark.parametrize(("seconds", "mw"), [(-1, 0.0), (0, 40.0), (75, 70.0), (150, 100.0)])
def test_a_start_up_jumps_to_the_operating_minimum_at_the_interval_start_and_ramps_on(
    seconds: float, mw: float
) -> None:
    assert at(seconds, target(-150, 0.0), target(150, 100.0), machine=Machine(40.0)) == mw


@pytest.mark.parametrize(("seconds", "mw"), [(-150, 100.0), (-75, 70.0), (-1, 40.4), (0, 0.0), (150, 0.0)])
def test_a_shut_down_ramps_to_the_minimum_until_the_interval_end_and_jumps_to_zero(seconds: float, mw: float) -> None:
    value = at(seconds, target(-150, 100.0), target(150, 0.0), machine=Machine(40.0))
    assert value is not None
    assert abs(value - mw) < 1e-9


def test_the_ramp_is_never_faster_than_the_rate_and_goes_on_until_it_is_there() -> None:
    slow = Machine(ramp_mw_per_min=6.0)
    two = (target(-150, 0.0), target(150, 100.0))
    assert at(-90, *two, machine=slow) == 6.0
    assert at(150, *two, machine=slow) == 30.0
    assert at(150 + 60, *two, machine=slow) == 36.0
    assert at(150 + 3600, *two, machine=slow) == 100.0


def test_towards_a_target_an_hour_ahead_the_ramp_starts_one_interval_before_it() -> None:
    two = (target(0, 50.0), target(3600, 80.0))
    assert at(3299, *two) == 50.0
    assert at(3450, *two) == 65.0


def test_of_two_targets_at_one_time_the_later_one_counts() -> None:
    assert at(150, target(-150, 0.0), target(150, 10.0, "A"), target(150, 30.0, "B")) == 30.0


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=6), st.floats(0, 2400), st.none() | st.floats(0.5, 50),
    st.floats(0.05, 60),
)  # fmt: skip
def test_the_ramp_stays_between_its_targets_and_below_its_rate(
    powers: list[float], when: float, rate: float | None, step: float
) -> None:
    targets = [target(300.0 * number, mw) for number, mw in enumerate(powers)]
    machine = Machine(ramp_mw_per_min=rate)
    first, second = at(when, *targets, machine=machine), at(when + step, *targets, machine=machine)
    assert first is not None
    assert second is not None
    assert min(powers) - 1e-9 <= first <= max(powers) + 1e-9
    if rate is not None:
        assert abs(second - first) <= rate * step / 60.0 + 1e-6
