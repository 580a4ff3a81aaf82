"""What may be answered now, what the ISO would refuse, and what a batch that was read back says became of an answer.

Rule: doubt never sends and never settles. What cannot be checked is refused; what a batch read back does not tell
stays SENDING. Spec: ADS API v7 §1.3 (result codes), §4 (statuses), §6 (reason codes); partial acceptance takes
0..hourly DOT by CAISO's notice of November 2023.

Interpretation, since the specification is silent: only batches of type 1 and 5 take answers, and only in status 1
(Active), which is the participants' window; its end is the ``batchExpires`` of that status ("next status change"). The
revision an answer belongs to is the instruction's ``revisionNumber``: the batch's own number also grows when another
company answers. ``acceptStatus`` is free text and is read by its first letter.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.errors import CommandError

MARGIN_S = 5.0
"""How long before the window's end nothing is sent any more (s)."""

LATE_S = 30.0
"""How long a request may still take effect after it was sent (s). Interpretation: a batch read back earlier can tell
that an answer is there, never that it is missing."""

TOLERANCE_MW = 0.01
"""How far the accepted MW read back may be from what was said: the ISO may round."""

ANSWERED_TYPES = frozenset({BatchType.HOURLY_PRE_DISPATCH, BatchType.HOURLY_AS_AWARDS})
"""Batches that take answers."""

REASONS = tuple(ReasonCode(code) for code in range(10, 15))
"""What people may give; 15 and 16 are the ISO's own words for silence."""

RESULT_WORDS = {
    ResponseResult.RC_SUCCESS: "accepted by the ISO",
    ResponseResult.RC_INVALID_RESPONSE: "invalid response: MW or reason code not allowed for this instruction",
    ResponseResult.RC_INVALID_RESPONSE_PERIOD: "the response period is over, or has not begun",
    ResponseResult.RC_BATCH_NOT_FOUND: "the ISO does not know this batch",
    ResponseResult.RC_INSTRUCTION_NOT_FOUND: "the ISO does not know this instruction in that batch",
    ResponseResult.RC_UNAUTHORIZED: "this certificate has no right to respond for that resource",
}
"""The documented result codes in words."""

_CANCELLED = BatchStatus.EMERGENCY_CANCELLED
_TIMED_OUT = {ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED, ReasonCode.TIMED_OUT_FORCED_DECLINE}
_BY_LETTER = {"A": AnswerKind.ACCEPT, "D": AnswerKind.DECLINE, "P": AnswerKind.PARTIAL}


# --- the words of the ISO ----------------------------------------------------------------------------------------


def result_words(result: ResponseResult) -> str:
    """Say a result code in words; one that is not documented is called that."""
    return RESULT_WORDS.get(result, f"result {int(result)}, which is not in the specification")


def state_of(result: ResponseResult) -> AnswerState:
    """Return what a result code settles: CONFIRMED, REFUSED, or SENDING for a code whose meaning is not known."""
    if result is ResponseResult.RC_SUCCESS:
        return AnswerState.CONFIRMED
    return AnswerState.REFUSED if result in RESULT_WORDS else AnswerState.SENDING


def read_reason(said: object) -> ReasonCode:
    """Return the reason code of its number or of its word, such as ``13`` or ``unit-derate``. Raises CommandError."""
    text = str(said).strip().lower().replace("_", "-").replace(" ", "-")
    for code in REASONS:
        if text in {str(int(code)), reason_word(code)}:
            return code
    allowed = ", ".join(f"{int(code)} {reason_word(code)}" for code in REASONS)
    raise CommandError(f"{said!r} is no reason that may be given; allowed: {allowed}", field="reason")


def reason_word(code: ReasonCode) -> str:
    """Return the word for a reason as people write it: ``unit-derate``."""
    return code.label.replace(" ", "-")


