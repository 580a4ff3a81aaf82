"""Every step between an answer and its end fails once, for good, or is the last: nothing leaves that is not durable.

The ISO, the clock and the store are fakes that survive the process. The negative control sends before it commits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse
from caiso_ads.errors import StoreError, UnreachableError
from caiso_ads.loop.responder import Ending, ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports.answers import dismiss
from tests.answer_fakes import MemoryAnswers
from tests.fakes import START, FakeClock, ScriptedSource, batch

CLOSES = START + timedelta(minutes=20)
READS = frozenset({"open_answers", "answers_of"})


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Iso:
    """Takes answers while the window is open; ``lose`` loses so many replies, ``miss`` so many requests."""

    clock: FakeClock
    store: MemoryAnswers
    lose: int = 0
    miss: int = 0
    heard: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    source: ScriptedSource = field(init=False)

    def __post_init__(self) -> None:
        found = batch(
            "H1", dots={"R1": 50.0, "R2": 60.0}, start=START + timedelta(hours=1),
            batch_type=BatchType.HOURLY_PRE_DISPATCH, status=BatchStatus.ACTIVE,
        )  # fmt: skip
        self.source = ScriptedSource(batches=[replace(found, batch_expires=CLOSES)], clock=self.clock)

    @classmethod
    def fresh(cls) -> tuple[Iso, MemoryAnswers]:
        """Return an ISO and our store at the start of a day."""
        store = MemoryAnswers()
        return cls(FakeClock(), store), store

    @property
    def batch(self) -> DispatchBatch:
        found = self.source.batches[0]
        assert isinstance(found, DispatchBatch)
        return found

    async def accept(self, batch_uid: str, instruction_uid: str) -> ResponseResult:
        """Check with a stranger's eyes what is durable now, then do as an ISO does."""
        await asyncio.sleep(0)
        stored = [a.state for a in self.store.answers.values() if a.instruction_uid == instruction_uid]
        if AnswerState.SENDING not in stored:
            self.violations.append(f"{instruction_uid} arrived while it was {stored}")
        if self.miss:
            self.miss -= 1
            raise UnreachableError("connection reset")
        self.heard.append(instruction_uid)
        if self.clock.now().wall >= CLOSES:
            return ResponseResult.RC_INVALID_RESPONSE_PERIOD
        rows = tuple(
            replace(row, accept_status="ACCEPT", revision_number=row.revision_number + 1)
            if row.instruction_uid == instruction_uid
            else row
            for row in self.batch.instructions
        )
        self.source.batches[0] = replace(self.batch, instructions=rows, revision_no=self.batch.revision_no + 1)
        if self.lose:
            self.lose -= 1
            raise UnreachableError("connection reset")
        return ResponseResult.RC_SUCCESS

    async def decline(self, batch_uid: str, instruction_uid: str, reason: ReasonCode) -> ResponseResult:
        raise AssertionError

    async def partial_accept(
        self, batch_uid: str, instruction_uid: str, accept_dot_mw: float, reason: ReasonCode
    ) -> ResponseResult:
        raise AssertionError

    async def submit_mss_lf_request(self, request: MssLfRequest) -> MssLfResponse:
        raise AssertionError


@dataclass
class FailingStore:
    """Every call that is counted can fail: before it is done, or after; once, or from then on."""

    store: MemoryAnswers
    at: int
    problem: Callable[[], BaseException]
    after: bool = False
    for_good: bool = False
    count: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            if name in READS and self.problem is not Crash:
                return await method(*args, **kwargs)
            self.count += 1
            hit = self.count == self.at or (self.for_good and self.at and self.count > self.at)
            if hit and not self.after:
                raise self.problem()
            result = await method(*args, **kwargs)
            if hit:
                raise self.problem()
            return result

        return call


class SendsFirst(ResponseLoop):
    """Commits SENDING after the fact; the negative control."""

    async def _attempt(self, answer: Answer) -> Ending | None:
        ending = await self._say(answer)
        await self._store.mark_sending(answer.answer_id, self._now())
        return ending


def disk_full() -> StoreError:
    return StoreError("database or disk is full")


def accept_of(iso: Iso, number: int = 0) -> Answer:
    row = iso.batch.instructions[number]
    return Answer(
        0, iso.batch.batch_uid, row.instruction_uid, row.resource_id, 0, AnswerKind.ACCEPT, "ann",
        iso.clock.now().wall, CLOSES,
    )  # fmt: skip


