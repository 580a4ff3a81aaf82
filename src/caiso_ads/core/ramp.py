"""The straight way from target to target, for resources that follow targets instead of the ISO's own curve.

Rules, from the ISO's ramping logic for operating points: (1) a resource ramps from mid-interval to mid-interval;
(2) a start-up jumps from 0 to the operating minimum at the start of the target's interval and then ramps; (3) a
shut-down ramps to the operating minimum by the end of its interval and then jumps to 0; (4) never faster than the ramp
rate: what is not reached in time is still under way, and a machine stops only from its operating minimum.
Interpretation: towards a target further than one interval ahead the ramp, or shut-down, starts one interval before it.
Times are unix seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from caiso_ads.core.setpoint import HALF_S, INTERVAL_S, TARGET_TIME, Target

ROUNDING_MW = 1e-9


@dataclass(frozen=True, slots=True)
class Machine:
    """What limits a ramp: the operating minimum (MW, 0 when there is none) and the rate (MW per minute, or None)."""

    operating_min_mw: float = 0.0
    ramp_mw_per_min: float | None = None


DEFAULT_MACHINE = Machine()


class Piece(NamedTuple):
    """The way from one target to the next, or from the last one on: ``start_mw`` is the power at the first of the two.

    It is the same at every time from ``before``'s target time until that of ``after``.
    """

    start_mw: float
    before: Target
    after: Target | None


def ramp_at(targets: Sequence[Target], when: float, machine: Machine) -> float | None:
    """Return the ramped power at that time (MW), or None before the first target; ``targets`` are in order."""
    piece = piece_at(targets, when, machine)
    return None if piece is None else along(piece, when, machine)


def piece_at(targets: Sequence[Target], when: float, machine: Machine) -> Piece | None:
    """Return the piece in which that time lies, or None before the first target; ``targets`` are in order."""
    steps = _one_per_time(_relevant(targets, when, machine))
    if not steps or when < steps[0].target:
        return None
    value = steps[0].dot_mw if steps[0].reached_mw is None else steps[0].reached_mw
    for before, after in pairwise(steps):
        if when < after.target:
            return Piece(value, before, after)
        value = _move(value, before, after, after.target, machine)
    return Piece(value, steps[-1], None)


def along(piece: Piece, when: float, machine: Machine) -> float:
    """Return the ramped power at a time that lies in that piece (MW)."""
    start_mw, before, after = piece
    if after is None:
        return _settle(start_mw, before, when, machine)
    return _move(start_mw, before, after, when, machine)


def _relevant(targets: Sequence[Target], when: float, machine: Machine) -> Sequence[Target]:
    """Return the targets that can matter at that time: without a rate limit those before the last one cannot."""
    ahead = bisect_right(targets, when, key=TARGET_TIME)
    end = bisect_right(targets, targets[ahead].target, key=TARGET_TIME) if ahead < len(targets) else ahead
    if machine.ramp_mw_per_min is not None:
        return targets[:end]
    begin = max(0, ahead - 1)
    while begin > 0 and targets[begin].target - targets[begin - 1].target < HALF_S:
        begin -= 1  # so close that a start-up or shut-down between them may still be under way
    return targets[begin:end]


def _one_per_time(targets: Sequence[Target]) -> list[Target]:
    """Keep, for each target time, the one received last."""
    last = len(targets) - 1
    return [one for n, one in enumerate(targets) if n == last or targets[n + 1].target != one.target]


def _move(value: float, before: Target, after: Target, when: float, machine: Machine) -> float:
    """Return the power at ``when``, between two targets, having had ``value`` at the first."""
    minimum = machine.operating_min_mw
    if before.dot_mw == 0.0 and (after.dot_mw == 0.0 or after.dot_mw >= minimum > 0.0):
        return _start_up(value, before, after, when, machine)
    begin = max(before.target, after.target - INTERVAL_S)
    value = _settle(value, before, min(when, begin), machine)
    if when <= begin:
        return value
    if after.dot_mw == 0.0 and before.dot_mw >= minimum > 0.0:
        return _shut_down(value, begin, when, machine)
    return _towards(value, after.dot_mw, begin, after.target, when, machine)


def _start_up(value: float, before: Target, after: Target, when: float, machine: Machine) -> float:
    """Stay at 0, or get there, until the interval of the target begins; a machine still running starts from there."""
    step = max(before.target, after.target - HALF_S) if after.dot_mw != 0.0 else after.target
    resting = _settle(value, before, min(when, step), machine)
    if when < step or after.dot_mw == 0.0:
        return resting
    return _towards(max(resting, machine.operating_min_mw), after.dot_mw, step, after.target, when, machine)


def _shut_down(value: float, begin: float, when: float, machine: Machine) -> float:
    """Ramp to the operating minimum until the interval ends and jump to 0 from there, however late that is."""
    lowest, off = min(value, machine.operating_min_mw), begin + HALF_S
    reached = _towards(value, lowest, begin, off, when, machine)
    return reached if when < off else _stopped(reached, machine)


def _settle(value: float, last: Target, when: float, machine: Machine) -> float:
    """From a target on, while nothing else is asked for: hold it, or finish the ramp that was too slow."""
    if last.dot_mw == 0.0 and value > 0.0 and machine.operating_min_mw > 0.0:
        lowest = min(value, machine.operating_min_mw)
        return _stopped(_towards(value, lowest, last.target, last.target, when, machine), machine)
    return _towards(value, last.dot_mw, last.target, last.target, when, machine)


def _stopped(reached: float, machine: Machine) -> float:
    return 0.0 if reached <= machine.operating_min_mw + ROUNDING_MW else reached


def _towards(value: float, goal: float, begin: float, end: float, when: float, machine: Machine) -> float:
    """Return the point of the straight line from (begin, value) to (end, goal), no steeper than the rate."""
    if when <= begin:
        return value
    share = 1.0 if when >= end else (when - begin) / (end - begin)
    wanted = (goal - value) * share
    if machine.ramp_mw_per_min is None:
        return value + wanted
    most = machine.ramp_mw_per_min * (when - begin) / 60.0
    return value + max(-most, min(most, wanted))
