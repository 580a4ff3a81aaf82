"""What the commands ``accept``, ``decline``, ``partial`` and ``second`` do: a person's answer to an instruction.

Rule: what the ISO would refuse is refused here, the answer is durable before anything is sent, and the one who asked is
told what became of it or that this is not known yet. With the two-person rule whoever says less than yes needs a second
person; a partial acceptance is less than yes too, else 0 MW of it would be a way round.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from caiso_ads.core.answering import closes_at, read_reason, refusal
from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.errors import CommandError
from caiso_ads.loop.board import Board
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Handlers
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.ports.answers import AnswerStore

SETTLED_WITHIN_S = 22.0
"""How long the one who asked is kept waiting: reading the batch and sending, each with its deadline (s)."""
_SUDO = re.compile(r".* \(sudo by (.+)\)")


class Operators:
    """The handler of the four kinds. ``clock_ok``: whether our clock is trusted."""

    slow = True

    def __init__(
        self, board: Board, store: AnswerStore, responses: ResponseLoop, clock_ok: Callable[[], bool], *,
        two_person_declines: bool,
    ) -> None:  # fmt: skip
        self._board, self._store, self._responses, self._clock_ok = board, store, responses, clock_ok
        self._two_person = two_person_declines

    def handlers(self) -> Handlers:
        """Return what to register."""
        return dict.fromkeys(("accept", "decline", "partial", "second"), self)

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Record it, let it be sent, and tell. Raises CommandError naming the field, or StoreError: nothing done."""
        act = self._second if command.kind == "second" else self._give
        answer = await act(command, now)
        self._responses.add(answer)
        if answer.state is AnswerState.PROPOSED:
            return Result(done=True, text=f"{_what(answer)}: proposal {answer.answer_id}, a second person must agree")
        settled = await self._responses.settled(answer, SETTLED_WITHIN_S)
        if settled is None:
            return Result(
                done=False,
                text=f"{_what(answer)}: recorded as {answer.answer_id}; not known yet whether the ISO has it; "
                "look with: caiso-ads instructions list",
            )  # fmt: skip
        done = settled.state is AnswerState.CONFIRMED
        return Result(done=done, text=f"{_what(answer)}: {settled.state.value}: {settled.text}")

    async def _give(self, command: Command, now: datetime) -> Answer:
        said, kind = command.said, AnswerKind(command.kind)
        batch, instruction = self._board.find(_text(said, "instruction"))
        proposed = self._two_person and kind is not AnswerKind.ACCEPT
        answer = Answer(
            0, batch.batch_uid, instruction.instruction_uid, instruction.resource_id, _whole(said, "revision"),
            kind, command.author, now, closes_at(batch) or batch.start_time,
            mw=_number(said, "mw") if kind is AnswerKind.PARTIAL else None,
            reason_code=None if kind is AnswerKind.ACCEPT else read_reason(said.get("reason_code")),
            state=AnswerState.PROPOSED if proposed else AnswerState.DECIDED,
        )  # fmt: skip
        self._refuse(answer, now)
        return await self._store.record_answer(answer, command.origin)

    async def _second(self, command: Command, now: datetime) -> Answer:
        number = _whole(command.said, "answer")
        answer = next((item for item in await self._store.open_answers() if item.answer_id == number), None)
        if answer is None or answer.state is not AnswerState.PROPOSED:
            raise CommandError(f"no proposal {number} waits for a second person", field="answer")
        if person(answer.who) == person(command.author):
            raise CommandError(f"{answer.who} proposed it: the second person must be another one", field="who")
        self._refuse(answer, now)
        return await self._store.second_answer(number, command.author, now, command.origin)

    def _refuse(self, answer: Answer, now: datetime) -> None:
        refused = refusal(answer, self._board.batch(answer.batch_uid), now, clock_ok=self._clock_ok())
        if refused is not None:
            raise refused


class ReadOnly:
    """Refuses every command that would send something, in read-only mode."""

    slow = False

    def handlers(self) -> Handlers:
        """Return what to register."""
        return dict.fromkeys(("accept", "decline", "partial", "second", "mss"), self)

    async def __call__(self, command: Command, now: datetime) -> Result:  # noqa: ARG002 - the port's signature
        """Raise CommandError."""
        raise CommandError("this gateway is read-only, it sends the ISO nothing", field="kind")


def person(who: str) -> str:
    """Return the person of an author: the one behind ``sudo``, else the account."""
    found = _SUDO.fullmatch(who)
    return (found[1] if found else who).casefold()


def _what(answer: Answer) -> str:
    part = "" if answer.mw is None else f" {answer.mw:g} MW"
    return f"{answer.kind.value}{part} of {answer.instruction_uid[:60]} for {answer.resource_id[:40]}"


def _text(said: Mapping[str, object], field: str) -> str:
    found = said.get(field)
    if not isinstance(found, str) or not found.strip():
        raise CommandError("must be given as text", field=field)
    return found.strip()


def _whole(said: Mapping[str, object], field: str) -> int:
    found = said.get(field)
    if isinstance(found, bool) or not isinstance(found, int):
        raise CommandError("must be given as a whole number", field=field)
    return found


def _number(said: Mapping[str, object], field: str) -> float:
    found = said.get(field)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise CommandError("must be given as a number", field=field)
    try:
        value = float(found)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise CommandError("must be a finite number", field=field)
    return value
