"""Records become events in the order they happened, and a restart never looks better than it was."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import Environment, LinkFault
from caiso_ads.core.instant import Instant
from caiso_ads.core.intervals import NOT_RECORDED, Outage, Span
from caiso_ads.core.lived import NOTHING, RESTART, STORE_FAILED, Distrust, Forced, Lived, events, poll_inside
from caiso_ads.core.override import Override
from caiso_ads.core.state import UNCHECKED_CLOCK, State, fold, initial
from tests.fakes import START, trajectory
from tests.rig import FLAT, R1

SECOND = timedelta(seconds=1)
ORIGIN = Instant(START, 0.0)
ONE = Override("R1", 40.0, None, "test", "alice", START + SECOND, START + 60 * SECOND)


def after(lived: Lived, seconds: float) -> State:
    state = initial(R1, Environment.PRODUCTION)
    for at_s, _, event in events(lived, ORIGIN):
        if at_s <= seconds:
            state = fold(state, event)
    return state


def test_nothing_recorded_is_no_event() -> None:
    assert events(NOTHING, ORIGIN) == []
    assert events(Lived((Outage(START, START + SECOND, NOT_RECORDED),)), ORIGIN) == []


def test_a_restart_is_a_shutdown_from_the_last_complete_poll_to_the_first() -> None:
    lived = Lived((Outage(START, START + 60 * SECOND, RESTART),))
    assert after(lived, 0).stopping
    assert after(lived, 59).stopping
    new = after(lived, 60)
    assert not new.stopping
    assert new.completed == ORIGIN.plus(60.0)
    assert poll_inside(lived.outages[0]) is None


def test_a_new_life_knows_of_the_old_one_only_what_the_store_does() -> None:
    state = initial(R1, Environment.PRODUCTION)
    known = (
        facts.TrajectorySeen(trajectory("T", FLAT), ORIGIN), facts.PollCompleted(ORIGIN), facts.PayloadUnreadable(ORIGIN, dispatch=False),
        facts.OverridesChanged((ONE,)), facts.ClockSampled(99.0, ORIGIN), facts.StoreChanged(ok=False),
        facts.PollFailed(LinkFault.CERTIFICATE), facts.Stopping(),
    )  # fmt: skip
    for event in known:
        state = fold(state, event)
    new = fold(state, facts.Restarted())
    assert (new.completed, new.link_fault, new.store_ok, new.stopping) == (None, LinkFault.NONE, True, False)
    assert (new.clock, new.unreadable) == (UNCHECKED_CLOCK, 0)
    assert new.overrides == (ONE,)
    assert new.resources["R1"].legs == state.resources["R1"].legs
    assert (state.resources["R1"].restored, new.resources["R1"].restored) == (False, True)


def test_a_link_outage_fails_polls_between_two_complete_ones() -> None:
    outage = Outage(START, START + 60 * SECOND, "ADS did not answer")
    lived = Lived((outage,))
    assert isinstance(poll_inside(outage), facts.PollFailed)
    assert [lived.at(START + n * SECOND) for n in (0, 1, 60)] == [None, outage, None]
    assert [type(event) for *_, event in events(lived, ORIGIN)] == [facts.PollCompleted, facts.PollCompleted]


def test_a_store_that_failed_says_so_and_is_no_fault_of_the_link() -> None:
    lived = Lived((Outage(START, START + 60 * SECOND, STORE_FAILED),), store_failures=(Span(START, START + SECOND),))
    assert not after(lived, 0).store_ok
    assert after(lived, 60).store_ok
    assert poll_inside(lived.outages[0]) is None


def test_an_override_that_is_replaced_gives_way_in_the_same_moment() -> None:
    two = Override("R1", 50.0, None, "more", "bob", START + 10 * SECOND, START + 90 * SECOND)
    lived = Lived(forced=(Forced(ONE, two.since), Forced(two, START + 20 * SECOND)))
    assert after(lived, 0).overrides == ()
    assert after(lived, 5).overrides == (ONE,)
    assert after(lived, 10).overrides == (two,)
    assert after(lived, 20).overrides == ()


def test_a_distrust_freezes_the_time_it_froze_and_ends() -> None:
    lived = Lived(distrusts=(Distrust(START + 5 * SECOND, START + 20 * SECOND, -600.0, 0.5),))
    clock = after(lived, 5).clock
    assert (clock.ok, clock.frozen_at, clock.offset_s) == (False, (START + 5 * SECOND).timestamp(), -600.0)
    assert not after(lived, 19).clock.ok
    assert (after(lived, 20).clock.ok, after(lived, 20).clock.offset_s) == (True, 0.5)


def test_one_without_an_end_lasts_and_one_lived_twice_is_not_trusted() -> None:
    assert not after(Lived(distrusts=(Distrust(START, None, 5.0, None),)), 9e6).clock.ok
    back = Lived(distrusts=(Distrust(START + 600 * SECOND, START + 5 * SECOND, None, 0.5),))
    assert [after(back, n).clock.ok for n in (4, 5, 300, 599, 600)] == [True, False, False, False, True]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100), st.sampled_from([RESTART, STORE_FAILED, "ADS"]))))
def test_events_are_in_order_and_each_outage_is_over_at_its_end(spans: list[tuple[int, int, str]]) -> None:
    ordered, last = list[Outage](), 0
    for gap, length, reason in spans:
        ordered.append(Outage(START + (last + gap) * SECOND, START + (last + gap + length) * SECOND, reason))
        last += gap + length
    found = events(Lived(tuple(ordered)), ORIGIN)
    assert [item[0] for item in found] == sorted(item[0] for item in found)
    state = initial(R1, Environment.PRODUCTION)
    for *_, event in found:
        state = fold(state, event)
    assert not state.stopping
    assert state.store_ok


def test_a_distrust_that_ended_without_a_reading_leaves_the_offset_unknown() -> None:
    """As after a restart where the ISO's answers carry no time: the clock counts, and nobody knows how far it is off."""
    clock = after(Lived(distrusts=(Distrust(START, START + 20 * SECOND, 30.0, None),)), 30).clock
    assert (clock.ok, clock.frozen_at, clock.offset_s) == (True, None, None)
