from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.events import Notice, PlantEvent, events_of, logical, merged, situation, unannounced
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.setpoint import Target, Targets
from tests.fakes import START, batch

NOW = START.timestamp()


def one(kind: InstructionType, mw: float | None = 50.0, **changes: object) -> DispatchBatch:
    """Make a batch with one instruction of that type for R1."""
    made = batch("A", dots={"R1": 0.0})
    inner = replace(made.instructions[0], instruction_type=kind, dot_mw=mw, **changes)  # type: ignore[arg-type]  # a test's shorthand
    return replace(made, instructions=(inner,))


def only(made: DispatchBatch) -> PlantEvent:
    ((resource, event),) = events_of(made)
    assert resource == "R1"
    return event


def test_a_plain_target_is_no_event() -> None:
    assert list(events_of(batch("A", dots={"R1": 5.0}))) == []


@pytest.mark.parametrize(
    ("kind", "notice"),
    [
        (InstructionType.START_UP, Notice.START_UP), (InstructionType.SHUT_DOWN, Notice.SHUT_DOWN),
        (InstructionType.MSG_TRANSITION, Notice.TRANSITION), (InstructionType.CAPACITY_AWARD, Notice.AS_AWARD),
        (InstructionType.MAX_CONSTRAINT, Notice.EXCEPTIONAL_DISPATCH), (InstructionType(99), Notice.UNKNOWN_TYPE),
    ],
)  # fmt: skip
def test_each_instruction_type_has_its_notice(kind: InstructionType, notice: Notice) -> None:
    assert notice in only(one(kind)).notice


@pytest.mark.parametrize(
    ("batch_type", "notice"),
    [
        (BatchType.OUT_OF_SEQUENCE, Notice.EXCEPTIONAL_DISPATCH), (BatchType.FLEX_RAMP_AWARD, Notice.FLEX_RAMP),
        (BatchType.UNANNOUNCED_AS_TEST, Notice.AS_TEST), (BatchType(99), Notice.UNKNOWN_TYPE),
    ],
)  # fmt: skip
def test_each_batch_type_has_its_notice(batch_type: BatchType, notice: Notice) -> None:
    assert notice in only(replace(one(InstructionType.DOT), batch_type=batch_type)).notice


def test_row_101_a_contingency_by_mode_or_by_type_is_noticed() -> None:
    assert Notice.CONTINGENCY in only(replace(one(InstructionType.DOT), dispatch_mode=DispatchMode.CONTINGENCY)).notice
    assert Notice.CONTINGENCY in only(replace(one(InstructionType.DOT), contingency_type="RTDD")).notice


def test_row_86_an_emergency_cancel_of_batch_or_instruction_is_noticed() -> None:
    cancelled = BatchStatus.EMERGENCY_CANCELLED
    assert only(replace(one(InstructionType.DOT), batch_status=cancelled)).notice is Notice.EMERGENCY_CANCEL
    assert only(one(InstructionType.DOT, status_code=cancelled)).notice is Notice.EMERGENCY_CANCEL


def test_row_202_an_exceptional_dispatch_sent_again_is_one_logical_event() -> None:
    known: tuple[PlantEvent, ...] = ()
    for number in range(12):
        received = START + timedelta(minutes=5 * number)
        again = replace(one(InstructionType.DOT), batch_uid=f"U{number}", batch_received=received)
        known = merged(known, [only(replace(again, batch_type=BatchType.OUT_OF_SEQUENCE))], cutoff=0.0)
    assert [event.batch_uid for event in logical(known)] == ["U11"]
    assert situation(known, NOW + 3600.0).notices is Notice.EXCEPTIONAL_DISPATCH
    assert situation(known, NOW + 3600.0 + 900.0).notices is Notice.NONE


