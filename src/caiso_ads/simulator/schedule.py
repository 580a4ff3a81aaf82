"""When which batch arrives: the cadence seen in production, as a pure function of the seed.

Rule: an arrival is computed from its target interval alone, so any stretch of time can be asked for by itself.
Figures from 446 captured batches of 2019 and six headers of 2020; the trajectory's delay is a switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from caiso_ads.simulator.grid import EPOCH, HOUR, INTERVAL, QUARTER, floor
from caiso_ads.simulator.noise import between, unit

_FURTHEST = timedelta(minutes=70)


class Kind(StrEnum):
    """The market runs that make batches."""

    FIVE_MINUTE = "five-minute"
    EXCEPTIONAL = "exceptional"
    TRAJECTORY = "trajectory"
    COMMITMENT = "commitment"
    AS_AWARDS = "as-awards"
    HOURLY = "hourly"
    HOUR_AHEAD = "hour-ahead"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One batch to come: its kind, the start of its target interval and the moment ADS receives it."""

    kind: Kind
    target: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A stretch of time in which batches are lost, or late by ``late_s`` seconds; all kinds unless some are named."""

    start: datetime
    end: datetime
    late_s: float | None = None
    kinds: tuple[Kind, ...] = ()

    def touches(self, arrival: Arrival) -> bool:
        """Whether it changes that arrival."""
        return self.start <= arrival.received < self.end and (not self.kinds or arrival.kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The arrivals of one seed."""

    seed: int
    trajectory_delay_s: float
    disturbances: tuple[Disturbance, ...] = ()

    def arrivals(self, after: datetime, until: datetime) -> list[Arrival]:
        """Return what arrives in (after, until], in order of arrival."""
        slack = timedelta(seconds=max((d.late_s or 0.0 for d in self.disturbances), default=0.0))
        undisturbed = self._nominal(after - slack, until)
        changed = (self._disturbed(arrival) for arrival in undisturbed)
        return sorted((a for a in changed if a and after < a.received <= until), key=lambda a: (a.received, a.kind))

    def _nominal(self, after: datetime, until: datetime) -> Iterator[Arrival]:
        margin = timedelta(seconds=self.trajectory_delay_s) + INTERVAL
        for target in _grid(after - margin, until + _FURTHEST, INTERVAL):
            if target <= until + INTERVAL:
                yield from self._five_minutes(target)
            if target == floor(target, QUARTER):
                yield Arrival(Kind.COMMITMENT, target, self._ahead(target, 1740, 1860, "commitment"))
                yield Arrival(Kind.AS_AWARDS, target, self._ahead(target, 1620, 1920, "awards"))
            if target == floor(target, HOUR):
                hourly = self._ahead(target, 3800, 3818, "hourly")
                yield Arrival(Kind.HOURLY, target, hourly)
                yield Arrival(Kind.HOUR_AHEAD, target, hourly + timedelta(seconds=33))

    def _five_minutes(self, target: datetime) -> Iterator[Arrival]:
        received = self._ahead(target, 199, 253, "dot")
        yield Arrival(Kind.FIVE_MINUTE, target, received)
        again = between(0.010, 0.020, unit(self.seed, "ed", _key(target)))
        yield Arrival(Kind.EXCEPTIONAL, target, received + timedelta(seconds=again))
        yield Arrival(Kind.TRAJECTORY, target, received + timedelta(seconds=self.trajectory_delay_s))

    def _ahead(self, target: datetime, low_s: float, high_s: float, name: str) -> datetime:
        return target - timedelta(seconds=between(low_s, high_s, unit(self.seed, name, _key(target))))

    def _disturbed(self, arrival: Arrival) -> Arrival | None:
        for disturbance in self.disturbances:
            if disturbance.touches(arrival):
                if disturbance.late_s is None:
                    return None
                return replace(arrival, received=arrival.received + timedelta(seconds=disturbance.late_s))
        return arrival

    def with_disturbances(self, more: Sequence[Disturbance]) -> Schedule:
        """Return the schedule with further disturbances."""
        return replace(self, disturbances=(*self.disturbances, *more))


def _grid(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    at = floor(start, step)
    while at <= end:
        yield at
        at += step


def _key(target: datetime) -> int:
    return int((target - EPOCH) / timedelta(seconds=1))
