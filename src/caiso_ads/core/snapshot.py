"""From state and time to what the plant reads. Rule: pure, and no shortcut around ``directive.assess``.

Everything is evaluated at one time: now, or the last trusted time while the clock is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from caiso_ads.core.directive import AgeLimits, Environment, Facts, Fallback, Then, Verdict, assess
from caiso_ads.core.events import Notice
from caiso_ads.core.instant import Instant
from caiso_ads.core.intervals import due_number, missing
from caiso_ads.core.override import Override, active
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Row, Snapshot, Value
from caiso_ads.core.price_view import dot_prices, link_values, node_values
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.ramp import along
from caiso_ads.core.resource import Mode, Resource
from caiso_ads.core.setpoint import INTERVAL_S, Target, overdue_s, standing
from caiso_ads.core.state import State
from caiso_ads.core.still import Memory, shown_time

_ENVIRONMENT_CODES = {Environment.PRODUCTION: 0, Environment.MARKET_SIM: 1, Environment.SIMULATOR: 2}


def snapshot(
    state: State, now: Instant, limits: AgeLimits, *, generation: int, heartbeat: int, unacknowledged: int,
    memory: Memory | None = None, alarms: tuple[int, int] | None = None,
) -> Snapshot:  # fmt: skip
    """Return everything published at ``now``; with a ``memory`` of earlier ones the same in less time.

    ``alarms`` are how many hold and how many wait to be acknowledged; None before anybody looked.
    """
    moment = _moment(state, now, limits)
    memory = Memory() if memory is None else memory
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
        "alarms_active": None if alarms is None else alarms[0],
        "alarms_unacknowledged": None if alarms is None else alarms[1],
    }
    overall = Quality.SHUTDOWN if state.stopping else Quality.GOOD
    forced = active(state.overrides, now.wall)
    return Snapshot(
        generation,
        now.wall,
        Row(_OF_GATEWAY(gateway), (overall,) * len(GATEWAY_POINTS), (now.wall,) * len(GATEWAY_POINTS)),
        {
            resource_id: _View(state, resource, moment, forced.get(resource_id), memory).row()
            for resource_id, resource in state.configured.items()
        },
        nodes=node_values(state, now, moment.when),
        dot_prices=dot_prices(state, moment.when),
    )


class _Own(NamedTuple):
    """The facts that resources do not share; see ``Facts``."""

    has_value: bool
    overdue_s: float
    refused: bool
    flagged_binding: bool
    restored: bool
    seen: bool
    must_follow: bool
    mismatch: bool
    forced: Directive | None
    disputed: bool


@dataclass(frozen=True, slots=True)
class _Moment:
    """What holds for every resource at one time: ages (s), and the unix time at which targets and curves are read.

    ``polled_s`` is how long this process has polled (s), None where nobody can tell. ``verdicts`` are those given so far.
    """

    state: State
    now: Instant
    when: float
    due: int
    polled_s: float | None
    limits: AgeLimits
    link_age_s: float | None
    market_age_s: float | None
    unread_age_s: float | None
    verdicts: dict[tuple[_Own, Fallback], Verdict] = field(default_factory=dict)

    def verdict(self, own: _Own, fallback: Fallback) -> Verdict:
        """Return the verdict on these facts and those all resources share: most resources are in the same case."""
        found = self.verdicts.get((own, fallback))
        if found is None:
            found = self.verdicts[own, fallback] = assess(self._facts(own), self.limits, fallback)
        return found

    def _facts(self, own: _Own) -> Facts:
        state = self.state
        return Facts(
            **own._asdict(),
            link_age_s=self.link_age_s,
            store_ok=state.store_ok,
            stopping=state.stopping,
            link_fault=state.link_fault,
            environment=state.environment,
            market_age_s=self.market_age_s,
            clock_ok=state.clock.ok,
            unread=state.unread,
            unread_age_s=self.unread_age_s,
        )


def _moment(state: State, now: Instant, limits: AgeLimits) -> _Moment:
    frozen, began = state.clock.frozen_at, state.polling
    when = now.wall.timestamp() if frozen is None else frozen
    polled_s = None if began is None or not state.clock.ok else now.mono - began.mono
    return _Moment(
        state, now, when, due_number(when), polled_s, limits,
        _age(state.completed, now), _age(state.market_at, now), _age(state.unread_at, now),
    )  # fmt: skip


class _Aim(NamedTuple):
    """A setpoint by one mode: the power, and how long its source has run out (s)."""

    mw: float
    overdue_s: float
    flagged_binding: bool = True


class _View:
    """One resource at one time."""

    def __init__(
        self, state: State, resource: Resource, moment: _Moment, override: Override | None, memory: Memory
    ) -> None:
        self._resource, self._moment, self._override = resource, moment, override
        self._known = state.resources[resource.resource_id]
        self._when = moment.when
        self._still = memory.still(resource, self._known, self._when, moment.due)
        self._targets, piece = self._still.targets, self._still.piece
        self._curve = self._known.curve.at(self._when)
        self._ramp = None if piece is None else along(piece, self._when, resource.machine)
        self._mismatch = self._mismatch_mw()
        self._aim = self._aimed()
        self._verdict = moment.verdict(self._own_facts(), resource.fallback)

    def row(self) -> Row:
        """Return the points: a fact about the gateway is always good, a number of the ISO has the setpoint's quality."""
        active, following, trajectory = self._targets.active, self._targets.following, self._known.trajectory_at
        times = (
            self._moment.now.wall,
            None if trajectory is None else trajectory.wall,
            None if active is None else active.received,
            None if following is None else following.received,
        )
        return Row(
            tuple((self._still.shown | self._moving()).values()), _QUALITIES[self._verdict.quality], _FOR_EACH(times)
        )

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

    def _own_facts(self) -> _Own:
        aim, known = self._aim, self._known
        return _Own(
            has_value=aim is not None,
            overdue_s=0.0 if aim is None else aim.overdue_s,
            refused=self._is_refused(),
            flagged_binding=aim is None or aim.flagged_binding,
            restored=known.restored,
            seen=bool(known.legs or known.refused or known.targets),
            must_follow=not self._is_free(),
            mismatch=abs(self._mismatch or 0.0) > self._resource.mismatch_mw,
            forced=_forced(self._override),
            disputed=self._targets.disputed,
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
            or Notice.EXCEPTIONAL_DISPATCH in self._still.situation.notices
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

    def _moving(self) -> dict[str, Value]:
        """Return the points that may change from one second to the next."""
        verdict, curve, following = self._verdict, self._curve, self._targets.following
        setpoint, missed = self._setpoint_mw(), self._missed_intervals()
        seconds = None if following is None else following.target - self._when
        rate = None
        if following is not None and setpoint is not None and seconds:
            rate = (following.dot_mw - setpoint) / (seconds / 60.0)
        return {
            "directive": verdict.directive,
            "reasons": verdict.reasons,
            "quality": verdict.quality,
            "setpoint_mw": setpoint,
            "dop_mw": None if curve is None else curve.mw,
            "seconds_to_next_target": seconds,
            "required_mw_per_min": rate,
            "schedule_age_s": None if self._aim is None else self._aim.overdue_s,
            "trajectory_end_time": shown_time(self._known.curve.end),
            "trajectory_age_s": _age(self._known.trajectory_at, self._moment.now),
            "dispatch_age_s": _age(self._known.dispatch_at, self._moment.now),
            "ramp_minus_dop_mw": self._mismatch,
            "hold_left_s": verdict.hold_left_s,
            "notices": self._notices(rate, missed),
            "missed_intervals": missed,
        }

    def _missed_intervals(self) -> int | None:
        """Count up to now, also while the link is down. A refused target was sent. With a wrong clock nobody can tell."""
        polled_s = self._moment.polled_s
        if polled_s is None:
            return None
        # A wall clock set right later does not move the start.
        return missing(self._still.newest, self._moment.due, since=self._when - polled_s)

    def _notices(self, rate: float | None, missed: int | None) -> Notice:
        notices = self._still.situation.notices
        if missed is not None and missed >= self._moment.limits.missed_intervals_alarm:
            notices |= Notice.INTERVALS_MISSING
        limit = self._resource.machine.ramp_mw_per_min
        too_steep = limit is not None and rate is not None and abs(rate) > limit * (1.0 + 1e-9)
        return notices | Notice.BEYOND_RAMP if too_steep else notices


_OF_GATEWAY = itemgetter(*(point.key for point in GATEWAY_POINTS))
_OURS, _OF_TRAJECTORY, _OF_ACTIVE, _OF_NEXT = range(4)
_NOT_OF_TRAJECTORY = {
    **dict.fromkeys(("directive", "reasons", "quality", "schedule_age_s", "trajectory_age_s", "dispatch_age_s"), _OURS),
    **dict.fromkeys(("pmin_mw", "pmax_mw", "hold_left_s", "missed_intervals"), _OURS),
    **dict.fromkeys(("dot_mw", "dot_target_time", "supplemental_mw", "follow_dot_flag", "curtailed"), _OF_ACTIVE),
    **dict.fromkeys(("next_dot_mw", "next_dot_target_time", "seconds_to_next_target"), _OF_NEXT),
}
_ORIGINS = tuple(_NOT_OF_TRAJECTORY.get(point.key, _OF_TRAJECTORY) for point in RESOURCE_POINTS)
_FOR_EACH = itemgetter(*_ORIGINS)
"""From one item for each origin, in their order, to one for each point."""
_QUALITIES = {
    quality: tuple(Quality.GOOD if origin == _OURS else quality for origin in _ORIGINS) for quality in Quality
}
"""The quality of each point, by that of the setpoint."""


def _forced(override: Override | None) -> Directive | None:
    """Return what an operator forces; a forced value is held."""
    if override is None:
        return None
    return Directive.HOLD if override.directive is None else override.directive


def _age(since: Instant | None, now: Instant) -> float | None:
    return None if since is None else max(0.0, now.mono - since.mono)
