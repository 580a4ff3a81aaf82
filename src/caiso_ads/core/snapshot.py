"""From state and time to what the plant reads. Rule: pure, and no shortcut around ``directive.assess``.

Everything is evaluated at one time: now, or the last trusted time while the clock is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from caiso_ads.core.directive import AgeLimits, Environment, Facts, Then, assess
from caiso_ads.core.events import Notice, Situation, situation
from caiso_ads.core.instant import Instant
from caiso_ads.core.intervals import consecutive_missing
from caiso_ads.core.override import Override, active
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, PointValue, Snapshot, point_values
from caiso_ads.core.price_view import dot_prices, link_values, node_values
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.ramp import ramp_at
from caiso_ads.core.setpoint import INTERVAL_S, Target, Targets, choose, overdue_s, standing
from caiso_ads.core.state import Mode, Resource, State

_ENVIRONMENT_CODES = {Environment.PRODUCTION: 0, Environment.MARKET_SIM: 1, Environment.SIMULATOR: 2}
_FOLLOW_CODES = {None: 0, False: 1, True: 2}

Value = float | int | datetime | None


def snapshot(
    state: State, now: Instant, limits: AgeLimits, *, generation: int, heartbeat: int, unacknowledged: int
) -> Snapshot:
    """Return everything published at ``now``."""
    moment = _moment(state, now, limits)
    gateway: Mapping[str, Value] = {
        "heartbeat": heartbeat & 0xFFFFFFFF,
        "utc_time": now.wall,
        "environment": _ENVIRONMENT_CODES[state.environment],
        "link_age_s": moment.link_age_s,
        "store_ok": int(state.store_ok),
        "unacknowledged_batches": unacknowledged,
        "unreadable_batches": state.unreadable,
        "clock_offset_s": state.clock.offset_s,
        "clock_ok": int(state.clock.ok),
        "market_age_s": moment.market_age_s,
        **link_values(state),
    }
    overall = Quality.SHUTDOWN if state.stopping else Quality.GOOD
    forced = active(state.overrides, now.wall)
    return Snapshot(
        generation,
        now.wall,
        tuple(PointValue(gateway[point.key], overall, now.wall) for point in GATEWAY_POINTS),
        {
            resource_id: _View(state, resource, moment, forced.get(resource_id)).values()
            for resource_id, resource in state.configured.items()
        },
        nodes=node_values(state, now, moment.when),
        dot_prices=dot_prices(state, moment.when),
    )


@dataclass(frozen=True, slots=True)
class _Moment:
    """What holds for every resource at one time: ages (s), and the unix time at which targets and curves are read."""

    now: Instant
    when: float
    limits: AgeLimits
    link_age_s: float | None
    market_age_s: float | None
    unread_age_s: float | None


def _moment(state: State, now: Instant, limits: AgeLimits) -> _Moment:
    frozen = state.clock.frozen_at
    when = now.wall.timestamp() if frozen is None else frozen
    return _Moment(
        now, when, limits, _age(state.completed, now), _age(state.market_at, now), _age(state.unread_at, now)
    )


class _Aim(NamedTuple):
    """A setpoint by one mode: the power, and how long its source has run out (s)."""

    mw: float
    overdue_s: float
    flagged_binding: bool = True


class _View:
    """One resource at one time."""

    def __init__(self, state: State, resource: Resource, moment: _Moment, override: Override | None) -> None:
        self._state, self._resource, self._moment, self._override = state, resource, moment, override
        self._known = state.resources[resource.resource_id]
        self._when = moment.when
        targets = standing(self._known.targets, self._known.withdrawn)
        self._targets = choose(targets, self._when)
        self._curve = self._known.curve.at(self._when)
        self._ramp = ramp_at(targets, self._when, resource.machine)
        self._mismatch = self._mismatch_mw()
        self._aim = self._aimed()
        self._situation = situation(self._known.events, self._when)
        self._verdict = assess(self._facts(), moment.limits, resource.fallback)

    def values(self) -> tuple[PointValue, ...]:
        """Return the points: a fact about the gateway is always good, a number of the ISO has the setpoint's quality."""
        quality = self._verdict.quality
        active, following, trajectory = self._targets.active, self._targets.following, self._known.trajectory_at
        qualities = (Quality.GOOD, quality, quality, quality)
        times = (
            self._moment.now.wall,
            None if trajectory is None else trajectory.wall,
            None if active is None else active.received,
            None if following is None else following.received,
        )
        return point_values(_IN_ORDER(self._all_values()), _FOR_EACH(qualities), _FOR_EACH(times))

    def _aimed(self) -> _Aim | None:
        if self._resource.mode is Mode.DOP:
            curve = self._curve
            return None if curve is None else _Aim(curve.mw, curve.overdue_s, curve.flagged_binding)
        active, ramps = self._targets.active, self._resource.mode is Mode.RAMP
        mw = self._ramp if ramps else self._dot()
        if mw is None or active is None:
            return None
        following = self._targets.following if ramps else None
        flagged = active.flagged_binding and (following is None or following.flagged_binding)
        return _Aim(mw, overdue_s(self._targets, self._when, leading=ramps), flagged)

    def _dot(self) -> float | None:
        return None if self._targets.active is None else self._targets.active.dot_mw

    def _facts(self) -> Facts:
        state, aim = self._state, self._aim
        return Facts(
            has_value=aim is not None,
            link_age_s=self._moment.link_age_s,
            overdue_s=0.0 if aim is None else aim.overdue_s,
            refused=self._is_refused(),
            flagged_binding=aim is None or aim.flagged_binding,
            restored=self._known.restored,
            seen=bool(self._known.legs or self._known.refused or self._known.targets),
            store_ok=state.store_ok,
            stopping=state.stopping,
            link_fault=state.link_fault,
            environment=state.environment,
            market_age_s=self._moment.market_age_s,
            clock_ok=state.clock.ok,
            must_follow=not self._is_free(),
            mismatch=abs(self._mismatch or 0.0) > self._resource.mismatch_mw,
            forced=_forced(self._override),
            unread=state.unread,
            unread_age_s=self._moment.unread_age_s,
        )

    def _is_free(self) -> bool:
        """Whether wind or sun may run free: only a current target without the flag says so, never a missing one.

        Interpretation: the flag counts from the start of its interval, and an exceptional dispatch needs none.
        """
        active, following, when = self._targets.active, self._targets.following, self._when
        if not self._resource.renewable or active is None or active.follow_dot is True:
            return False
        if (
            overdue_s(self._targets, when, leading=False) > 0.0
            or Notice.EXCEPTIONAL_DISPATCH in self._situation.notices
        ):
            return False
        begun = following is not None and following.target - following.lead_s <= when
        return not (begun and following is not None and following.follow_dot is True)

    def _is_refused(self) -> bool:
        """Whether something outside the limits would apply now, had it not been refused."""
        if not self._known.refused and not self._known.refused_targets:
            return False
        when = self._when
        if self._resource.mode is Mode.DOP:
            applying = [leg.order for leg in self._known.refused if leg.first <= when]
            ruling = (
                max((leg.order for leg in self._known.legs if leg.first <= when), default=None) if applying else None
            )
            return any(ruling is None or order > ruling for order in applying)
        refused = standing(self._known.refused_targets, self._known.withdrawn)
        return any(self._would_apply(target) for target in refused)

    def _would_apply(self, refused: Target) -> bool:
        """Whether a refused target would be the active one, or the one a ramp is on its way to."""
        active, following = self._targets.active, self._targets.following
        if refused.target <= self._when:
            return active is None or refused.order > active.order
        if self._resource.mode is not Mode.RAMP or refused.target - INTERVAL_S > self._when:
            return False
        if following is None or refused.target < following.target:
            return True
        return refused.target == following.target and refused.order > following.order

    def _mismatch_mw(self) -> float | None:
        """Return ramp minus operating point where both are current, else None."""
        curve = self._curve
        if curve is None or not curve.covered or self._ramp is None:
            return None
        if overdue_s(self._targets, self._when, leading=True) > 0.0:
            return None
        return self._ramp - curve.mw

    def _setpoint_mw(self) -> float | None:
        if self._override is not None and self._override.setpoint_mw is not None:
            return self._override.setpoint_mw
        if self._verdict.fallback and self._resource.fallback.then is Then.VALUE:
            return self._resource.fallback.value_mw
        return None if self._aim is None else self._aim.mw

    def _all_values(self) -> dict[str, Value]:
        verdict, resource, curve = self._verdict, self._resource, self._curve
        setpoint = self._setpoint_mw()
        targets = _target_values(self._targets, self._when, setpoint, renewable=resource.renewable)
        missed = self._missed_intervals()
        return {
            "directive": verdict.directive,
            "reasons": verdict.reasons,
            "quality": verdict.quality,
            "setpoint_mw": setpoint,
            "dop_mw": None if curve is None else curve.mw,
            "schedule_age_s": None if self._aim is None else self._aim.overdue_s,
            "trajectory_end_time": _instant(self._known.curve.end),
            "trajectory_age_s": _age(self._known.trajectory_at, self._moment.now),
            "dispatch_age_s": _age(self._known.dispatch_at, self._moment.now),
            "pmin_mw": resource.pmin_mw,
            "pmax_mw": resource.pmax_mw,
            "ramp_minus_dop_mw": self._mismatch,
            "hold_left_s": verdict.hold_left_s,
            **targets,
            **_situation_values(self._situation),
            "notices": self._notices(targets["required_mw_per_min"], missed),
            "missed_intervals": missed,
        }

    def _missed_intervals(self) -> int | None:
        """Count up to now, also while the link is down. A refused target was sent. With a wrong clock nobody can tell."""
        began = self._state.polling
        if began is None or not self._state.clock.ok:
            return None
        since = self._when - (
            self._moment.now.mono - began.mono
        )  # a wall clock set right later does not move the start
        known = (self._known.targets, self._known.refused_targets)
        return min(consecutive_missing(targets, self._when, since=since) for targets in known)

    def _notices(self, required: Value, missed: int | None) -> Notice:
        notices = self._situation.notices
        if missed is not None and missed >= self._moment.limits.missed_intervals_alarm:
            notices |= Notice.INTERVALS_MISSING
        limit = self._resource.machine.ramp_mw_per_min
        too_steep = limit is not None and isinstance(required, float) and abs(required) > limit * (1.0 + 1e-9)
        return notices | Notice.BEYOND_RAMP if too_steep else notices


