"""Everything the gateway knows, as one immutable value; ``fold(state, event)`` is the only way it changes.

Rule: what is published is a pure function of this state and the time. The state keeps a horizon, not history: what
is past and cannot matter any more is pruned at each fold; history is the store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.directive import Environment, LinkFault
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch, DispatchOperatingPoint, TrajectoryBatch, is_yes
from caiso_ads.core.setpoint import Target, targets_of
from caiso_ads.core.trajectory import EMPTY_CURVE, Curve, Leg, forget, merge, overlay

HORIZON_S = 2 * 3600.0
"""How long targets and operating points stay after their last target time (s)."""

LIMIT_TOLERANCE_MW = 0.001
"""Room for the rounding of a 32-bit float at 2,000 MW."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource the plant reads: its ISO id, a name for people, and the limits no setpoint may leave (MW)."""

    resource_id: str
    name: str
    pmin_mw: float
    pmax_mw: float

    def allows(self, mw: float) -> bool:
        """Whether that power is inside the limits."""
        return self.pmin_mw - LIMIT_TOLERANCE_MW <= mw <= self.pmax_mw + LIMIT_TOLERANCE_MW


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What is known of one resource. ``refused`` are (first, last) target times of curves outside the limits."""

    legs: tuple[Leg, ...] = ()
    curve: Curve = EMPTY_CURVE
    refused: tuple[Leg, ...] = ()
    targets: tuple[Target, ...] = ()
    trajectory_at: Instant | None = None
    dispatch_at: Instant | None = None
    restored: bool = False


@dataclass(frozen=True, slots=True)
class BatchRef:
    """A batch that may still change: what re-checking needs. Times are unix seconds."""

    batch_uid: str
    batch_type: BatchType
    status: BatchStatus
    revision_no: int
    start: float
    visible: bool
    checked_mono: float

    @property
    def is_open(self) -> bool:
        """Whether the ISO still waits for something."""
        return self.status in {BatchStatus.NEW, BatchStatus.ACTIVE, BatchStatus.OPERATOR_RESPONSE_PERIOD}


@dataclass(frozen=True, slots=True)
class State:
    """The whole state. ``completed`` is the last complete poll of this process."""

    configured: Mapping[str, Resource]
    environment: Environment
    resources: Mapping[str, ResourceState] = field(default_factory=dict)
    batches: Mapping[str, BatchRef] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    completed: Instant | None = None
    link_fault: LinkFault = LinkFault.NONE
    store_ok: bool = True
    stopping: bool = False
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """A dispatch batch is durable. ``restored`` when it was read back at start."""

    batch: DispatchBatch
    arrived: Instant
    restored: bool = False


@dataclass(frozen=True, slots=True)
class TrajectorySeen:
    """A trajectory batch is durable. ``restored`` when it was read back at start."""

    batch: TrajectoryBatch
    arrived: Instant
    restored: bool = False


@dataclass(frozen=True, slots=True)
class BatchChecked:
    """The header of a batch was read and had not changed."""

    batch_uid: str
    at: Instant


@dataclass(frozen=True, slots=True)
class PollCompleted:
    """Both streams were read, verified and stored. ``started`` is when that began: the age the plant sees."""

    started: Instant


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A cycle failed on the ISO's side or the way to it."""

    fault: LinkFault


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """The store takes writes, or does not."""

    ok: bool


@dataclass(frozen=True, slots=True)
class PayloadUnreadable:
    """A payload was kept that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The gateway is shutting down."""


Event = (
    BatchSeen | TrajectorySeen | BatchChecked | PollCompleted | PollFailed | StoreChanged | PayloadUnreadable | Stopping
)


def initial(configured: Mapping[str, Resource], environment: Environment) -> State:
    """Return the state of a gateway that knows nothing."""
    return State(dict(configured), environment, {resource_id: ResourceState() for resource_id in configured})


def fold(state: State, event: Event) -> State:
    """Return the state after the event; the old one is untouched."""
    match event:
        case BatchSeen():
            return _fold_batch(state, event)
        case TrajectorySeen():
            return _fold_trajectory(state, event)
        case BatchChecked(batch_uid, at):
            ref = state.batches.get(batch_uid)
            checked = {} if ref is None else {batch_uid: replace(ref, checked_mono=at.mono)}
            return replace(state, batches={**state.batches, **checked})
        case PollCompleted(started):
            return replace(state, completed=started, link_fault=LinkFault.NONE)
        case PollFailed(fault):
            return replace(state, link_fault=fault)
        case StoreChanged(ok):
            return replace(state, store_ok=ok)
        case PayloadUnreadable():
            return replace(state, unreadable=state.unreadable + 1)
        case Stopping():
            return replace(state, stopping=True)


