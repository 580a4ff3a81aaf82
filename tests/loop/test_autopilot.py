"""Automatic answers: each revision is decided on once, with its inputs in the evidence; by default nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, ReasonCode
from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import BatchSeen, Stopping
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.policy import Outage, Policy, PolicyMode
from caiso_ads.core.state import initial
from caiso_ads.errors import StoreError
from caiso_ads.loop.autopilot import Autopilot, Rules
from caiso_ads.ports.answers import Fact
from tests.answer_fakes import MemoryAnswers
from tests.fakes import START, FakeClock
from tests.response_fakes import given, hourly
from tests.rig import R1

ON = Policy(
    PolicyMode.ON, accept_within_mw=1.0, decline_above_capability=True, decline_reason=ReasonCode.UNIT_DERATE,
    pmin_mw=0.0, pmax_mw=200.0,
)  # fmt: skip
HOUR = (START + timedelta(hours=1), START + timedelta(hours=2))


class Pilot:
    """An autopilot on fakes. ``sent`` is what it wants to be sent."""

    def __init__(self, policy: Policy = ON, *, outages: tuple[Outage, ...] = ()) -> None:
        self.clock, self.store = FakeClock(), MemoryAnswers()
        self.facts: list[Fact] = []
        self.sent: list[Answer] = []
        self.clock_ok = True
        self.pilot = Autopilot(
            Rules({"R1": policy}, {"R1": 100.0}, outages), self.store, self.clock, self.facts.append, self.sent.append,
            lambda: self.clock_ok,
        )  # fmt: skip

    async def sees(self, *batches: DispatchBatch) -> list[AnswerState]:
        """Show it batches, let it look, and return the states of all answers."""
        for each in batches:
            self.pilot.folded(BatchSeen(each, self.clock.now()), initial(R1, Environment.PRODUCTION))
        await self.pilot.look()
        return [answer.state for answer in self.store.answers.values()]


async def test_what_is_near_its_schedule_is_accepted_once_for_each_revision() -> None:
    one = Pilot()
    await one.sees(hourly(count=2), hourly(count=2))
    await one.sees(hourly(count=2))
    [answer] = one.sent
    assert (answer.kind, answer.who, answer.resource_id) == (AnswerKind.ACCEPT, "policy", "R1")
    assert one.store.steps == [("decided", 1)]  # recorded before it is sent; R2 is not ours
    await one.store.mark_sending(1, START)
    await one.store.settle_answer(1, AnswerState.LOST, result=None, text="", at=START)
    rows = (replace(hourly().instructions[0], revision_number=1),)
    await one.sees(replace(hourly(), instructions=rows, revision_no=1))
    assert [each.revision_no for each in one.sent] == [0, 1]


async def test_above_capability_it_is_declined_and_an_outage_lowers_that() -> None:
    low = Pilot(outages=(Outage("R1", *HOUR, available_mw=50.0),))
    await low.sees(hourly())
    assert [(each.kind, each.reason_code) for each in low.sent] == [(AnswerKind.DECLINE, ReasonCode.UNIT_DERATE)]
    other = Pilot(outages=(Outage("R1", HOUR[1], HOUR[1] + timedelta(hours=1), available_mw=50.0),))
    await other.sees(hourly())
    assert [each.kind for each in other.sent] == [AnswerKind.ACCEPT]


async def test_with_two_people_a_decline_is_proposed() -> None:
    one = Pilot(replace(ON, second_person=True))
    assert await one.sees(hourly(mw=150.0, schedule=150.0)) == [AnswerState.PROPOSED]
    assert [each.state for each in one.sent] == [AnswerState.PROPOSED]


async def test_a_dry_run_records_what_it_would_have_sent_and_sends_nothing() -> None:
    one = Pilot(replace(ON, mode=PolicyMode.DRY_RUN))
    assert await one.sees(hourly()) == [AnswerState.DRY_RUN]
    assert one.sent == []
    again = Pilot(replace(ON, mode=PolicyMode.DRY_RUN))
    again.store = one.store
    again.pilot._store = one.store  # the next life
    assert await again.sees(hourly()) == [AnswerState.DRY_RUN]


async def test_what_is_left_to_people_is_in_the_evidence_with_its_inputs() -> None:
    one = Pilot()
    assert await one.sees(hourly(mw=80.0, schedule=60.0)) == []
    [fact] = one.facts
    assert (fact.kind, fact.who, fact.resource, fact.instruction) == ("policy", "policy", "R1", "H-I0")
    inputs = fact.detail["inputs"]
    assert isinstance(inputs, dict)
    assert (inputs["dot_mw"], inputs["schedule_mw"], inputs["capability_mw"]) == (80.0, 60.0, 100.0)
    await one.sees(hourly(mw=80.0, schedule=60.0))
    assert len(one.facts) == 1


async def test_what_anybody_answered_before_is_not_decided_on() -> None:
    one = Pilot()
    await one.store.record_answer(given(hourly()), {})
    await one.sees(hourly())
    assert (one.sent, one.facts) == ([], [])


async def test_an_answer_that_comes_in_between_is_told() -> None:
    one = Pilot()

    class Raced(MemoryAnswers):
        async def answers_of(self, instruction_uid: str) -> list[Answer]:
            return []

    one.pilot._store = raced = Raced()
    await raced.record_answer(given(hourly()), {})
    await one.sees(hourly())
    assert one.sent == []
    assert "alice was first" in one.facts[0].text


@pytest.mark.parametrize("status", [BatchStatus.NEW, BatchStatus.OPERATOR_RESPONSE_PERIOD, BatchStatus.CLOSED])
async def test_outside_the_window_nothing_is_decided_and_later_it_may_be(status: BatchStatus) -> None:
    one = Pilot()
    assert await one.sees(replace(hourly(), batch_status=status)) == []
    assert one.facts == []
    assert await one.sees(hourly()) == [AnswerState.DECIDED]


async def test_while_the_clock_is_not_trusted_or_the_store_full_it_waits() -> None:
    one = Pilot()
    one.clock_ok = False
    assert await one.sees(hourly()) == []
    one.clock_ok, one.store.broken = True, True
    assert await one.sees() == []
    one.store.broken = False
    assert await one.sees() == [AnswerState.DECIDED]


async def test_off_means_that_nothing_is_looked_at() -> None:
    one = Pilot(Policy(PolicyMode.OFF, accept_within_mw=1.0))
    assert not one.pilot._rules.work
    assert await one.sees(hourly()) == []
    one.pilot.folded(Stopping(), initial(R1, Environment.PRODUCTION))
    assert (one.sent, one.facts) == ([], [])


async def test_what_was_not_recorded_is_not_sent() -> None:
    one = Pilot()

    class Full(MemoryAnswers):
        async def record_answer(self, answer: Answer, origin: object) -> Answer:
            raise StoreError("no space left")

    one.pilot._store = Full()
    await one.sees(hourly())
    assert one.sent == []
