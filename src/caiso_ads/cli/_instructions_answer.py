"""An operator's answer before it goes to the gateway: what is wished, and whether the ISO would take it.

Rule: everything here only refuses; the gateway checks all of it again with what it knows by then. What became of an
answer is told by the store, never by the words of a reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from caiso_ads.cli._errors import EXIT_LOCAL, EXIT_REMOTE
from caiso_ads.cli._instructions_view import reason, said
from caiso_ads.core.answering import read_reason, refusal
from caiso_ads.core.answers import OPEN, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import ReasonCode
from caiso_ads.errors import CommandError
from caiso_ads.loop.commands import Result
from caiso_ads.loop.operators import person
from caiso_ads.store.asked_view import standing
from caiso_ads.store.hourly import Asked

EXIT_UNKNOWN = 3
_LOOK = "look with: caiso-ads instructions list"
_SHORT = {
    "economic": ReasonCode.ECONOMIC_CONSIDERATIONS,
    "bad-bid": ReasonCode.BAD_BID_SUBMITTED,
    "derate": ReasonCode.UNIT_DERATE,
    "no-transmission": ReasonCode.NO_AVAILABLE_TRANSMISSION,
}


def read_word(text: str) -> ReasonCode:
    """Return the reason of a number, a word or a short word. Raises CommandError, also for 15 and 16."""
    return _SHORT.get(text.strip().lower()) or read_reason(text)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to say. ``revision_no`` None: that of what is shown."""

    instruction_uid: str
    kind: AnswerKind
    who: str
    mw: float | None
    reason_code: ReasonCode | None
    revision_no: int | None = None

    def of(self, row: Asked) -> Wish:
        """Return the same, tied to the revision of that row."""
        return replace(self, revision_no=row.instruction.revision_number)

    def question(self, *, two_persons: bool) -> str:
        """Return what is asked back."""
        what = {
            AnswerKind.ACCEPT: "Accept all of it",
            AnswerKind.DECLINE: "Decline it",
            AnswerKind.PARTIAL: f"Accept {self.mw if self.mw is None else format(self.mw, 'g')} MW of it",
        }[self.kind]
        why = "" if self.reason_code is None else f", reason {reason(self.reason_code)}"
        later = two_persons and self.kind is not AnswerKind.ACCEPT
        return f"{what}{why}{', once a second person agrees' if later else ''}?"

    def said(self) -> dict[str, object]:
        """Return the command to the gateway."""
        told: dict[str, object] = {
            "kind": self.kind.value,
            "instruction": self.instruction_uid,
            "revision": self.revision_no,
        }
        if self.reason_code is not None:
            told["reason_code"] = int(self.reason_code)
        return told if self.mw is None else told | {"mw": self.mw}


def checked(rows: Sequence[Asked], wish: Wish, now: datetime) -> Asked:
    """Return the instruction of a wish. Raises CommandError for what the ISO would refuse, or was answered before."""
    row = next((each for each in rows if each.instruction.instruction_uid == wish.instruction_uid), None)
    if row is None:
        raise CommandError(f"{wish.instruction_uid!r} is not known here", field="instruction", cure=_LOOK)
    _refuse(_answer(wish, row, now), row, now)
    first = standing(row)
    if first is not None:
        raise CommandError(f"answered before: {said(first)}, at {first.given_at:%H:%M:%S} UTC", field="instruction")
    return row


def checked_second(rows: Sequence[Asked], number: int, who: str, now: datetime) -> Asked:
    """Return the instruction of a proposal. Raises CommandError where this person may not agree to it, or not now."""
    for row in rows:
        for each in row.answers:
            if each.answer_id == number and each.state is AnswerState.PROPOSED:
                if person(each.who) == person(who):
                    raise CommandError(f"{each.who} proposed it: the second person must be another one", field="who")
                _refuse(each, row, now)
                return row
    raise CommandError(f"no proposal {number} waits for a second person", field="answer", cure=_LOOK)


def fate_of(rows: Sequence[Asked], shown: Asked, command: Mapping[str, object]) -> Answer | None:
    """Return the answer that a command made or agreed to, as it stands now; None when it made none."""
    known = {each.answer_id for each in shown.answers}
    uid = shown.instruction.instruction_uid
    given = [each for row in rows if row.instruction.instruction_uid == uid for each in row.answers]
    if command["kind"] == "second":
        agreed = (each for each in given if each.answer_id == command["answer"])
        return next((each for each in agreed if each.state is not AnswerState.PROPOSED), None)
    fresh = [each for each in given if each.answer_id not in known and each.kind.value == command["kind"]]
    return fresh[-1] if fresh else None


def exit_code(result: Result, fate: Answer | None, *, unanswered: bool) -> int:
    """Return the command's exit code: 0, 1, 2 or 3, as ``instructions`` says."""
    if result.done:
        return 0
    if fate is None:
        return EXIT_UNKNOWN if unanswered else EXIT_LOCAL
    return EXIT_UNKNOWN if fate.state in OPEN else EXIT_REMOTE


def _answer(wish: Wish, row: Asked, now: datetime) -> Answer:
    told = row.instruction
    return Answer(
        0, row.batch.batch_uid, told.instruction_uid, told.resource_id,
        told.revision_number if wish.revision_no is None else wish.revision_no,
        wish.kind, wish.who, now, mw=wish.mw, reason_code=wish.reason_code,
    )  # fmt: skip


def _refuse(answer: Answer, row: Asked, now: datetime) -> None:
    refused = refusal(answer, row.batch, now, clock_ok=True)  # the gateway knows about the clock, and checks again
    if refused is not None:
        raise refused
