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
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

JOIN_GAP_S = 300.0
"""Longest gap between the end of one batch and the start of the next that is bridged by a straight line (s)."""
JOINED, INNER, FLAGGED = 1, 2, 4
_DRAWN = JOINED | INNER


@dataclass(frozen=True, slots=True)
class Leg:
    """The points of one trajectory batch for one resource: (unix seconds, MW), in order.

    ``flagged_binding`` is False where the batch carried no binding flag at all.
    """

    batch_uid: str
    received: datetime
    flagged_binding: bool
    points: tuple[tuple[float, float], ...]
    last: float = field(init=False)
    """Last target time, unix seconds; kept at hand, because each fold asks every leg of every resource for it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "last", self.points[-1][0])

    @property
    def order(self) -> tuple[datetime, str]:
        """Sort key: what was received later counts more."""
        return (self.received, self.batch_uid)

    @property
    def first(self) -> float:
        """First target time, unix seconds."""
        return self.points[0][0]


class CurveValue(NamedTuple):
    """The curve at one time: ``covered`` is False before, between and after what the ISO gave us.

    ``overdue_s`` is the time since the last point that applied, 0 while covered.
    """

    mw: float
    covered: bool
    overdue_s: float
    flagged_binding: bool


class Curve(NamedTuple):
    """A merged curve, in parallel: times, powers and how each point is reached, three bits for each.

    JOINED: a line leads here from the point before; INNER: that point is of the same batch, so that the ISO itself drew
    the line; FLAGGED: its batch carried the binding flag. (Named tuples, and bytes for the bits: a curve is copied with
    each batch for each resource.)
    """

    times: tuple[float, ...] = ()
    mw: tuple[float, ...] = ()
    reached: bytes = b""

    @property
    def end(self) -> float | None:
        """Last target time, unix seconds; None for an empty curve."""
        return self.times[-1] if self.times else None

    def at(self, when: float) -> CurveValue | None:
        """Return the value at that unix time, or None before the first point and for an empty curve."""
        index = bisect_right(self.times, when) - 1
        if index < 0:
            return None
        begin, mw, flagged = self.times[index], self.mw[index], self.reached[index] & FLAGGED != 0
        following = index + 1
        if following < len(self.times) and self.reached[following] & JOINED:
            share = (when - begin) / (self.times[following] - begin)
            return CurveValue(mw + (self.mw[following] - mw) * share, True, 0.0, flagged)
        overdue = when - begin
        return CurveValue(mw, overdue == 0.0, overdue, flagged)


EMPTY_CURVE = Curve()
"""The curve of a resource of which nothing is known."""


def merge(legs: Iterable[Leg]) -> Curve:
    """Merge batches, whatever order they are given in, into one curve."""
    curve = EMPTY_CURVE
    for leg in sorted(legs, key=lambda leg: leg.order):
        curve = overlay(curve, leg)
    return curve


def overlay(curve: Curve, leg: Leg, before: float = -inf) -> Curve:
    """Lay a batch received later over a curve: cut it at the leg's first point and append the leg.

    Where one older batch covers that time it is closed there with its own value, so that the curve steps. What lies
    ``before`` a unix time is forgotten on the way, which saves copying the curve twice.
    """
    times, powers = zip(*leg.points, strict=True)
    cut = bisect_left(curve.times, leg.first)
    joins = cut > 0 and leg.first - curve.times[cut - 1] <= JOIN_GAP_S
    flag = FLAGGED * leg.flagged_binding
    tail = Curve(times, powers, bytes([JOINED * joins | flag]) + bytes([_DRAWN | flag]) * (len(times) - 1))
    if 0 < cut < len(curve.times) and curve.reached[cut] & INNER:
        tail = _closed(curve, cut, tail)
    keep = max(0, bisect_right(curve.times, before, hi=cut) - 1)
    return forget(_spliced(curve, slice(keep, cut), tail), before)


def _closed(curve: Curve, cut: int, tail: Curve) -> Curve:
    """Put the point before ``tail`` that the curve has where it is cut; the tail's own first point steps from it."""
    at, last = tail.times[0], cut - 1
    share = (at - curve.times[last]) / (curve.times[cut] - curve.times[last])
    value = curve.mw[last] + (curve.mw[cut] - curve.mw[last]) * share
    ends = bytes([_DRAWN | curve.reached[last] & FLAGGED, tail.reached[0] | JOINED])
    return Curve((at, *tail.times), (value, *tail.mw), ends + tail.reached[1:])


def _spliced(curve: Curve, part: slice, tail: Curve) -> Curve:
    return Curve(curve.times[part] + tail.times, curve.mw[part] + tail.mw, curve.reached[part] + tail.reached)


def forget(curve: Curve, before: float) -> Curve:
    """Drop the points that cannot matter from that unix time on; the last one before it stays, to hold or lead on."""
    keep = max(0, bisect_right(curve.times, before) - 1)
    return _spliced(curve, slice(keep, None), EMPTY_CURVE) if keep else curve
