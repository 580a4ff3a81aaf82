"""One resource: what is configured, what is known of it, and how one document of the ISO changes that.

Rule: what lies outside the limits stands apart and drives nothing; what is past and cannot matter is forgotten.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter

from caiso_ads.core.arrivals import is_current
from caiso_ads.core.directive import DEFAULT_FALLBACK, Fallback
from caiso_ads.core.events import PlantEvent, merged
from caiso_ads.core.happenings import BatchSeen, TrajectorySeen
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchOperatingPoint, TrajectoryBatch, is_yes
from caiso_ads.core.ramp import DEFAULT_MACHINE, Machine, ramp_at
from caiso_ads.core.setpoint import TARGET_ORDER, TARGET_TIME, Target
from caiso_ads.core.steps import is_steady, judged
from caiso_ads.core.trajectory import EMPTY_CURVE, Curve, Leg, merge, overlay

_DOP_ORDER = attrgetter("target_time", "sequence_number")
_LEG_ORDER = attrgetter("order")
_unix = lru_cache(maxsize=256)(datetime.timestamp)  # one number for all resources with a point at that time

HORIZON_S = 2 * 3600.0
"""How long targets and operating points stay after their last target time (s)."""

LIMIT_TOLERANCE_MW = 0.001
"""Room for the rounding of a 32-bit float at 2,000 MW."""


class Mode(StrEnum):
    """Where the setpoint comes from: the ISO's operating points, our ramp between targets, or the targets as steps."""

    DOP = "dop"
    RAMP = "ramp"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource the plant reads: its ISO id, a name for people, and the limits no setpoint may leave (MW).

    ``renewable`` (wind and solar) may run free unless the ISO's follow-DOT flag says otherwise. Interpretation: a
    missing flag means "free to run" for these, and "must follow" for every other technology. ``mismatch_mw`` is how
    far ramp and operating points may disagree. ``refuses_steps``: what the machine's ramp rate cannot do is refused.
    ``node`` is the pricing node shown beside its target; empty for none.
    """

    resource_id: str
    name: str
    pmin_mw: float
    pmax_mw: float
    renewable: bool = False
    mode: Mode = Mode.DOP
    machine: Machine = DEFAULT_MACHINE
    fallback: Fallback = DEFAULT_FALLBACK
    mismatch_mw: float = 5.0
    refuses_steps: bool = False
    node: str = ""

    def allows(self, mw: float) -> bool:
        """Whether that power is inside the limits."""
        return self.pmin_mw - LIMIT_TOLERANCE_MW <= mw <= self.pmax_mw + LIMIT_TOLERANCE_MW


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What is known of one resource. What lies outside its limits stands apart in ``refused…`` and drives nothing.

    ``withdrawn`` are exceptional dispatches cancelled: ``setpoint.standing`` leaves their earlier copies out.
    """

    legs: tuple[Leg, ...] = ()
    curve: Curve = EMPTY_CURVE
    refused: tuple[Leg, ...] = ()
    targets: tuple[Target, ...] = ()
    refused_targets: tuple[Target, ...] = ()
    withdrawn: tuple[Target, ...] = ()
    events: tuple[PlantEvent, ...] = ()
    trajectory_at: Instant | None = None
    dispatch_at: Instant | None = None
    restored: bool = False


def with_targets(
    state: ResourceState, resource: Resource, found: list[Target], event: BatchSeen, cutoff: float
) -> ResourceState:
    """Replace this batch's targets by what its newest revision says; keep at least the newest past target."""
    uid = event.batch.batch_uid
    if not found and not any(target.batch_uid == uid for target in (*state.targets, *state.refused_targets)):
        return state
    good = [target for target in found if resource.allows(target.dot_mw)]
    if resource.refuses_steps:
        good = judged(good, [target for target in state.targets if target.batch_uid != uid], resource.machine)
    bad = [target for target in found if target not in good]
    drives = bool(good) and resource.mode is not Mode.DOP
    current = any(is_current(target.target + target.cover_s, event.arrived) for target in found)
    return replace(
        state,
        targets=_ordered(state.targets, good, uid, cutoff, resource.machine),
        refused_targets=_ordered(state.refused_targets, bad, uid, cutoff),
        dispatch_at=event.arrived if current else state.dispatch_at,
        restored=event.restored if drives else state.restored,
    )