def iso_answer(instruction: Instruction) -> AnswerKind | None:
    """Return the participant's answer the ISO shows; None for none, NON_RESPONSE, and words we do not know."""
    return _BY_LETTER.get((instruction.accept_status or "").strip()[:1].upper())


def is_silent(instruction: Instruction) -> bool:
    """Whether the ISO shows that nobody answered yet and nothing timed out. A word we do not know is no silence."""
    word = (instruction.accept_status or "").strip().upper()
    return (not word or word.startswith("N")) and instruction.reason_code not in _TIMED_OUT


# --- the window --------------------------------------------------------------------------------------------------


def closes_at(batch: DispatchBatch) -> datetime | None:
    """Return the end of the participants' window (UTC); None where there is none now, or its end is not told."""
    takes = batch.batch_type in ANSWERED_TYPES and batch.batch_status is BatchStatus.ACTIVE
    return batch.batch_expires if takes else None


def period_refusal(batch: DispatchBatch, now: datetime, *, margin_s: float = MARGIN_S) -> CommandError | None:
    """Return why this batch takes no answer at that time (UTC), or None. Without ``batchExpires`` its hour's start ends it."""
    if batch.batch_status is _CANCELLED:
        return CommandError("the batch was cancelled by the ISO (emergency)", field="batch")
    if batch.batch_type not in ANSWERED_TYPES:
        return CommandError(f"a batch of type {batch.batch_type.label} takes no answers", field="batch")
    if batch.batch_status is not BatchStatus.ACTIVE:
        return CommandError(
            f"the batch is {batch.batch_status.label}; only an active one takes answers", field="period"
        )
    end = closes_at(batch) or batch.start_time
    if now + timedelta(seconds=margin_s) >= end:
        return CommandError(
            f"the response window ends {end.isoformat()}, less than {margin_s:g} s away", field="period"
        )
    return None


# --- before it is sent -------------------------------------------------------------------------------------------


def refusal(
    answer: Answer, batch: DispatchBatch | None, now: datetime, *, clock_ok: bool, margin_s: float = MARGIN_S
) -> CommandError | None:
    """Return why this answer must not be sent, or None. ``field`` of the error says for what.

    ``batch`` is its newest known content, None where it is not known; ``clock_ok`` whether our clock is the ISO's;
    ``margin_s`` (s) is kept before the window's end. Fields: batch, instruction, revision, period, clock, mw, reason.
    """
    row = _row(answer, batch)
    if batch is None or row is None:
        return _not_there(answer, batch)
    if not clock_ok:
        return CommandError(
            "this machine's clock is not the ISO's, so the response window cannot be judged",
            field="clock",
            cure="Set the clock (NTP), or answer in the ISO's own user interface.",
        )
    return period_refusal(batch, now, margin_s=margin_s) or _changed(answer, row) or _content(answer, row)


def _row(answer: Answer, batch: DispatchBatch | None) -> Instruction | None:
    if batch is None or batch.batch_uid != answer.batch_uid:
        return None
    rows = (row for row in batch.instructions if row.instruction_uid == answer.instruction_uid)
    return next((row for row in rows if row.resource_id == answer.resource_id), None)


def _not_there(answer: Answer, batch: DispatchBatch | None) -> CommandError:
    if batch is None or batch.batch_uid != answer.batch_uid:
        return CommandError(f"{answer.batch_uid!r} is not known here", field="batch")
    known = f"{answer.instruction_uid!r} for {answer.resource_id} is not in batch {answer.batch_uid!r}"
    return CommandError(known, field="instruction")


def _changed(answer: Answer, row: Instruction) -> CommandError | None:
    if row.status_code is _CANCELLED:
        return CommandError("the instruction was cancelled by the ISO (emergency)", field="instruction")
    if row.revision_number != answer.revision_no:
        return CommandError(
            f"revision {answer.revision_no} was shown, revision {row.revision_number} stands",
            field="revision",
            cure="Look at the instruction again, then answer what it says now.",
        )
    return None


