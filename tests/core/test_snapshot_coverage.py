"""What covers now, what was refused, who is free: cases an adversary found where it looked better than it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode
from caiso_ads.core.happenings import Event
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode, Resource
from caiso_ads.core.state import State, fold
from tests.core.taking import FLAT, MINUTES_5, NOW, PLAIN, after, curve, dots, of, reasons, take
from tests.fakes import START, batch

STEP, RAMP = replace(PLAIN, mode=Mode.STEP), replace(PLAIN, mode=Mode.RAMP)


def fresh(state: State, seconds: float) -> Snapshot:
    """Look at that second, with a poll and a 5-minute batch for others just before."""
    at = NOW.plus(seconds)
    return take(
        fold(fold(state, facts.BatchSeen(batch(f"M{seconds}", start=at.wall), at)), facts.PollCompleted(at)), seconds
    )


def seen(made: DispatchBatch, at: Instant = NOW, **changes: object) -> Event:
    """Make the event of a batch, its one instruction changed."""
    inner = replace(made.instructions[0], **changes)  # type: ignore[arg-type]  # a test's shorthand
    return facts.BatchSeen(replace(made, instructions=(inner,)), at)


def one(batch_type: BatchType, mw: float = 40.0, *, minute: float = 0.0, uid: str = "A") -> DispatchBatch:
    return batch(uid, dots={"R1": mw}, start=START + timedelta(minutes=minute), batch_type=batch_type)


# --- coverage of targets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", [STEP, RAMP])
@pytest.mark.parametrize(
    ("second", "quality"), [(1.0, Quality.GOOD), (3600.0, Quality.GOOD), (3601.0, Quality.UNCERTAIN)]
)
def test_an_hourly_target_covers_its_hour(resource: Resource, second: float, quality: Quality) -> None:
    shot = fresh(after(seen(one(BatchType.HOURLY_PRE_DISPATCH)), resource=resource), second)
    assert (of(shot, "setpoint_mw"), of(shot, "quality")) == (40.0, quality)


def test_an_hourly_target_with_an_end_covers_until_then() -> None:
    state = after(seen(one(BatchType.HOURLY_PRE_DISPATCH), end_time=START + timedelta(minutes=15)), resource=STEP)
    assert [of(fresh(state, second), "quality") for second in (900.0, 901.0)] == [Quality.GOOD, Quality.UNCERTAIN]


def test_an_exceptional_dispatch_covers_while_it_is_sent_again() -> None:
    state = after(seen(one(BatchType.OUT_OF_SEQUENCE)), resource=STEP)
    assert [of(fresh(state, second), "quality") for second in (600.0, 601.0)] == [Quality.GOOD, Quality.UNCERTAIN]
    again = replace(one(BatchType.OUT_OF_SEQUENCE, uid="B"), batch_received=START + timedelta(hours=5))
    state = fold(state, facts.BatchSeen(again, NOW.plus(18_000.0)))
    assert [of(fresh(state, 18_000.0 + s), "quality") for s in (600.0, 601.0)] == [Quality.GOOD, Quality.UNCERTAIN]


def test_a_step_does_not_become_good_again_before_a_target_after_a_gap_applies() -> None:
    state = after(*dots((0, 40.0), (60, 60.0)), resource=STEP)
    words = [of(fresh(state, second), "directive") for second in (149.0, 3449.0, 3451.0, 3599.0, 3600.0)]
    assert words == [Directive.FOLLOW, Directive.HOLD, Directive.HOLD, Directive.HOLD, Directive.FOLLOW]


def test_steps_of_one_interval_after_another_have_no_gap() -> None:
    state = after(*dots((0, 40.0), (5, 60.0)), resource=STEP)
    assert {of(fresh(state, second), "quality") for second in (149.0, 151.0, 299.0, 450.0)} == {Quality.GOOD}


# --- what was answered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "mw"),
    [
        ({}, 40.0),
        ({"accept_status": "ACCEPT", "accept_dot_mw": 40.0}, 40.0),
        ({"accept_status": "partial", "accept_dot_mw": 25.0}, 25.0),
        ({"accept_status": "DECLINE", "accept_dot_mw": 10.0}, 10.0),
        ({"accept_status": "DECLINE"}, None),
        ({"accept_status": "PARTIAL"}, None),
        ({"accept_status": "NON_RESPONSE", "reason_code": ReasonCode.TIMED_OUT_FORCED_DECLINE}, None),
        ({"reason_code": ReasonCode.TIMED_OUT_FORCED_DECLINE}, None),
        ({"accept_status": "NON_RESPONSE", "accept_dot_mw": 5.0, "reason_code": ReasonCode(15)}, 5.0),
    ],
)
def test_of_an_hourly_dispatch_what_was_accepted_counts(answer: dict[str, object], mw: float | None) -> None:
    state = after(seen(one(BatchType.HOURLY_PRE_DISPATCH), NOW, **answer), resource=STEP)
    assert of(take(state, 1.0), "setpoint_mw") == mw


def test_a_5_minute_target_is_binding_whatever_its_acceptance_says() -> None:
    state = after(seen(one(BatchType.FIVE_MINUTE), accept_status="DECLINE", accept_dot_mw=0.0), resource=STEP)
    assert of(take(state, 1.0), "setpoint_mw") == 40.0


@pytest.mark.parametrize("flag", ["", "?"])
def test_a_batch_of_which_nobody_knows_whether_it_binds_is_uncertain(flag: str) -> None:
    shot = take(after(facts.BatchSeen(replace(one(BatchType.FIVE_MINUTE), binding_flag=flag), NOW), resource=STEP))
    assert (of(shot, "quality"), of(shot, "directive")) == (Quality.UNCERTAIN, Directive.HOLD)
    assert reasons(shot) & Reason.NOT_BINDING


# --- refused values -----------------------------------------------------------------------------------------------


def test_a_refused_curve_is_not_forgotten_because_a_newer_one_begins_later() -> None:
    """A good curve, then a refused one over it, then a good one from minute 10 on: before that the refused one rules."""
    state = after(
        curve([(0, 80.0), (3600, 80.0)], "A", 0.0),
        curve([(0, 999.0), (3600, 999.0)], "B", 1.0),
        curve([(600, 90.0), (3600, 90.0)], "C", 2.0),
    )
    assert [of(fresh(state, s), "quality") for s in (599.0, 600.0)] == [Quality.BAD_DATA, Quality.GOOD]


def test_of_curves_received_at_once_the_refused_one_counts_when_it_is_the_later_in_order() -> None:
    good, bad = curve([(0, 80.0), (600, 80.0)], "A"), curve([(0, 999.0), (600, 999.0)], "B")
    assert of(take(after(good, bad)), "quality") == of(take(after(bad, good)), "quality") == Quality.BAD_DATA


def test_a_ramp_does_not_head_for_a_target_that_a_refused_one_has_replaced() -> None:
    replaced = replace(
        one(BatchType.FIVE_MINUTE, 999.0, minute=5, uid="B"), batch_received=START + timedelta(seconds=9)
    )
    state = after(*dots((0, 40.0), (5, 60.0)), facts.BatchSeen(replaced, NOW), resource=RAMP)
    assert of(take(state, 1.0), "quality") == Quality.BAD_DATA
    again = replace(one(BatchType.FIVE_MINUTE, 70.0, minute=5, uid="C"), batch_received=START + timedelta(seconds=19))
    state = fold(state, facts.BatchSeen(again, NOW))
    assert (of(take(state, 1.0), "quality"), of(take(state, 1.0), "next_dot_mw")) == (Quality.GOOD, 70.0)


# --- wind and sun -------------------------------------------------------------------------------------------------


def flagged(minute: float, flag: str | None) -> Event:
    return seen(one(BatchType.FIVE_MINUTE, 25.0, minute=minute, uid=f"F{minute}"), follow_dot_flag=flag)


def test_a_curtailment_counts_from_the_start_of_its_interval() -> None:
    state = after(
        facts.TrajectorySeen(FLAT, NOW), flagged(0, "N"), flagged(5, "Y"), resource=replace(PLAIN, renewable=True)
    )
    words = [of(fresh(state, second), "directive") for second in (149.0, 150.0, 300.0)]
    assert words == [Directive.RELEASE, Directive.FOLLOW, Directive.FOLLOW]


def test_wind_and_sun_are_not_free_during_an_exceptional_dispatch_that_has_no_flag() -> None:
    solar = replace(PLAIN, renewable=True)
    curtail = seen(one(BatchType.OUT_OF_SEQUENCE, 10.0, minute=-60), end_time=START + timedelta(hours=1))
    state = after(facts.TrajectorySeen(FLAT, NOW), flagged(0, "N"), curtail, resource=solar)
    assert of(take(state, 1.0), "directive") == Directive.FOLLOW
    state = fold(state, seen(replace(one(BatchType.OUT_OF_SEQUENCE, 10.0), batch_status=BatchStatus(4), revision_no=1)))
    assert of(take(state, 1.0), "directive") == Directive.RELEASE


# --- restart and a slow machine -----------------------------------------------------------------------------------


def test_targets_from_the_store_are_called_restored_too() -> None:
    state = fold(after(resource=STEP), facts.BatchSeen(one(BatchType.FIVE_MINUTE), NOW, restored=True))
    shot = take(replace(state, completed=None))
    assert (of(shot, "directive"), bool(reasons(shot) & Reason.RESTORED)) == (Directive.NO_DATA, True)


def test_a_ramp_that_takes_hours_does_not_jump_when_its_begin_is_forgotten() -> None:
    slow = replace(RAMP, machine=Machine(ramp_mw_per_min=1.0))
    state = after(resource=slow)
    for number in range(60):
        mw = 0.0 if number == 0 else 200.0
        state = fold(
            state,
            facts.BatchSeen(
                one(BatchType.FIVE_MINUTE, mw, minute=5.0 * number, uid=f"S{number}"), NOW.plus(300.0 * number)
            ),
        )
        assert of(take(state, 300.0 * number), "setpoint_mw") == pytest.approx(min(200.0, 5.0 * number))


def test_a_batch_read_again_is_no_sign_of_a_running_market() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW))
    later = NOW.plus(421.0)
    again = batch("M", start=START - MINUTES_5, revision=1)
    state = fold(fold(state, facts.BatchSeen(again, later)), facts.PollCompleted(later))
    assert reasons(take(state, 421.0)) & Reason.MARKET_SILENT
