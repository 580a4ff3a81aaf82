from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.simulator.dop import Point, Run, curve, energy_mwh, reachable, value_at
from caiso_ads.simulator.fleet import Resource, Technology

START = datetime(2026, 7, 22, 19, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GAS = Resource("GAS", "gas", Technology.GAS, 40.0, 180.0, 6.0)
BATTERY = Resource("BAT", "battery", Technology.STORAGE, -80.0, 80.0, 10.0)


def _seen(points: list[Point]) -> list[tuple[float, float]]:
    return [((p.at - START) / MINUTE, p.mw) for p in points]


def test_a_running_unit_moves_in_a_straight_line_from_middle_to_middle() -> None:
    points = curve(BATTERY, Run(START, -10.0, -10.0, 15.0), MINUTE)
    assert _seen(points) == [(-2.5, -10), (-1.5, -5), (-0.5, 0), (0.5, 5), (1.5, 10), (2.5, 15)]


def test_a_start_up_steps_to_pmin_at_the_interval_start_and_ramps_to_the_dot() -> None:
    points = curve(GAS, Run(START, 0.0, 0.0, 55.0), MINUTE)
    assert _seen(points) == [(-2.5, 0), (-1.5, 0), (-0.5, 0), (0, 0), (0, 40), (1, 46), (2, 52), (2.5, 55)]


def test_a_shut_down_ramps_to_pmin_until_the_interval_end_and_steps_to_zero() -> None:
    points = curve(GAS, Run(START, 60.0, 55.0, 0.0), MINUTE)
    assert _seen(points) == [(-2.5, 55), (-1.5, 49), (-0.5, 43), (0, 40), (0, 0), (1, 0), (2, 0), (2.5, 0)]


def test_a_dot_out_of_reach_is_approached_at_the_ramp_rate_only() -> None:
    points = curve(GAS, Run(START, 100.0, 100.0, 180.0), MINUTE)
    assert points[-1].mw == 130.0


def test_after_an_unreached_dot_the_curve_steps_to_the_projected_output() -> None:
    points = curve(GAS, Run(START, 100.0, 180.0, 180.0), MINUTE)
    assert _seen(points)[:2] == [(-2.5, 180.0), (-2.5, 130.0)]
    assert points[-1].mw == 160.0


def test_energy_is_the_area_under_the_curve() -> None:
    points = [Point(START, 60.0), Point(START + 5 * MINUTE, 120.0)]
    assert energy_mwh(points, START, START + 5 * MINUTE) == pytest.approx(7.5)


def test_value_after_a_step_is_the_later_point_and_ends_are_held() -> None:
    points = [Point(START, 0.0), Point(START, 40.0), Point(START + MINUTE, 46.0)]
    assert value_at(points, START) == 40.0
    assert value_at(points, START + MINUTE / 2) == 43.0
    assert value_at(points, START - MINUTE) == 0.0
    assert value_at(points, START + 9 * MINUTE) == 46.0


@settings(max_examples=150, deadline=None)
@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80))
def test_no_curve_is_steeper_than_the_ramp_rate_except_in_its_first_step(before: float, old: float, new: float) -> None:
    before, old, new = round(before, 2), round(old, 2), round(new, 2)
    points = curve(BATTERY, Run(START, before, old, new), MINUTE)
    assert points[0].mw == old
    for a, b in pairwise(points[1:]):
        minutes = (b.at - a.at) / MINUTE
        assert abs(b.mw - a.mw) <= BATTERY.ramp_mw_per_min * minutes + 0.011
    assert reachable(old, new, 5, 1e9) == pytest.approx(new)
