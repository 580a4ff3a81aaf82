"""From state and time to what the plant reads. Rule: pure, and no shortcut around ``directive.assess``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from caiso_ads.core.directive import AgeLimits, Environment, Facts, Verdict, assess
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.core.setpoint import Targets, choose
from caiso_ads.core.state import Resource, ResourceState, State
from caiso_ads.core.trajectory import CurveValue

_ENVIRONMENT_CODES = {Environment.PRODUCTION: 0, Environment.MARKET_SIM: 1, Environment.SIMULATOR: 2}
_FOLLOW_CODES = {None: 0, False: 1, True: 2}

Value = float | int | datetime | None


def snapshot(
    state: State, now: Instant, limits: AgeLimits, *, generation: int, heartbeat: int, unacknowledged: int
) -> Snapshot:
    """Return everything published at ``now``."""
    link_age = None if state.completed is None else max(0.0, now.mono - state.completed.mono)
    gateway: Mapping[str, Value] = {
        "heartbeat": heartbeat & 0xFFFFFFFF,
        "utc_time": now.wall,
        "environment": _ENVIRONMENT_CODES[state.environment],
        "link_age_s": link_age,
        "store_ok": int(state.store_ok),
        "unacknowledged_batches": unacknowledged,
        "unreadable_batches": state.unreadable,
    }
    overall = Quality.SHUTDOWN if state.stopping else Quality.GOOD
    return Snapshot(
        generation,
        now.wall,
        tuple(PointValue(gateway[point.key], overall, now.wall) for point in GATEWAY_POINTS),
        {
            resource_id: _resource(state, resource, state.resources[resource_id], now, limits, link_age)
            for resource_id, resource in state.configured.items()
        },
    )


def _resource(
    state: State, resource: Resource, known: ResourceState, now: Instant, limits: AgeLimits, link_age: float | None
) -> tuple[PointValue, ...]:
    when = now.wall.timestamp()
    value = known.curve.at(when)
    targets = choose(known.targets, when)
    verdict = assess(_facts(state, known, value, link_age, when), limits)
    values: dict[str, Value] = {
        "directive": verdict.directive,
        "reasons": verdict.reasons,
        "quality": verdict.quality,
        "setpoint_mw": None if value is None else value.mw,
        "dop_mw": None if value is None else value.mw,
        "schedule_age_s": None if value is None else value.overdue_s,
        "trajectory_end_time": _instant(known.curve.end),
        "trajectory_age_s": _age(known.trajectory_at, now),
        "dispatch_age_s": _age(known.dispatch_at, now),
        "pmin_mw": resource.pmin_mw,
        "pmax_mw": resource.pmax_mw,
    } | _target_values(targets, when)
    return _values(values, verdict, targets, known, now)


def _facts(state: State, known: ResourceState, value: CurveValue | None, link_age: float | None, when: float) -> Facts:
    newest = known.legs[-1].received if known.legs else None
    return Facts(
        has_value=value is not None,
        link_age_s=link_age,
        overdue_s=0.0 if value is None else value.overdue_s,
        refused=any(leg.first <= when and (newest is None or leg.received > newest) for leg in known.refused),
        flagged_binding=value is None or value.flagged_binding,
        restored=known.restored,
        seen=bool(known.legs or known.refused or known.targets),
        store_ok=state.store_ok,
        stopping=state.stopping,
        link_fault=state.link_fault,
        environment=state.environment,
    )


def _target_values(targets: Targets, when: float) -> dict[str, Value]:
    active, following = targets.active, targets.following
    return {
        "dot_mw": None if active is None else active.dot_mw,
        "dot_target_time": None if active is None else _instant(active.target),
        "supplemental_mw": None if active is None else active.supplemental_mw,
        "follow_dot_flag": _FOLLOW_CODES[None if active is None else active.follow_dot],
        "next_dot_mw": None if following is None else following.dot_mw,
        "next_dot_target_time": None if following is None else _instant(following.target),
        "seconds_to_next_target": None if following is None else following.target - when,
    }


def _values(
    values: Mapping[str, Value], verdict: Verdict, targets: Targets, known: ResourceState, now: Instant
) -> tuple[PointValue, ...]:
    """Attach quality: a fact about the gateway is always good, a number of the ISO has the setpoint's quality."""
    sources = {
        "dot_mw": targets.active.received if targets.active else None,
        "supplemental_mw": targets.active.received if targets.active else None,
        "next_dot_mw": targets.following.received if targets.following else None,
    }
    trajectory = None if known.trajectory_at is None else known.trajectory_at.wall
    return tuple(
        PointValue(values[point.key], verdict.quality, sources.get(point.key, trajectory))
        if point.key in _ISO_NUMBERS
        else PointValue(values[point.key], Quality.GOOD, now.wall)
        for point in RESOURCE_POINTS
    )


_ISO_NUMBERS = frozenset(
    {"setpoint_mw", "dop_mw", "dot_mw", "dot_target_time", "next_dot_mw", "next_dot_target_time"}
    | {"seconds_to_next_target", "supplemental_mw", "follow_dot_flag", "trajectory_end_time"}
)


def _age(since: Instant | None, now: Instant) -> float | None:
    return None if since is None else max(0.0, now.mono - since.mono)


def _instant(unix_seconds: float | None) -> datetime | None:
    return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds, UTC)
