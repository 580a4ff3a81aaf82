"""The ISO's operating points of one resource, as a curve over time. Rule: arrival order never changes the curve.

Spec: ADS API v7 §6, sequenceNumber: points are ordered by target time, then batchReceived, then sequenceNumber.
Interpretation: between two points the curve is linear; two points at one time are a vertical step; a batch that was
received later wins from its own first target time on. Where the earlier batch still covers that time the curve steps;
where it ended within one dispatch interval before, the two join linearly; after a longer gap the last value is held,
uncovered, until the next point.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

JOIN_GAP_S = 300.0
"""Longest gap between the end of one batch and the start of the next that is bridged by a straight line (s)."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The points of one trajectory batch for one resource: (unix seconds, MW), in order.

    ``flagged_binding`` is False where the batch carried no binding flag at all.
    """

    batch_uid: str
    received: datetime
    flagged_binding: bool
    points: tuple[tuple[float, float], ...]

    @property
    def order(self) -> tuple[datetime, str]:
        """Sort key: what was received later counts more."""
        return (self.received, self.batch_uid)

    @property
    def first(self) -> float:
        """First target time, unix seconds."""
        return self.points[0][0]

    @property
    def last(self) -> float:
        """Last target time, unix seconds."""
        return self.points[-1][0]


@dataclass(frozen=True, slots=True)
class CurveValue:
    """The curve at one time: ``covered`` is False before, between and after what the ISO gave us.

    ``overdue_s`` is the time since the last point that applied, 0 while covered.
    """

    mw: float
    covered: bool
    overdue_s: float
    flagged_binding: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A merged curve. Three parallel tuples: time, MW, and whether a line leads here from the point before."""

    times: tuple[float, ...] = ()
    mw: tuple[float, ...] = ()
    joined: tuple[bool, ...] = ()
    flagged: tuple[bool, ...] = ()

    @property
    def end(self) -> float | None:
        """Last target time, unix seconds; None for an empty curve."""
        return self.times[-1] if self.times else None

    def at(self, when: float) -> CurveValue | None:
        """Return the value at that unix time, or None before the first point and for an empty curve."""
        index = bisect_right(self.times, when) - 1
        if index < 0:
            return None
        mw, flagged = self.mw[index], self.flagged[index]
        following = index + 1
        if following < len(self.times) and self.joined[following]:
            span = self.times[following] - self.times[index]
            share = (when - self.times[index]) / span
            return CurveValue(mw + (self.mw[following] - mw) * share, True, 0.0, flagged)
        overdue = when - self.times[index]
        return CurveValue(mw, overdue == 0.0, overdue, flagged)


EMPTY_CURVE = Curve()
"""The curve of a resource of which nothing is known."""


def merge(legs: Iterable[Leg]) -> Curve:
    """Merge batches, whatever order they are given in, into one curve."""
    curve = EMPTY_CURVE
    for leg in sorted(legs, key=lambda leg: leg.order):
        curve = overlay(curve, leg)
    return curve


def overlay(curve: Curve, leg: Leg) -> Curve:
    """Lay a batch received later over a curve: cut it at the leg's first point, closing it there with its own value."""
    cut = bisect_left(curve.times, leg.first)
    times, mw = curve.times[:cut], curve.mw[:cut]
    joined, flagged = curve.joined[:cut], curve.flagged[:cut]
    if 0 < cut < len(curve.times) and curve.joined[cut]:
        share = (leg.first - times[-1]) / (curve.times[cut] - times[-1])
        mw += (mw[-1] + (curve.mw[cut] - mw[-1]) * share,)
        times, joined, flagged = (*times, leg.first), (*joined, True), (*flagged, flagged[-1])
    count = len(leg.points)
    joins = bool(times) and leg.first - times[-1] <= JOIN_GAP_S
    return Curve(
        times + tuple(when for when, _ in leg.points),
        mw + tuple(value for _, value in leg.points),
        (*joined, joins, *(True,) * (count - 1)),
        flagged + (leg.flagged_binding,) * count,
    )


def forget(curve: Curve, before: float) -> Curve:
    """Drop the points that cannot matter from that unix time on; the last one before it stays, to hold or lead on."""
    keep = max(0, bisect_right(curve.times, before) - 1)
    return Curve(curve.times[keep:], curve.mw[keep:], curve.joined[keep:], curve.flagged[keep:]) if keep else curve
