"""The ISO's operating points of one resource, as a curve over time. Rule: arrival order never changes the curve.

Spec: ADS API v7 §6, sequenceNumber: points are ordered by target time, then batchReceived, then sequenceNumber.
Interpretation: between two points the curve is linear; two points at one time are a vertical step; a batch that was
received later wins from its own first target time on. Where the earlier batch still covers that time the curve steps;
where it ended within one dispatch interval before, the two join linearly; after a longer gap the last value is held,
uncovered, until the next point.
"""

from __future__ import annotations

from bisect import bisect_right
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
    vertices: list[tuple[float, float, bool, bool]] = []
    for leg in sorted(legs, key=lambda leg: (leg.received, leg.batch_uid)):
        vertices = _overlay(vertices, leg)
    if not vertices:
        return EMPTY_CURVE
    times, mw, joined, flagged = zip(*vertices, strict=True)
    return Curve(times, mw, joined, flagged)


def _overlay(vertices: list[tuple[float, float, bool, bool]], leg: Leg) -> list[tuple[float, float, bool, bool]]:
    """Cut the older curve at the leg's first point, closing it there with its own value, and append the leg."""
    kept = [vertex for vertex in vertices if vertex[0] < leg.first]
    if len(kept) < len(vertices) and kept:
        older = vertices[len(kept)]
        if older[2]:
            start, value = kept[-1][0], kept[-1][1]
            share = (leg.first - start) / (older[0] - start)
            kept.append((leg.first, value + (older[1] - value) * share, True, kept[-1][3]))
    joins = bool(kept) and leg.first - kept[-1][0] <= JOIN_GAP_S
    for index, (when, mw) in enumerate(leg.points):
        kept.append((when, mw, joins if index == 0 else True, leg.flagged_binding))
    return kept
