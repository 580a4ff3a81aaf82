"""Which change of power is larger than the machine can make. Asked only where the plant wants such a step refused.

Rule: the rate counts from one value to the next, over the time between them; two targets are given at least one
interval, because the ISO's ramp from one to the next lasts that long. A start-up from 0 to the operating minimum and a
shut-down from it to 0 are steps by nature and take no time. Where nothing came before, nothing is too large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from caiso_ads.core.ramp import Machine
from caiso_ads.core.setpoint import INTERVAL_S, Target

TOLERANCE_MW = 0.05
"""Room for the ISO's rounding of two values (MW)."""


def can_do(before_mw: float, after_mw: float, seconds: float, machine: Machine) -> bool:
    """Whether the machine gets from one power to the other in that time."""
    if machine.ramp_mw_per_min is None:
        return True
    minimum = machine.operating_min_mw
    if before_mw == 0.0 and after_mw >= minimum:
        before_mw = minimum
    elif after_mw == 0.0 and before_mw >= minimum:
        after_mw = minimum
    return abs(after_mw - before_mw) <= machine.ramp_mw_per_min * seconds / 60.0 + TOLERANCE_MW


def judged(found: Iterable[Target], accepted: Sequence[Target], machine: Machine) -> list[Target]:
    """Return those of the targets found that can be reached, each from the newest accepted one of an earlier time."""
    good: list[Target] = []
    for target in sorted(found, key=lambda item: item.order):
        earlier = [item for item in (*accepted, *good) if item.target < target.target]
        before = max(earlier, key=lambda item: item.order, default=None)
        if before is None or can_do(before.dot_mw, target.dot_mw, _between(before, target), machine):
            good.append(target)
    return good


def _between(before: Target, after: Target) -> float:
    return max(INTERVAL_S, after.target - before.target)


def is_steady(points: Sequence[tuple[float, float]], machine: Machine) -> bool:
    """Whether no stretch between two operating points (unix seconds, MW) is steeper than the rate, vertical ones too."""
    return all(can_do(a, b, then - when, machine) for (when, a), (then, b) in pairwise(points))
