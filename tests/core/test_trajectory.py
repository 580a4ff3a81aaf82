"""The curve against hand-worked numbers and an oracle written from the rule, not from the code."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.trajectory import EMPTY_CURVE, JOIN_GAP_S, Leg, forget, merge
from tests.fakes import START


def leg(uid: str, minutes: int, *points: tuple[float, float], flagged: bool = True) -> Leg:
    return Leg(uid, START + timedelta(minutes=minutes), flagged, points)


def test_between_two_points_the_curve_is_linear() -> None:
    curve = merge([leg("A", 0, (0.0, 50.0), (300.0, 150.0))])
    value = curve.at(75.0)
    assert value is not None
    assert value.mw == 75.0
    assert value.covered


def test_before_the_first_point_there_is_no_value_and_never_a_zero() -> None:
    assert merge([leg("A", 0, (100.0, 50.0))]).at(99.9) is None
    assert EMPTY_CURVE.at(0.0) is None
    assert EMPTY_CURVE.end is None


def test_after_the_last_point_the_value_is_held_and_overdue() -> None:
    value = merge([leg("A", 0, (0.0, 50.0), (60.0, 80.0))]).at(100.0)
    assert value is not None
    assert (value.mw, value.covered, value.overdue_s) == (80.0, False, 40.0)


def test_two_points_at_one_time_are_a_vertical_step_in_sequence_order() -> None:
    curve = merge([leg("A", 0, (0.0, 10.0), (60.0, 10.0), (60.0, 90.0), (120.0, 90.0))])
    before, at = curve.at(59.999), curve.at(60.0)
    assert before is not None
    assert at is not None
    assert abs(before.mw - 10.0) < 1e-9
    assert at.mw == 90.0


def test_a_later_batch_wins_from_its_first_point_and_the_older_curve_counts_until_then() -> None:
    older = leg("A", 0, (0.0, 0.0), (600.0, 600.0))
    newer = leg("B", 1, (300.0, 1000.0), (600.0, 1000.0))
    curve = merge([older, newer])
    just_before, at = curve.at(299.0), curve.at(300.0)
    assert just_before is not None
    assert at is not None
    assert abs(just_before.mw - 299.0) < 1e-9
    assert at.mw == 1000.0


def test_neighbouring_batches_of_single_points_join_linearly() -> None:
    curve = merge([leg("A", 0, (0.0, 10.0)), leg("B", 5, (300.0, 40.0))])
    value = curve.at(100.0)
    assert value is not None
    assert value.mw == 20.0
    assert value.covered


def test_over_a_long_gap_the_value_is_held_uncovered_until_the_next_point() -> None:
    curve = merge([leg("A", 0, (0.0, 10.0)), leg("B", 5, (JOIN_GAP_S + 1.0, 40.0))])
    value, later = curve.at(200.0), curve.at(JOIN_GAP_S + 1.0)
    assert value is not None
    assert later is not None
    assert (value.mw, value.covered, value.overdue_s) == (10.0, False, 200.0)
    assert later.mw == 40.0


def test_a_line_between_two_batches_is_not_kept_when_a_newer_one_cuts_it() -> None:
    """Found by the oracle: only a line the ISO drew itself, inside one batch, is kept up to the cut."""
    curve = merge([leg("A", 0, (0.0, 0.0)), leg("B", 1, (60.0, 0.0)), leg("C", 2, (30.0, 30.0))])
    value = curve.at(15.0)
    assert value is not None
    assert value.mw == 15.0


def test_a_missing_binding_flag_travels_with_its_part_of_the_curve() -> None:
    curve = merge([leg("A", 0, (0.0, 1.0), (60.0, 1.0)), leg("B", 1, (60.0, 1.0), (120.0, 1.0), flagged=False)])
    first, second = curve.at(30.0), curve.at(90.0)
    assert first is not None
    assert second is not None
    assert first.flagged_binding
    assert not second.flagged_binding


@st.composite
def legs(draw: st.DrawFn) -> list[Leg]:
    """Make batches received at different minutes, each with ascending target times on a 30 s grid."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        times = sorted(draw(st.lists(st.integers(0, 40), min_size=1, max_size=5)))
        values = draw(st.lists(st.integers(-100, 100), min_size=len(times), max_size=len(times)))
        made.append(leg(f"B{number}", number, *[(t * 30.0, float(v)) for t, v in zip(times, values, strict=True)]))
    return made


def oracle(made: list[Leg], when: float) -> float | None:
    """Walk the rule: the newest batch that has begun rules; inside it linear; beyond its end join or hold."""
    begun = [item for item in made if item.first <= when]
    if not begun:
        return None
    ruling = max(begun, key=lambda item: item.received)
    passed = [point for point in ruling.points if point[0] <= when]
    ahead = [point for point in ruling.points if point[0] > when]
    if ahead:
        return line(passed[-1], ahead[0], when)
    newer = [item for item in made if item.received > ruling.received]
    # what follows is the first point of the batch that takes over first, unless a still newer one cuts before it
    if newer and min(item.first for item in newer) - passed[-1][0] <= JOIN_GAP_S:
        first = min(item.first for item in newer)
        heir = max((item for item in newer if item.first == first), key=lambda item: item.received)
        return line(passed[-1], heir.points[0], when)
    return passed[-1][1]


def line(left: tuple[float, float], right: tuple[float, float], when: float) -> float:
    return left[1] + (right[1] - left[1]) * (when - left[0]) / (right[0] - left[0])


@settings(max_examples=2000)
@given(legs(), st.integers(0, 1300))
def test_the_curve_equals_the_oracle(made: list[Leg], when: int) -> None:
    value, expected = merge(made).at(float(when)), oracle(made, float(when))
    assert (value is None) == (expected is None)
    if value is not None and expected is not None:
        assert abs(value.mw - expected) < 1e-6


@given(legs())
def test_arrival_order_does_not_change_the_curve(made: list[Leg]) -> None:
    curves = {merge(order) for order in itertools.islice(itertools.permutations(made), 24)}
    assert len(curves) == 1


@given(legs(), st.integers(0, 1300), st.integers(0, 600))
def test_forgetting_the_past_changes_nothing_from_then_on(made: list[Leg], before: int, later: int) -> None:
    curve, when = merge(made), float(before + later)
    assert forget(curve, float(before)).at(when) == curve.at(when)