def _target_values(targets: Targets, when: float, setpoint: float | None, *, renewable: bool) -> dict[str, Value]:
    active, following, previous = targets.active, targets.following, targets.previous
    seconds = None if following is None else following.target - when
    rate = None
    if following is not None and setpoint is not None and seconds:
        rate = (following.dot_mw - setpoint) / (seconds / 60.0)
    supplemental = None if active is None else active.supplemental_mw
    follows = None if active is None else active.follow_dot
    return {
        "dot_mw": None if active is None else active.dot_mw,
        "dot_target_time": None if active is None else _instant(active.target),
        "supplemental_mw": supplemental,
        "follow_dot_flag": _FOLLOW_CODES[follows],
        "curtailed": int(renewable and follows is True and supplemental is not None and supplemental < 0.0),
        "previous_dot_mw": None if previous is None else previous.dot_mw,
        "dot_delta_mw": None if active is None or following is None else following.dot_mw - active.dot_mw,
        "next_dot_mw": None if following is None else following.dot_mw,
        "next_dot_target_time": None if following is None else _instant(following.target),
        "seconds_to_next_target": seconds,
        "required_mw_per_min": rate,
    }


def _situation_values(now: Situation) -> dict[str, Value]:
    return {
        "min_constraint_mw": now.min_mw,
        "max_constraint_mw": now.max_mw,
        "start_up_time": _instant(now.start_up),
        "shut_down_time": _instant(now.shut_down),
        "transition_end_time": _instant(now.transition_end),
        "as_award_mw": now.award_mw,
    }


