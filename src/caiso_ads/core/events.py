"""What a batch says beside targets: constraints, commitment, ancillary awards, contingencies, tests.

Rule: every instruction is one of these or a target; a type we do not know is an event too, never dropped. The same
exceptional dispatch sent again under a new UID is one logical event: resource, start, type and MW decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntFlag

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction, is_yes
from caiso_ads.core.setpoint import Targets

DEFAULT_LENGTH_S = 300.0
"""How long an event without an end time counts, where its market has no longer interval: one dispatch interval (s)."""


class Notice(IntFlag):
    """What is going on for a resource; several at once. Bit values never change meaning."""

    NONE = 0
    EXCEPTIONAL_DISPATCH = 1 << 0
    CONTINGENCY = 1 << 1
    AS_TEST = 1 << 2
    FLEX_RAMP = 1 << 3
    START_UP = 1 << 4
    SHUT_DOWN = 1 << 5
    TRANSITION = 1 << 6
    AS_AWARD = 1 << 7
    EMERGENCY_CANCEL = 1 << 8
    UNKNOWN_TYPE = 1 << 9
    BEYOND_RAMP = 1 << 10
    INTERVALS_MISSING = 1 << 11
    CONFIGURATION = 1 << 12


@dataclass(frozen=True, slots=True)
class PlantEvent:
    """One logical event of one resource, from ``start`` to ``end`` (unix seconds).

    ``service`` is the ancillary service of an award; ``cancels`` is what an emergency cancel has withdrawn;
    ``enters`` is the configuration a transition ends in, empty where it is not said.
    """

    batch_uid: str
    received: datetime
    kind: InstructionType
    notice: Notice
    start: float
    end: float
    mw: float | None
    service: str = ""
    cancels: Notice = Notice.NONE
    enters: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it the same event when the ISO sends it again, or cancels it under another UID."""
        return (self.start, self.kind, self.cancels or self.notice, self.mw, self.service, self.enters)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that holds at one time: notices, constraints (MW), and the next commitment times."""

    notices: Notice
    min_mw: float | None
    max_mw: float | None
    start_up: float | None
    shut_down: float | None
    transition_end: float | None
    award_mw: float | None


NOTHING = Situation(Notice.NONE, None, None, None, None, None, None)
"""Nothing but plain targets."""

_BY_TYPE = {
    InstructionType.START_UP: Notice.START_UP,
    InstructionType.SHUT_DOWN: Notice.SHUT_DOWN,
    InstructionType.MSG_TRANSITION: Notice.TRANSITION,
    InstructionType.CAPACITY_AWARD: Notice.AS_AWARD,
    InstructionType.MIN_CONSTRAINT: Notice.EXCEPTIONAL_DISPATCH,
    InstructionType.MAX_CONSTRAINT: Notice.EXCEPTIONAL_DISPATCH,
    InstructionType.FIXED_CONSTRAINT: Notice.EXCEPTIONAL_DISPATCH,
}
_BY_BATCH = {
    BatchType.OUT_OF_SEQUENCE: Notice.EXCEPTIONAL_DISPATCH,
    BatchType.FLEX_RAMP_AWARD: Notice.FLEX_RAMP,
    BatchType.UNANNOUNCED_AS_TEST: Notice.AS_TEST,
}


_LENGTHS = {
    BatchType.AS_AWARDS: 900.0, BatchType.HOURLY_AS_AWARDS: 3600.0, BatchType.HOURLY_PRE_DISPATCH: 3600.0,
}  # fmt: skip


def length_s(batch_type: BatchType) -> float:
    """Return the interval of the market a batch is from (s): what an instruction without an end time lasts."""
    return _LENGTHS.get(batch_type, DEFAULT_LENGTH_S)


def events_of(batch: DispatchBatch) -> Iterator[tuple[str, PlantEvent]]:
    """Yield (resource id, event) for each instruction that is more than a plain target, and not put off."""
    if batch.batch_status is BatchStatus.DEFERRED or is_yes(batch.binding_flag) is False:
        return
    common = _of_all(batch)
    for instruction in batch.instructions:
        if instruction.status_code is BatchStatus.DEFERRED:
            continue
        notice = _notice(common, instruction)
        if BatchStatus.EMERGENCY_CANCELLED in {batch.batch_status, instruction.status_code}:
            event = _event(batch, instruction, notice)
            yield instruction.resource_id, replace(event, notice=Notice.EMERGENCY_CANCEL, cancels=notice)
        elif notice:
            yield instruction.resource_id, _event(batch, instruction, notice)


def _of_all(batch: DispatchBatch) -> Notice:
    """Return what a batch says of each of its instructions."""
    notice = _BY_BATCH.get(batch.batch_type, Notice.NONE)
    if batch.dispatch_mode is DispatchMode.CONTINGENCY or batch.contingency_type:
        notice |= Notice.CONTINGENCY
    return notice if batch.batch_type.is_known else notice | Notice.UNKNOWN_TYPE


def _notice(common: Notice, instruction: Instruction) -> Notice:
    if instruction.instruction_type is InstructionType.DOT:  # nearly all, and | of an enum is slow
        return common
    notice = common | _BY_TYPE.get(instruction.instruction_type, Notice.NONE)
    return notice if instruction.instruction_type.is_known else notice | Notice.UNKNOWN_TYPE


def _event(batch: DispatchBatch, instruction: Instruction, notice: Notice) -> PlantEvent:
    start = (instruction.start_time or batch.start_time).timestamp()
    given = instruction.end_time
    end = given.timestamp() if given and given.timestamp() > start else start + length_s(batch.batch_type)
    if given is None and Notice.EXCEPTIONAL_DISPATCH in notice:
        # The ISO sends a lasting one again each interval with its old start: it counts until the next is due.
        end = max(end, batch.batch_received.timestamp() + 2 * DEFAULT_LENGTH_S)
    mw = instruction.award_mw if instruction.dot_mw is None else instruction.dot_mw
    service = (instruction.as_type or "").strip().upper()
    return PlantEvent(
        batch.batch_uid, batch.batch_received, instruction.instruction_type, notice, start, end, mw, service,
        enters=instruction.transition_to_config_id or "",
    )  # fmt: skip


def merged(known: Iterable[PlantEvent], found: Iterable[PlantEvent], *, cutoff: float) -> tuple[PlantEvent, ...]:
    """Add events to those known, in the order the ISO received them; past ones are dropped."""
    ordered = sorted([*known, *found], key=lambda item: (item.received, item.batch_uid))
    return tuple(event for event in ordered if event.end >= cutoff)


def logical(events: Iterable[PlantEvent]) -> list[PlantEvent]:
    """Return each logical event once, in its newest form; ``events`` are in order."""
    return list({event.identity: event for event in events}.values())


def situation(events: Sequence[PlantEvent], when: float) -> Situation:
    """Return what holds at that time."""
    if not events:
        return NOTHING
    ahead = [event for event in logical(events) if event.end > when]
    now = [event for event in ahead if event.start <= when]
    return Situation(
        notices=_all_notices(now),
        min_mw=_bound(now, InstructionType.MIN_CONSTRAINT, max),
        max_mw=_bound(now, InstructionType.MAX_CONSTRAINT, min),
        start_up=_first(ahead, InstructionType.START_UP),
        shut_down=_first(ahead, InstructionType.SHUT_DOWN),
        transition_end=min((e.end for e in now if e.kind is InstructionType.MSG_TRANSITION), default=None),
        award_mw=_awards(now),
    )


def unannounced(targets: Targets, events: Sequence[PlantEvent]) -> Notice:
    """Tell when the active target is for another configuration than the one before, and no transition led there.

    Interpretation: a transition leads there when it is under way at some time between the two target times and is not
    said to enter another configuration. A target that names no configuration tells nothing.
    """
    active, previous = targets.active, targets.previous
    if active is None or previous is None or not active.configuration or not previous.configuration:
        return Notice.NONE
    if active.configuration == previous.configuration:
        return Notice.NONE
    led = any(
        Notice.TRANSITION in event.notice
        and event.start <= active.target
        and event.end >= previous.target
        and event.enters in {"", active.configuration}
        for event in logical(events)
    )
    return Notice.NONE if led else Notice.CONFIGURATION


def _all_notices(events: list[PlantEvent]) -> Notice:
    notices = Notice.NONE
    for event in events:
        notices |= event.notice
    return notices


def _bound(events: list[PlantEvent], kind: InstructionType, pick: Callable[[list[float]], float]) -> float | None:
    both = (kind, InstructionType.FIXED_CONSTRAINT)
    values = [event.mw for event in events if event.kind in both and event.mw is not None]
    return pick(values) if values else None


def _first(events: list[PlantEvent], kind: InstructionType) -> float | None:
    return min((event.start for event in events if event.kind is kind), default=None)


def _awards(events: list[PlantEvent]) -> float | None:
    values = [event.mw for event in events if event.kind is InstructionType.CAPACITY_AWARD and event.mw is not None]
    return sum(values) if values else None
