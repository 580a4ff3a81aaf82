"""The curve between two DOTs, by the ISO's ramping rules: pure geometry.

Rules: a running unit moves in a straight line from mid-interval to mid-interval, never faster than its ramp rate; a
start steps from 0 to Pmin at the interval's start; a stop ramps to Pmin until the interval's end and steps to 0
there; a step is two points with one time, told apart by their sequence number. Spec: MRTU DOP Ramping Logic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from caiso_ads.simulator.fleet import Resource
from caiso_ads.simulator.grid import HALF_INTERVAL, INTERVAL


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve in MW."""

    at: datetime
    mw: float


@dataclass(frozen=True, slots=True)
class Run:
    """The DOTs of three intervals in a row, the last one being the interval of the curve's end."""

    interval_start: datetime
    before_mw: float
    previous_mw: float
    dot_mw: float


def reachable(start_mw: float, goal_mw: float, minutes: float, ramp_mw_per_min: float) -> float:
    """Return how far towards the goal the ramp rate allows to come in that time."""
    most = ramp_mw_per_min * minutes
    return start_mw + min(max(goal_mw - start_mw, -most), most)


def curve(resource: Resource, run: Run, step: timedelta) -> list[Point]:
    """Return the points from the middle of the previous interval to the middle of this one, steps included."""
    middle = run.interval_start + HALF_INTERVAL
    begin = middle - INTERVAL
    if resource.commits and (run.previous_mw == 0.0) != (run.dot_mw == 0.0):
        return _start(resource, run, begin, step) if run.dot_mw else _stop(resource, run, begin, step)
    points = [Point(begin, run.previous_mw)]
    projected = round(reachable(run.before_mw, run.previous_mw, 5, resource.ramp_mw_per_min), 2)
    both_run = not resource.commits or (run.before_mw != 0.0 and run.previous_mw != 0.0)
    if both_run and projected != run.previous_mw:
        points.append(Point(begin, projected))
    return points + _line(resource, points[-1], Point(middle, run.dot_mw), step)


def energy_mwh(points: list[Point], start: datetime, end: datetime) -> float:
    """Return the area under the curve between two instants, holding the ends; points in order of time."""
    inside = [Point(start, value_at(points, start))]
    inside += [p for p in points if start < p.at < end]
    inside.append(Point(end, value_at(points, end)))
    return sum((a.mw + b.mw) / 2 * ((b.at - a.at) / timedelta(hours=1)) for a, b in pairwise(inside))


def value_at(points: list[Point], at: datetime) -> float:
    """Return the curve's value at an instant: after a step, the later point; outside, the nearest end."""
    before = [p for p in points if p.at <= at]
    after = [p for p in points if p.at > at]
    if not before or not after:
        return (before[-1] if before else after[0]).mw
    a, b = before[-1], after[0]
    return a.mw + (b.mw - a.mw) * ((at - a.at) / (b.at - a.at))


def _start(resource: Resource, run: Run, begin: datetime, step: timedelta) -> list[Point]:
    flat = [Point(begin, 0.0), *_times(Point(begin, 0.0), Point(run.interval_start, 0.0), step)]
    foot = Point(run.interval_start, resource.pmin_mw)
    top = Point(run.interval_start + HALF_INTERVAL, run.dot_mw)
    return [*flat, foot, *_line(resource, foot, top, step)]


def _stop(resource: Resource, run: Run, begin: datetime, step: timedelta) -> list[Point]:
    head = Point(begin, run.previous_mw)
    foot = Point(run.interval_start, resource.pmin_mw)
    off = Point(run.interval_start, 0.0)
    end = Point(run.interval_start + HALF_INTERVAL, 0.0)
    return [head, *_line(resource, head, foot, step), off, *_times(off, end, step)]


def _line(resource: Resource, a: Point, b: Point, step: timedelta) -> list[Point]:
    minutes = (b.at - a.at) / timedelta(minutes=1)
    goal = reachable(a.mw, b.mw, minutes, resource.ramp_mw_per_min)
    return _times(a, Point(b.at, goal), step)


def _times(a: Point, b: Point, step: timedelta) -> list[Point]:
    count = (b.at - a.at) // step
    times = [a.at + step * k for k in range(1, count + 1) if a.at + step * k < b.at]
    slope = (b.mw - a.mw) / ((b.at - a.at) / step)
    inner = [Point(at, round(a.mw + slope * ((at - a.at) / step), 2)) for at in times]
    return [*inner, Point(b.at, round(b.mw, 2))]
