"""Everything the gateway knows, as one immutable value; ``fold(state, event)`` is the only way it changes.

Rule: what is published is a pure function of this state and the time. The state keeps a horizon, not history: what
is past and cannot matter any more is pruned at each fold; history is the store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from caiso_ads.core.arrivals import content, end, is_current, newest
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.directive import Environment, LinkFault
from caiso_ads.core.events import events_of
from caiso_ads.core.happenings import (
    BatchChecked,
    BatchSeen,
    ClockSampled,
    ClockStepped,
    Event,
    NodesUnknown,
    OverridesChanged,
    PayloadUnreadable,
    PollCompleted,
    PollFailed,
    PricesFailed,
    PricesSeen,
    Restarted,
    Stopping,
    StoreChanged,
    TrajectorySeen,
)
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchOperatingPoint, is_yes
from caiso_ads.core.override import Override
from caiso_ads.core.price_state import UNTRIED_LINK, NodeState, PriceLink, fold_link, fold_nodes, forgotten
from caiso_ads.core.resource import (
    HORIZON_S,
    Resource,
    ResourceState,
    leg_of,
    with_events,
    with_leg,
    with_targets,
    with_withdrawn,
)
from caiso_ads.core.setpoint import Target, targets_of, withdrawn_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchRef:
    """A batch that may still change: what re-checking needs. Times are unix seconds; it holds until ``end``.

    ``disputed``: two contents of its revision are known, and the one in use was not yet read again.
    """

    batch_uid: str
    batch_type: BatchType
    status: BatchStatus
    revision_no: int
    start: float
    visible: bool
    checked_mono: float
    end: float
    disputed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the ISO still waits for something."""
        return self.status in {BatchStatus.NEW, BatchStatus.ACTIVE, BatchStatus.OPERATOR_RESPONSE_PERIOD}


@dataclass(frozen=True, slots=True)
class ClockTrust:
    """How far our wall clock is from the ISO's (s, positive: ours is behind), and whether it may rotate targets.

    ``frozen_at`` is the unix time at which everything is evaluated while it may not; ``trusted`` the last instant the
    clock was known to be right.
    """

    offset_s: float | None = None
    ok: bool = True
    trusted: Instant | None = None
    frozen_at: float | None = None


UNCHECKED_CLOCK = ClockTrust()


@dataclass(frozen=True, slots=True)
class State:
    """The whole state. ``completed`` is the last complete poll of this process; ``market_at`` the last 5-minute batch.

    ``polling`` is the first complete poll. ``unread_at`` is when the last unreadable dispatch payload came; ``unread``
    holds until a later 5-minute batch is read. ``prices`` is in the order of ``nodes``.
    """

    configured: Mapping[str, Resource]
    environment: Environment
    resources: Mapping[str, ResourceState] = field(default_factory=dict)
    batches: Mapping[str, BatchRef] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    polling: Instant | None = None
    completed: Instant | None = None
    market_at: Instant | None = None
    clock: ClockTrust = UNCHECKED_CLOCK
    overrides: tuple[Override, ...] = ()
    link_fault: LinkFault = LinkFault.NONE
    store_ok: bool = True
    stopping: bool = False
    unreadable: int = 0
    unread_at: Instant | None = None
    unread: bool = False
    nodes: tuple[str, ...] = ()
    prices: Mapping[str, NodeState] = field(default_factory=dict)
    price_link: PriceLink = UNTRIED_LINK


def initial(configured: Mapping[str, Resource], environment: Environment, nodes: Iterable[str] = ()) -> State:
    """Return the state of a gateway that knows nothing."""
    prices = {node: NodeState() for node in nodes}
    resources = {resource_id: ResourceState() for resource_id in configured}
    return State(dict(configured), environment, resources, nodes=tuple(prices), prices=prices)


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
        case Restarted():
            return _restarted(state)
        case ClockSampled() | ClockStepped():
            return replace(state, clock=_fold_clock(state.clock, event))
        case PricesSeen() | PricesFailed() | NodesUnknown():
            prices, link = fold_nodes(state.prices, event), fold_link(state.price_link, event)
            return replace(state, prices=prices, price_link=link)
        case _:
            return _fold_flag(state, event)


def _fold_flag(
    state: State,
    event: PollCompleted | PollFailed | StoreChanged | PayloadUnreadable | OverridesChanged | Stopping,
) -> State:
    """Fold an event that sets one field."""
    match event:
        case PollCompleted(started):
            return replace(state, polling=state.polling or started, completed=started, link_fault=LinkFault.NONE)
        case PollFailed(fault):
            return replace(state, link_fault=fault)
        case StoreChanged(ok):
            return replace(state, store_ok=ok)
        case PayloadUnreadable(at, dispatch, restored):
            counted = replace(state, unreadable=state.unreadable + (not restored))
            later = restored and state.market_at is not None and state.market_at.mono > at.mono
            return replace(counted, unread_at=at, unread=not later) if dispatch else counted
        case OverridesChanged(overrides):
            return replace(state, overrides=overrides)
        case Stopping():
            return replace(state, stopping=True)