def _content(answer: Answer, row: Instruction) -> CommandError | None:
    reasoned = answer.kind is not AnswerKind.ACCEPT
    if reasoned != (answer.reason_code is not None):
        return CommandError(f"{answer.kind} {'needs a' if reasoned else 'takes no'} reason", field="reason")
    if answer.reason_code is not None and answer.reason_code not in REASONS:
        return CommandError(f"{int(answer.reason_code)} may not be given; 10 to 14 may", field="reason")
    if answer.kind is AnswerKind.PARTIAL:
        return _amount(answer.mw, row.dot_mw)
    return None if answer.mw is None else CommandError(f"{answer.kind} takes no MW", field="mw")


def _amount(mw: float | None, dot_mw: float | None) -> CommandError | None:
    if mw is None:
        return CommandError("a partial acceptance needs MW", field="mw")
    if dot_mw is None or not math.isfinite(dot_mw):
        return CommandError("the instruction has no DOT, so no part of it can be checked", field="mw")
    low, high = min(0.0, dot_mw), max(0.0, dot_mw)
    if not low <= mw <= high:  # also refuses what is not a number
        return CommandError(f"{mw:g} MW is outside {low:g} to {high:g} MW", field="mw")
    return None


# --- after it may have been sent ---------------------------------------------------------------------------------


def read_back(answer: Answer, batch: DispatchBatch, *, responder: str = "") -> tuple[AnswerState, str]:
    """Return what the batch, read from the ISO after the sending, says became of an answer, and why in words.

    SENDING: it does not tell; read again. LOST: not there; only to be believed ``LATE_S`` after the sending. CONFIRMED
    needs the same kind, MW and reason; ``responder`` is our certificate's common name, compared where both are known.
    Interpretation: the ISO writes that name, as in ``apiValidatedBy``. Everything else that stands is SUPERSEDED.
    """
    row = _row(answer, batch)
    if row is None:
        return AnswerState.SENDING, "the instruction is not visible in the batch read back"
    found, by = iso_answer(row), f" by {row.responder}" if row.responder else ""
    if found is None:
        return _unanswered(answer, row)
    shown = f"the ISO shows {_shown(row)}{by}, revision {row.revision_number}"
    if found is not answer.kind or not _same_reason(answer, row):
        return AnswerState.SUPERSEDED, shown
    if found is AnswerKind.PARTIAL:
        if answer.mw is None or row.accept_dot_mw is None:
            return AnswerState.SENDING, f"{shown}, without its MW"
        if abs(row.accept_dot_mw - answer.mw) > TOLERANCE_MW:
            return AnswerState.SUPERSEDED, shown
    theirs = (row.responder or "").strip().casefold()
    if responder and theirs and theirs != responder.strip().casefold():
        return AnswerState.SUPERSEDED, f"{shown}, not by {responder}"
    return AnswerState.CONFIRMED, shown


def _same_reason(answer: Answer, row: Instruction) -> bool:
    return answer.reason_code is None or row.reason_code is None or row.reason_code == answer.reason_code


def _shown(row: Instruction) -> str:
    mw = "" if row.accept_dot_mw is None else f" {row.accept_dot_mw:g} MW"
    reason = "" if row.reason_code is None else f", reason {int(row.reason_code)}"
    return f"{(row.accept_status or '').strip()[:40]}{mw}{reason}"


def _unanswered(answer: Answer, row: Instruction) -> tuple[AnswerState, str]:
    if row.reason_code in _TIMED_OUT:
        return AnswerState.LOST, f"timed out at the ISO: {_shown(row).strip()}"
    if not is_silent(row):
        return AnswerState.SENDING, f"acceptStatus {_shown(row)!r} is not known"
    if row.revision_number != answer.revision_no:
        return AnswerState.SUPERSEDED, f"revision {row.revision_number} stands, without an answer"
    return AnswerState.LOST, "the ISO has no answer"
