"""The life of an hourly batch: Active while participants may answer, then the operators' window, then Closed or Time Out.

Rule: only status 1 takes answers. What is unanswered when the participants' window ends gets reason 15 (minAccept) or
16 (declined). The order of states is documented (ADS API v7 §4); window lengths and outcomes are switches.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode
from caiso_ads.core.model import DispatchBatch, Instruction

if TYPE_CHECKING:
    from caiso_ads.simulator.market import Market

NO_RESPONSE = "NON_RESPONSE"
TYPES = frozenset({BatchType.HOURLY_PRE_DISPATCH, BatchType.HOURLY_AS_AWARDS})
"""Batches that take answers."""
_OTHERS_ANSWER_AFTER = timedelta(minutes=5)


def plan(market: Market, uid: str) -> None:
    """Plan the rest of a new hourly batch's life."""
    header = _batch(market, uid)
    closes = header.start_time - timedelta(seconds=market.switches.hourly_close_s)
    end = ends(market, header.batch_received, header.start_time)
    others = min(header.batch_received + _OTHERS_ANSWER_AFTER, end)
    market.at(others, lambda: _others_answer(market, uid, history=end <= market.started))
    market.at(end, lambda: _end_of_responses(market, uid))
    market.at(closes, lambda: _close(market, uid))


def ends(market: Market, received: datetime, start: datetime) -> datetime:
    """Return when the participants' window of a batch that arrived then ends."""
    window = timedelta(seconds=market.switches.hourly_participant_s)
    return min(received.replace(microsecond=0) + window, start - timedelta(seconds=market.switches.hourly_close_s))


def answer(market: Market, uid: str, instruction: Instruction, changes: dict[str, Any]) -> None:
    """Store an answer and let the hour's schedule follow it."""
    market.revisions.follow(instruction)
    market.change(uid, {}, {instruction.instruction_uid: changes})
    if instruction.start_time is not None and instruction.instruction_type is InstructionType.DOT:
        market.profiles.accepted_hourly[instruction.resource_id, instruction.start_time] = changes["accept_dot_mw"]


def fallback_mw(instruction: Instruction) -> float:
    """Return what a decline goes back to: the hour-ahead schedule where the instruction has one, else 0 MW."""
    return instruction.hourly_mw or 0.0


def _batch(market: Market, uid: str) -> DispatchBatch:
    entry = market.dispatches.get(uid)
    assert entry is not None, "an hourly batch closes long before it is forgotten"
    return entry.full()


def _open(market: Market, uid: str, status: BatchStatus) -> DispatchBatch | None:
    """Return the batch while it is in that state; a cancelled one has left its course."""
    batch = _batch(market, uid)
    return batch if batch.batch_status is status else None


def _others_answer(market: Market, uid: str, *, history: bool) -> None:
    """Companies outside the test accept; so did everybody in the hours before the simulator was started."""
    batch = _open(market, uid, BatchStatus.ACTIVE)
    for instruction in batch.instructions if batch else ():
        resource = market.fleet.resource(instruction.resource_id)
        if instruction.accept_status is None and (history or (resource is not None and resource.answers_itself)):
            changes = {"accept_dot_mw": instruction.dot_mw, "accept_status": "ACCEPT", "responder": "Simulated Userx1"}
            answer(market, uid, instruction, changes)


def _end_of_responses(market: Market, uid: str) -> None:
    batch = _open(market, uid, BatchStatus.ACTIVE)
    if batch is None:
        return
    for instruction in batch.instructions:
        if instruction.accept_status is None:
            answer(market, uid, instruction, _timed_out(instruction, market.switches.hourly_timeout))
    closes = batch.start_time - timedelta(seconds=market.switches.hourly_close_s)
    market.change(uid, {"batch_status": BatchStatus.OPERATOR_RESPONSE_PERIOD, "batch_expires": closes})


def _close(market: Market, uid: str) -> None:
    batch = _open(market, uid, BatchStatus.OPERATOR_RESPONSE_PERIOD)
    if batch is not None:
        late = any(i.accept_status == NO_RESPONSE for i in batch.instructions)
        status = BatchStatus(market.switches.hourly_timeout_status) if late else BatchStatus.CLOSED
        market.change(uid, {"batch_status": status})


def _timed_out(instruction: Instruction, policy: str) -> dict[str, Any]:
    if policy == "minimum" and instruction.min_accept_mw is not None:
        accepted, reason = instruction.min_accept_mw, ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED
    else:
        accepted, reason = fallback_mw(instruction), ReasonCode.TIMED_OUT_FORCED_DECLINE
    return {"accept_dot_mw": accepted, "accept_status": NO_RESPONSE, "reason_code": reason}
