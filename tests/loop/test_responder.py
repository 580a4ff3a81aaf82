"""Each answer leaves at most once; whatever happens, its state ends as what the ISO's ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from caiso_ads.core.answers import OPEN, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, ResponseResult
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import LocalError, UnreachableError, WireError
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports.answers import Fact
from tests.answer_fakes import MemoryAnswers
from tests.fakes import FakeClock
from tests.response_fakes import Bomb, FakeIso, Killed, given, hourly, iso_of


class Desk:
    """A response loop on fakes; ``clock_ok`` is whether our clock is trusted."""

    def __init__(self, *batches: DispatchBatch) -> None:
        self.clock, self.store, self.facts = FakeClock(), MemoryAnswers(), list[Fact]()
        self.iso = iso_of(*(batches or (hourly(),)), clock=self.clock)
        self.clock_ok = True
        self.loop = self.made()

    def made(self, bomb: Bomb | None = None) -> ResponseLoop:
        """Return the loop of one life of the process."""
        guard: Callable[..., object] = (bomb or Bomb()).guard
        iso, store = guard(self.iso), guard(self.store)
        alarm = RoleAlarm(self.clock, self.facts.append)
        return ResponseLoop(iso, iso, store, self.clock, alarm, lambda: self.clock_ok)  # type: ignore[arg-type]  # guards

    @asynccontextmanager
    async def running(self, bomb: Bomb | None = None) -> AsyncIterator[None]:
        """Let one life run."""
        self.loop = self.made(bomb)
        task = asyncio.create_task(self.loop.run())
        await self.clock.settle()
        yield
        task.cancel()
        await asyncio.wait({task})

    async def end(self, answer: Answer, seconds: float = 90.0) -> Answer:
        """Record an answer, let it be followed for so long, and return how it stands."""
        recorded = await self.store.record_answer(answer, {})
        async with self.running():
            await self.clock.advance(seconds)
        return self.store.answers[recorded.answer_id]


@pytest.mark.parametrize("kind", list(AnswerKind))
async def test_an_answer_is_committed_as_sending_sent_once_and_confirmed(kind: AnswerKind) -> None:
    desk = Desk()
    ended = await desk.end(given(hourly(), kind))
    assert (ended.state, ended.result) == (AnswerState.CONFIRMED, ResponseResult.RC_SUCCESS)
    assert desk.iso.ledger == [(kind.value, "H-I0")]
    assert [step for step, _ in desk.store.steps] == ["decided", "sending", "confirmed"]


async def test_nothing_leaves_before_the_commit_that_it_may() -> None:
    desk, seen = Desk(), []

    async def look(operation: str, _: str) -> None:
        seen.append((operation, desk.store.answers[1].state))

    desk.iso.on_call = look
    await desk.end(given(hourly()))
    assert seen == [("batch", AnswerState.DECIDED), ("accept", AnswerState.SENDING)]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
async def test_what_the_iso_refuses_is_told_in_words_and_final(code: int) -> None:
    desk = Desk()
    desk.iso.code = ResponseResult(code)
    ended = await desk.end(given(hourly()))
    assert (ended.state, ended.result) == (AnswerState.REFUSED, code)
    assert len(ended.text) > 10
    assert desk.iso.sent() == ["accept"]


async def test_a_result_nobody_knows_is_settled_by_reading() -> None:
    desk = Desk()
    desk.iso.code = ResponseResult(42)
    ended = await desk.end(given(hourly()))
    assert (ended.state, desk.iso.sent()) == (AnswerState.LOST, ["accept"])


async def test_a_lost_reply_is_settled_by_reading_back_never_by_sending() -> None:
    desk = Desk()
    desk.iso.lose = "after"
    ended = await desk.end(given(hourly()))
    assert ended.state is AnswerState.CONFIRMED
    assert ended.text.startswith("read back: ")
    assert desk.iso.sent() == ["accept"]


async def test_an_answer_that_never_arrived_is_lost_only_after_the_iso_had_time() -> None:
    desk = Desk()
    desk.iso.lose = "before"
    recorded = await desk.store.record_answer(given(hourly()), {})
    async with desk.running():
        await desk.clock.advance(29.0)
        assert desk.store.answers[recorded.answer_id].state is AnswerState.SENDING
        await desk.clock.advance(40.0)
    assert desk.store.answers[recorded.answer_id].state is AnswerState.LOST
    assert desk.iso.sent() == ["accept"]
    again = await desk.end(given(hourly(), given_at=desk.clock.now().wall))  # given anew by a person
    assert again.state is AnswerState.CONFIRMED
    assert len(desk.iso.ledger) == 1


async def test_while_the_batch_cannot_be_read_it_stays_open_and_is_read_with_growing_pauses() -> None:
    desk = Desk()
    desk.iso.lose = "after"
    recorded = await desk.store.record_answer(given(hourly()), {})

    async def fall_silent(operation: str, _: str) -> None:
        if operation == "accept":
            desk.iso.fail["batch"] = UnreachableError("down")

    desk.iso.on_call = fall_silent
    async with desk.running():
        await desk.clock.advance(300.0)
        assert desk.store.answers[recorded.answer_id].state is AnswerState.SENDING
        assert 5 < len(desk.iso.calls) < 20
        desk.iso.fail.clear()
        desk.iso.on_call = None
        await desk.clock.advance(30.0)
    assert desk.store.answers[recorded.answer_id].state is AnswerState.CONFIRMED
    assert len(desk.iso.ledger) == 1


async def test_another_answer_that_stands_when_read_back_is_told() -> None:
    desk = Desk()
    desk.iso.lose = "before"
    rows = (replace(hourly().instructions[0], accept_status="DECLINE", responder="bob"),)

    async def other(operation: str, _: str) -> None:
        if operation == "accept":
            desk.iso.batches = [replace(hourly(), instructions=rows)]

    desk.iso.on_call = other
    ended = await desk.end(given(hourly()))
    assert ended.state is AnswerState.SUPERSEDED
    assert "bob" in ended.text


async def test_the_batch_is_read_before_sending_and_what_changed_meanwhile_keeps_it_back() -> None:
    answered = replace(hourly().instructions[0], accept_status="DECLINE", responder="bob")
    newer = replace(hourly().instructions[0], revision_number=1)
    for changed, state in (
        (replace(hourly(), instructions=(answered,)), AnswerState.SUPERSEDED),
        (replace(hourly(), instructions=(newer,)), AnswerState.SUPERSEDED),
        (replace(hourly(), batch_status=BatchStatus.EMERGENCY_CANCELLED), AnswerState.SUPERSEDED),
        (replace(hourly(), batch_status=BatchStatus.OPERATOR_RESPONSE_PERIOD), AnswerState.EXPIRED),
    ):
        desk = Desk(changed)
        ended = await desk.end(given(hourly()))
        assert ended.state is state
        assert "nothing was sent" in ended.text
        assert desk.iso.sent() == []


@pytest.mark.parametrize(("seconds", "state"), [(594.0, AnswerState.CONFIRMED), (595.0, AnswerState.EXPIRED)])
async def test_at_the_edge_of_the_window_five_seconds_decide(seconds: float, state: AnswerState) -> None:
    desk = Desk()
    await desk.clock.advance(seconds)
    assert (await desk.end(given(hourly()))).state is state


async def test_a_commit_that_takes_until_the_window_is_over_sends_nothing() -> None:
    desk = Desk()
    recorded = await desk.store.record_answer(given(hourly()), {})

    class Slow(MemoryAnswers):
        async def mark_sending(self, answer_id: int, at: object) -> None:
            await super().mark_sending(answer_id, at)  # type: ignore[arg-type]  # passed on
            desk.clock.jump_wall(600.0)

    desk.store = Slow(answers=desk.store.answers)
    async with desk.running():
        await desk.clock.advance(60.0)
    assert desk.store.answers[recorded.answer_id].state is AnswerState.EXPIRED
    assert desk.iso.sent() == []


async def test_while_the_iso_is_silent_nothing_is_sent_and_the_window_ends_it() -> None:
    desk = Desk()
    desk.iso.fail["batch"] = UnreachableError("down")
    ended = await desk.end(given(hourly()), 640.0)
    assert ended.state is AnswerState.EXPIRED
    assert "down" in ended.text
    assert desk.iso.sent() == []


async def test_a_batch_that_cannot_be_decoded_is_not_answered() -> None:
    desk = Desk()
    desk.iso.bodies["H"] = WireError("odd")
    assert (await desk.end(given(hourly()), 640.0)).state is AnswerState.EXPIRED
    assert desk.iso.sent() == []


async def test_an_untrusted_clock_holds_it_back_until_it_is_trusted_again() -> None:
    desk = Desk()
    desk.clock_ok = False
    recorded = await desk.store.record_answer(given(hourly()), {})
    async with desk.running():
        await desk.clock.advance(60.0)
        assert desk.iso.sent() == []
        desk.clock_ok = True
        await desk.clock.advance(60.0)
    assert desk.store.answers[recorded.answer_id].state is AnswerState.CONFIRMED


async def test_what_our_own_client_refuses_was_not_sent_and_may_be_given_anew() -> None:
    desk = Desk()
    desk.iso.fail["accept"] = LocalError("no such thing")
    ended = await desk.end(given(hourly()))
    assert ended.state is AnswerState.LOST
    assert "nothing was sent" in ended.text


async def test_a_store_that_takes_no_result_is_asked_again_and_the_answer_is_not() -> None:
    desk = Desk()

    async def full(operation: str, _: str) -> None:
        desk.store.broken = operation == "accept"

    desk.iso.on_call = full
    recorded = await desk.store.record_answer(given(hourly()), {})
    async with desk.running():
        await desk.clock.advance(60.0)
        assert desk.store.answers[recorded.answer_id].state is AnswerState.SENDING
        desk.store.broken = False
        await desk.clock.advance(60.0)
    assert desk.store.answers[recorded.answer_id].state is AnswerState.CONFIRMED
    assert desk.iso.sent() == ["accept"]


async def test_a_proposal_waits_for_the_second_person_and_ends_with_the_window() -> None:
    desk = Desk(hourly(count=2))
    first = given(hourly(), AnswerKind.DECLINE, state=AnswerState.PROPOSED)
    agreed = await desk.store.record_answer(first, {})
    other = await desk.store.record_answer(replace(first, instruction_uid="H-I1", resource_id="R2"), {})
    async with desk.running():
        await desk.clock.advance(60.0)
        assert desk.iso.sent() == []
        desk.loop.add(await desk.store.second_answer(agreed.answer_id, "bob", desk.clock.now().wall, {}))
        await desk.clock.advance(600.0)
    assert desk.iso.ledger == [("decline", "H-I0")]
    assert desk.store.answers[agreed.answer_id].state is AnswerState.CONFIRMED
    assert desk.store.answers[other.answer_id].state is AnswerState.EXPIRED


async def test_what_the_iso_has_forgotten_stays_unknown() -> None:
    desk = Desk()
    recorded = await desk.store.record_answer(given(hourly(), state=AnswerState.SENDING), {})
    desk.iso.fail["batch"] = UnreachableError("down")
    async with desk.running():
        await desk.clock.advance(25 * 3600.0)
        asked = len(desk.iso.calls)
        await desk.clock.advance(3600.0)
    assert len(desk.iso.calls) == asked
    assert desk.store.answers[recorded.answer_id].state is AnswerState.SENDING


async def test_the_one_who_waits_is_told_the_end_or_that_it_is_not_known() -> None:
    desk = Desk()
    recorded = await desk.store.record_answer(given(hourly()), {})
    async with desk.running():
        waiting = asyncio.create_task(desk.loop.settled(recorded, 5.0))
        await desk.clock.advance(1.0)
        told = await waiting
        assert told is not None
        assert told.state is AnswerState.CONFIRMED
        nobody = asyncio.create_task(desk.loop.settled(replace(recorded, answer_id=99), 5.0))
        await desk.clock.advance(6.0)
        assert await nobody is None


def iso_says(desk: Desk, lose: str) -> FakeIso:
    """Return the desk's ISO, losing the first answer in one way or not."""
    desk.iso.lose = lose
    return desk.iso


@pytest.mark.parametrize("lose", ["", "before", "after"])
@pytest.mark.parametrize("kind", list(AnswerKind))
async def test_killed_at_every_step_the_next_life_settles_it_and_nothing_is_sent_twice(
    kind: AnswerKind, lose: str
) -> None:
    at, exploded = 0, True
    while exploded:
        at += 1
        desk, bomb = Desk(), Bomb(at)
        iso = iso_says(desk, lose)
        recorded = await desk.store.record_answer(given(hourly(), kind), {})
        task = asyncio.create_task(desk.made(bomb).run())
        await desk.clock.advance(90.0)
        exploded = task.done()
        if exploded:
            with pytest.raises(BaseException, match=r"unhandled|") as death:
                await task
            assert isinstance(death.value, Killed) or death.group_contains(Killed)
        else:
            task.cancel()
            await asyncio.wait({task})
        async with desk.running():
            await desk.clock.advance(90.0)
        ended = desk.store.answers[recorded.answer_id]
        assert ended.state not in OPEN, f"step {at}"
        assert len(iso.sent()) <= 1, f"step {at}"
        assert (ended.state is AnswerState.CONFIRMED) is bool(iso.ledger), f"step {at}"
    assert at > 10