def test_constraints_are_the_tightest_bounds_and_fixed_is_both() -> None:
    end = START + timedelta(hours=1)
    made = [
        only(one(kind, mw, end_time=end))
        for kind, mw in [
            (InstructionType.MIN_CONSTRAINT, 20.0), (InstructionType.MIN_CONSTRAINT, 30.0),
            (InstructionType.MAX_CONSTRAINT, 90.0), (InstructionType.MAX_CONSTRAINT, 80.0),
        ]
    ]  # fmt: skip
    now = situation(made, NOW)
    assert (now.min_mw, now.max_mw) == (30.0, 80.0)
    fixed = situation([only(one(InstructionType.FIXED_CONSTRAINT, 55.0, end_time=end))], NOW)
    assert (fixed.min_mw, fixed.max_mw) == (55.0, 55.0)
    assert situation(made, NOW + 3600.0).min_mw is None


def test_row_91_commitment_without_mw_is_an_event_with_a_time_and_no_number() -> None:
    later = START + timedelta(minutes=30)
    now = situation([only(one(InstructionType.START_UP, None, start_time=later))], NOW)
    assert now.start_up == later.timestamp()
    assert (now.min_mw, now.award_mw) == (None, None)


def test_row_102_an_end_before_the_start_is_no_crash_and_counts_one_interval() -> None:
    event = only(one(InstructionType.MSG_TRANSITION, end_time=START - timedelta(hours=1)))
    assert event.end == event.start + 300.0
    assert situation([event], NOW).transition_end == event.end


def test_awards_of_now_add_up() -> None:
    end = START + timedelta(minutes=15)
    awards = [
        only(one(InstructionType.CAPACITY_AWARD, None, award_mw=mw, as_type=kind, end_time=end))
        for mw, kind in ((5.0, "RU"), (7.5, "SR"))
    ]
    assert situation(awards, NOW).award_mw == 12.5


def test_past_events_are_dropped() -> None:
    assert merged([only(one(InstructionType.START_UP))], [], cutoff=NOW + 301.0) == ()


def target(minute: float, configuration: str | None) -> Target:
    when = START + timedelta(minutes=minute)
    return Target(when.timestamp(), 50.0, when, "D", None, None, configuration=configuration)


@pytest.mark.parametrize(
    ("before", "now", "alarm"),
    [("1x1", "2x1", True), ("1x1", "1x1", False), (None, "2x1", False), ("1x1", None, False), ("1x1", "", False)],
)
def test_row_100_a_configuration_that_changes_by_itself_is_noticed(
    before: str | None, now: str | None, *, alarm: bool
) -> None:
    targets = Targets(target(5.0, now), None, target(0.0, before))
    assert unannounced(targets, ()) is (Notice.CONFIGURATION if alarm else Notice.NONE)
    assert unannounced(targets._replace(previous=None), ()) is Notice.NONE


@pytest.mark.parametrize(
    ("start", "end", "enters", "alarm"),
    [
        (-30, 0, "2x1", False),
        (5, 30, None, False),
        (2, 4, "2x1", False),
        (2, 4, "3x1", True),
        (-30, -1, "2x1", True),
        (6, 30, "2x1", True),
    ],
)
def test_row_100_a_transition_on_the_way_explains_it_where_it_leads_there(
    start: int, end: int, enters: str | None, *, alarm: bool
) -> None:
    made = one(
        InstructionType.MSG_TRANSITION, start_time=START + timedelta(minutes=start), end_time=START + timedelta(minutes=end),
        transition_to_config_id=enters,
    )  # fmt: skip
    found = unannounced(Targets(target(5.0, "2x1"), None, target(0.0, "1x1")), [only(made)])
    assert bool(found & Notice.CONFIGURATION) is alarm


def test_row_100_transitions_into_two_configurations_are_two_events() -> None:
    made = [one(InstructionType.MSG_TRANSITION, transition_to_config_id=name) for name in ("2x1", "3x1", "2x1")]
    assert [event.enters for event in logical(map(only, made))] == ["2x1", "3x1"]