def _restarted(state: State) -> State:
    """Keep what a new process reads back from the store, marked as restored; what it must see anew is not known."""
    return replace(
        state, completed=None, clock=UNCHECKED_CLOCK, link_fault=LinkFault.NONE, store_ok=True, stopping=False,
        unreadable=0, prices=forgotten(state.prices), price_link=UNTRIED_LINK,
        resources={name: replace(known, restored=known.restored or bool(known.legs)) for name, known in state.resources.items()},
    )  # fmt: skip


def _fold_clock(clock: ClockTrust, event: ClockSampled | ClockStepped) -> ClockTrust:
    """Trust the clock while it agrees with the ISO's; from the moment it does not, keep the last trusted time."""
    if isinstance(event, ClockSampled) and abs(event.offset_s or 0.0) <= event.limit_s:
        return ClockTrust(event.offset_s, ok=True, trusted=event.at)
    frozen = clock.frozen_at
    if frozen is None:
        base = event.before if isinstance(event, ClockStepped) else clock.trusted or event.at
        frozen = base.wall.timestamp() + (event.at.mono - base.mono)
    offset = event.offset_s if isinstance(event, ClockSampled) else clock.offset_s
    return ClockTrust(offset, ok=False, trusted=clock.trusted, frozen_at=frozen)


def _fold_batch(state: State, event: BatchSeen) -> State:
    batch, cutoff = event.batch, event.arrived.wall.timestamp() - HORIZON_S
    known = state.batches.get(batch.batch_uid)
    if known is not None and known.revision_no > batch.revision_no:
        return state
    targets, events = _by_resource(targets_of(batch)), _by_resource(events_of(batch))
    withdrawn = _by_resource(withdrawn_of(batch))
    disputed = _disputed(state, event, targets, cutoff)
    for resource_id in disputed & targets.keys():
        targets[resource_id] = [replace(target, disputed=True) for target in targets[resource_id]]
    resources = dict(state.resources)
    for resource_id, known_of in state.resources.items():
        changed = with_targets(known_of, state.configured[resource_id], targets.get(resource_id, []), event, cutoff)
        changed = with_withdrawn(changed, withdrawn.get(resource_id, []), batch.batch_uid, cutoff)
        resources[resource_id] = with_events(changed, batch.batch_uid, events.get(resource_id, []), cutoff)
    visible = any(instruction.resource_id in state.configured for instruction in batch.instructions)
    ref = BatchRef(
        batch.batch_uid, batch.batch_type, batch.batch_status, batch.revision_no, batch.start_time.timestamp(),
        visible, event.arrived.mono, end(batch, targets, events), bool(disputed),
    )  # fmt: skip
    batches = {uid: old for uid, old in state.batches.items() if old.end >= cutoff}
    if ref.end >= cutoff:
        batches[ref.batch_uid] = ref
    foreign = state.foreign | {i.resource_id for i in batch.instructions if i.resource_id not in state.configured}
    fresh = (
        batch.batch_type is BatchType.FIVE_MINUTE
        and known is None
        and is_current(newest(batch, targets), event.arrived)
    )
    return replace(
        state, resources=resources, batches=batches, foreign=foreign,
        market_at=event.arrived if fresh else state.market_at,
        unread=state.unread and not fresh,
    )  # fmt: skip


def _disputed(state: State, event: BatchSeen, targets: Mapping[str, list[Target]], cutoff: float) -> frozenset[str]:
    """Return of which resources a known revision now says something else; the same once more is the confirmation."""
    if event.disputed:
        return frozenset(targets)
    uid = event.batch.batch_uid
    known = state.batches.get(uid)
    if known is None or known.revision_no != event.batch.revision_no:
        return frozenset()
    return frozenset(
        resource_id
        for resource_id, of in state.resources.items()
        if content((*of.targets, *of.refused_targets), uid, cutoff)
        != content(targets.get(resource_id, ()), uid, cutoff)
    )


def _by_resource(found: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    sorted_out: dict[str, list[T]] = {}
    for resource_id, item in found:
        sorted_out.setdefault(resource_id, []).append(item)
    return sorted_out


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
            resources[resource_id] = with_leg(resources[resource_id], resource, leg_of(event.batch, dops), event)
    return replace(state, resources=resources, foreign=state.foreign | (by_resource.keys() - state.configured.keys()))
