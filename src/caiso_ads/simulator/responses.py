"""Accept, decline, partial acceptance and validation: who may, when, and what it changes.

Rule: the checks come in this order: batch, instruction, right, period, content; the result codes are documented
(ADS API v7 §1.3). Interpretation: answering again inside the window replaces the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.core.model import Instruction
from caiso_ads.simulator import hourly
from caiso_ads.simulator.fleet import Identity, Role
from caiso_ads.simulator.ledger import RESPONSE
from caiso_ads.simulator.market import Market

_PEOPLE_MAY_GIVE = range(ReasonCode.LINE_DOWN, ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED)
_MAY_RESPOND = {Role.PRIMARY, Role.SECONDARY}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one instruction: accept without reason, decline with one, partial with both."""

    batch_uid: str
    instruction_uid: str
    reason_code: int | None = None
    accept_dot_mw: float | None = None

    @property
    def word(self) -> str:
        """What becomes the instruction's acceptStatus."""
        if self.reason_code is None:
            return "ACCEPT"
        return "DECLINE" if self.accept_dot_mw is None else "PARTIAL"


def respond(market: Market, who: Identity, answer: Answer) -> ResponseResult:
    """Check an answer and, when it is good, store it; either way the ledger has a line of it."""
    entry = market.dispatches.get(answer.batch_uid)
    rows = entry.full().instructions if entry else ()
    revision = next((market.revisions.issued(i) for i in rows if i.instruction_uid == answer.instruction_uid), -1)
    result = _result(market, who, answer)
    market.ledger.record(
        RESPONSE,
        answer.instruction_uid,
        common_name=who.common_name,
        arguments=(answer.batch_uid, str(revision), answer.word),
        result=str(int(result)),
    )
    return result


def _result(market: Market, who: Identity, answer: Answer) -> ResponseResult:
    entry = market.dispatches.get(answer.batch_uid)
    if entry is None:
        return ResponseResult.RC_BATCH_NOT_FOUND
    rows = [i for i in entry.full().instructions if i.instruction_uid == answer.instruction_uid]
    if not rows:
        return ResponseResult.RC_INSTRUCTION_NOT_FOUND
    if who.role(rows[0].resource_id) not in _MAY_RESPOND:
        return ResponseResult.RC_UNAUTHORIZED
    if entry.header.batch_type not in hourly.TYPES or entry.header.batch_status is not BatchStatus.ACTIVE:
        return ResponseResult.RC_INVALID_RESPONSE_PERIOD
    if not _is_valid(rows[0], answer, market.switches.partial_range):
        return ResponseResult.RC_INVALID_RESPONSE
    hourly.answer(market, answer.batch_uid, rows[0], _changes(rows[0], who, answer))
    return ResponseResult.RC_SUCCESS


def validate(market: Market, who: Identity, batch_uid: str, now: datetime) -> int:
    """Mark what this certificate is primary for and nobody validated before; return how many. Spec: v7 §2.7."""
    entry = market.dispatches.get(batch_uid)
    if entry is None:
        return 0
    batch = entry.full()
    mine = [
        i.instruction_uid
        for i in batch.instructions
        if i.api_validated is None and who.role(i.resource_id) is Role.PRIMARY
    ]
    stamp: dict[str, Any] = {"api_validated": now.replace(microsecond=0), "api_validated_by": who.common_name}
    if mine and market.switches.validation_revises:
        for instruction in batch.instructions:
            if instruction.instruction_uid in mine:
                market.revisions.follow(instruction)
        market.change(batch_uid, {}, dict.fromkeys(mine, stamp))
    elif mine:
        rows = tuple(replace(i, **stamp) if i.instruction_uid in mine else i for i in batch.instructions)
        market.put(entry, replace(batch, instructions=rows))
    return len(mine)


def _is_valid(instruction: Instruction, answer: Answer, partial_range: str) -> bool:
    if answer.reason_code is not None and answer.reason_code not in _PEOPLE_MAY_GIVE:
        return False
    if answer.accept_dot_mw is None:
        return True
    most = instruction.dot_mw or 0.0
    if partial_range == "threshold" and instruction.hourly_mw_threshold is not None:
        most = min(most, instruction.hourly_mw_threshold)
    return min(0.0, most) <= answer.accept_dot_mw <= max(0.0, most)


def _changes(instruction: Instruction, who: Identity, answer: Answer) -> dict[str, Any]:
    accepted = {
        "ACCEPT": instruction.dot_mw,
        "DECLINE": hourly.fallback_mw(instruction),
        "PARTIAL": answer.accept_dot_mw,
    }[answer.word]
    reason = None if answer.reason_code is None else ReasonCode(answer.reason_code)
    return {
        "accept_dot_mw": accepted or 0.0,
        "accept_status": answer.word,
        "responder": who.common_name,
        "reason_code": reason,
    }
