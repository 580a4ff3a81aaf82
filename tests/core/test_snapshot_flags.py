"""Missed intervals, unreadable batches and steps beyond the ramp rate, as the plant reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchType
from caiso_ads.core.events import Notice
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode
from caiso_ads.core.state import State, fold
from tests.core.taking import FLAT, NOW, PLAIN, after, curve, dots, of, reasons, take
from tests.fakes import START, batch

SLOW = replace(PLAIN, mode=Mode.STEP, machine=Machine(ramp_mw_per_min=10.0))
REFUSING = replace(SLOW, refuses_steps=True)
CURVE = facts.TrajectorySeen(FLAT, NOW)


def notices(shot: Snapshot) -> Notice:
    value = of(shot, "notices")
    assert isinstance(value, int)
    return Notice(value)


def polled(state: State, seconds: float) -> State:
    return fold(state, facts.PollCompleted(NOW.plus(seconds)))


# --- missed intervals ----------------------------------------------------------------------------------------------


def test_missed_intervals_are_not_known_before_the_first_complete_poll() -> None:
    state = replace(after(CURVE), polling=None)
    assert of(take(state, 3000.0), "missed_intervals") is None
    assert not notices(take(state, 3000.0)) & Notice.INTERVALS_MISSING


def test_they_count_from_when_polling_began_and_raise_the_notice_at_the_second() -> None:
    state = after(CURVE)
    for seconds, count in ((149.0, 0), (150.0, 1), (449.0, 1), (450.0, 2), (3000.0, 10)):
        shot = take(state, seconds)
        assert of(shot, "missed_intervals") == count
        assert bool(notices(shot) & Notice.INTERVALS_MISSING) is (count >= 2)
        assert shot.value("R1", "missed_intervals").quality is Quality.GOOD


def test_a_later_poll_does_not_move_the_begin_and_a_target_ends_the_count() -> None:
    state = polled(after(CURVE), 3000.0)
    assert of(take(state, 3000.0), "missed_intervals") == 10
    state = fold(state, facts.BatchSeen(batch("B", dots={"R1": 5.0}, start=START + timedelta(seconds=2850)), NOW))
    assert of(take(state, 3000.0), "missed_intervals") == 0


def test_a_refused_target_was_sent_and_is_not_missing() -> None:
    state = after(CURVE, *dots((2.5, 9e9)))
    assert of(take(state, 200.0), "missed_intervals") == 0


def test_a_clock_that_is_not_trusted_counts_nothing_and_one_set_right_does_not_count_its_error() -> None:
    wrong = fold(after(CURVE), facts.ClockSampled(3600.0, NOW))
    assert of(take(wrong, 900.0), "missed_intervals") is None
    right = fold(wrong, facts.ClockSampled(0.0, NOW))
    hour_on = Instant(START + timedelta(seconds=3600 + 900), NOW.mono + 900.0)
    assert of(take(right, now=hour_on), "missed_intervals") == 3


# --- unreadable batches --------------------------------------------------------------------------------------------


def unreadable(seconds: float, *, dispatch: bool = True) -> facts.PayloadUnreadable:
    return facts.PayloadUnreadable(NOW.plus(seconds), dispatch)


def word(state: State, seconds: float) -> tuple[Quality, object, Reason]:
    shot = take(polled(state, seconds), seconds)
    return shot.value("R1", "setpoint_mw").quality, of(shot, "directive"), reasons(shot)


def test_a_batch_that_cannot_be_read_holds_until_a_later_5_minute_batch_is_read_and_stays_visible() -> None:
    state = fold(after(CURVE), unreadable(10.0))
    assert word(state, 20.0) == (Quality.UNCERTAIN, Directive.HOLD, Reason.BATCH_UNREADABLE)
    state = fold(state, facts.BatchSeen(batch("N"), NOW.plus(30.0)))
    assert word(state, 40.0) == (Quality.GOOD, Directive.FOLLOW, Reason.BATCH_UNREADABLE)
    assert word(state, 430.0)[2] == Reason.BATCH_UNREADABLE
    assert word(state, 431.0) == (Quality.GOOD, Directive.FOLLOW, Reason.NONE)


def test_no_time_that_passes_makes_it_good() -> None:
    state = fold(after(CURVE), unreadable(10.0))
    for seconds in (430.0, 431.0, 3000.0):
        assert word(state, seconds)[:2] == (Quality.UNCERTAIN, Directive.HOLD)


def test_neither_another_kind_of_batch_nor_a_batch_known_before_ends_it() -> None:
    state = fold(after(CURVE, facts.BatchSeen(batch("K"), NOW)), unreadable(10.0))
    for one in (batch("H", batch_type=BatchType.HOURLY_PRE_DISPATCH), batch("K", revision=1)):
        assert fold(state, facts.BatchSeen(one, NOW.plus(20.0))).unread


def test_an_unreadable_trajectory_is_counted_and_says_nothing_of_the_dispatch() -> None:
    state = fold(after(CURVE), unreadable(10.0, dispatch=False))
    assert state.unreadable == 1
    assert word(state, 20.0) == (Quality.GOOD, Directive.FOLLOW, Reason.NONE)


# --- steps beyond the ramp rate ------------------------------------------------------------------------------------


def test_row_99_a_step_beyond_the_ramp_rate_is_published_with_a_notice() -> None:
    state = after(*dots((0, 100.0), (5, 190.0)), resource=SLOW)
    assert notices(take(state, 1.0)) & Notice.BEYOND_RAMP
    shot = take(polled(state, 301.0), 301.0)
    assert (of(shot, "setpoint_mw"), of(shot, "directive")) == (190.0, Directive.FOLLOW)


def test_row_99_or_refused_where_so_configured_until_a_feasible_one_applies() -> None:
    state = after(*dots((0, 100.0), (5, 190.0), (10, 190.0)), resource=REFUSING)
    assert take(polled(state, 299.0), 299.0).value("R1", "setpoint_mw").quality is not Quality.BAD_DATA
    shot = take(polled(state, 301.0), 301.0)
    assert (of(shot, "setpoint_mw"), of(shot, "directive")) == (100.0, Directive.HOLD)
    assert shot.value("R1", "setpoint_mw").quality is Quality.BAD_DATA
    assert reasons(shot) & Reason.VALUE_REFUSED
    state = fold(state, facts.BatchSeen(batch("N"), NOW.plus(600.0)))
    shot = take(polled(state, 601.0), 601.0)
    assert (of(shot, "setpoint_mw"), shot.value("R1", "setpoint_mw").quality) == (190.0, Quality.GOOD)


def test_row_99_a_new_revision_is_judged_anew() -> None:
    state = after(*dots((0, 100.0), (5, 190.0)), resource=REFUSING)
    better = batch("D1", dots={"R1": 140.0}, start=START + timedelta(minutes=5), revision=1)
    known = fold(state, facts.BatchSeen(better, NOW)).resources["R1"]
    assert ([target.dot_mw for target in known.targets], known.refused_targets) == ([100.0, 140.0], ())
    low = after(*dots((0, 100.0), (5, 60.0)), resource=REFUSING)
    moved = batch("D1", dots={"R1": 160.0}, start=START + timedelta(minutes=10), revision=1)
    assert fold(low, facts.BatchSeen(moved, NOW)).resources["R1"].targets[-1].dot_mw == 160.0


@pytest.mark.parametrize("points", [[(10, 80.0), (10, 120.0), (3600, 120.0)], [(10, 80.0), (70, 91.0), (3600, 91.0)]])
def test_row_99_a_curve_with_a_step_too_steep_is_refused_as_a_whole(points: list[tuple[float, float]]) -> None:
    by_curve = replace(REFUSING, mode=Mode.DOP)
    wild = curve(points, uid="W", received=1.0)
    shot = take(after(CURVE, wild, resource=by_curve), 11.0)
    assert (of(shot, "setpoint_mw"), shot.value("R1", "setpoint_mw").quality) == (80.0, Quality.BAD_DATA)
    kept = take(after(CURVE, wild, resource=replace(by_curve, refuses_steps=False)), 71.0)
    assert of(kept, "setpoint_mw") == points[1][1]