_OURS, _OF_TRAJECTORY, _OF_ACTIVE, _OF_NEXT = range(4)
_NOT_OF_TRAJECTORY = {
    **dict.fromkeys(("directive", "reasons", "quality", "schedule_age_s", "trajectory_age_s", "dispatch_age_s"), _OURS),
    **dict.fromkeys(("pmin_mw", "pmax_mw", "hold_left_s", "missed_intervals"), _OURS),
    **dict.fromkeys(("dot_mw", "dot_target_time", "supplemental_mw", "follow_dot_flag", "curtailed"), _OF_ACTIVE),
    **dict.fromkeys(("next_dot_mw", "next_dot_target_time", "seconds_to_next_target"), _OF_NEXT),
}
_IN_ORDER = itemgetter(*(point.key for point in RESOURCE_POINTS))
_FOR_EACH = itemgetter(*(_NOT_OF_TRAJECTORY.get(point.key, _OF_TRAJECTORY) for point in RESOURCE_POINTS))
"""From one item for each origin, in their order, to one for each point."""


def _forced(override: Override | None) -> Directive | None:
    """Return what an operator forces; a forced value is held."""
    if override is None:
        return None
    return Directive.HOLD if override.directive is None else override.directive


def _age(since: Instant | None, now: Instant) -> float | None:
    return None if since is None else max(0.0, now.mono - since.mono)


@lru_cache(maxsize=4096)  # the same few target times are shown by every resource in every second
def _instant(unix_seconds: float | None) -> datetime | None:
    return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds, UTC)
