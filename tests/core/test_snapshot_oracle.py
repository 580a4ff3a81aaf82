"""Setpoint, coverage and directive through fold and snapshot, against rules written down naively beside the product."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.directive import Environment, LinkFault
from caiso_ads.core.happenings import Event
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.points import RESOURCE_POINTS, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode, Resource
from caiso_ads.core.state import State, fold, initial
from caiso_ads.core.trajectory import Leg
from tests.core.taking import NOW, take
from tests.core.test_ramp_oracle import oracle as ramp_oracle
from tests.core.test_trajectory import oracle as curve_oracle
from tests.fakes import START, batch, trajectory

STORAGE = Resource("R1", "storage", -100.0, 200.0)
GAS = Resource("R2", "gas", 0.0, 180.0, machine=Machine(40.0, 12.0))
SOLAR = Resource("R3", "solar", 0.0, 180.0, renewable=True)
FLEET = (STORAGE, GAS, SOLAR)
DOT, HOURLY, EXCEPTIONAL = BatchType.FIVE_MINUTE, BatchType.HOURLY_PRE_DISPATCH, BatchType.OUT_OF_SEQUENCE
STANDS, CANCELLED, DEFERRED = BatchStatus.CLOSED, BatchStatus.EMERGENCY_CANCELLED, BatchStatus.DEFERRED

STATUSES = st.sampled_from([STANDS, STANDS, STANDS, CANCELLED, DEFERRED])


@dataclass(frozen=True)
class Said:
    """One version of one batch with one target for one resource; times are seconds from START."""

    uid: int
    revision: int
    kind: BatchType
    status: BatchStatus
    resource_id: str
    start: int
    mw: float
    flag: str | None

    @property
    def order(self) -> tuple[int, int]:
        """What counts for one resource: the later start, then what was received later."""
        return (self.start, self.uid)

    def event(self, *, restored: bool = False) -> Event:
        made: DispatchBatch = batch(
            f"U{self.uid:02}", dots={self.resource_id: self.mw}, start=START + timedelta(seconds=self.start),
            received=START + timedelta(seconds=self.uid), batch_type=self.kind, status=self.status, revision=self.revision,
        )  # fmt: skip
        inner = replace(made.instructions[0], follow_dot_flag=self.flag)
        return facts.BatchSeen(replace(made, instructions=(inner,)), NOW, restored)


@st.composite
def said(draw: st.DrawFn) -> list[Said]:
    """Make versions of batches: gaps, revisions, cancels, repeated exceptional dispatches, any order, twice over."""
    made: list[Said] = []
    for uid in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from([DOT, DOT, DOT, HOURLY, EXCEPTIONAL, EXCEPTIONAL]))
        half = draw(st.integers(-4, 20)) if kind is DOT else draw(st.sampled_from([-4, 0, 8]))
        resource_id = draw(st.sampled_from(["R1", "R1", "R2", "R3"]))
        made += [
            Said(
                uid, revision, kind, draw(STATUSES), resource_id, 150 * half,
                draw(st.sampled_from([-50.0, 0.0, 40.0, 100.0, 170.0, 999.0])), draw(st.sampled_from([None, "N", "Y"])),
            )
            for revision in range(draw(st.integers(1, 3)))
        ]  # fmt: skip
    return draw(st.permutations(made + draw(st.lists(st.sampled_from(made), max_size=3))))


def told(history: list[Said], mode: Mode, second: int) -> State:
    """Fold it all at START, then a poll and a 5-minute batch for others at that second."""
    state = initial({one.resource_id: replace(one, mode=mode) for one in FLEET}, Environment.PRODUCTION)
    for one in history:
        state = fold(state, one.event())
    at = NOW.plus(float(second))
    state = fold(state, facts.BatchSeen(batch("M", start=at.wall), at))
    return fold(state, facts.PollCompleted(at))


def newest(history: list[Said], resource: Resource) -> list[Said]:
    """Of each batch its highest revision."""
    best = {one.uid: one for one in sorted(history, key=lambda one: one.revision)}
    return [one for one in best.values() if one.resource_id == resource.resource_id]


def standing(history: list[Said], resource: Resource) -> list[Said]:
    """What is neither withdrawn nor a copy, under another UID, of an exceptional dispatch withdrawn later."""
    rows = newest(history, resource)
    gone = [one for one in rows if one.kind is EXCEPTIONAL and one.status is not STANDS]
    return [
        one
        for one in rows
        if one.status is STANDS
        if not any(
            one.kind is EXCEPTIONAL and (one.start, one.mw) == (other.start, other.mw) and other.uid > one.uid
            for other in gone
        )
    ]


def fits(one: Said, resource: Resource) -> bool:
    return resource.pmin_mw <= one.mw <= resource.pmax_mw


def ends(one: Said) -> int:
    """Until when a target covers: half an interval, an hour, or until it should have been sent again."""
    return {DOT: one.start + 150, HOURLY: one.start + 3600, EXCEPTIONAL: max(one.start + 300, one.uid + 600)}[one.kind]


def begins(one: Said) -> int:
    return one.start - 150 if one.kind is DOT else one.start


def free(good: list[Said], rows: list[Said], second: int) -> bool:
    """Whether wind or sun is free: no flag now or in the interval that has begun, and no exceptional dispatch."""
    forced = any(one.kind is EXCEPTIONAL and one.start <= second < max(one.start + 300, one.uid + 600) for one in rows)
    active = max((one for one in good if one.start <= second), key=lambda one: one.order)
    ahead = [one for one in good if one.start > second]
    coming = max(
        (one for one in ahead if one.start == min(item.start for item in ahead)),
        key=lambda one: one.order,
        default=None,
    )
    curtailed = coming is not None and begins(coming) <= second and coming.flag == "Y"
    return active.flag != "Y" and not curtailed and not forced


def expected(history: list[Said], resource: Resource, second: int) -> tuple[float | None, Directive]:
    """Say by the rules what a resource in step mode is told at that second."""
    rows = standing(history, resource)
    good = [one for one in rows if fits(one, resource)]
    past = [one for one in good if one.start <= second]
    if not past:
        return None, Directive.NO_DATA
    active = max(past, key=lambda one: one.order)
    refused = any(one.start <= second and one.order > active.order for one in rows if not fits(one, resource))
    ahead = [one for one in good if one.start > second]
    soon = [one for one in ahead if one.start == min(item.start for item in ahead)]
    coming = max(soon, key=lambda one: one.order, default=None)
    covered = second <= ends(active) or (coming is not None and begins(coming) <= min(second, ends(active)))
    if refused or not covered:
        return active.mw, Directive.HOLD
    if resource.renewable and free(good, rows, second):
        return active.mw, Directive.RELEASE
    return active.mw, Directive.FOLLOW


def got(shot: Snapshot, resource: Resource) -> tuple[object, object]:
    return shot.value(resource.resource_id, "setpoint_mw").value, shot.value(resource.resource_id, "directive").value


@settings(max_examples=500, deadline=None)
@given(said(), st.integers(-900, 5000))
def test_steps_and_their_directive_equal_the_oracle(history: list[Said], second: int) -> None:
    shot = take(told(history, Mode.STEP, second), float(second))
    assert [got(shot, one) for one in FLEET] == [expected(history, one, second) for one in FLEET]


@settings(max_examples=150, deadline=None)
@given(said(), st.integers(-900, 5000))
def test_ramps_equal_the_oracle_of_the_ramp_over_what_stands(history: list[Said], second: int) -> None:
    shot = take(told(history, Mode.RAMP, second), float(second))
    for one in FLEET:
        rows = [(row.start, row.mw, row.uid) for row in standing(history, one) if fits(row, one)]
        wanted = ramp_oracle(rows, second, one.machine.operating_min_mw, one.machine.ramp_mw_per_min) if rows else None
        assert got(shot, one)[0] == (None if wanted is None else pytest.approx(wanted, abs=1e-6))


Curve = tuple[int, list[tuple[int, float]]]


@st.composite
def curves(draw: st.DrawFn) -> list[Curve]:
    """Make trajectories of the storage in the order received; one with 999 MW is refused as a whole."""
    made: list[Curve] = []
    for number in range(draw(st.integers(1, 4))):
        times = sorted(draw(st.lists(st.integers(-10, 40), min_size=1, max_size=4)))
        made.append((number, [(30 * time, draw(st.sampled_from([-90.0, 0.0, 70.0, 150.0, 999.0]))) for time in times]))
    return made


def curve_event(one: Curve, *, restored: bool = False) -> Event:
    number, points = one
    at = [(START + timedelta(seconds=when), mw) for when, mw in points]
    return facts.TrajectorySeen(
        trajectory(f"T{number}", {"R1": at}, received=START + timedelta(seconds=number)), NOW, restored
    )


@settings(max_examples=300, deadline=None)
@given(curves(), st.integers(-300, 1500))
def test_refused_curves_never_drive_and_never_let_an_older_one_be_followed(made: list[Curve], second: int) -> None:
    good = [one for one in made if all(mw < 999.0 for _, mw in one[1])]
    state = told([], Mode.DOP, second)
    for one in made:
        state = fold(state, curve_event(one))
    shot, when = take(state, float(second)), START.timestamp() + second
    legs = [
        Leg(f"T{n}", START + timedelta(seconds=n), True, tuple((START.timestamp() + t, mw) for t, mw in points))
        for n, points in good
    ]
    wanted = curve_oracle(legs, when)
    assert got(shot, STORAGE)[0] == (None if wanted is None else pytest.approx(wanted, abs=1e-6))
    ruling = max((one for one in made if one[1][0][0] <= second), key=lambda one: one[0], default=None)
    if ruling is not None and ruling not in good:
        assert got(shot, STORAGE)[1] != Directive.FOLLOW


# --- properties ---------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(said(), curves(), st.sampled_from(list(Mode)), st.integers(-900, 5000))
def test_the_order_of_arrival_changes_nothing(history: list[Said], made: list[Curve], mode: Mode, second: int) -> None:
    events = [*(one.event() for one in history), *(curve_event(one) for one in made)]
    shots = []
    for order in (events, events[::-1], [*events[1::2], *events[::2]]):
        state = told([], mode, second)
        for event in order:
            state = fold(state, event)
        shot = take(state, float(second))
        shots.append([shot.value(one.resource_id, point.key) for one in FLEET for point in WHATEVER_CAME])
    assert shots[0] == shots[1] == shots[2]


WHATEVER_CAME = [point for point in RESOURCE_POINTS if point.key != "dispatch_age_s"]
"""An old version that is not looked at any more may have been the only one with a target."""


RANK: dict[object, int] = {Quality.GOOD: 0, Quality.UNCERTAIN: 1, Quality.INIT: 3}


@settings(max_examples=300, deadline=None)
@given(
    said(),
    curves(),
    st.sampled_from(list(Mode)),
    st.integers(-900, 4000),
    st.integers(0, 700),
    st.sampled_from([{}, {"completed": None}]),
)
def test_quality_never_improves_by_time_passing_with_no_event(
    history: list[Said], made: list[Curve], mode: Mode, first: int, later: int, poll: dict[str, None]
) -> None:
    """Between two instants at which something the ISO told before begins, quality and FOLLOW can only be lost."""
    state = told(history, mode, first)
    for curve in made:
        state = fold(state, curve_event(curve))
    state = replace(state, **poll)  # type: ignore[arg-type]  # never polled, or just now
    starts = [edge for one in history for edge in (one.start - 300, one.start - 150, one.start)]
    edges = [*starts, *(when for _, points in made for when, _ in points)]
    second = min([first + later, *(edge - 1 for edge in edges if edge > first)])
    before, after = take(state, float(first)), take(state, float(second))
    for one in FLEET:
        was, became = (RANK.get(shot.value(one.resource_id, "quality").value, 2) for shot in (before, after))
        assert became >= was
        if got(after, one)[1] == Directive.FOLLOW and not one.renewable:
            assert got(before, one)[1] == Directive.FOLLOW


@settings(deadline=None)
@given(said(), curves(), st.sampled_from(list(Mode)), st.integers(-900, 4000))
def test_what_was_restored_is_never_followed_before_a_complete_poll(
    history: list[Said], made: list[Curve], mode: Mode, second: int
) -> None:
    state = initial({one.resource_id: replace(one, mode=mode) for one in FLEET}, Environment.PRODUCTION)
    for event in (*(one.event(restored=True) for one in history), *(curve_event(one, restored=True) for one in made)):
        state = fold(state, event)
    for later in (facts.PollFailed(LinkFault.UNREACHABLE), facts.ClockSampled(0.0, NOW), history[0].event()):
        state = fold(state, later)
        shot = take(state, float(second))
        assert {got(shot, one)[1] for one in FLEET} == {Directive.NO_DATA}


TROUBLE: list[list[Event]] = [
    [facts.StoreChanged(ok=False)],
    [facts.ClockSampled(20.0, NOW)],
    [facts.ClockStepped(NOW.plus(600.0), NOW)],
    [facts.Stopping()],
]


@settings(deadline=None)
@given(said(), curves(), st.sampled_from(list(Mode)), st.integers(0, 4000), st.sampled_from(TROUBLE))
def test_nothing_is_followed_while_store_or_clock_fail_or_we_stop(
    history: list[Said], made: list[Curve], mode: Mode, second: int, trouble: list[Event]
) -> None:
    state = told(history, mode, second)
    for event in (*(curve_event(one) for one in made), *trouble):
        state = fold(state, event)
    shot = take(state, float(second))
    assert Directive.FOLLOW not in {got(shot, one)[1] for one in FLEET}
    assert Directive.RELEASE not in {got(shot, one)[1] for one in FLEET}
