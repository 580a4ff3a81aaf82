"""One logical instruction under many identifiers, and what does not stand: the events and targets it leaves behind."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType
from caiso_ads.core.events import Notice, PlantEvent, events_of, merged, situation
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.resource import Mode
from tests.core.taking import NOW, PLAIN, after, of, take
from tests.fakes import START, batch

STEP = replace(PLAIN, mode=Mode.STEP)
WHEN = START.timestamp()


def copy(number: int, *, cancelled: bool = False, mw: float = 30.0) -> DispatchBatch:
    """Make one of the batches that repeat an exceptional dispatch, received one second after another."""
    status = BatchStatus.EMERGENCY_CANCELLED if cancelled else BatchStatus.CLOSED
    return batch(
        f"U{number}", dots={"R1": mw}, received=START + timedelta(seconds=number), status=status,
        batch_type=BatchType.OUT_OF_SEQUENCE,
    )  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations([copy(1), copy(2), copy(3, cancelled=True)])))
def test_a_cancel_of_the_newest_copy_cancels_the_instruction(order: tuple[DispatchBatch, ...]) -> None:
    state = after(
        facts.BatchSeen(batch("D", dots={"R1": 80.0}, start=START - timedelta(minutes=2)), NOW), resource=STEP
    )
    again = after(*(facts.BatchSeen(one, NOW) for one in (batch("D", dots={"R1": 80.0}), *order)), resource=STEP)
    assert of(take(state, 1.0), "dot_mw") == of(take(again, 1.0), "dot_mw") == 80.0
    assert of(take(again, 1.0), "notices") == Notice.EMERGENCY_CANCEL


def test_an_instruction_sent_again_after_a_cancel_stands_again() -> None:
    made = [copy(1), copy(2, cancelled=True), copy(3)]
    for order in itertools.permutations(made):
        shot = take(after(*(facts.BatchSeen(one, NOW) for one in order), resource=STEP), 1.0)
        assert (of(shot, "dot_mw"), of(shot, "notices")) == (30.0, Notice.EXCEPTIONAL_DISPATCH)


def test_a_cancelled_copy_does_not_cancel_another_instruction() -> None:
    state = after(*(facts.BatchSeen(one, NOW) for one in (copy(1, mw=44.0), copy(2, cancelled=True))), resource=STEP)
    assert of(take(state, 1.0), "dot_mw") == 44.0


def award(mw: float, kind: str, batch_type: BatchType = BatchType.AS_AWARDS) -> tuple[PlantEvent, ...]:
    made = batch("A", dots={"R1": 0.0}, batch_type=batch_type)
    inner = replace(
        made.instructions[0], instruction_type=InstructionType.CAPACITY_AWARD, dot_mw=None, award_mw=mw, as_type=kind
    )
    return tuple(event for _, event in events_of(replace(made, instructions=(inner,))))


def test_awards_of_the_same_amount_for_two_services_are_two() -> None:
    both = merged([], [*award(10.0, "SR"), *award(10.0, "NR")], cutoff=0.0)
    assert situation(both, WHEN).award_mw == 20.0


@pytest.mark.parametrize(
    ("batch_type", "seconds"),
    [(BatchType.AS_AWARDS, 900.0), (BatchType.HOURLY_AS_AWARDS, 3600.0), (BatchType.FLEX_RAMP_AWARD, 300.0)],
)
def test_an_award_without_an_end_holds_for_the_interval_of_its_market(batch_type: BatchType, seconds: float) -> None:
    made = award(10.0, "SR", batch_type)
    assert [situation(made, WHEN + s).award_mw for s in (seconds - 1.0, seconds)] == [10.0, None]


@pytest.mark.parametrize("change", [
    {"batch_status": BatchStatus.DEFERRED}, {"binding_flag": "N"},
])  # fmt: skip
def test_what_is_deferred_or_does_not_bind_is_no_constraint(change: dict[str, object]) -> None:
    made = replace(batch("A", dots={"R1": 50.0}), **change)  # type: ignore[arg-type]  # a test's shorthand
    inner = replace(made.instructions[0], instruction_type=InstructionType.MAX_CONSTRAINT)
    assert list(events_of(replace(made, instructions=(inner,)))) == []


def test_a_deferred_instruction_in_a_standing_batch_is_no_constraint() -> None:
    made = batch("A", dots={"R1": 50.0})
    inner = replace(
        made.instructions[0], instruction_type=InstructionType.MAX_CONSTRAINT, status_code=BatchStatus.DEFERRED
    )
    assert list(events_of(replace(made, instructions=(inner,)))) == []
