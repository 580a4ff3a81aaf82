"""Dispatch operating targets of one resource: which one applies, and which comes next.

Rule: a target takes effect at its own target time (``startTime`` of the instruction, mid-interval), whatever its
batch's status or expiry says: a usable 5-minute batch arrives already closed. Spec: ADS API v7 §6 (startTime).
Interpretation: for one target time the batch received last counts; cancelled and deferred instructions do not count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction, is_yes

TARGET_BATCH_TYPES = frozenset({BatchType.FIVE_MINUTE, BatchType.HOURLY_PRE_DISPATCH, BatchType.OUT_OF_SEQUENCE})
WITHDRAWN = frozenset({BatchStatus.EMERGENCY_CANCELLED, BatchStatus.DEFERRED})
TARGET_TIME = attrgetter("target")
TARGET_ORDER = attrgetter("target", "received", "batch_uid")
"""As ``Target.order``."""


@dataclass(frozen=True, slots=True)
class Target:
    """One dispatch operating target of one resource. ``target`` is unix seconds."""

    target: float
    dot_mw: float
    received: datetime
    batch_uid: str
    supplemental_mw: float | None
    follow_dot: bool | None

    @property
    def order(self) -> tuple[float, datetime, str]:
        """Sort key: target time, then what was received last."""
        return (self.target, self.received, self.batch_uid)


class Targets(NamedTuple):
    """The target that applies, the one that follows it, and the one that applied before."""

    active: Target | None
    following: Target | None
    previous: Target | None = None


def targets_of(batch: DispatchBatch) -> Iterator[tuple[str, Target]]:
    """Yield (resource id, target) for each instruction that sets a target and still stands."""
    if batch.batch_type not in TARGET_BATCH_TYPES or batch.batch_status in WITHDRAWN:
        return
    if is_yes(batch.binding_flag) is False:
        return
    for instruction in batch.instructions:
        target = _target(batch, instruction)
        if target is not None:
            yield instruction.resource_id, target


def _target(batch: DispatchBatch, instruction: Instruction) -> Target | None:
    if instruction.instruction_type is not InstructionType.DOT or instruction.status_code in WITHDRAWN:
        return None
    if instruction.dot_mw is None:
        return None
    supplemental = [segment.mw for segment in instruction.detail if segment.service_type == "SUPP"]
    return Target(
        target=(instruction.start_time or batch.start_time).timestamp(),
        dot_mw=instruction.dot_mw,
        received=batch.batch_received,
        batch_uid=batch.batch_uid,
        supplemental_mw=supplemental[0] if supplemental else None,
        follow_dot=is_yes(instruction.follow_dot_flag),
    )


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
