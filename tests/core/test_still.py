"""A memory changes no answer: whatever came, whatever the clock did, the snapshot is that of one without a memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchType, InstructionType
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment, Fallback, LinkFault, Then
from caiso_ads.core.events import Notice, PlantEvent
from caiso_ads.core.happenings import Event
from caiso_ads.core.instant import Instant
from caiso_ads.core.override import Override
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive
from caiso_ads.core.resource import Mode
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from caiso_ads.core.still import Memory, worked_out
from tests.core.taking import NOW, PLAIN, after, dots
from tests.core.test_snapshot_oracle import FLEET, curve_event, curves, said
from tests.fakes import START, batch

Step = Event | float
"""Something that happens, or so many seconds that pass; below zero the wall clock is set back."""

KINDS = [
    InstructionType.START_UP, InstructionType.SHUT_DOWN, InstructionType.MIN_CONSTRAINT,
    InstructionType.MAX_CONSTRAINT, InstructionType.CAPACITY_AWARD, InstructionType.MSG_TRANSITION,
]  # fmt: skip


@st.composite
def happening(draw: st.DrawFn) -> Event:
    """Make an event that is no target: commitment, constraint, award; some end before the next target, some later."""
    start = START + timedelta(seconds=30 * draw(st.integers(-20, 60)))
    made = batch(
        f"E{draw(st.integers(0, 3))}", dots={draw(st.sampled_from(["R1", "R2"])): 50.0}, start=start,
        received=START + timedelta(seconds=draw(st.integers(0, 3))),
        batch_type=draw(st.sampled_from([BatchType.OUT_OF_SEQUENCE, BatchType.AS_AWARDS])),
    )  # fmt: skip
    end = draw(st.sampled_from([None, start + timedelta(seconds=90)]))
    inner = replace(made.instructions[0], instruction_type=draw(st.sampled_from(KINDS)), end_time=end)
    return facts.BatchSeen(replace(made, instructions=(inner,)), NOW)


def forced(mw: float | None, minutes: int) -> Event:
    word = Directive.RELEASE if mw is None else None
    return facts.OverridesChanged(
        (Override("R2", mw, word, "test", "somebody", START, START + timedelta(minutes=minutes)),)
    )


OTHERS: list[Event] = [
    facts.PollCompleted(NOW), facts.PollCompleted(NOW.plus(900.0)), facts.PollFailed(LinkFault.CERTIFICATE),
    facts.StoreChanged(ok=False), facts.StoreChanged(ok=True), facts.Restarted(), facts.Stopping(),
    facts.ClockSampled(0.0, NOW.plus(60.0)), facts.ClockSampled(30.0, NOW.plus(300.0)),
    facts.ClockStepped(NOW.plus(600.0), NOW), facts.PayloadUnreadable(NOW, dispatch=True),
    facts.OverridesChanged(()), forced(20.0, 10), forced(None, 60),
]  # fmt: skip


@st.composite
def walks(draw: st.DrawFn) -> list[Step]:
    """Make a history in the order in which it comes, with time passing between: often little, seldom backwards."""
    came: list[Event] = [one.event() for one in draw(said())] + [curve_event(one) for one in draw(curves())]
    came += draw(st.lists(happening(), max_size=3)) + draw(st.lists(st.sampled_from(OTHERS), max_size=5))
    passes = st.sampled_from([0.0, 1.0, 1.0, 29.5, 30.0, 149.0, 150.0, 151.0, 300.0, 1800.0, -30.0, -600.0])
    steps: list[Step] = []
    for event in draw(st.permutations(came)):
        steps += [event, *draw(st.lists(passes, max_size=3))]
    return steps + draw(st.lists(passes, min_size=3, max_size=8))


def shots(state: State, steps: Iterable[Step], memory: Memory | None) -> list[Snapshot]:
    """Take a snapshot after each step."""
    now, taken = NOW, []
    for step in steps:
        if not isinstance(step, float):
            state = fold(state, step)
        elif step < 0.0:
            now = Instant(now.wall + timedelta(seconds=step), now.mono)
        else:
            now = now.plus(step)
        taken.append(snapshot(state, now, DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0, memory=memory))
    return taken


@settings(max_examples=150, deadline=None)
@given(walks(), st.sampled_from(list(Mode)), st.sampled_from([Fallback(), Fallback(60.0, Then.VALUE, 7.0)]))
def test_a_snapshot_with_a_memory_equals_one_without(steps: list[Step], mode: Mode, fallback: Fallback) -> None:
    fleet = {one.resource_id: replace(one, mode=mode, fallback=fallback) for one in FLEET}
    state = initial(fleet, Environment.PRODUCTION)
    assert shots(state, steps, Memory()) == shots(state, steps, None)


def test_what_was_worked_out_from_other_things_is_not_used() -> None:
    known = after(*dots((0, 50.0), (5, 60.0))).resources["R1"]
    targets, when = known.targets, START.timestamp() + 10.0
    event = PlantEvent("E", START, InstructionType.START_UP, Notice.START_UP, when - 600.0, when + 900.0, None)
    for other in (
        replace(known, targets=targets[:1]),
        replace(known, withdrawn=targets[:1]),
        replace(known, refused_targets=targets[:1]),
        replace(known, events=(event,)),
    ):
        memory = Memory()
        first = memory.still(PLAIN, known, when, 0)
        assert memory.still(PLAIN, other, when, 0) is not first
    memory = Memory()
    assert memory.still(PLAIN, known, when, 0).shown["pmax_mw"] == PLAIN.pmax_mw
    assert memory.still(replace(PLAIN, pmax_mw=90.0), known, when, 0).shown["pmax_mw"] == 90.0
    assert memory.still(PLAIN, known, when, 0).due == 0
    assert memory.still(PLAIN, known, when, 1).due == 1


def test_what_stands_still_is_worked_out_once_between_two_edges() -> None:
    state, memory = after(*dots((0, 50.0), (5, 60.0))), Memory()
    resource, known, begin = state.configured["R1"], state.resources["R1"], START.timestamp()
    first = memory.still(resource, known, begin, 0)
    assert (first.begin, first.end) == (begin, begin + 300.0)
    assert memory.still(resource, known, begin + 299.9, 0) is first
    assert memory.still(resource, replace(known, restored=True, dispatch_at=None), begin, 0) is first
    for moved in (begin + 300.0, begin - 0.1):
        assert memory.still(resource, known, moved, 0) == worked_out(resource, known, moved, 0) != first
