"""Answers in memory: what AnswerStore promises, without a database, for tests of the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from caiso_ads.core.answers import OCCUPIED, OPEN, Answer, AnswerState
from caiso_ads.core.codes import ResponseResult
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.ports.answers import Fact


@dataclass
class MemoryAnswers:
    """``broken`` makes every write fail; ``steps`` is the order of commits as (state, answer's number)."""

    broken: bool = False
    answers: dict[int, Answer] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    steps: list[tuple[str, int]] = field(default_factory=list)

    def _commit(self, answer: Answer, what: str = "") -> None:
        if self.broken:
            raise StoreError("no space left on device")
        self.answers[answer.answer_id] = answer
        self.steps.append((what or answer.state.value, answer.answer_id))

    async def record_answer(self, answer: Answer, origin: Mapping[str, object]) -> Answer:
        for first in self.answers.values():
            same = (first.instruction_uid, first.revision_no) == (answer.instruction_uid, answer.revision_no)
            if same and first.state in OCCUPIED and answer.state in OCCUPIED:
                said = f"{first.who} was first: {first.kind.value} is {first.state.value}"
                raise CommandError(said, field=answer.instruction_uid)
        made = replace(answer, answer_id=len(self.answers) + 1)
        self._commit(made)
        return made

    async def second_answer(self, answer_id: int, who: str, at: datetime, origin: Mapping[str, object]) -> Answer:
        if answer_id not in self.answers:
            raise CommandError(f"there is no answer {answer_id}")
        found = self.answers[answer_id]
        if found.state is not AnswerState.PROPOSED:
            raise CommandError(f"answer {answer_id} does not wait for a second person: it is {found.state.value}")
        if who.strip().casefold() == found.who.strip().casefold():
            raise CommandError("another person must agree to it", field="who")
        agreed = replace(found, state=AnswerState.DECIDED, seconded_by=who)
        self._commit(agreed, "seconded")
        return agreed

    async def mark_sending(self, answer_id: int, at: datetime) -> None:
        found = self._existing(answer_id)
        if found.state is not AnswerState.DECIDED:
            raise StoreError(f"answer {answer_id} must not be sent: it is {found.state.value}")
        self._commit(replace(found, state=AnswerState.SENDING))

    async def settle_answer(
        self, answer_id: int, state: AnswerState, *, result: ResponseResult | None, text: str, at: datetime
    ) -> None:
        found = self._existing(answer_id)
        if (found.state, found.result, found.text) == (state, result, text):
            return
        never_left = state is AnswerState.CONFIRMED and found.state is not AnswerState.SENDING
        if state in OPEN or found.state not in OPEN or never_left:
            raise StoreError(f"answer {answer_id} is {found.state.value} and cannot become {state.value}")
        self._commit(replace(found, state=state, result=result, text=text))

    async def open_answers(self) -> Sequence[Answer]:
        return [answer for answer in self.answers.values() if answer.state in OPEN]

    async def answers_of(self, instruction_uid: str) -> Sequence[Answer]:
        return [answer for answer in self.answers.values() if answer.instruction_uid == instruction_uid]

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        if self.broken:
            raise StoreError("no space left on device")
        self.facts += facts

    def _existing(self, answer_id: int) -> Answer:
        if answer_id not in self.answers:
            raise StoreError(f"there is no answer {answer_id}")
        return self.answers[answer_id]