def _fold_batch(state: State, event: BatchSeen) -> State:
    batch, cutoff = event.batch, event.arrived.wall.timestamp() - HORIZON_S
    known = state.batches.get(batch.batch_uid)
    if known is not None and known.revision_no > batch.revision_no:
        return state
    found: dict[str, list[Target]] = {}
    for resource_id, target in targets_of(batch):
        found.setdefault(resource_id, []).append(target)
    resources = dict(state.resources)
    for resource_id, resource in state.resources.items():
        had = any(target.batch_uid == batch.batch_uid for target in resource.targets)
        if had or resource_id in found:
            resources[resource_id] = _with_targets(resource, batch.batch_uid, found.get(resource_id, ()), event, cutoff)
    visible = any(instruction.resource_id in state.configured for instruction in batch.instructions)
    ref = BatchRef(
        batch.batch_uid, batch.batch_type, batch.batch_status, batch.revision_no, batch.start_time.timestamp(),
        visible, event.arrived.mono,
    )  # fmt: skip
    batches = {uid: old for uid, old in state.batches.items() if old.start >= cutoff}
    if ref.start >= cutoff:
        batches[ref.batch_uid] = ref
    foreign = state.foreign | {i.resource_id for i in batch.instructions if i.resource_id not in state.configured}
    return replace(state, resources=resources, batches=batches, foreign=foreign)


def _with_targets(
    resource: ResourceState, batch_uid: str, found: list[Target] | tuple[()], event: BatchSeen, cutoff: float
) -> ResourceState:
    """Replace this batch's targets by what its newest revision says; keep at least the newest past target."""
    kept = [target for target in resource.targets if target.batch_uid != batch_uid]
    ordered = sorted([*kept, *found], key=lambda target: target.order)
    recent = [target for target in ordered if target.target >= cutoff]
    arrived = event.arrived if found else resource.dispatch_at
    return replace(resource, targets=tuple(recent or ordered[-1:]), dispatch_at=arrived)


def _fold_trajectory(state: State, event: TrajectorySeen) -> State:
    if is_yes(event.batch.binding_flag) is False:
        return state
    by_resource: dict[str, list[DispatchOperatingPoint]] = {}
    for dop in event.batch.dops:
        by_resource.setdefault(dop.resource_id, []).append(dop)
    resources = dict(state.resources)
    for resource_id, dops in by_resource.items():
        resource = state.configured.get(resource_id)
        if resource is not None:
            resources[resource_id] = _with_leg(resources[resource_id], resource, _leg(event.batch, dops), event)
    return replace(state, resources=resources, foreign=state.foreign | (by_resource.keys() - state.configured.keys()))


def _leg(batch: TrajectoryBatch, dops: list[DispatchOperatingPoint]) -> Leg:
    ordered = sorted(dops, key=lambda dop: (dop.target_time, dop.sequence_number))
    points = tuple((dop.target_time.timestamp(), dop.dop_mw) for dop in ordered)
    return Leg(batch.batch_uid, batch.batch_received, is_yes(batch.binding_flag) is True, points)


def _with_leg(state: ResourceState, resource: Resource, leg: Leg, event: TrajectorySeen) -> ResourceState:
    """Add one batch's points, or put the whole batch aside when one of them is outside the limits."""
    cutoff = event.arrived.wall.timestamp() - HORIZON_S
    good = all(resource.allows(mw) for _, mw in leg.points)
    legs = _kept(state.legs, leg, cutoff, add=good)
    # The usual case, a newer batch, is laid over the curve we have; anything else is merged anew from all batches.
    newest = good and (not state.legs or leg.order > state.legs[-1].order)
    curve = forget(overlay(state.curve, leg), cutoff) if newest else merge(legs)
    refused = _kept(state.refused, leg, cutoff, add=not good)
    restored = event.restored if good else state.restored
    return replace(state, legs=legs, refused=refused, curve=curve, trajectory_at=event.arrived, restored=restored)


def _kept(legs: tuple[Leg, ...], leg: Leg, cutoff: float, *, add: bool) -> tuple[Leg, ...]:
    others = [old for old in legs if old.batch_uid != leg.batch_uid]
    every = sorted([*others, leg] if add else others, key=lambda item: item.order)
    recent = [item for item in every if item.last >= cutoff]
    return tuple(recent or every[-1:])
