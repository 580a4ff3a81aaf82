from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType
from caiso_ads.core.model import InstructionDetail
from caiso_ads.core.setpoint import Target, choose, targets_of
from tests.fakes import START, batch


def target(minute: float, mw: float, uid: str = "A") -> Target:
    return Target((START + timedelta(minutes=minute)).timestamp(), mw, START, uid, None, None)


def at(minute: float) -> float:
    return (START + timedelta(minutes=minute)).timestamp()


def test_a_target_applies_from_its_own_time_and_the_next_one_waits() -> None:
    targets = (target(0, 10.0), target(5, 20.0), target(10, 30.0))
    chosen = choose(targets, at(4.99))
    assert chosen.active is not None
    assert chosen.following is not None
    assert (chosen.active.dot_mw, chosen.following.dot_mw) == (10.0, 20.0)
    chosen = choose(targets, at(5))
    assert chosen.active is not None
    assert chosen.active.dot_mw == 20.0


def test_before_the_first_and_after_the_last_there_is_none() -> None:
    assert choose((target(5, 20.0),), at(0)).active is None
    assert choose((target(5, 20.0),), at(6)).following is None


def test_for_one_target_time_what_was_received_last_counts() -> None:
    late = replace(target(5, 99.0, "B"), received=START + timedelta(seconds=1))
    targets = tuple(sorted([late, target(5, 20.0)], key=lambda item: item.order))
    upcoming, past = choose(targets, at(0)).following, choose(targets, at(5)).active
    assert upcoming is not None
    assert past is not None
    assert (upcoming.dot_mw, past.dot_mw) == (99.0, 99.0)


def test_the_instruction_start_is_the_target_time_not_the_batch_start() -> None:
    """Real 5-minute data: batch 23:20:00, instruction 23:22:30."""
    plain = batch("A", dots={"R1": 25.0})
    middle = START + timedelta(seconds=150)
    moved = replace(plain, instructions=(replace(plain.instructions[0], start_time=middle),))
    assert [item.target for _, item in targets_of(moved)] == [middle.timestamp()]


def test_a_closed_batch_is_usable_and_an_expired_one_too() -> None:
    closed = replace(batch("A", dots={"R1": 25.0}), batch_expires=START - timedelta(hours=1))
    assert len(list(targets_of(closed))) == 1


@pytest.mark.parametrize("status", [BatchStatus.EMERGENCY_CANCELLED, BatchStatus.DEFERRED])
def test_withdrawn_batches_and_instructions_set_no_target(status: BatchStatus) -> None:
    assert list(targets_of(batch("A", dots={"R1": 25.0}, status=status))) == []
    one = batch("A", dots={"R1": 25.0, "R2": 30.0})
    mixed = replace(one, instructions=(replace(one.instructions[0], status_code=status), one.instructions[1]))
    assert [resource for resource, _ in targets_of(mixed)] == ["R2"]


@pytest.mark.parametrize("batch_type", [BatchType.COMMITMENT, BatchType.AS_AWARDS, BatchType(99)])
def test_other_batch_types_set_no_target(batch_type: BatchType) -> None:
    assert list(targets_of(batch("A", dots={"R1": 25.0}, batch_type=batch_type))) == []


def test_no_dot_is_no_target_and_never_zero() -> None:
    one = batch("A", dots={"R1": 25.0})
    assert list(targets_of(replace(one, instructions=(replace(one.instructions[0], dot_mw=None),)))) == []


def test_constraints_and_non_binding_batches_set_no_target() -> None:
    one = batch("A", dots={"R1": 25.0})
    constraint = replace(one.instructions[0], instruction_type=InstructionType.MAX_CONSTRAINT)
    assert list(targets_of(replace(one, instructions=(constraint,)))) == []
    assert list(targets_of(replace(one, binding_flag="N"))) == []


def test_supplemental_energy_and_the_follow_flag_travel_with_the_target() -> None:
    one = batch("A", dots={"R1": 25.0})
    detail = (
        InstructionDetail(seg_no=1, service_type="SCHD", mw=47.0),
        InstructionDetail(seg_no=2, service_type="SUPP", mw=-22.0),
    )
    curtailed = replace(one, instructions=(replace(one.instructions[0], detail=detail, follow_dot_flag="Y"),))
    ((_, found),) = targets_of(curtailed)
    assert (found.supplemental_mw, found.follow_dot) == (-22.0, True)
