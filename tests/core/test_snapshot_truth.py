"""What to do now, by when, and may it be trusted: the catalogue rows 74 to 110 and 201 to 205 that are decided here."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType
from caiso_ads.core.directive import Environment, Fallback, Then
from caiso_ads.core.events import Notice
from caiso_ads.core.happenings import Event
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.override import Override
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode
from caiso_ads.core.state import fold, initial
from tests.core.taking import FLAT, MINUTES_5, NOW, PLAIN, after, curve, dots, of, reasons, take
from tests.fakes import START, batch, trajectory

# --- three ways to a setpoint -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "mw"), [(Mode.DOP, 80.0), (Mode.RAMP, 50.0), (Mode.STEP, 40.0)])
def test_the_setpoint_comes_from_where_the_configuration_says(mode: Mode, mw: float) -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 40.0), (5, 60.0)), resource=replace(PLAIN, mode=mode))
    assert of(take(state, 150.0 if mode is not Mode.DOP else 20.0), "setpoint_mw") == mw


def test_previous_active_and_next_rotate_at_the_target_time_with_countdown_delta_and_rate() -> None:
    state = after(*dots((-5, 20.0), (0, 40.0), (5, 60.0)), resource=replace(PLAIN, mode=Mode.RAMP))
    before, later = take(state, -1.0, now=NOW.plus(-1.0)), take(state, 20.0)
    assert [of(before, key) for key in ("dot_mw", "next_dot_mw")] == [20.0, 40.0]
    assert [of(later, key) for key in ("previous_dot_mw", "dot_mw", "next_dot_mw")] == [20.0, 40.0, 60.0]
    assert of(later, "dot_delta_mw") == 20.0
    assert of(later, "seconds_to_next_target") == 280.0
    assert of(later, "required_mw_per_min") == pytest.approx(4.0)


def test_a_type_0_batch_may_target_an_hour_ahead_and_changes_nothing_until_then() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 80.0), (60, 10.0)))
    assert of(take(state, 20.0), "dot_mw") == 80.0
    assert of(take(state, 20.0), "seconds_to_next_target") == 3580.0


def test_ramp_and_operating_points_that_disagree_warn_and_change_nothing() -> None:
    agree = after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 80.0), (5, 80.0)))
    differ = after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 60.0), (5, 60.0)))
    assert (of(take(agree, 20.0), "ramp_minus_dop_mw"), of(take(agree, 20.0), "reasons")) == (0.0, Reason.NONE)
    assert of(take(differ, 20.0), "ramp_minus_dop_mw") == -20.0
    assert of(take(differ, 20.0), "reasons") == Reason.MISMATCH
    assert of(take(differ, 20.0), "directive") == Directive.FOLLOW


def test_targets_that_ran_out_are_stale_half_an_interval_later() -> None:
    state = after(*dots((0, 40.0)), resource=replace(PLAIN, mode=Mode.STEP))
    qualities = [
        take(fold(state, facts.PollCompleted(NOW.plus(seconds))), seconds).value("R1", "setpoint_mw").quality
        for seconds in (150.0, 151.0)
    ]
    assert qualities == [Quality.GOOD, Quality.UNCERTAIN]


# --- wind and sun -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "supp", "directive", "curtailed"),
    [
        ("Y", -22.0, Directive.FOLLOW, 1),
        ("Y", 0.0, Directive.FOLLOW, 0),
        (None, 0.0, Directive.RELEASE, 0),
        ("N", -0.39, Directive.RELEASE, 0),
    ],
)
def test_wind_and_sun_follow_only_when_the_flag_says_so(
    flag: str | None, supp: float, directive: Directive, curtailed: int
) -> None:
    solar = replace(PLAIN, renewable=True)
    shot = take(
        after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 25.0), (5, 25.0), flag=flag, supp=supp), resource=solar), 9.0
    )
    assert (of(shot, "directive"), of(shot, "curtailed")) == (directive, curtailed)
    assert bool(reasons(shot) & Reason.FREE_TO_RUN) == (directive is Directive.RELEASE)


@pytest.mark.parametrize("known", [[], dots((-60, 25.0), (60, 25.0))])
def test_wind_and_sun_are_not_free_because_a_target_is_missing_or_old(known: list[Event]) -> None:
    shot = take(after(facts.TrajectorySeen(FLAT, NOW), *known, resource=replace(PLAIN, renewable=True)), 9.0)
    assert of(shot, "directive") == Directive.FOLLOW


def test_a_target_an_hour_ahead_does_not_keep_an_old_one_good() -> None:
    state = after(*dots((0, 40.0), (60, 60.0)), resource=replace(PLAIN, mode=Mode.STEP))
    qualities = [
        take(fold(state, facts.PollCompleted(NOW.plus(s))), s).value("R1", "setpoint_mw").quality
        for s in (150.0, 151.0, 419.0)
    ]
    assert qualities == [Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN]


def test_other_technologies_always_follow() -> None:
    assert (
        of(take(after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 80.0), (5, 80.0), flag="N"))), "directive")
        == Directive.FOLLOW
    )


# --- link lost, operator, clock -----------------------------------------------------------------------------------


def test_when_our_link_is_lost_the_value_is_held_then_the_fallback_applies() -> None:
    policy = Fallback(hold_s=600.0, then=Then.VALUE, value_mw=12.0)
    state = after(facts.TrajectorySeen(FLAT, NOW), resource=replace(PLAIN, fallback=policy))
    held, later = take(state, 100.0), take(state, 661.0)
    assert (of(held, "directive"), of(held, "setpoint_mw"), of(held, "hold_left_s")) == (Directive.HOLD, 80.0, 560.0)
    assert (of(later, "directive"), of(later, "setpoint_mw"), of(later, "hold_left_s")) == (
        Directive.RELEASE,
        12.0,
        0.0,
    )


def test_an_override_shows_its_value_as_forced_and_ends_by_itself() -> None:
    forced = Override("R1", 33.0, None, "line work", "ann", START, START + timedelta(seconds=20))
    state = after(facts.TrajectorySeen(FLAT, NOW), facts.OverridesChanged((forced,)))
    during, later = take(state, 19.0), take(state, 20.0)
    assert (of(during, "setpoint_mw"), of(during, "quality"), of(during, "directive")) == (
        33.0,
        Quality.FORCED,
        Directive.HOLD,
    )
    assert (of(later, "setpoint_mw"), of(later, "quality"), of(later, "directive")) == (
        80.0,
        Quality.GOOD,
        Directive.FOLLOW,
    )


@pytest.mark.parametrize("word", [Directive.NO_DATA, Directive.HOLD, Directive.RELEASE])
def test_an_override_forces_its_own_word_and_leaves_the_value(word: Directive) -> None:
    forced = Override("R1", None, word, "line work", "ann", START, START + timedelta(seconds=20))
    shot = take(after(facts.TrajectorySeen(FLAT, NOW), facts.OverridesChanged((forced,))), 5.0)
    assert (of(shot, "directive"), of(shot, "quality"), of(shot, "setpoint_mw")) == (word, Quality.FORCED, 80.0)


@pytest.mark.parametrize("jump_s", [-600.0, 600.0, 3600.0, -7200.0])
def test_row_38_39_a_clock_step_freezes_rotation_until_the_isos_clock_agrees(jump_s: float) -> None:
    ramp = trajectory("T", {"R1": [(START, 0.0), (START + timedelta(hours=3), 10_800.0)]})
    state = after(facts.TrajectorySeen(ramp, NOW), resource=replace(PLAIN, pmax_mw=1e5))
    jumped = Instant(NOW.plus(10.0 + jump_s).wall, NOW.mono + 10.0)
    stepped = fold(state, facts.ClockStepped(jumped, NOW.plus(9.0)))
    shot = take(stepped, now=jumped)
    assert (of(shot, "setpoint_mw"), of(shot, "directive")) == (10.0, Directive.HOLD)
    assert reasons(shot) & Reason.CLOCK_OFF
    assert of(take(stepped, now=jumped.plus(5.0)), "setpoint_mw") == 10.0
    healed = fold(stepped, facts.ClockSampled(0.3, NOW.plus(20.0)))
    assert of(take(healed, 20.0), "directive") == Directive.FOLLOW


def test_row_40_a_clock_far_from_the_isos_is_shown_and_not_trusted() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW), facts.ClockSampled(2.5, NOW))
    assert take(state).gateway_value("clock_offset_s").value == 2.5
    assert of(take(state), "directive") == Directive.FOLLOW
    state = fold(state, facts.ClockSampled(-11.0, NOW))
    assert (of(take(state), "directive"), take(state).gateway_value("clock_ok").value) == (Directive.HOLD, 0)


@pytest.mark.parametrize("day", [datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 3, 14, tzinfo=UTC)])
def test_row_42_43_a_day_of_daylight_saving_has_no_seam(day: datetime) -> None:
    points = [(day + timedelta(minutes=5 * n), float(n % 7)) for n in range(301)]
    seen = facts.TrajectorySeen(trajectory("T", {"R1": points}, received=day), Instant(day, 0.0))
    state = fold(initial({"R1": PLAIN}, Environment.PRODUCTION), seen)
    for n in range(300):
        shot = take(state, now=Instant(day + timedelta(minutes=5 * n), 300.0 * n))
        assert of(shot, "setpoint_mw") == float(n % 7)


# --- rows of the fault catalogue ----------------------------------------------------------------------------------


def test_row_90_minus_one_and_minus_zero_are_ordinary_values_where_the_limits_allow_them() -> None:
    storage = replace(PLAIN, pmin_mw=-50.0)
    for mw in (-1.0, -0.0):
        assert of(take(after(curve([(0, mw), (600, mw)]), resource=storage), 5.0), "setpoint_mw") == mw


def test_row_89_a_target_outside_the_limits_is_refused_and_the_previous_one_kept() -> None:
    state = after(*dots((0, 40.0), (5, 99_999.0)), resource=replace(PLAIN, mode=Mode.STEP))
    later = take(fold(state, facts.PollCompleted(NOW.plus(301.0))), 301.0)
    assert (of(later, "setpoint_mw"), of(later, "quality"), of(later, "directive")) == (
        40.0,
        Quality.BAD_DATA,
        Directive.HOLD,
    )


def test_row_94_a_resource_missing_from_the_answers_is_never_good_for_ever() -> None:
    state = after(curve([(0, 50.0), (300, 50.0)]))
    words = [
        of(take(fold(state, facts.PollCompleted(NOW.plus(second))), second), "quality")
        for second in (299, 301, 599, 601)
    ]
    assert words == [Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.BAD_STALE]


def test_row_96_the_newer_trajectory_wins_from_its_first_target_time_on() -> None:
    state = after(curve([(0, 10.0), (600, 10.0)]), curve([(300, 90.0), (600, 90.0)], "N", received=1.0))
    assert [of(take(state, second), "setpoint_mw") for second in (299.0, 300.0)] == [10.0, 90.0]


@pytest.mark.parametrize(
    ("flag", "directive"), [("N", Directive.NO_DATA), (None, Directive.HOLD), ("Y", Directive.FOLLOW)]
)
def test_row_97_non_binding_never_drives_and_a_missing_flag_is_uncertain(
    flag: str | None, directive: Directive
) -> None:
    assert of(take(after(curve([(0, 10.0), (600, 10.0)], binding=flag)), 5.0), "directive") == directive


def test_row_98_110_past_points_only_are_stale_and_a_far_first_point_waits() -> None:
    past = take(after(curve([(-900, 10.0), (-600, 10.0)])))
    assert (of(past, "quality"), of(past, "directive")) == (Quality.BAD_STALE, Directive.HOLD)
    far = take(after(curve([(3600, 10.0)])))
    assert (of(far, "setpoint_mw"), of(far, "directive")) == (None, Directive.NO_DATA)


def test_row_82_83_85_the_highest_revision_counts_whenever_it_arrives() -> None:
    revisions = [batch("A", dots={"R1": 10.0 * n}, revision=n) for n in range(4)]
    for order in itertools.permutations(revisions):
        state = after(*(facts.BatchSeen(item, NOW) for item in order))
        assert of(take(state), "dot_mw") == 30.0


@pytest.mark.parametrize("status", [BatchStatus(2), BatchStatus(3), BatchStatus(5), BatchStatus(99)])
def test_row_87_other_statuses_keep_their_targets(status: BatchStatus) -> None:
    assert of(take(after(facts.BatchSeen(batch("A", dots={"R1": 10.0}, status=status), NOW))), "dot_mw") == 10.0


@pytest.mark.parametrize(("mw", "notice"), [(60.0, Notice.NONE), (190.0, Notice.BEYOND_RAMP)])
def test_row_99_a_step_beyond_the_ramp_rate_is_published_and_flagged(mw: float, notice: Notice) -> None:
    slow = replace(PLAIN, machine=Machine(ramp_mw_per_min=20.0))
    shot = take(after(facts.TrajectorySeen(FLAT, NOW), *dots((0, 80.0), (5, mw)), resource=slow), 1.0)
    assert (of(shot, "notices"), of(shot, "next_dot_mw"), of(shot, "quality")) == (notice, mw, Quality.GOOD)


def test_row_100_a_transition_shows_until_it_ends() -> None:
    one = batch("A", dots={"R1": 1.0})
    inner = replace(
        one.instructions[0], instruction_type=InstructionType.MSG_TRANSITION, dot_mw=None, end_time=START + MINUTES_5
    )
    state = after(facts.BatchSeen(replace(one, instructions=(inner,)), NOW))
    assert of(take(state, 10.0), "notices") == Notice.TRANSITION
    assert of(take(state, 10.0), "transition_end_time") == START + MINUTES_5
    assert of(take(state, 301.0), "notices") == Notice.NONE


def test_row_201_a_silent_market_is_uncertain_and_held_although_the_iso_answers() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW))
    later = fold(state, facts.PollCompleted(NOW.plus(421.0)))
    assert (of(take(later, 421.0), "quality"), of(take(later, 421.0), "directive")) == (
        Quality.UNCERTAIN,
        Directive.HOLD,
    )
    assert reasons(take(later, 421.0)) & Reason.MARKET_SILENT


def test_row_203_batches_without_visible_instructions_change_no_quality() -> None:
    empty = [facts.BatchSeen(batch(f"E{n}", batch_type=BatchType.COMMITMENT), NOW) for n in range(40)]
    assert (
        take(after(facts.TrajectorySeen(FLAT, NOW), *empty)).resources
        == take(after(facts.TrajectorySeen(FLAT, NOW))).resources
    )


def test_row_205_a_vertical_step_by_sequence_and_skipped_intervals() -> None:
    state = after(curve([(0, 10.0), (60, 10.0), (60, 70.0), (120, 70.0)]))
    assert [of(take(state, second), "setpoint_mw") for second in (59.0, 60.0)] == [10.0, 70.0]
    skipped = [of(take(fold(state, facts.PollCompleted(NOW.plus(s))), s), "quality") for s in (121.0, 420.0, 421.0)]
    assert skipped == [Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.BAD_STALE]


# --- properties ---------------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Make random sequences of batches, revisions, cancels, trajectories, polls and failures."""
    made: list[Event] = []
    for number in range(draw(st.integers(1, 8))):
        minute = draw(st.integers(-10, 20))
        mw = draw(st.sampled_from([-5.0, 0.0, 50.0, 150.0, 250.0]))
        uid = f"U{draw(st.integers(0, 3))}"
        status = draw(st.sampled_from([BatchStatus.CLOSED, BatchStatus.EMERGENCY_CANCELLED]))
        one: DispatchBatch = batch(
            uid, dots={"R1": mw}, start=START + timedelta(minutes=minute), revision=number, status=status
        )
        made.append(draw(st.sampled_from([
            facts.BatchSeen(one, NOW), curve([(60.0 * minute, mw), (60.0 * minute + 300.0, mw)], f"T{number}", float(number)),
            facts.PollCompleted(NOW.plus(float(number))),
        ])))  # fmt: skip
    return made


