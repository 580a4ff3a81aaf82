"""Dispatch operating targets of one resource: which one applies, and which comes next.

Rule: a target takes effect at its own target time (``startTime`` of the instruction, mid-interval), whatever its
batch's status or expiry says: a usable 5-minute batch arrives already closed. Spec: ADS API v7 §6 (startTime).
Interpretation: for one target time the batch received last counts; cancelled and deferred instructions do not count.
Interpretation: a 5-minute target covers half an interval before and after it, an hourly one its hour, an exceptional
dispatch the time until it should have been sent again; those two cover until their ``endTime`` where one is given.
Interpretation: of an hourly dispatch that was answered, what was accepted counts, and of a declined one nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode
from caiso_ads.core.model import DispatchBatch, Instruction, is_yes

TARGET_BATCH_TYPES = frozenset({BatchType.FIVE_MINUTE, BatchType.HOURLY_PRE_DISPATCH, BatchType.OUT_OF_SEQUENCE})
INTERVAL_S = 300.0
HALF_S = INTERVAL_S / 2.0
HOUR_S = 3600.0
WITHDRAWN = frozenset({BatchStatus.EMERGENCY_CANCELLED, BatchStatus.DEFERRED})
TARGET_TIME = attrgetter("target")
TARGET_ORDER = attrgetter("target", "received", "batch_uid")
"""As ``Target.order``."""


@dataclass(frozen=True, slots=True)
class Target:
    """One dispatch operating target of one resource. ``target`` is unix seconds.

    ``lead_s`` and ``cover_s`` are how long before and after the target time it covers. ``reached_mw`` is where a slow
    machine's ramp is at the target time, where earlier targets have been forgotten. ``disputed``: the ISO sent two
    contents of one revision, and this one was not yet read again. ``configuration`` is that of a multi-stage plant.
    """

    target: float
    dot_mw: float
    received: datetime
    batch_uid: str
    supplemental_mw: float | None
    follow_dot: bool | None
    lead_s: float = HALF_S
    cover_s: float = HALF_S
    flagged_binding: bool = True
    reached_mw: float | None = None
    exceptional: bool = False
    disputed: bool = False
    configuration: str | None = None

    @property
    def order(self) -> tuple[float, datetime, str]:
        """Sort key: target time, then what was received last."""
        return (self.target, self.received, self.batch_uid)


class Targets(NamedTuple):
    """The target that applies, the one that follows it, and the one that applied before."""

    active: Target | None
    following: Target | None
    previous: Target | None = None

    @property
    def disputed(self) -> bool:
        """Whether one that is shown is."""
        active, following = self.active, self.following
        return (active is not None and active.disputed) or (following is not None and following.disputed)


def targets_of(batch: DispatchBatch) -> Iterator[tuple[str, Target]]:
    """Yield (resource id, target) for each instruction that sets a target and still stands."""
    for instruction in _that_set_targets(batch):
        if not _is_withdrawn(batch, instruction):
            target = _target(batch, instruction)
            if target is not None:
                yield instruction.resource_id, target


def withdrawn_of(batch: DispatchBatch) -> Iterator[tuple[str, Target]]:
    """Yield (resource id, target) for each exceptional dispatch withdrawn: its earlier copies go with it."""
    if batch.batch_type is BatchType.OUT_OF_SEQUENCE:
        for instruction in _that_set_targets(batch):
            target = _target(batch, instruction)
            if target is not None and _is_withdrawn(batch, instruction):
                yield instruction.resource_id, target


def standing(targets: tuple[Target, ...], withdrawn: tuple[Target, ...]) -> tuple[Target, ...]:
    """Leave out each exceptional dispatch of which a later copy was withdrawn: under many UIDs it is one instruction."""
    if not withdrawn:
        return targets
    return tuple(target for target in targets if not _is_gone(target, withdrawn))


def _is_gone(target: Target, withdrawn: tuple[Target, ...]) -> bool:
    return target.exceptional and any(
        (gone.target, gone.dot_mw) == (target.target, target.dot_mw) and gone.order > target.order for gone in withdrawn
    )


def _that_set_targets(batch: DispatchBatch) -> Iterator[Instruction]:
    if batch.batch_type in TARGET_BATCH_TYPES and is_yes(batch.binding_flag) is not False:
        for instruction in batch.instructions:
            if instruction.instruction_type is InstructionType.DOT:
                yield instruction


def _is_withdrawn(batch: DispatchBatch, instruction: Instruction) -> bool:
    return batch.batch_status in WITHDRAWN or instruction.status_code in WITHDRAWN


def _target(batch: DispatchBatch, instruction: Instruction) -> Target | None:
    asked_mw = _asked_mw(batch, instruction)
    if asked_mw is None:
        return None
    start = (instruction.start_time or batch.start_time).timestamp()
    lead_s, cover_s = _span(batch, instruction, start)
    supplemental = [segment.mw for segment in instruction.detail if segment.service_type == "SUPP"]
    return Target(
        target=start,
        dot_mw=asked_mw,
        received=batch.batch_received,
        batch_uid=batch.batch_uid,
        supplemental_mw=supplemental[0] if supplemental else None,
        follow_dot=is_yes(instruction.follow_dot_flag),
        lead_s=lead_s,
        cover_s=cover_s,
        flagged_binding=is_yes(batch.binding_flag) is True,
        exceptional=batch.batch_type is BatchType.OUT_OF_SEQUENCE,
        configuration=instruction.configuration_id,
    )


def _asked_mw(batch: DispatchBatch, instruction: Instruction) -> float | None:
    """Return the MW that count; the answer to an hourly dispatch may be less than what was offered, or nothing."""
    if batch.batch_type is not BatchType.HOURLY_PRE_DISPATCH:
        return instruction.dot_mw
    answer = (instruction.accept_status or "").strip().upper()
    cut = answer.startswith(("D", "P")) or instruction.reason_code in _TIMED_OUT
    if cut or (answer and instruction.accept_dot_mw is not None):
        return instruction.accept_dot_mw
    return instruction.dot_mw


_TIMED_OUT = frozenset({ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED, ReasonCode.TIMED_OUT_FORCED_DECLINE})


def _span(batch: DispatchBatch, instruction: Instruction, start: float) -> tuple[float, float]:
    """Return how long before and after its target time an instruction covers (s)."""
    if batch.batch_type is BatchType.FIVE_MINUTE:
        return HALF_S, HALF_S
    if instruction.end_time is not None and instruction.end_time.timestamp() > start:
        return 0.0, instruction.end_time.timestamp() - start
    if batch.batch_type is BatchType.HOURLY_PRE_DISPATCH:
        return 0.0, HOUR_S
    return 0.0, max(INTERVAL_S, batch.batch_received.timestamp() + 2 * INTERVAL_S - start)


def choose(targets: tuple[Target, ...], when: float) -> Targets:
    """Pick the previous, active and next target at that unix time; ``targets`` is sorted by ``order``."""
    ahead = bisect_right(targets, when, key=TARGET_TIME)
    following = targets[_last_of_its_time(targets, ahead)] if ahead < len(targets) else None
    if ahead == 0:
        return Targets(None, following)
    active = targets[ahead - 1]
    before = bisect_left(targets, active.target, hi=ahead, key=TARGET_TIME)
    return Targets(active, following, targets[before - 1] if before else None)


def _last_of_its_time(targets: tuple[Target, ...], index: int) -> int:
    """Return the place of the target received last for the same target time."""
    while index + 1 < len(targets) and targets[index + 1].target == targets[index].target:
        index += 1
    return index


def overdue_s(targets: Targets, when: float, *, leading: bool) -> float:
    """Return how long no target has covered that unix time (s).

    ``leading`` says that what is shown is already on its way to the next target in that one's interval. Otherwise the
    active one is shown, and after a gap it stays old until the next one applies.
    """
    active, following = targets.active, targets.following
    if active is None:
        return 0.0
    until = active.target + active.cover_s
    if following is not None:
        begins = following.target - following.lead_s
        if begins <= when and (leading or begins <= until):
            return 0.0
    return max(0.0, when - until)
