"""An answer to one instruction: what may be said, until when, and what became of it.

Rule: at most one answer of an instruction's revision is ever on its way to the ISO. From the moment it may have left,
nothing may be sent again before the batch was read back. Spec: ADS API v7 §1.3 (result codes), §4 (response periods).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caiso_ads.core.codes import ReasonCode, ResponseResult


class AnswerKind(StrEnum):
    """What is said: all of it, nothing of it, or a part."""

    ACCEPT = "accept"
    DECLINE = "decline"
    PARTIAL = "partial"


class AnswerState(StrEnum):
    """Where an answer stands. Each change is durable before anything follows from it."""

    PROPOSED = "proposed"  # a second person must agree first
    DECIDED = "decided"  # may be sent; was never sent
    SENDING = "sending"  # may have reached the ISO; settled only by its result or by reading the batch back
    CONFIRMED = "confirmed"  # the ISO has it
    REFUSED = "refused"  # the ISO said no; its code tells why
    LOST = "lost"  # read back: the ISO does not have it; it may be given anew
    EXPIRED = "expired"  # the window closed before it was sent
    SUPERSEDED = "superseded"  # read back: somebody else's answer or another revision stands
    DRY_RUN = "dry run"  # recorded only


OPEN = frozenset({AnswerState.PROPOSED, AnswerState.DECIDED, AnswerState.SENDING})
"""States that still change."""

OCCUPIED = OPEN | {AnswerState.CONFIRMED}
"""States that keep anybody else from answering the same revision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``mw`` is for PARTIAL, ``reason_code`` for DECLINE and PARTIAL; ``closes_at`` ends the window.

    ``who`` is a person or ``policy``; ``seconded_by`` the second person where two are needed. Times are aware UTC.
    ``answer_id`` is 0 until the store has given it a number.
    """

    answer_id: int
    batch_uid: str
    instruction_uid: str
    resource_id: str
    revision_no: int
    kind: AnswerKind
    who: str
    given_at: datetime
    closes_at: datetime | None = None
    mw: float | None = None
    reason_code: ReasonCode | None = None
    state: AnswerState = AnswerState.DECIDED
    result: ResponseResult | None = None
    text: str = ""
    seconded_by: str = ""