@given(histories(), st.floats(0, 900), st.sampled_from(list(Mode)))
def test_follow_only_if_confirmed_covered_in_limits_and_fresh(history: list[Event], seconds: float, mode: Mode) -> None:
    state = initial({"R1": replace(PLAIN, mode=mode, machine=Machine(20.0, 30.0))}, Environment.PRODUCTION)
    for event in history:
        state = fold(state, event)
    shot = take(state, seconds)
    if of(shot, "directive") == Directive.FOLLOW:
        setpoint, age = of(shot, "setpoint_mw"), shot.gateway_value("link_age_s").value
        assert isinstance(setpoint, float)
        assert isinstance(age, float)
        assert PLAIN.allows(setpoint)
        assert age <= 30.0
        assert of(shot, "schedule_age_s") == 0.0
        assert of(shot, "quality") == Quality.GOOD


@given(histories(), st.floats(0, 600), st.floats(0, 600))
def test_the_directive_never_becomes_follow_by_time_alone_once_the_link_is_silent(
    history: list[Event], first: float, later: float
) -> None:
    state = initial({"R1": PLAIN}, Environment.PRODUCTION)
    for event in history:
        state = fold(state, event)
    if take(state, first).gateway_value("link_age_s").value is None:
        assert of(take(state, first + later), "directive") == Directive.NO_DATA
    elif first > 30.0 + len(history):
        assert of(take(state, first + later), "directive") != Directive.FOLLOW


@given(histories(), st.integers(-600, 1500))
def test_the_active_target_equals_an_oracle_written_from_the_rule(history: list[Event], second: int) -> None:
    """Of each batch its highest revision (the last one where equal); not cancelled, in limits; newest start that came."""
    state = initial({"R1": PLAIN}, Environment.PRODUCTION)
    newest: dict[str, DispatchBatch] = {}
    for event in history:
        state = fold(state, event)
        if isinstance(event, facts.BatchSeen):
            known = newest.get(event.batch.batch_uid)
            if known is None or event.batch.revision_no >= known.revision_no:
                newest[event.batch.batch_uid] = event.batch
    when = START + timedelta(seconds=second)
    standing = [
        (one.start_time, one.batch_received, one.batch_uid, one.instructions[0].dot_mw)
        for one in newest.values()
        if one.batch_status is BatchStatus.CLOSED and one.start_time <= when
    ]
    allowed = [row for row in standing if row[3] is not None and 0.0 <= row[3] <= 200.0]
    expected = max(allowed)[3] if allowed else None
    assert of(take(state, now=Instant(when, 1000.0 + second)), "dot_mw") == expected
