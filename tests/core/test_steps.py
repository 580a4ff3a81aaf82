from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.ramp import Machine
from caiso_ads.core.setpoint import Target
from caiso_ads.core.steps import TOLERANCE_MW, can_do, is_steady, judged
from tests.fakes import START

TEN = Machine(ramp_mw_per_min=10.0)
STARTING = Machine(operating_min_mw=20.0, ramp_mw_per_min=10.0)


def target(seconds: float, mw: float) -> Target:
    return Target(seconds, mw, START, f"B{seconds}", None, None)


@pytest.mark.parametrize(
    ("before", "after", "machine", "can"),
    [
        (100.0, 150.0, TEN, True), (100.0, 150.06, TEN, False), (100.0, 49.94, TEN, False), (100.0, 150.04, TEN, True),
        (0.0, 70.0, STARTING, True), (0.0, 71.0, STARTING, False), (70.0, 0.0, STARTING, True), (0.0, 51.0, TEN, False),
        (100.0, 900.0, Machine(), True),
    ],
)  # fmt: skip
def test_what_a_machine_does_in_five_minutes(*, before: float, after: float, machine: Machine, can: bool) -> None:
    assert can_do(before, after, 300.0, machine) is can


def test_targets_have_at_least_an_interval_and_the_time_between_them_where_that_is_more() -> None:
    assert judged([target(60, 150.0)], [target(0, 100.0)], TEN) == [target(60, 150.0)]
    assert judged([target(600, 190.0)], [target(0, 100.0)], TEN) == [target(600, 190.0)]
    assert judged([target(300, 190.0)], [target(0, 100.0)], TEN) == []


def test_each_is_judged_by_the_newest_accepted_before_it_not_by_one_refused_or_later() -> None:
    found = [target(300, 190.0), target(600, 150.0), target(900, 195.0)]
    assert judged(found, [target(0, 100.0), target(1200, 0.0)], TEN) == [target(600, 150.0), target(900, 195.0)]


def test_the_first_of_all_is_never_too_large() -> None:
    assert judged([target(0, 1e6)], [], TEN) == [target(0, 1e6)]


def test_a_vertical_step_of_the_curve_is_steep_but_not_a_start_up() -> None:
    assert not is_steady([(0, 50.0), (0, 60.0)], TEN)
    assert is_steady([(0, 0.0), (0, 20.0), (60, 30.0)], STARTING)
    assert not is_steady([(0, 0.0), (0, 21.0)], STARTING)
    assert is_steady([(0, 50.0)], TEN)


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 3600), st.floats(0.1, 100))
def test_what_can_be_done_can_be_undone_and_is_never_more_than_the_rate(
    a: float, b: float, s: float, rate: float
) -> None:
    machine = Machine(ramp_mw_per_min=rate)
    can = can_do(a, b, s, machine)
    assert can is can_do(b, a, s, machine)
    assert can is (abs(a - b) <= rate * s / 60.0 + TOLERANCE_MW)
