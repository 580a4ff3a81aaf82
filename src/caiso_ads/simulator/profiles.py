"""What the market wants of each resource at any moment: a pure function of seed, resource and time.

Rule: dot = RMPS + SUPP + SPIN + NSPN, where RMPS is the hourly schedule ramped over the 20 minutes around each hour
and SUPP is what real-time dispatch adds or takes away. A day is plausible, not forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from caiso_ads.simulator.fleet import Resource, Technology
from caiso_ads.simulator.grid import EPOCH, HALF_INTERVAL, HOUR, QUARTER, epoch_minutes, floor, pacific, pacific_minute
from caiso_ads.simulator.noise import between, smooth, unit

_RAMP_ACROSS_HOUR = timedelta(minutes=10)
_ED_BLOCK = timedelta(hours=4)
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of one DOT in MW. ``online`` is False while a committed unit is off."""

    dot_mw: float
    scheduled_mw: float
    ramped_mw: float
    curtailed: bool = False
    online: bool = True

    @property
    def supplemental_mw(self) -> float:
        """What real-time dispatch adds to the ramped schedule; negative when curtailed."""
        return round(self.dot_mw - self.ramped_mw, 2)


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One exceptional dispatch of one resource: it holds the resource at ``mw`` from start to end."""

    resource_id: str
    start: datetime
    end: datetime
    mw: float


class Profiles:
    """The wishes of the market for a whole fleet, by seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.accepted_hourly: dict[tuple[str, datetime], float] = {}
        self._known: dict[tuple[str, datetime], Target] = {}
        self._wants: dict[str, list[tuple[datetime, datetime, float]]] = {}

    def want(self, resource_id: str, start: datetime, end: datetime, mw: float) -> None:
        """Let the market want that resource at ``mw`` from start to end, whatever it would wish by itself."""
        self._wants.setdefault(resource_id, []).append((start, end, mw))
        self._known.clear()

    def wanted_mw(self, resource: Resource, at: datetime) -> float | None:
        """Return what a story wants of a resource at that instant; None where it goes its own way."""
        wants = self._wants.get(resource.resource_id, ())
        return next((mw for start, end, mw in reversed(wants) if start <= at < end), None)

    def target(self, resource: Resource, interval_start: datetime) -> Target:
        """Return the DOT of the 5-minute interval that begins there, valid at its middle."""
        if resource.technology is Technology.INTERTIE:
            return self._compute(resource, interval_start)  # follows answers, which come later
        key = (resource.resource_id, interval_start)
        if key not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[key] = self._compute(resource, interval_start)
        return self._known[key]

    def _compute(self, resource: Resource, interval_start: datetime) -> Target:
        middle = interval_start + HALF_INTERVAL
        if resource.commits and not self.is_on(resource, interval_start):
            return Target(0.0, 0.0, 0.0, online=False)
        scheduled = round(self.schedule_mw(resource, floor(middle, HOUR)), 2)
        ramped = round(self.ramped_mw(resource, middle), 2)
        wished, curtailed = self._wish(resource, middle, ramped)
        wanted = self.wanted_mw(resource, interval_start)
        if wanted is not None and not (resource.renewable and wished <= wanted):
            wished, curtailed = wanted, resource.renewable
        held = self.exceptional(resource, interval_start)
        dot = held.mw if held else min(max(wished, resource.pmin_mw), resource.pmax_mw)
        return Target(round(dot, 2), scheduled, ramped, curtailed and held is None)

    def schedule_mw(self, resource: Resource, hour: datetime) -> float:
        """Return the hourly schedule of the hour that begins there."""
        middle, span = hour + HOUR / 2, resource.pmax_mw - resource.pmin_mw
        chance = smooth(self._seed, f"{resource.resource_id}/schedule", epoch_minutes(middle), 240)
        if resource.technology is Technology.SOLAR:
            return 0.85 * resource.pmax_mw * _sun(middle)
        if resource.technology is Technology.STORAGE:
            return resource.pmax_mw * _storage_habit(pacific_minute(middle))
        if resource.technology is Technology.INTERTIE:
            return self.accepted_hourly.get((resource.resource_id, hour), self.award_mw(resource, hour))
        return resource.pmin_mw + span * between(0.1, 0.8, chance)

    def award_mw(self, resource: Resource, hour: datetime) -> float:
        """Return the hourly award of an intertie before anybody answered."""
        chance = smooth(self._seed, f"{resource.resource_id}/schedule", epoch_minutes(hour + HOUR / 2), 240)
        return round(between(0.3, 1.0, chance) * resource.pmax_mw, 1)

    def ramped_mw(self, resource: Resource, at: datetime) -> float:
        """Return the hourly schedule with its 20-minute ramp, ten minutes to either side of the hour."""
        nearest = floor(at + HOUR / 2, HOUR)
        after = self.schedule_mw(resource, nearest)
        before = self.schedule_mw(resource, nearest - HOUR)
        share = (at - (nearest - _RAMP_ACROSS_HOUR)) / (2 * _RAMP_ACROSS_HOUR)
        return before + (after - before) * min(max(share, 0.0), 1.0)

    def is_on(self, resource: Resource, at: datetime) -> bool:
        """Whether a committed unit runs at that instant: on in the early morning, off in the late evening."""
        if (wanted := self.wanted_mw(resource, at)) is not None:
            return wanted > 0.0
        start, stop = self._hours(resource, at)
        return start <= pacific_minute(at) < stop

    def switches_at(self, resource: Resource, quarter: datetime) -> bool | None:
        """Return True for a start-up at that quarter hour, False for a shut-down, None for neither."""
        now, before = self.is_on(resource, quarter), self.is_on(resource, quarter - QUARTER)
        return None if now == before else now

    def exceptional(self, resource: Resource, at: datetime) -> Exceptional | None:
        """Return the exceptional dispatch that holds the resource then, if any."""
        block = floor(at, _ED_BLOCK)
        key = (resource.resource_id, "ed", int((block - EPOCH) / _ED_BLOCK))
        if unit(self._seed, *key) >= resource.exceptional_share:
            return None
        start = block + timedelta(minutes=5 + int(unit(self._seed, *key, "start") * 30))
        mw = round(between(0.4, 0.7, unit(self._seed, *key, "mw")) * resource.pmax_mw, 1)
        return Exceptional(resource.resource_id, start, block + _ED_BLOCK, mw) if start <= at else None

    def _wish(self, resource: Resource, at: datetime, ramped: float) -> tuple[float, bool]:
        minutes, name = epoch_minutes(at), resource.resource_id
        drift = smooth(self._seed, f"{name}/real-time", minutes, 45)
        if resource.renewable:
            cut = max(0.0, smooth(self._seed, f"{name}/cut", minutes, 90) - 0.6) * 1.5
            available = ramped * between(0.9, 1.1, drift)
            return available * (1 - cut), cut > 0 and available > 0
        if resource.technology is Technology.INTERTIE:
            return ramped, False
        span = resource.pmax_mw - resource.pmin_mw
        wished = ramped + span * between(-0.12, 0.12, drift)
        if not resource.commits:
            return wished, False
        start, stop = self._hours(resource, at)
        minute = pacific_minute(at)
        room = min(minute - start, stop - minute) * resource.ramp_mw_per_min
        return min(wished, resource.pmin_mw + max(room, 0.0)), False

    def _hours(self, resource: Resource, at: datetime) -> tuple[int, int]:
        day = pacific(at).toordinal()
        start = 300 + 15 * int(8 * unit(self._seed, resource.resource_id, "start", day))
        stop = 1305 + 15 * int(6 * unit(self._seed, resource.resource_id, "stop", day))
        return start, stop


def _sun(at: datetime) -> float:
    share = (pacific_minute(at) - 380) / 780
    return max(0.0, math.sin(math.pi * share)) if 0 < share < 1 else 0.0


def _storage_habit(minute: float) -> float:
    for until, share in ((360, 0.1), (540, 0.4), (600, 0.0), (900, -0.7), (1020, 0.0), (1260, 0.8)):
        if minute < until:
            return share
    return 0.1
