"""What is answered without a person: nothing, unless a resource's policy says so and every number it needs is known.

Rule: an automatic answer is one the ISO would take and a careful operator would give; anything else is left to people,
with the reason in words. Every decision carries the inputs it was made from, for the evidence.

Interpretation: the schedule is the instruction's ``hourlyMw``; powers are compared by their amount, so a negative DOT
(import, charging) is held against the same capability; only DOTs of binding batches are answered, never awards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from caiso_ads.core.answering import TOLERANCE_MW, closes_at, is_silent, period_refusal
from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, InstructionType, ReasonCode
from caiso_ads.core.model import DispatchBatch, Instruction, is_yes

POLICY = "policy"
"""Who answered, where no person did."""


class PolicyMode(StrEnum):
    """Whether decisions are made, and whether they are sent."""

    OFF = "off"
    DRY_RUN = "dry-run"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be answered for one resource without a person; by default nothing.

    ``accept_within_mw``: accept a DOT that is no further from the schedule (MW); None for never. Above capability it is
    declined with ``decline_reason`` where ``decline_above_capability``. ``second_person``: a decline waits for one.
    ``pmin_mw``, ``pmax_mw``: a DOT outside is never accepted.
    """

    mode: PolicyMode = PolicyMode.OFF
    accept_within_mw: float | None = None
    decline_above_capability: bool = False
    decline_reason: ReasonCode | None = None
    second_person: bool = False
    pmin_mw: float = -math.inf
    pmax_mw: float = math.inf


