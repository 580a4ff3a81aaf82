"""Signs of life and contradictions: yesterday sent again never looks like a market, and one revision says one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.arrivals import LATE_S, content, is_current
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.decide import recheck
from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import Event
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.resource import Mode
from caiso_ads.core.setpoint import targets_of
from caiso_ads.core.state import State, fold, initial
from tests.core.taking import FLAT, MINUTES_5, NOW, PLAIN, after, of, reasons, take
from tests.fakes import START, batch, trajectory

STEP = replace(PLAIN, mode=Mode.STEP)
A = batch("A", dots={"R1": 40.0})
OTHER = batch("A", dots={"R1": 60.0})


def seen(*batches: DispatchBatch) -> list[Event]:
    return [facts.BatchSeen(one, NOW) for one in batches]


def word(state: State) -> tuple[object, object, bool]:
    shot = take(state, 1.0)
    return of(shot, "quality"), of(shot, "setpoint_mw"), bool(reasons(shot) & Reason.CONFLICT)


# --- one revision, two contents -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([A, A], (Quality.GOOD, 40.0, False)),
        ([A, OTHER], (Quality.UNCERTAIN, 60.0, True)),
        ([A, OTHER, OTHER], (Quality.GOOD, 60.0, False)),
        ([A, OTHER, A], (Quality.UNCERTAIN, 40.0, True)),
        ([A, OTHER, A, A], (Quality.GOOD, 40.0, False)),
        ([A, replace(OTHER, revision_no=1)], (Quality.GOOD, 60.0, False)),
        ([A, OTHER, replace(A, revision_no=1)], (Quality.GOOD, 40.0, False)),
        ([A, replace(A, batch_status=BatchStatus.ACTIVE)], (Quality.GOOD, 40.0, False)),
    ],
)
def test_row_84_of_two_contents_the_last_is_uncertain_until_it_is_read_again(
    answers: list[DispatchBatch], expected: tuple[object, object, bool]
) -> None:
    assert word(after(*seen(*answers), resource=STEP)) == expected


@pytest.mark.parametrize("mode", list(Mode))
def test_row_84_a_next_target_of_which_two_contents_came_counts_as_well(mode: Mode) -> None:
    later = batch("L", dots={"R1": 60.0}, start=START + MINUTES_5)
    other = batch("L", dots={"R1": 70.0}, start=START + MINUTES_5)
    state = after(facts.TrajectorySeen(FLAT, NOW), *seen(A, later, other), resource=replace(PLAIN, mode=mode))
    assert of(take(state, 1.0), "directive") == Directive.HOLD


def test_row_84_resources_of_which_both_contents_say_the_same_are_not_touched() -> None:
    two = {name: replace(STEP, resource_id=name) for name in ("R1", "R2")}
    state = initial(two, Environment.PRODUCTION)
    for mw in (40.0, 60.0):
        state = fold(state, facts.BatchSeen(batch("A", dots={"R1": mw, "R2": 5.0}), NOW))
    shot = take(fold(state, facts.PollCompleted(NOW)), 1.0)
    assert [shot.value(name, "quality").value for name in two] == [Quality.UNCERTAIN, Quality.GOOD]


def test_row_84_it_is_the_first_to_be_read_again_and_then_waits_as_the_others() -> None:
    others = [batch(f"B{n}", dots={"R1": 1.0}) for n in range(9)]
    late = batch("Z", dots={"R1": 1.0}, start=START + timedelta(hours=1))
    other = batch("Z", dots={"R1": 2.0}, start=START + timedelta(hours=1))
    state = after(*seen(*others, late, other))
    state = fold(state, facts.BatchChecked("Z", NOW.plus(5.0)))
    assert recheck(state, NOW.plus(10.0))[0] == "Z"
    assert "Z" not in recheck(fold(state, facts.BatchSeen(other, NOW.plus(10.0))), NOW.plus(10.0))


def test_row_84_what_is_restored_with_two_contents_must_be_read_again() -> None:
    state = after(facts.BatchSeen(A, NOW, restored=True, disputed=True), resource=STEP)
    assert word(state)[0] is Quality.UNCERTAIN
    assert word(fold(state, *seen(A)))[0] is Quality.GOOD


def test_a_content_is_what_one_batch_says_of_the_time_not_yet_forgotten() -> None:
    (_, first), (_, second) = [*targets_of(A), *targets_of(batch("B", dots={"R1": 1.0}))]
    marked = replace(first, disputed=True, reached_mw=7.0)
    assert content([marked, second], "A", first.target) == {first}
    assert content([marked, second], "A", first.target + 1.0) == set()


# --- yesterday again ----------------------------------------------------------------------------------------------


def test_what_is_late_is_no_sign_of_life_and_what_is_ahead_is() -> None:
    when = START.timestamp()
    assert [is_current(when - late, NOW) for late in (-3600.0, 0.0, LATE_S, LATE_S + 1.0)] == [True, True, True, False]


YESTERDAY = st.lists(
    st.tuples(
        st.sampled_from([BatchType.FIVE_MINUTE, BatchType.HOURLY_PRE_DISPATCH, BatchType.OUT_OF_SEQUENCE]),
        st.integers(-86_400, -int(LATE_S) - 1),
        st.sampled_from([-5.0, 0.0, 40.0, 150.0, 999.0]),
        st.sampled_from([BatchStatus.CLOSED, BatchStatus.ACTIVE, BatchStatus.EMERGENCY_CANCELLED]),
    ),
    max_size=12,
)
CURVES = st.lists(st.tuples(st.integers(-86_400, -int(LATE_S) - 1), st.sampled_from([0.0, 80.0])), max_size=4)


@settings(deadline=None)
@given(YESTERDAY, CURVES, st.booleans(), st.sampled_from(list(Mode)), st.integers(421, 3000))
def test_row_110_yesterday_sent_again_under_new_names_is_never_good(
    batches: list[tuple[BatchType, int, float, BatchStatus]],
    curves: list[tuple[int, float]],
    knows_today: bool,  # noqa: FBT001 - drawn
    mode: Mode,
    seconds: int,
) -> None:
    """Whatever comes of the past, also where today's schedule still covers now: without a market nothing is followed."""
    today: list[Event] = [facts.TrajectorySeen(FLAT, NOW)]
    today += [facts.BatchSeen(batch(f"T{n}", dots={"R1": 80.0}, start=START + n * MINUTES_5), NOW) for n in range(12)]
    state = after(*today if knows_today else [], resource=replace(PLAIN, mode=mode))
    at = NOW.plus(float(seconds))
    for n, (kind, start, mw, status) in enumerate(batches):
        made = batch(
            f"Y{n}", dots={"R1": mw}, start=at.plus(start).wall, received=at.wall, batch_type=kind, status=status
        )
        state = fold(state, facts.BatchSeen(made, at))
    for n, (end, mw) in enumerate(curves):
        points = [(at.plus(end - 300.0).wall, mw), (at.plus(float(end)).wall, mw)]
        state = fold(state, facts.TrajectorySeen(trajectory(f"C{n}", {"R1": points}, received=at.wall), at))
    shot = take(fold(state, facts.PollCompleted(at)), now=at)
    assert of(shot, "quality") in {Quality.UNCERTAIN, Quality.BAD_STALE, Quality.BAD_DATA}
    assert of(shot, "directive") not in {Directive.FOLLOW, Directive.RELEASE}
    assert shot.gateway_value("market_age_s").value == float(seconds)