def with_withdrawn(state: ResourceState, gone: list[Target], uid: str, cutoff: float) -> ResourceState:
    """Remember which exceptional dispatches this batch withdraws, and no others any more."""
    if not gone and not state.withdrawn:
        return state
    return replace(state, withdrawn=_ordered(state.withdrawn, gone, uid, cutoff))


def _ordered(
    known: tuple[Target, ...], found: list[Target], uid: str, cutoff: float, machine: Machine = DEFAULT_MACHINE
) -> tuple[Target, ...]:
    if not known and not found:
        return ()
    kept = [target for target in known if target.batch_uid != uid]
    ordered = kept + found
    if len(found) > 1 or (found and kept and found[0].order < kept[-1].order):
        ordered.sort(key=TARGET_ORDER)
    forgotten = bisect_left(ordered, cutoff, key=TARGET_TIME)
    recent = ordered[forgotten:] or ordered[-1:]
    if machine.ramp_mw_per_min is not None and len(recent) < len(ordered):
        # where a slow machine is depends on what is forgotten now
        recent[0] = replace(recent[0], reached_mw=ramp_at(ordered, recent[0].target, machine))
    return tuple(recent)


def with_events(state: ResourceState, uid: str, found: list[PlantEvent], cutoff: float) -> ResourceState:
    """Replace this batch's events by what its newest revision says."""
    known = [event for event in state.events if event.batch_uid != uid]
    if not found and len(known) == len(state.events):
        return state
    return replace(state, events=merged(known, found, cutoff=cutoff))


def leg_of(batch: TrajectoryBatch, dops: list[DispatchOperatingPoint]) -> Leg:
    """Return one resource's points of a trajectory batch, in order."""
    points = tuple([(_unix(dop.target_time), dop.dop_mw) for dop in sorted(dops, key=_DOP_ORDER)])
    return Leg(batch.batch_uid, batch.batch_received, is_yes(batch.binding_flag) is True, points)


def with_leg(state: ResourceState, resource: Resource, leg: Leg, event: TrajectorySeen) -> ResourceState:
    """Add one batch's points, or put the whole batch aside when one of them cannot be."""
    cutoff = event.arrived.wall.timestamp() - HORIZON_S
    good = all(map(resource.allows, [mw for _, mw in leg.points]))
    good = good and not (resource.refuses_steps and not is_steady(leg.points, resource.machine))
    legs = _kept(state.legs, leg, cutoff, add=good)
    # The usual case, a newer batch, is laid over the curve we have; anything else is merged anew from all batches.
    on_top = good and (not state.legs or leg.order > state.legs[-1].order)
    curve = overlay(state.curve, leg, before=cutoff) if on_top else merge(legs)
    refused = _kept(state.refused, leg, cutoff, add=not good) if state.refused or not good else ()
    restored = event.restored if good and resource.mode is Mode.DOP else state.restored
    arrived = event.arrived if is_current(leg.points[-1][0], event.arrived) else state.trajectory_at
    return replace(state, legs=legs, refused=refused, curve=curve, trajectory_at=arrived, restored=restored)


def _kept(legs: tuple[Leg, ...], leg: Leg, cutoff: float, *, add: bool) -> tuple[Leg, ...]:
    recent = [old for old in legs if old.last >= cutoff and old.batch_uid != leg.batch_uid]
    if add and leg.last >= cutoff:
        recent.append(leg)
        if len(recent) > 1 and leg.order < recent[-2].order:
            recent.sort(key=_LEG_ORDER)  # those known are in order already
    if recent:
        return tuple(recent)
    every = [old for old in legs if old.batch_uid != leg.batch_uid] + [leg] * add
    return tuple(sorted(every, key=_LEG_ORDER)[-1:])