async def live(iso: Iso, store: Any, loop_type: type[ResponseLoop], *, give: bool, seconds: float) -> None:
    """Run one life of the process; it ends at a crash or after so many seconds."""
    loop = loop_type(iso, iso.source, store, iso.clock, RoleAlarm(iso.clock, dismiss), lambda: True)
    running = asyncio.create_task(loop.run())
    try:
        await iso.clock.settle()
        for number in (0, 1) if give else ():
            try:
                loop.add(await store.record_answer(accept_of(iso, number), {}))
            except StoreError:
                continue
        for _ in range(int(seconds)):
            if running.done():
                break
            await iso.clock.advance(1.0)
    except Crash:
        pass
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def lives(
    step: int, loop_type: type[ResponseLoop], *, lose: int = 0, miss: int = 0, **how: Any
) -> tuple[Iso, MemoryAnswers, bool]:
    """Fail at that call in the first life, run a second one without; False when the call was never made."""
    clock, store = FakeClock(), MemoryAnswers()
    iso = Iso(clock, store, lose=lose, miss=miss)
    failing = FailingStore(store, step, **how)
    await live(iso, failing, loop_type, give=True, seconds=60)
    await live(iso, FailingStore(store, 0, disk_full), loop_type, give=False, seconds=120)
    return iso, store, failing.count >= step


def wrong(iso: Iso, store: MemoryAnswers) -> list[str]:
    """Return what must not be after two lives."""
    found = list(iso.violations)
    found += [f"{uid} sent {times} times" for uid, times in Counter(iso.heard).items() if times > 1]
    for answer in store.answers.values():
        there = answer.instruction_uid in iso.heard
        expected = {AnswerState.CONFIRMED} if there else {AnswerState.LOST, AnswerState.EXPIRED}
        if answer.state not in expected:
            found.append(f"{answer.instruction_uid}: {answer.state} here, {'taken' if there else 'unknown'} there")
    stored = {answer.instruction_uid for answer in store.answers.values()}
    return found + [f"{uid} is not in the store" for uid in iso.heard if uid not in stored]


HOW = {
    "disk full once": {"problem": disk_full},
    "done, but told as failed": {"problem": disk_full, "after": True},
    "disk full for good": {"problem": disk_full, "for_good": True},
    "crash before": {"problem": Crash},
    "crash after": {"problem": Crash, "after": True},
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW.keys())
@pytest.mark.parametrize(("lose", "miss"), [(0, 0), (1, 0), (0, 1), (1, 1)])
async def test_whatever_step_fails_nothing_is_sent_twice_or_before_its_commit(
    how: dict[str, Any], lose: int, miss: int
) -> None:
    step, reached = 0, True
    while reached:
        step += 1
        iso, store, reached = await lives(step, ResponseLoop, lose=lose, miss=miss, **how)
        assert wrong(iso, store) == [], f"call {step}"
    assert step > 6, "two answers take six commits"


async def test_a_commit_that_was_done_though_it_was_told_as_failed_costs_no_answer() -> None:
    for step in range(3, 7):
        iso, store = Iso.fresh()
        await live(iso, FailingStore(store, step, disk_full, after=True), ResponseLoop, give=True, seconds=60)
        assert {answer.state for answer in store.answers.values()} == {AnswerState.CONFIRMED}, f"call {step}"
        assert wrong(iso, store) == []


async def test_a_lost_answer_may_be_given_anew_and_is_then_sent_once() -> None:
    iso, store = Iso.fresh()
    iso.miss = 2
    await live(iso, store, ResponseLoop, give=True, seconds=60)
    assert [answer.state for answer in store.answers.values()] == [AnswerState.LOST] * 2
    assert iso.heard == []
    await live(iso, store, ResponseLoop, give=True, seconds=60)
    assert [answer.state for answer in store.answers.values()][2:] == [AnswerState.CONFIRMED] * 2
    assert sorted(iso.heard) == ["H1-I0", "H1-I1"]


async def test_the_same_campaign_catches_a_loop_that_sends_before_it_commits() -> None:
    iso, store, _ = await lives(3, SendsFirst, problem=disk_full)
    assert iso.violations
    iso, store, _ = await lives(4, SendsFirst, problem=Crash)
    assert any("times" in each for each in wrong(iso, store))


@pytest.mark.parametrize(("before_s", "sent"), [(5.001, True), (5.0, False), (4.0, False), (0.0, False), (-1.0, False)])
async def test_at_the_edge_of_the_window_the_margin_decides(before_s: float, sent: bool) -> None:  # noqa: FBT001 - a table
    clock, store = FakeClock(CLOSES - timedelta(seconds=before_s)), MemoryAnswers()
    iso = Iso(clock, store)
    await live(iso, store, ResponseLoop, give=True, seconds=60)
    assert bool(iso.heard) is sent
    expected = AnswerState.CONFIRMED if sent else AnswerState.EXPIRED
    assert {answer.state for answer in store.answers.values()} == {expected}


async def test_a_commit_that_takes_until_the_edge_sends_nothing() -> None:
    clock, store = FakeClock(CLOSES - timedelta(seconds=8)), MemoryAnswers()
    iso = Iso(clock, store)

    class Slow(FailingStore):
        def __getattr__(self, name: str) -> Any:
            method = getattr(self.store, name)

            async def call(*args: Any, **kwargs: Any) -> Any:
                if name == "mark_sending":
                    await clock.sleep(3.0)
                return await method(*args, **kwargs)

            return call

    await live(iso, Slow(store, 0, disk_full), ResponseLoop, give=True, seconds=60)
    assert iso.heard == []
    assert {answer.state for answer in store.answers.values()} == {AnswerState.EXPIRED}