def test_row_110_what_is_of_yesterday_does_not_make_the_ages_young() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW), *seen(A))
    at, then = NOW.plus(60.0), START - timedelta(days=1)
    state = fold(state, facts.BatchSeen(batch("Y", dots={"R1": 1.0}, start=then), at))
    state = fold(state, facts.TrajectorySeen(trajectory("Y", {"R1": [(then, 1.0)]}), at))
    assert [of(take(state, now=at), key) for key in ("dispatch_age_s", "trajectory_age_s")] == [60.0, 60.0]
    state = fold(state, facts.BatchSeen(batch("N", dots={"R1": 1.0}, start=START - MINUTES_5), at))
    assert of(take(state, now=at), "dispatch_age_s") == 0.0


def test_row_110_an_unreadable_batch_is_not_made_up_for_by_one_of_yesterday() -> None:
    state = after(facts.TrajectorySeen(FLAT, NOW), facts.PayloadUnreadable(NOW, dispatch=True))
    state = fold(state, facts.BatchSeen(batch("Y", start=START - timedelta(days=1)), NOW))
    assert of(take(state, 1.0), "directive") == Directive.HOLD
    assert of(take(fold(state, facts.BatchSeen(batch("N"), NOW)), 1.0), "directive") == Directive.FOLLOW
