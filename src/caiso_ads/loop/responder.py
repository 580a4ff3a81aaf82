"""Answers on their way to the ISO: each is sent at most once, and whatever is not known is found out by reading.

Rule: DECIDED becomes SENDING in the store before a byte leaves, and from then on nothing is sent: the outcome is the
ISO's word, or what the batch says when it is read back. An answer is called LOST only when the ISO had time to show it
and does not. A crash at any step leaves a state from which the next life goes on in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import TypeVar

from caiso_ads.core.answering import LATE_S, read_back, refusal, result_words, state_of
from caiso_ads.core.answers import OCCUPIED, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, ResponseResult
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import LocalError, RemoteError, StoreError, WireError
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports import Clock, Source
from caiso_ads.ports.answers import AnswerStore, Responder

log = logging.getLogger("caiso_ads.responder")
T = TypeVar("T")

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Between two readings of a batch, or between two tries to get ready to send (s); the last one repeats."""
FORGOTTEN = timedelta(hours=24)
"""So long after it was given, the ISO's cache no longer has the batch, and reading tells nothing."""
LANES = 4
"""How many answers are sent at a time."""
LOOK_S = 0.1
KEPT_ENDINGS = 1000


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of an answer."""

    state: AnswerState
    text: str
    result: ResponseResult | None = None


class ResponseLoop:
    """Follows every open answer to its end, each in a task of its own. ``clock_ok``: whether our clock is trusted.

    ``responder`` reads the common name of our certificate for answers: the same answer by somebody else is not ours.
    It is asked only when a batch is read back, and may raise LocalError: then nothing is believed yet.
    """

    def __init__(
        self, iso: Responder, source: Source, store: AnswerStore, clock: Clock, alarm: RoleAlarm,
        clock_ok: Callable[[], bool], *, responder: Callable[[], str] = str,
    ) -> None:  # fmt: skip
        self._iso, self._source, self._store, self._clock = iso, source, store, clock
        self._alarm, self._clock_ok, self._responder = alarm, clock_ok, responder
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._standing: dict[int, Answer] = {}
        self._ended: dict[int, Answer] = {}
        self._lanes = asyncio.Semaphore(LANES)

    async def run(self) -> None:
        """Take up what the last life left open, then what is added, until cancelled. Raises StoreError at start."""
        for answer in await self._store.open_answers():
            self.add(answer)
        async with asyncio.TaskGroup() as tasks:
            while True:
                answer_id = await self._queue.get()
                tasks.create_task(self._follow(answer_id), name=f"answer {answer_id}")

    def add(self, answer: Answer) -> None:
        """Follow an answer that the store has; of one that is followed already, learn its new state."""
        if answer.answer_id not in self._standing:
            self._queue.put_nowait(answer.answer_id)
        self._standing[answer.answer_id] = answer

    def is_answered(self, instruction_uid: str) -> bool:
        """Whether an answer to an instruction is decided, sent or taken; a proposal is none yet."""
        known = (*self._standing.values(), *self._ended.values())
        return any(
            item.instruction_uid == instruction_uid
            and item.state in OCCUPIED
            and item.state is not AnswerState.PROPOSED
            for item in known
        )

    async def settled(self, answer: Answer, within_s: float) -> Answer | None:
        """Return what became of an answer that was added, or None when so many seconds have not told."""
        end = self._clock.now().mono + within_s
        while answer.answer_id not in self._ended and self._clock.now().mono < end:
            await self._clock.sleep(LOOK_S)
        return self._ended.get(answer.answer_id)

    # --- one answer --------------------------------------------------------------------------------------------------

    async def _follow(self, answer_id: int) -> None:
        ending = await self._proposed(answer_id)
        if ending is None and self._standing[answer_id].state is AnswerState.DECIDED:
            ending = await self._decided(self._standing[answer_id])
        if ending is None:
            ending = await self._find_out(self._standing[answer_id])
        if ending is not None:
            await self._settle(self._standing[answer_id], ending)

    async def _proposed(self, answer_id: int) -> Ending | None:
        """Wait for the second person until the window closes."""
        while self._standing[answer_id].state is AnswerState.PROPOSED:
            if self._is_over(self._standing[answer_id]):
                return Ending(AnswerState.EXPIRED, "no second person agreed before the window closed; nothing was sent")
            await self._clock.sleep(LOOK_S * 10)
        return None

    async def _decided(self, answer: Answer) -> Ending | None:
        """Send it as soon as that can be done safely; None when its outcome is not known."""
        told = False
        for pause in _pauses():
            try:
                return await self._attempt(answer)
            except (RemoteError, StoreError, _NotNowError) as problem:
                if not told:
                    log.warning("%s waits to be sent: %s", _name(answer), problem)
                told, why = True, str(problem)
            if self._is_over(answer):
                return Ending(AnswerState.EXPIRED, f"the window closed before it could be sent: {why}")
            await self._clock.sleep(pause)
        raise AssertionError("the pauses never end")

    async def _attempt(self, answer: Answer) -> Ending | None:
        """Read the batch, commit SENDING, send; what is raised tells that nothing was sent.

        Raises RemoteError, StoreError or _NotNowError.
        """
        async with self._lanes:
            if not self._clock_ok():
                raise _NotNowError("our clock is not the ISO's, the window cannot be told")
            batch = await self._read(answer)
            objection = self._objection(answer, batch)
            if objection is not None:
                return objection
            await self._mark(answer)
            late = self._objection(answer, batch)  # the commit may have taken its time
            return await self._say(answer) if late is None else late

    async def _mark(self, answer: Answer) -> None:
        """Commit SENDING. An error whose commit was done all the same is none: only this task sends it, and has not."""
        try:
            await self._store.mark_sending(answer.answer_id, self._now())
        except StoreError:
            stands = {item.answer_id: item.state for item in await self._store.open_answers()}
            if stands.get(answer.answer_id) is not AnswerState.SENDING:
                raise

    def _objection(self, answer: Answer, batch: DispatchBatch) -> Ending | None:
        """Return why the ISO would refuse it, or must not hear it, by what the batch says and at this time."""
        state, text = read_back(answer, batch)
        if state in {AnswerState.CONFIRMED, AnswerState.SUPERSEDED}:
            return Ending(AnswerState.SUPERSEDED, f"nothing was sent: {text}")
        refused = refusal(answer, batch, self._now(), clock_ok=self._clock_ok())
        if refused is None:
            return None
        cancelled = batch.batch_status is BatchStatus.EMERGENCY_CANCELLED
        ended = AnswerState.SUPERSEDED if cancelled else AnswerState.EXPIRED
        return Ending(ended, f"nothing was sent: {refused}")

    async def _say(self, answer: Answer) -> Ending | None:
        """Send it, once; None when the outcome is not known."""
        try:
            result = await self._call(answer)
        except LocalError as problem:
            return Ending(AnswerState.LOST, f"nothing was sent: {problem}")
        except RemoteError as problem:
            log.warning("%s: outcome not known, reading the batch back: %s", _name(answer), problem)
            return None
        self._alarm.heard(answer, result)
        state = state_of(result)
        if state is not AnswerState.SENDING:
            return Ending(state, result_words(result), result)
        log.warning("%s: %s: reading the batch back", _name(answer), result_words(result))
        return None

    async def _call(self, answer: Answer) -> ResponseResult:
        batch_uid, instruction_uid = answer.batch_uid, answer.instruction_uid
        if answer.kind is AnswerKind.ACCEPT:
            return await self._iso.accept(batch_uid, instruction_uid)
        reason = _given(answer.reason_code, "reason_code")
        if answer.kind is AnswerKind.DECLINE:
            return await self._iso.decline(batch_uid, instruction_uid, reason)
        return await self._iso.partial_accept(batch_uid, instruction_uid, _given(answer.mw, "mw"), reason)

    async def _find_out(self, answer: Answer) -> Ending | None:
        """Read the batch until it tells; None, and the answer stays SENDING, when the ISO has forgotten the batch."""
        asked, told = self._clock.now().mono, False
        for pause in _pauses():
            if self._now() - answer.given_at > FORGOTTEN:
                break
            try:
                state, text = read_back(answer, await self._read(answer), responder=self._responder())
            except (RemoteError, LocalError) as problem:
                if not told:
                    log.warning("%s: cannot be read back yet: %s", _name(answer), problem)
                told = True
            else:
                late = self._clock.now().mono - asked > LATE_S
                if state is not AnswerState.SENDING and (late or state is not AnswerState.LOST):
                    return Ending(state, f"read back: {text}")
            await self._clock.sleep(pause)
        log.error("%s: it will never be known whether the ISO has it: the batch is forgotten", _name(answer))
        return None

    async def _settle(self, answer: Answer, ending: Ending) -> None:
        """Commit the ending; while the store cannot, try again: the answer itself is never sent again for that."""
        at, told = self._now(), False
        for pause in _pauses():
            try:
                await self._write(answer, ending, at)
                break
            except StoreError as problem:
                if not told:
                    log.error("%s: %s; not recorded yet: %s", _name(answer), ending.text, problem)  # noqa: TRY400 - the text says it all
                told = True
            await self._clock.sleep(pause)
        log.warning("%s by %s: %s: %s", _name(answer), answer.who, ending.state.value, ending.text)
        del self._standing[answer.answer_id]
        self._ended[answer.answer_id] = replace(answer, state=ending.state, result=ending.result, text=ending.text)
        while len(self._ended) > KEPT_ENDINGS:
            del self._ended[next(iter(self._ended))]

    async def _write(self, answer: Answer, ending: Ending, at: datetime) -> None:
        """Commit it; an error whose commit was done all the same is none."""
        try:
            await self._store.settle_answer(
                answer.answer_id, ending.state, result=ending.result, text=ending.text, at=at
            )
        except StoreError:
            if any(item.answer_id == answer.answer_id for item in await self._store.open_answers()):
                raise

    async def _read(self, answer: Answer) -> DispatchBatch:
        receipt = await self._source.fetch_batch(answer.batch_uid)
        if isinstance(receipt.content, WireError):
            raise receipt.content
        return receipt.content

    def _is_over(self, answer: Answer) -> bool:
        return self._now() >= (answer.closes_at or answer.given_at + FORGOTTEN)

    def _now(self) -> datetime:
        return self._clock.now().wall


class _NotNowError(Exception):
    """Something on our side keeps the answer from being sent at this moment."""


def _pauses() -> Iterator[float]:
    return chain(PAUSES_S, repeat(PAUSES_S[-1]))


def _name(answer: Answer) -> str:
    return f"{answer.kind.value} of {answer.instruction_uid} for {answer.resource_id}"


def _given(value: T | None, field: str) -> T:
    if value is None:
        raise LocalError(f"{field} is missing")
    return value