NO_POLICY = Policy()
"""Everything is left to people."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A resource can give at most ``available_mw`` (MW, an amount) from ``start`` until before ``end`` (UTC)."""

    resource_id: str
    start: datetime
    end: datetime
    available_mw: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy answers: ``kind`` None leaves it to people. ``why`` in words; ``inputs`` are plain JSON values.

    ``state`` is the one an answer of it begins with: DECIDED, PROPOSED or DRY_RUN.
    """

    kind: AnswerKind | None
    mw: float | None = None
    reason: ReasonCode | None = None
    why: str = ""
    inputs: Mapping[str, object] = field(default_factory=dict)
    state: AnswerState | None = None


def delivery(batch: DispatchBatch, instruction: Instruction) -> tuple[datetime, datetime]:
    """Return the time an hourly instruction is about (UTC). Interpretation: at least the hour the batch starts with."""
    start = min(batch.start_time, instruction.start_time or batch.start_time)
    hour = batch.start_time + timedelta(hours=1)
    return start, max(hour, instruction.end_time or hour)


def capability_at(
    resource_id: str, normal_mw: float, outages: Iterable[Outage], start: datetime, end: datetime
) -> float:
    """Return what the resource can give all through that time (MW): the least of its normal and of every outage."""
    hit = (o.available_mw for o in outages if o.resource_id == resource_id and o.start < end and start < o.end)
    return min((normal_mw, *hit))


def decide(
    batch: DispatchBatch, instruction: Instruction, policy: Policy, capability_mw: float | None, now: datetime
) -> Decision:
    """Return what the policy answers to an instruction at that time (UTC), with its inputs.

    ``capability_mw`` is what the resource can give all through ``delivery`` (an amount); None where it is not known,
    and then nothing is answered. The caller still asks ``refusal`` before sending, and knows our own earlier answers.
    """
    inputs = _inputs(batch, instruction, policy, capability_mw, now)
    why = _not_ours(batch, instruction, policy, now)
    dot, capability = instruction.dot_mw, capability_mw
    if why:
        return Decision(None, why=why, inputs=inputs)
    if dot is None or capability is None or not (math.isfinite(dot) and math.isfinite(capability)):
        return Decision(None, why="DOT or capability is not known", inputs=inputs)
    if abs(dot) > capability + TOLERANCE_MW:
        return _above(dot, capability, policy, inputs)
    why = _not_accepted(dot, instruction.hourly_mw, policy)
    if why:
        return Decision(None, why=why, inputs=inputs)
    told = f"DOT {dot:g} MW is within {policy.accept_within_mw:g} MW of the schedule and within capability"
    return Decision(AnswerKind.ACCEPT, why=told, inputs=inputs, state=_first_state(policy, AnswerKind.ACCEPT))


def answer_of(decision: Decision, batch: DispatchBatch, instruction: Instruction, now: datetime) -> Answer | None:
    """Return the answer a decision means, for the store; None where it is left to people."""
    if decision.kind is None or decision.state is None:
        return None
    return Answer(
        0, batch.batch_uid, instruction.instruction_uid, instruction.resource_id, instruction.revision_number,
        decision.kind, POLICY, now, closes_at(batch), decision.mw, decision.reason, decision.state, text=decision.why,
    )  # fmt: skip


def _not_ours(batch: DispatchBatch, instruction: Instruction, policy: Policy, now: datetime) -> str:
    """Return why the policy does not look at this instruction at all, or nothing."""
    if policy.mode is PolicyMode.OFF:
        return "the policy is off"
    refused = period_refusal(batch, now)
    if refused is not None:
        return str(refused)
    if instruction.status_code is BatchStatus.EMERGENCY_CANCELLED:
        return "the instruction was cancelled"
    if is_yes(batch.binding_flag) is not True:
        return "the batch is not binding"
    if instruction.instruction_type is not InstructionType.DOT:
        return f"{instruction.instruction_type.label} is left to people"
    if not is_silent(instruction):
        return f"the ISO shows {(instruction.accept_status or '').strip()[:40]} already"
    return ""


def _above(dot: float, capability: float, policy: Policy, inputs: Mapping[str, object]) -> Decision:
    told = f"DOT {dot:g} MW is above the capability of {capability:g} MW"
    if not policy.decline_above_capability or policy.decline_reason is None:
        return Decision(None, why=f"{told}; left to people", inputs=inputs)
    state = _first_state(policy, AnswerKind.DECLINE)
    return Decision(AnswerKind.DECLINE, None, policy.decline_reason, told, inputs, state)


def _not_accepted(dot: float, schedule: float | None, policy: Policy) -> str:
    if policy.accept_within_mw is None:
        return "automatic acceptance is not configured"
    if schedule is None or not math.isfinite(schedule):
        return "the instruction tells no schedule (hourlyMw)"
    if not policy.pmin_mw - TOLERANCE_MW <= dot <= policy.pmax_mw + TOLERANCE_MW:
        return f"DOT {dot:g} MW is outside the limits of {policy.pmin_mw:g} to {policy.pmax_mw:g} MW"
    if abs(dot - schedule) > policy.accept_within_mw:
        return f"DOT {dot:g} MW is more than {policy.accept_within_mw:g} MW from the schedule of {schedule:g} MW"
    return ""


def _first_state(policy: Policy, kind: AnswerKind) -> AnswerState:
    if policy.mode is PolicyMode.DRY_RUN:
        return AnswerState.DRY_RUN
    return AnswerState.PROPOSED if policy.second_person and kind is AnswerKind.DECLINE else AnswerState.DECIDED


def _inputs(
    batch: DispatchBatch, instruction: Instruction, policy: Policy, capability_mw: float | None, now: datetime
) -> dict[str, object]:
    closes = closes_at(batch)
    return {
        "mode": policy.mode.value,
        "resource": instruction.resource_id,
        "batch": batch.batch_uid,
        "batch_status": batch.batch_status.label,
        "batch_type": batch.batch_type.label,
        "binding": batch.binding_flag,
        "instruction": instruction.instruction_uid,
        "instruction_type": instruction.instruction_type.label,
        "revision": instruction.revision_number,
        "accept_status": instruction.accept_status,
        "dot_mw": _number(instruction.dot_mw),
        "schedule_mw": _number(instruction.hourly_mw),
        "capability_mw": _number(capability_mw),
        "pmin_mw": _number(policy.pmin_mw),
        "pmax_mw": _number(policy.pmax_mw),
        "accept_within_mw": policy.accept_within_mw,
        "decline_above_capability": policy.decline_above_capability,
        "decline_reason": None if policy.decline_reason is None else int(policy.decline_reason),
        "second_person": policy.second_person,
        "closes_at": None if closes is None else closes.isoformat(),
        "decided_at": now.isoformat(),
    }


def _number(value: float | None) -> float | None:
    """JSON knows neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None
